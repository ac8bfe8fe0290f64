package vault

import "bytes"

// checkPDF wants a version there is, an end, nothing after the end, and no lock.
func checkPDF(content []byte) string {
	if !bytes.HasPrefix(content, []byte("%PDF-1.")) && !bytes.HasPrefix(content, []byte("%PDF-2.")) {
		return ReasonMalformed
	}
	end := bytes.LastIndex(content, []byte("%%EOF"))
	if end < 0 || len(bytes.Trim(content[end+len("%%EOF"):], "\x00\t\n\f\r ")) > 0 {
		return ReasonMalformed
	}
	if locked(content) {
		return ReasonEncrypted
	}
	return ""
}

// locked finds the entry /Encrypt of a trailer, which is never itself compressed. Even where the lock opens without a
// password the scanner may not look inside, so it is refused all the same. /EncryptMetadata is another word.
func locked(content []byte) bool {
	word := []byte("/Encrypt")
	for rest := content; ; {
		at := bytes.Index(rest, word)
		if at < 0 {
			return false
		}
		rest = rest[at+len(word):]
		if len(rest) > 0 && bytes.IndexByte([]byte("\x00\t\n\f\r <"), rest[0]) >= 0 {
			return true
		}
	}
}

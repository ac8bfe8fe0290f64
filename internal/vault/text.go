package vault

import (
	"bytes"
	"net/mail"
	"unicode"
	"unicode/utf8"
)

// text tells plain text, a table and an e-mail apart by the name's extension, and wants each to be what it says.
func text(extension string, content []byte) (found, reason string) {
	if extension == ".eml" && email(content) {
		return typeEmail, ""
	}
	if reason := checkText(content); reason != "" {
		return "", reason
	}
	if extension == ".csv" {
		return typeCSV, ""
	}
	return typePlain, ""
}

// checkText wants UTF-8 without control characters that is not written for a machine to run or render.
func checkText(content []byte) string {
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return ReasonMalformed // UTF-16: text, in an encoding we do not take
	}
	if controls(content) {
		return ReasonNotAllowed
	}
	if !utf8.Valid(content) || bytes.ContainsFunc(content, func(r rune) bool { return r >= 0x80 && unicode.IsControl(r) }) {
		return ReasonMalformed // text in an older encoding, or one that was decoded wrongly
	}
	if program(bytes.TrimLeftFunc(bytes.TrimPrefix(content, []byte("\ufeff")), unicode.IsSpace)) {
		return ReasonNotAllowed
	}
	return ""
}

// controls says whether there are bytes that no text has in any encoding built on ASCII.
func controls(content []byte) bool {
	return bytes.IndexFunc(content, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
	}) >= 0
}

// program says whether text is markup or a script: stricter than any browser that guesses, and than any library that looks
// for formats by name, since whatever begins with a tag, a directive or an interpreter is refused. Other text that machines
// also read, such as JSON, is text; it runs nowhere.
func program(content []byte) bool {
	for _, start := range []string{"#!", "%!", "{\\rtf", "<!", "<?", "<%", "</"} {
		if bytes.HasPrefix(content, []byte(start)) {
			return true
		}
	}
	return len(content) > 1 && content[0] == '<' && unicode.IsLetter(rune(content[1]))
}

// email says whether content is an e-mail as programs save one: a header that names a sender and at least one more of what
// every message has. Its body may be in any encoding.
func email(content []byte) bool {
	if controls(content) {
		return false
	}
	message, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil || message.Header.Get("From") == "" {
		return false
	}
	for _, field := range []string{"Date", "Message-Id", "To", "Subject"} {
		if message.Header.Get(field) != "" {
			return true
		}
	}
	return false
}

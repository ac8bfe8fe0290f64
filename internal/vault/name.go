package vault

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longestName      = 120 // runes
	longestExtension = 16  // bytes, with its dot
)

// CleanName makes a name fit to be kept, shown and saved under: the last part of a path, without control characters, marks
// that turn the direction of writing, or what Windows forbids, and at most 120 runes, of which the extension stays. It
// answers false where nothing is left to call a file by. A clean name is its own clean name.
func CleanName(name string) (string, bool) {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(cleanRune, strings.ToValidUTF8(name, "_"))
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ". ")
	if utf8.RuneCountInString(name) > longestName {
		name = shorten(name)
	}
	if !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return "", false
	}
	return name, true
}

// cleanRune drops what cannot be seen and replaces what a file system would not take.
func cleanRune(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp), r == unicode.ReplacementChar:
		return -1
	case strings.ContainsRune(`<>:"|?*`, r):
		return '_'
	}
	return r
}

// shorten cuts a name in front of its extension, if that is one.
func shorten(name string) string {
	extension := path.Ext(name)
	if len(extension) > longestExtension || strings.ContainsRune(extension, ' ') {
		extension = ""
	}
	stem := []rune(strings.TrimSuffix(name, extension))
	stem = stem[:longestName-utf8.RuneCountInString(extension)]
	return strings.TrimRight(string(stem), ". ") + extension
}

// Disposition is the value of a Content-Disposition header (RFC 6266) that has a browser save a file under name: never
// shown in place, and without a way to write another header. A name that cannot be cleaned becomes "document".
func Disposition(name string) string {
	name, ok := CleanName(name)
	if !ok {
		name = "document"
	}
	return `attachment; filename="` + strings.Map(plainRune, name) + `"; filename*=UTF-8''` + percent(name)
}

// plainRune is for clients that know only the older form: what that form cannot carry for certain becomes "_".
func plainRune(r rune) rune {
	if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
		return '_'
	}
	return r
}

// percent writes a name in RFC 8187's encoding, with only letters, digits, "-", "_" and "." left as they are.
func percent(name string) string {
	const digits = "0123456789ABCDEF"
	var out strings.Builder
	for _, c := range []byte(name) {
		if plainByte(c) || c == '.' {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return out.String()
}

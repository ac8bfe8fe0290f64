package audit

import "strings"

// The alphabets of an entry's strings. None of them holds a character that JSON escapes.
const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	code   = lower + "_"
	words  = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits + " _.:/@+-"
)

func madeOf(alphabet, s string) bool {
	return s != "" && strings.TrimLeft(s, alphabet) == ""
}

func isWords(s string) bool { return madeOf(words, s) }

func isCode(s string) bool { return madeOf(code, s) }

func isDigest(s string) bool { return len(s) == 64 && madeOf(digits+"abcdef", s) }

func isOutcome(s string) bool { return s == Done || s == Refused }

func isReading(action string) bool {
	return action == Viewed || action == Searched || action == Exported
}

func isStream(s string) bool {
	kind, id, named := strings.Cut(s, ":")
	return isCode(kind) && (!named || madeOf(lower+digits+"-", id))
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}

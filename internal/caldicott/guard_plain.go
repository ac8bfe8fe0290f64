package caldicott

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain writes a text in the form in which the guard reads it: look-alikes folded, nothing invisible, every digit 0 to
// 9, every space " " and every hyphen "-". Plain ASCII is that already.
func (g Guard) plain(text string) string {
	if isASCII(text) {
		return text
	}
	if g.Fold != nil {
		text = g.Fold(text)
	}
	return strings.Map(plainRune, text)
}

// plainRune gives -1 for what nobody sees: zero-width characters and the marks that stand on others.
func plainRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case r == '\u0085', r == '\u2028', r == '\u2029':
		return r
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point):
		return -1
	case unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.Is(unicode.Pd, r), r == '\u2212', r == '\u2043':
		return '-'
	default:
		return asciiDigit(r)
	}
}

// asciiDigit gives the ASCII form of a digit of any script. In Unicode every decimal digit stands in a run of ten, in
// order, so its value is its distance from the start of its range. Circled digits on black have no plain form of
// their own in NFKC.
func asciiDigit(r rune) rune {
	for _, circled := range []rune{'\u24F5', '\u2776', '\u2780', '\u278A'} {
		if circled <= r && r < circled+9 {
			return '1' + r - circled
		}
	}
	if r == '\u24FF' || r == '\U0001F10B' || r == '\U0001F10C' {
		return '0'
	}
	if !unicode.IsDigit(r) {
		return r
	}
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return '0' + (r-rune(run.Lo))%10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return '0' + (r-rune(run.Lo))%10
		}
	}
	return r
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

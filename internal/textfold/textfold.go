// Package textfold gives the identifier guard Unicode's compatibility form, which the domain may not import itself.
package textfold

import "golang.org/x/text/unicode/norm"

// NFKC writes look-alikes (fullwidth, superscript and circled digits, no-break spaces) in their plain form.
func NFKC(s string) string { return norm.NFKC.String(s) }

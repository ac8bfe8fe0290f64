package identity

import (
	"net/http"
	"strings"
)

// FromHeader takes the bearer token out of a request, by RFC 6750 section 2.1 and
// to the letter: one header, one scheme, one token. Two headers are refused
// because the next reader might pick the other one. Its error is a Reason.
func FromHeader(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", Missing
	}
	if len(values) > 1 {
		return "", Malformed
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	token := strings.TrimLeft(rest, " ")
	if !strings.EqualFold(scheme, "Bearer") || !isB64Token(token) {
		return "", Malformed
	}
	if len(token) > maxToken {
		return "", TooLong
	}
	return token, nil
}

// isB64Token is the grammar's b64token: 1*( ALPHA / DIGIT / "-._~+/" ) *"=".
func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for _, b := range []byte(s) {
		letter := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		if !letter && !digit && strings.IndexByte("-._~+/", b) < 0 {
			return false
		}
	}
	return s != ""
}

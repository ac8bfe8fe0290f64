package identity

import (
	"errors"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// maxToken is what common proxies let through in one header.
	maxToken = 8 << 10

	// maxSubject is OpenID Connect's own limit.
	maxSubject = 255
)

// asymmetric lists what a token may be signed with. With a shared-secret
// algorithm among them, the issuer's public key would be the secret.
func asymmetric() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512,
		jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512,
		jose.EdDSA,
	}
}

// claims are the few we read; the rest of a token is none of our business, and
// any role in it least of all.
type claims struct {
	jwt.Claims
	Events json.RawMessage `json:"events"`
}

// read takes the token apart and believes nothing. It uses go-jose's JSON, which
// minds the case of names and refuses duplicates: encoding/json would take a
// custom claim "SUB" for the subject.
func (v *Verifier) read(token string) (claims, error) {
	if len(token) > maxToken {
		return claims{}, TooLong
	}
	signed, err := jose.ParseSignedCompact(token, v.algorithms)
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &algorithm) {
		return claims{}, Algorithm
	}
	if err != nil || len(signed.Signatures) != 1 {
		return claims{}, Malformed
	}
	if !forAccess(signed.Signatures[0].Header) {
		return claims{}, Kind
	}
	var c claims
	if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &c); err != nil {
		return claims{}, Claims
	}
	return c, nil
}

// forAccess refuses tokens typed for something else: an issuer signs those with
// the same key, for the same audience and subject.
func forAccess(h jose.Header) bool {
	kind, present := h.ExtraHeaders[jose.HeaderType]
	if !present {
		return true
	}
	name, _ := kind.(string)
	switch strings.TrimPrefix(strings.ToLower(name), "application/") {
	case "jwt", "at+jwt":
		return true
	}
	return false
}

// judge names what is wrong with the claims, where go-oidc would only say so in
// prose that quotes them.
func (v *Verifier) judge(c claims) error {
	if c.Events != nil { // a logout token that is not typed as one
		return Kind
	}
	if c.Expiry == nil || c.IssuedAt == nil {
		return Claims
	}
	expected := jwt.Expected{Issuer: v.issuer, AnyAudience: jwt.Audience{v.audience}, Time: v.now()}
	switch err := c.ValidateWithLeeway(expected, v.skew); {
	case err == nil:
		return nameable(c.Subject)
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return Issuer
	case errors.Is(err, jwt.ErrInvalidAudience):
		return Audience
	case errors.Is(err, jwt.ErrExpired):
		return Expired
	case errors.Is(err, jwt.ErrNotValidYet):
		return NotYet
	case errors.Is(err, jwt.ErrIssuedInTheFuture):
		return Future
	}
	return Claims
}

// nameable holds a subject to OpenID Connect's definition (ASCII, 255 at most),
// which also keeps look-alike letters and control characters out of our records.
func nameable(subject string) error {
	if subject == "" || len(subject) > maxSubject || strings.TrimSpace(subject) != subject {
		return NoSubject
	}
	for _, b := range []byte(subject) {
		if b < ' ' || b > '~' {
			return NoSubject
		}
	}
	return nil
}

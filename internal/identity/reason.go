package identity

import "errors"

// ErrToken is what every Reason is: the token is not acceptable, 401.
var ErrToken = errors.New("identity: the token is not acceptable")

// Reason is an error that says in a word why a token was refused. The words are
// ours, so that they are safe to log and to answer:
//
//	var why identity.Reason
//	if errors.As(err, &why) { … string(why) … }
type Reason string

// The reasons.
const (
	Missing   Reason = "missing"   // there is no Authorization header
	Malformed Reason = "malformed" // not one bearer token, or not a signed one
	TooLong   Reason = "too-long"  // longer than any honest token
	Algorithm Reason = "algorithm" // not an asymmetric signature: none, HS256 …
	Kind      Reason = "kind"      // a token for another purpose, such as a logout
	Claims    Reason = "claims"    // exp or iat is absent, or a claim is unreadable
	Issuer    Reason = "issuer"
	Audience  Reason = "audience"
	Expired   Reason = "expired"
	NotYet    Reason = "not-yet"   // nbf is in the future
	Future    Reason = "future"    // iat is in the future
	NoSubject Reason = "subject"   // sub is absent, blank, too long or not plain text
	Signature Reason = "signature" // no key of the issuer's signed this
)

// Error is the reason as a sentence.
func (r Reason) Error() string { return "identity: token refused: " + string(r) }

// Is makes every Reason an ErrToken.
func (r Reason) Is(target error) bool { return target == ErrToken }

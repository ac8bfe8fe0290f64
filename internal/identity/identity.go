// Package identity answers who is asking, from a bearer token.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
)

const (
	// defaultSkew is how far two honest clocks are allowed to differ.
	defaultSkew = time.Minute

	// maxSkew keeps our allowance inside go-oidc's own fixed one for nbf (five
	// minutes, less our skew), so that the two judges never contradict.
	maxSkew = 2 * time.Minute

	// defaultTimeout bounds one visit to the issuer when the client sets none:
	// a request waits for this at most, and then hears 503.
	defaultTimeout = 10 * time.Second
)

// ErrIssuerAway says that we could not find out, because the issuer or its keys
// could not be reached or read. It is our trouble and not the caller's: 503.
var ErrIssuerAway = errors.New("identity: the issuer is away")

// Subject is who a token speaks for: what the issuer calls them, and which
// issuer says so. It is no user, has no roles, and grants nothing; who that is
// here, and what they may do, is decided from our own records.
type Subject struct {
	Issuer  string // https://issuer.example
	Subject string // the token's sub
}

// Config is what makes a token ours.
type Config struct {
	Issuer   string           // exactly as the issuer writes it; https, or http on loopback
	Audience string           // what the token must be meant for
	Skew     time.Duration    // applied to exp, nbf and iat; 60 s if zero, 2 min at most
	Client   *http.Client     // for discovery and keys; a plain one if nil
	Now      func() time.Time // time.Now if nil
}

// Verifier checks tokens against one issuer. It is safe for concurrent use.
type Verifier struct {
	issuer, audience string
	skew             time.Duration
	now              func() time.Time
	algorithms       []jose.SignatureAlgorithm
	rules            *oidc.Config
	client           *http.Client

	// turn is a lock that gives up with its caller's context: whoever holds it
	// may discover, and the rest wait for what comes of it.
	turn chan struct{}
	keys *keyring // nil until discovered; guarded by turn
}

// New makes a verifier without any network traffic, so that the service starts
// when the issuer is away: discovery happens with the first token.
func New(c Config) (*Verifier, error) {
	if err := trustworthy(c.Issuer); err != nil {
		return nil, fmt.Errorf("identity: the issuer's address: %w", err)
	}
	if c.Audience == "" {
		return nil, errors.New("identity: an audience is required")
	}
	if c.Skew < 0 || c.Skew > maxSkew {
		return nil, fmt.Errorf("identity: the skew must be between 0 and %s", maxSkew)
	}
	if c.Skew == 0 {
		c.Skew = defaultSkew
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	v := &Verifier{
		issuer: c.Issuer, audience: c.Audience, skew: c.Skew, now: c.Now,
		algorithms: asymmetric(),
		client:     gated(c.Client, c.Now),
		turn:       make(chan struct{}, 1),
	}
	v.rules = &oidc.Config{ClientID: c.Audience, Now: func() time.Time { return v.now().Add(-v.skew) }}
	for _, a := range v.algorithms {
		v.rules.SupportedSigningAlgs = append(v.rules.SupportedSigningAlgs, string(a))
	}
	return v, nil
}

// Verify answers whom the token speaks for. Its errors are a Reason (which is an
// ErrToken) or an ErrIssuerAway, and never hold anything from the token.
//
// We read the claims before the signature is checked, because a refusal needs no
// proof and so costs no visit to the issuer. A yes always needs the proof, and
// go-oidc, on the verified bytes, must come to the same answer.
func (v *Verifier) Verify(ctx context.Context, token string) (Subject, error) {
	claimed, err := v.read(token)
	if err != nil {
		return Subject{}, err
	}
	if err := v.judge(claimed); err != nil {
		return Subject{}, err
	}
	keys, err := v.keySet(ctx)
	if err != nil {
		return Subject{}, err
	}
	w := &witness{keys: keys}
	proved, err := oidc.NewVerifier(v.issuer, w, v.rules).Verify(ctx, token)
	if err != nil {
		return Subject{}, w.explain()
	}
	if proved.Issuer != claimed.Issuer || proved.Subject != claimed.Subject {
		return Subject{}, Claims
	}
	return Subject{Issuer: proved.Issuer, Subject: proved.Subject}, nil
}

// keySet discovers the issuer once, on behalf of everyone who is waiting. After
// a failure the gate answers for a while, so the queue does not become a storm.
func (v *Verifier) keySet(ctx context.Context) (*keyring, error) {
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return nil, away(ctx.Err())
	}
	if v.keys != nil {
		return v.keys, nil
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, v.client), v.issuer)
	if err != nil {
		return nil, away(err)
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, away(err)
	}
	if err := trustworthy(found.Keys); err != nil {
		return nil, away(fmt.Errorf("the address of its keys: %w", err))
	}
	v.keys = newKeyring(func() oidc.KeySet {
		// Not ctx: the keys outlive this request and would keep its values.
		return oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), v.client), found.Keys)
	}, v.now)
	return v.keys, nil
}

// away marks an error as the issuer's, once.
func away(err error) error {
	if errors.Is(err, ErrIssuerAway) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrIssuerAway, err)
}

// witness remembers what the key set said, which go-oidc flattens into text.
type witness struct {
	keys oidc.KeySet
	err  error
}

// VerifySignature makes a witness an oidc.KeySet for one token.
func (w *witness) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.keys.VerifySignature(ctx, token)
	w.err = err
	return payload, err
}

// explain tells a bad token from absent keys. What go-oidc says can quote the
// issuer's whole answer, and therefore goes no further.
func (w *witness) explain() error {
	switch {
	case w.err == nil:
		return Claims
	case !keysAreAway(w.err):
		return Signature
	case errors.Is(w.err, ErrIssuerAway):
		return w.err
	case errors.Is(w.err, context.Canceled):
		return away(context.Canceled)
	case errors.Is(w.err, context.DeadlineExceeded):
		return away(context.DeadlineExceeded)
	}
	return away(errors.New("its keys cannot be read"))
}

// trustworthy refuses an address that anyone on the way could answer for: keys
// fetched in the clear prove nothing, except from this machine to itself.
func trustworthy(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("not an absolute URL")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("no user, query or fragment is allowed")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	here := u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !here) {
		return errors.New("https is required, except on loopback")
	}
	return nil
}

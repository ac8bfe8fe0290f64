// Package issuer is a local OpenID Connect issuer for demonstrations and tests, which believes anyone who picks a name.
package issuer

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	defaultLife = time.Hour
	maxLife     = 24 * time.Hour
	maxBody     = 64 << 10
)

// ErrRefused says that this is no place for a demonstration issuer.
var ErrRefused = errors.New("issuer: the demonstration issuer refuses to start")

// errNobody is compared by the handlers: it is the caller's mistake.
var errNobody = errors.New("issuer: nobody here has that id")

// Person is somebody to sign in as.
type Person struct {
	ID   string // becomes the token's sub
	Name string // shown on the page, and nowhere else
}

// Config is a demonstration. Tokens survive a restart only with a KeyFile and a
// fixed port in Addr, because the address is the issuer's name.
type Config struct {
	Addr       string           // loopback only; 127.0.0.1:0 if empty
	Audience   string           // of every token, and the one client_id there is
	People     []Person         // at least one
	KeyFile    string           // keeps the signing key, mode 0600; a fresh key if empty
	Configured string           // the product's own issuer: if there is one, we refuse
	Life       time.Duration    // of a token: an hour if zero, a day at most
	Now        func() time.Time // time.Now if nil
}

// Issuer is a running demonstration.
type Issuer struct {
	config  Config
	host    string
	public  jose.JSONWebKey
	signer  jose.Signer
	page    *template.Template
	server  *http.Server
	stopped chan struct{}

	mu     sync.Mutex
	grants map[string]grant // by code
}

// Start serves until the context ends or Close is called. It refuses, with
// ErrRefused, beside a configured issuer or on any address but loopback: anyone
// who can reach it can be anyone.
func Start(ctx context.Context, c Config) (*Issuer, error) {
	if c.Configured != "" {
		return nil, fmt.Errorf("%w: a real issuer is configured", ErrRefused)
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	addr, err := loopback(ctx, c.Addr, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return nil, err
	}
	i, err := prepare(c)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	i.host = listener.Addr().String()
	i.server = &http.Server{
		Handler:           i.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
	}
	go func() {
		defer close(i.stopped)
		_ = i.server.Serve(listener) // always an error; Close is the only way out
	}()
	context.AfterFunc(ctx, func() { _ = i.Close() })
	return i, nil
}

// prepare checks the configuration and makes all that needs no network.
func prepare(c Config) (*Issuer, error) {
	if c.Life == 0 {
		c.Life = defaultLife
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Audience == "" || c.Life < 0 || c.Life > maxLife {
		return nil, errors.New("issuer: an audience, and a life of a day at most, are required")
	}
	if err := distinct(c.People); err != nil {
		return nil, err
	}
	c.People = slices.Clone(c.People)
	key, err := signingKey(c.KeyFile)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	page, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	return &Issuer{
		config: c, public: key.Public(), signer: signer, page: page,
		stopped: make(chan struct{}), grants: map[string]grant{},
	}, nil
}

func distinct(people []Person) error {
	seen := map[string]bool{"": true}
	for _, p := range people {
		if seen[p.ID] {
			return errors.New("issuer: every person needs an id of their own")
		}
		seen[p.ID] = true
	}
	if len(people) == 0 {
		return errors.New("issuer: at least one person is required")
	}
	return nil
}

// URL is the issuer's name and address: http://127.0.0.1:54321.
func (i *Issuer) URL() string { return "http://" + i.host }

// Close stops serving. It may be called more than once.
func (i *Issuer) Close() error {
	err := i.server.Close()
	<-i.stopped
	return err
}

// Token makes a token for a person, as if they had signed in.
func (i *Issuer) Token(personID string) (string, error) { return i.mint(personID, "") }

func (i *Issuer) knows(personID string) bool {
	return slices.ContainsFunc(i.config.People, func(p Person) bool { return p.ID == personID })
}

// mint says who and until when, and nothing about what they may do.
func (i *Issuer) mint(personID, nonce string) (string, error) {
	if !i.knows(personID) {
		return "", errNobody
	}
	now := i.config.Now()
	token, err := jwt.Signed(i.signer).Claims(jwt.Claims{
		Issuer:   i.URL(),
		Subject:  personID,
		Audience: jwt.Audience{i.config.Audience},
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(now.Add(i.config.Life)),
	}).Claims(struct {
		Nonce string `json:"nonce,omitempty"`
	}{nonce}).Serialize()
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	return token, nil
}

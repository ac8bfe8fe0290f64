package anchor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"time"
)

// Authority is a time-stamping authority (RFC 3161).
type Authority struct {
	URL     string
	Roots   *x509.CertPool // who may vouch for its certificate; nil: the signature is checked, and not whose it is
	Timeout time.Duration  // zero: 20 seconds
}

const (
	usualTimeout = 20 * time.Second
	maxReply     = 256 << 10 // bytes
)

// request and reply of RFC 3161, 2.4. Fields at the end that nobody reads here are left out.
type (
	imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Hash      []byte
	}
	request struct {
		Version int
		Imprint imprint
		Nonce   *big.Int
		Cert    bool // we want the certificate in the token: it must be readable for years
	}
	reply struct {
		Status struct{ Status int }
		Token  asn1.RawValue `asn1:"optional"`
	}
)

// Kind is KindTimestamp.
func (Authority) Kind() string { return KindTimestamp }

// Make has the checkpoint's text stamped, and gives the token once it is checked.
func (a Authority) Make(ctx context.Context, c Checkpoint) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.Text()))
	query, err := asn1.Marshal(request{
		Version: 1, Imprint: imprint{pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}, sum[:]}, Nonce: nonce, Cert: true,
	})
	if err != nil {
		return nil, err
	}
	answered, err := a.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	var r reply
	if err := unmarshal(answered, &r); err != nil {
		return nil, errors.New("the authority's reply is malformed")
	}
	const granted, grantedWithMods = 0, 1
	if r.Status.Status != granted && r.Status.Status != grantedWithMods {
		return nil, fmt.Errorf("the authority does not stamp: status %d", r.Status.Status)
	}
	info, err := open(r.Token.FullBytes, c.Text(), a.Roots)
	if err != nil {
		return nil, err
	}
	if info.Nonce == nil || info.Nonce.Cmp(nonce) != 0 {
		return nil, errors.New("the authority's token answers another request")
	}
	return r.Token.FullBytes, nil
}

// ask posts a query. It is not sent on to wherever the authority says.
func (a Authority) ask(ctx context.Context, query []byte) ([]byte, error) {
	timeout := a.Timeout
	if timeout == 0 {
		timeout = usualTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(query))
	if err != nil {
		return nil, errors.New("the authority's URL is malformed") // it may hold a password
	}
	r.Header.Set("Content-Type", "application/timestamp-query")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answered, err := client.Do(r)
	if err != nil {
		if outer, is := errors.AsType[*url.Error](err); is {
			err = outer.Err // it would repeat the URL
		}
		return nil, fmt.Errorf("ask the authority: %w", err)
	}
	defer answered.Body.Close()
	if kind := answered.Header.Get("Content-Type"); answered.StatusCode != http.StatusOK || kind != "application/timestamp-reply" {
		return nil, fmt.Errorf("the authority answers %d, and no reply", answered.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answered.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("the authority's reply: %w", err)
	}
	return body, nil
}

// CheckToken checks a stored token of a checkpoint's text, and says when it was stamped.
func CheckToken(token []byte, text string, roots *x509.CertPool) (time.Time, error) {
	info, err := open(token, text, roots)
	return info.Time, err
}

// unmarshal reads one value and nothing after it.
func unmarshal(der []byte, into any, params ...string) error {
	p := ""
	if len(params) > 0 {
		p = params[0]
	}
	rest, err := asn1.UnmarshalWithParams(der, into, p)
	if err == nil && len(rest) > 0 {
		err = errors.New("there is something after the end")
	}
	return err
}

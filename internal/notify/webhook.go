package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Webhook posts notices to endpoints, as Standard Webhooks has it. The zero Webhook serves.
type Webhook struct {
	// Client replaces the safe one, and with it the guard over addresses: for an outgoing proxy, which then guards, and for
	// tests. No client of ours or of others follows redirects or keeps cookies here.
	Client       *http.Client
	AllowPrivate []netip.Prefix // may be called although they lead inside
	Timeout      time.Duration  // of one whole attempt; zero: 15 seconds
}

// Bounds of an attempt. What a receiver answers besides its status is read only to be polite.
const (
	webhookTimeout = 15 * time.Second
	maxAnswer      = 4 << 10
	maxHeaders     = 16 << 10
)

// posted is the body. Its type is the event in lower case with dots: DECISION_MADE is decision.made.
type posted struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened, not when it was sent
	Data      data      `json:"data"`
}

// data are the codes of the notice; what is empty is left out.
type data struct {
	Organisation string    `json:"organisation,omitempty"`
	Request      string    `json:"request,omitempty"`
	Reference    string    `json:"reference,omitempty"`
	State        string    `json:"state,omitempty"`
	Wanted       string    `json:"wanted,omitempty"`
	Due          time.Time `json:"due,omitzero"`
	Link         string    `json:"link,omitempty"`
}

// Send posts one notice to one endpoint, signed with all its secrets. Any status of 2xx is success. An error is Permanent
// where the receiver refused for good (4xx but 408, 425 and 429) or its address may not be called; RetryAfter says how
// long it asked us to wait. Every retry sends the same id and body under a new timestamp.
func (w Webhook) Send(ctx context.Context, e Endpoint, msg Message) error {
	if err := msg.check(); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	body, err := msg.payload()
	if err != nil {
		return err
	}
	timeout := webhookTimeout
	if w.Timeout > 0 {
		timeout = w.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := e.request(ctx, msg.ID, time.Now(), body)
	if err != nil {
		return err
	}
	answer, err := w.client(e).Do(r)
	if err != nil {
		return e.failed(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // the status is the answer, however the rest ends
	return e.judge(answer, time.Now())
}

// payload writes the body, the same for every attempt.
func (m Message) payload() ([]byte, error) {
	body, err := json.Marshal(posted{
		Type:      strings.ReplaceAll(strings.ToLower(m.Event), "_", "."),
		Timestamp: m.At.UTC(),
		Data: data{
			Organisation: m.Organisation,
			Request:      m.Request,
			Reference:    m.Reference,
			State:        m.State,
			Wanted:       m.Wanted,
			Due:          m.Due.UTC(),
			Link:         m.Link,
		},
	})
	if err != nil {
		return nil, &failure{text: "notice: a date is not of its form", permanent: true, cause: err}
	}
	return body, nil
}

// request makes the signed call.
func (e Endpoint) request(ctx context.Context, id string, now time.Time, body []byte) (*http.Request, error) {
	signatures := make([]string, len(e.Secrets))
	for i, secret := range e.Secrets {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
		if signatures[i], err = hook.Sign(id, now, body); err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return nil, e.failed(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Caldicott-Webhook/1")
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return r, nil
}

// client gives the caller's client or a safe one: guarded, without proxy, and with a connection for this call alone.
func (w Webhook) client(e Endpoint) *http.Client {
	client := http.Client{Transport: &http.Transport{
		DialContext:            (&net.Dialer{Control: guard{w.AllowPrivate, e.clear()}.control}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
	}}
	if w.Client != nil {
		client = *w.Client
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// failed explains why there was no answer: in the words of the network, which know addresses and certificates. Other
// words would repeat the URL, or whatever the receiver wrote instead of HTTP.
func (e Endpoint) failed(err error) error {
	why := "no answer that is HTTP"
	if errors.Is(err, context.DeadlineExceeded) {
		why = "no answer in time"
	} else if network, ok := errors.AsType[*net.OpError](err); ok {
		why = network.Error()
	} else if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		why = certificate.Error()
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &failure{text: e.String() + ": " + why, permanent: Permanent(err), cause: err}
}

// judge reads the status. A redirect is refused, but somebody may mend it: it is not for good.
func (e Endpoint) judge(answer *http.Response, now time.Time) error {
	code := answer.StatusCode
	if code >= 200 && code <= 299 {
		return nil
	}
	f := &failure{text: fmt.Sprintf("%s: the receiver answered %d", e, code)}
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.after = wait(answer.Header.Get("Retry-After"), now)
	default:
		f.permanent = code >= 400 && code <= 499
	}
	return f
}

// wait reads Retry-After, in seconds or as a date; zero where it says nothing that can be kept.
func wait(after string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, longestPause)
	}
	if date, err := http.ParseTime(after); err == nil {
		return max(0, min(date.Sub(now), longestPause))
	}
	return 0
}

package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/notify"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// here lets the safe client call servers of the test.
var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// call is what a receiver got.
type call struct {
	header http.Header
	body   []byte
}

// receiver starts a TLS server that keeps what it gets and answers as it is told; nil: 204.
func receiver(t *testing.T, answer http.HandlerFunc) (*httptest.Server, <-chan call) {
	t.Helper()
	calls := make(chan call, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/hook" {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		calls <- call{r.Header, body}
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that fail on purpose
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, calls
}

// endpoint is the receiver's, with both secrets.
func endpoint(server *httptest.Server) notify.Endpoint {
	return notify.Endpoint{Name: "finance", Organisation: "TST01", URL: server.URL + "/hook?k=hidden", Secrets: []string{newSecret, oldSecret}}
}

func TestAReceiverVerifiesEveryNoticeWithTheOldAndTheNewSecret(t *testing.T) {
	t.Parallel()
	server, calls := receiver(t, nil)
	if err := (notify.Webhook{Client: server.Client()}).Send(t.Context(), endpoint(server), notice()); err != nil {
		t.Fatal(err)
	}
	got := <-calls
	for _, secret := range []string{newSecret, oldSecret} {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := hook.Verify(got.body, got.header); err != nil {
			t.Errorf("%.8s…: %v", secret, err)
		}
		changed := []byte(strings.Replace(string(got.body), "RENEW", "LOOK", 1))
		if err := hook.Verify(changed, got.header); !errors.Is(err, standardwebhooks.ErrNoMatchingSignature) {
			t.Errorf("a changed body: %v", err)
		}
		other := got.header.Clone()
		other.Set("webhook-id", "0199dbf1-2a40-7c31-9e57-000000000000")
		if err := hook.Verify(got.body, other); !errors.Is(err, standardwebhooks.ErrNoMatchingSignature) {
			t.Errorf("a changed id: %v", err)
		}
	}
	stranger, err := standardwebhooks.NewWebhook("whsec_" + strings.Repeat("AAAA", 8))
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Verify(got.body, got.header); err == nil {
		t.Error("it verifies with a stranger's secret")
	}
	if id, kind := got.header.Get("webhook-id"), got.header.Get("Content-Type"); id != notice().ID || kind != "application/json" {
		t.Errorf("%s, %s", id, kind)
	}
}

func TestAWebhookHoldsCodesAndDatesOnly(t *testing.T) {
	t.Parallel()
	server, calls := receiver(t, nil)
	w := notify.Webhook{Client: server.Client()}
	bare := notify.Message{ID: notice().ID, Event: "STANDING_RULE_OFF", At: notice().At}
	for _, c := range []struct {
		msg  notify.Message
		want string
	}{
		{notice(), `{"type":"review.reminder","timestamp":"2026-10-20T08:30:00Z","data":{"organisation":"TST01",` +
			`"request":"0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22","reference":"CG-TST01-2026-00012","state":"REVIEW_DUE","wanted":"RENEW",` +
			`"due":"2026-11-03T17:00:00Z","link":"https://caldicott.example/requests/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22"}}`},
		{bare, `{"type":"standing.rule.off","timestamp":"2026-10-20T08:30:00Z","data":{}}`},
	} {
		for range 2 { // a retry has the same body
			if err := w.Send(t.Context(), endpoint(server), c.msg); err != nil {
				t.Fatal(err)
			}
			if got := <-calls; string(got.body) != c.want || !json.Valid(got.body) {
				t.Errorf("got %s\nwant %s", got.body, c.want)
			}
		}
	}
	for field, n := range spoil(" of Mrs Smith") {
		err := w.Send(t.Context(), endpoint(server), n)
		if !notify.Permanent(err) {
			t.Errorf("%s: %v", field, err)
		}
		tells(t, err, "Smith")
	}
	if len(calls) != 0 {
		t.Error("a spoilt notice was sent")
	}
}

func TestTheSafeClientReachesWhatIsAllowed(t *testing.T) {
	t.Parallel()
	server, calls := receiver(t, nil)
	plain := httptest.NewServer(server.Config.Handler)
	defer plain.Close()
	if err := (notify.Webhook{AllowPrivate: here}).Send(t.Context(), endpoint(plain), notice()); err != nil || len(calls) != 1 {
		t.Error(err)
	}
	err := (notify.Webhook{AllowPrivate: here}).Send(t.Context(), endpoint(server), notice())
	if err == nil || notify.Permanent(err) || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a certificate of strangers: %v", err)
	}
	tells(t, err, "hidden")
}

// The guard judges what a name leads to when it is called.
// A receiver that has said yes has the notice, however long it goes on talking.
func TestALongAnswerIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for page := make([]byte, 64<<10); ; {
			if _, err := w.Write(page); err != nil {
				return
			}
		}
	})
	plain := httptest.NewServer(server.Config.Handler)
	defer plain.Close()
	if err := (notify.Webhook{AllowPrivate: here}).Send(t.Context(), endpoint(plain), notice()); err != nil {
		t.Error(err)
	}
	<-ended // we hung up
}

func TestACallLeavesNoConnectionBehind(t *testing.T) {
	t.Parallel()
	states := make(chan http.ConnState, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) { states <- state }
	server.Start()
	defer server.Close()
	if err := (notify.Webhook{AllowPrivate: here}).Send(t.Context(), endpoint(server), notice()); err != nil {
		t.Fatal(err)
	}
	for state := range states {
		if state == http.StateIdle {
			t.Fatal("it waits for another call")
		}
		if state == http.StateClosed {
			return
		}
	}
}

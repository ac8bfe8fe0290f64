package notify_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notify"
)

func TestTheStatusSaysWhetherARetryMayHelp(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		status    int
		after     string
		permanent bool
		wait      time.Duration // to the minute, of those who ask
	}{
		{200, "", false, 0}, {202, "", false, 0}, {204, "", false, 0},
		{301, "", false, 0}, {304, "", false, 0},
		{400, "", true, 0}, {401, "", true, 0}, {404, "", true, 0}, {410, "", true, 0}, {422, "60", true, 0}, {451, "", true, 0},
		{408, "", false, 0}, {425, "", false, 0}, {500, "60", false, 0}, {502, "", false, 0}, {504, "", false, 0},
		{429, "", false, 0}, {429, "120", false, 2 * time.Minute}, {503, "90000", false, 6 * time.Hour}, {503, soon, false, time.Hour},
		{429, "99999999999999999999", false, 6 * time.Hour}, {503, "-5", false, 0}, {503, "soon", false, 0}, {429, "0", false, 0},
		{503, "Mon, 02 Jan 2006 15:04:05 GMT", false, 0}, {503, "Mon, 02 Jan 2090 15:04:05 GMT", false, 6 * time.Hour},
	} {
		t.Run(strconv.Itoa(c.status)+c.after, func(t *testing.T) {
			t.Parallel()
			server, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
			})
			err := (notify.Webhook{Client: server.Client()}).Send(t.Context(), endpoint(server), notice())
			wait, asked := notify.RetryAfter(err)
			if (err == nil) != (c.status < 300) || notify.Permanent(err) != c.permanent || asked != (c.wait > 0) || wait.Round(time.Minute) != c.wait {
				t.Errorf("got %v, permanent %v, wait %v %v", err, notify.Permanent(err), wait, asked)
			}
			if err != nil && err.Error() != "webhook finance: the receiver answered "+strconv.Itoa(c.status) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var visits atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		if err := (notify.Webhook{Client: server.Client()}).Send(t.Context(), endpoint(server), notice()); err == nil || notify.Permanent(err) {
			t.Errorf("%d: %v", status, err)
		}
		plain := httptest.NewServer(server.Config.Handler)
		if err := (notify.Webhook{AllowPrivate: here}).Send(t.Context(), endpoint(plain), notice()); err == nil || notify.Permanent(err) {
			t.Errorf("%d with the safe client: %v", status, err)
		}
		plain.Close()
	}
	if visits.Load() != 0 {
		t.Errorf("followed %d times", visits.Load())
	}
}

func TestAnAddressInsideIsRefusedForGood(t *testing.T) {
	t.Parallel()
	server, calls := receiver(t, nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"https://127.0.0.1", "https://localhost", "https://[::ffff:127.0.0.1]", "https://[::1]", "http://localhost", "http://127.0.0.1",
		"https://10.0.0.1", "https://169.254.169.254", "https://192.168.0.1", "https://[fd00:ec2::254]", "https://[fe80::1]", "https://0.0.0.0", "https://224.0.0.1"} {
		e := endpoint(server)
		e.URL = host + ":" + port + "/hook?k=hidden"
		err := (notify.Webhook{Timeout: 5 * time.Second}).Send(t.Context(), e, notice())
		if !notify.Permanent(err) || !strings.Contains(err.Error(), "may call") {
			t.Errorf("%s: %v", host, err)
		}
		tells(t, err, "hidden", "whsec")
	}
	if len(calls) != 0 {
		t.Errorf("called %d times", len(calls))
	}
}

func TestASlowReceiverIsGivenUp(t *testing.T) {
	t.Parallel()
	server, _ := receiver(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	err := (notify.Webhook{Client: server.Client(), Timeout: 50 * time.Millisecond}).Send(t.Context(), endpoint(server), notice())
	if !errors.Is(err, context.DeadlineExceeded) || notify.Permanent(err) || err.Error() != "webhook finance: no answer in time" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoHTTPIsNotRepeated(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				_, _ = io.WriteString(conn, "Mrs Smith\r\n\r\n")
			}
			_ = conn.Close()
		}
	}()
	e := notify.Endpoint{Name: "finance", Organisation: "TST01", URL: "http://" + listener.Addr().String() + "/?k=hidden", Secrets: []string{newSecret}}
	err = (notify.Webhook{AllowPrivate: here}).Send(t.Context(), e, notice())
	if err == nil || notify.Permanent(err) {
		t.Errorf("got %v", err)
	}
	tells(t, err, "Smith", "hidden")
}

func TestAnEndpointThatWasNeverReadIsRefusedWhenItIsCalled(t *testing.T) {
	t.Parallel()
	server, calls := receiver(t, nil)
	for name, change := range map[string]func(*notify.Endpoint){
		"no secret":        func(e *notify.Endpoint) { e.Secrets = nil },
		"malformed secret": func(e *notify.Endpoint) { e.Secrets = []string{"hidden"} },
		"http elsewhere":   func(e *notify.Endpoint) { e.URL = "http://hooks.example/?k=hidden" },
		"no URL":           func(e *notify.Endpoint) { e.URL = "" },
		"no name":          func(e *notify.Endpoint) { e.Name = "a\nb" },
	} {
		e := endpoint(server)
		change(&e)
		err := (notify.Webhook{Client: server.Client()}).Send(t.Context(), e, notice())
		if err == nil || notify.Permanent(err) {
			t.Errorf("%s: %v", name, err)
		}
		tells(t, err, "hidden", "\n")
	}
	if len(calls) != 0 {
		t.Errorf("called %d times", len(calls))
	}
}

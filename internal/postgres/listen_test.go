package postgres_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
)

// wire is a way to the server that can fall silent without a word.
type wire struct {
	url string

	mu   sync.Mutex
	dead bool
	ends []net.Conn
}

// tap puts a wire in front of a server.
func tap(t testing.TB, raw string) *wire {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = listener.Addr().String()
	w := &wire{url: u.String()}
	t.Cleanup(func() {
		_ = listener.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.ends {
			_ = c.Close()
		}
	})
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				return
			}
			w.mu.Lock()
			w.ends = append(w.ends, near, far)
			w.mu.Unlock()
			go w.carry(near, far)
			go w.carry(far, near)
		}
	}()
	return w
}

// carry passes on what it reads, and swallows it once the wire is cut, the end of the connection included.
func (w *wire) carry(to io.WriteCloser, from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		dead := w.dead
		w.mu.Unlock()
		switch {
		case dead && err != nil:
			return
		case dead:
		case err != nil:
			_ = to.Close()
			return
		default:
			_, _ = to.Write(buffer[:n])
		}
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

func notify(t testing.TB, db *sqlx.DB) {
	t.Helper()
	if _, err := db.Exec(`NOTIFY "Outbox"`); err != nil {
		t.Fatal(err)
	}
}

func TestAListenerIsWokenByEachNotificationAndAfterEachInterruption(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	superuser := connect(t, d.Superuser)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wake, err := postgres.Listen(ctx, postgres.Settings{URL: housetest.AppURL(d), Application: "it's listening"}, "Outbox")
	if err != nil {
		t.Fatal(err)
	}
	soon(t, wake, "listening has begun")
	for range 3 {
		notify(t, superuser)
		soon(t, wake, "a notification")
	}
	if n := len(words(t, superuser, `SELECT CAST(pg_terminate_backend(pid) AS text) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'it''s listening'`)); n != 1 {
		t.Fatalf("%d listeners by that name", n)
	}
	soon(t, wake, "listening has begun again")
	notify(t, superuser)
	soon(t, wake, "a notification after the interruption")
	stop()
	for open := true; open; {
		select {
		case _, open = <-wake:
		case <-time.After(20 * time.Second):
			t.Fatal("the channel is not closed")
		}
	}
}

func TestNotificationsThatNobodyHasTakenAreOneWakeUp(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	superuser := connect(t, d.Superuser)
	s := postgres.Settings{URL: housetest.AppURL(d), Application: "listener"}
	one, err := postgres.Listen(t.Context(), s, "Outbox")
	if err != nil {
		t.Fatal(err)
	}
	soon(t, one, "listening has begun")
	for range 50 {
		notify(t, superuser)
	}
	soon(t, one, "the notifications")
	if cap(one) != 1 {
		t.Errorf("%d wake-ups may be kept", cap(one))
	}
}

func TestAListenerWaitsForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	wake, err := postgres.Listen(ctx, postgres.Settings{URL: "postgres://u:p@127.0.0.1:1/db?sslmode=disable"}, "Outbox")
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, open := <-wake; open {
		t.Error("it was woken by nobody")
	}
}

func TestAListenersWrongURLIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"postgres://u:its-secret@host:notaport/db", "password=its-secret nonsense"} {
		if wake, err := postgres.Listen(t.Context(), postgres.Settings{URL: wrong}, "Outbox"); err == nil || wake != nil || strings.Contains(err.Error(), "its-secret") {
			t.Errorf("%v", err)
		}
	}
}

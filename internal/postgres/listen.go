package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"
)

// Pauses between attempts to connect a listener again; each is twice the one before.
const (
	reconnectAfter = 100 * time.Millisecond
	reconnectUpTo  = 15 * time.Second
)

// Listen takes a connection of its own and gives a wake-up whenever the channel is notified, when listening has begun, and
// after each interruption, as notifications may have been missed until then. Wake-ups that nobody has taken are one. The
// channel is closed when ctx ends. Only settings that cannot be used are an error: a database that is away is waited for,
// and its errors are logged. Connect directly: a transaction pooler passes no notifications on.
func Listen(ctx context.Context, s Settings, channel string) (<-chan struct{}, error) {
	if _, err := pq.NewConnector(s.URL); err != nil {
		return nil, fmt.Errorf("database URL: %w", errURL)
	}
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("channel", channel)
	listener := pq.NewListener(named(s), reconnectAfter, reconnectUpTo, func(_ pq.ListenerEventType, err error) {
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "listener is not connected", "error", err)
		}
	})
	wake := make(chan struct{}, 1)
	go listen(ctx, listener, channel, wake, log)
	return wake, nil
}

// named puts the application's name into the URL or DSN, as there is no session to set up.
func named(s Settings) string {
	if u, err := url.Parse(s.URL); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		q := u.Query()
		q.Set("application_name", s.Application)
		u.RawQuery = q.Encode()
		return u.String()
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s.Application)
	return s.URL + " application_name='" + quoted + "'"
}

func listen(ctx context.Context, listener *pq.Listener, channel string, wake chan<- struct{}, log *slog.Logger) {
	defer close(wake)
	defer func() { go end(listener) }()
	subscribed := make(chan error, 1) // one attempt at a time: never full
	subscribe := func(after time.Duration) {
		time.AfterFunc(after, func() { subscribed <- listener.Listen(channel) })
	}
	subscribe(0)
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-subscribed:
			if err != nil { // the server's own refusal, as of a standby
				log.WarnContext(ctx, "listening is refused", "error", err)
				subscribe(reconnectUpTo)
				continue
			}
		case <-listener.Notify: // nil after an interruption
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// end closes the listener, which may first have to wait for an attempt to connect, and lets it get rid of what it still has.
func end(listener *pq.Listener) {
	_ = listener.Close() //nolint:errcheck // it is closed already, or closed now
	for range listener.Notify {
	}
}

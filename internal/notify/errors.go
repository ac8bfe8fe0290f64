package notify

import (
	"errors"
	"time"
)

// failure is why a notice was not sent. Its text is fit for a log: it holds no address of a reader, no URL and no secret.
// The cause, where there is one, can be asked for with errors.Is and errors.As; its own text is not for logs.
type failure struct {
	text      string
	permanent bool
	after     time.Duration // how long the receiver asked us to wait; zero: it did not ask
	cause     error
}

// Error gives the text.
func (f *failure) Error() string { return f.text }

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.cause }

// Permanent says whether no retry mends the error: an unknown mailbox, an endpoint that is gone, a forbidden address, a
// notice that is not of its form. What an operator can mend (a wrong password, a relay without TLS) is not permanent, so
// that no notice is lost over it.
func Permanent(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.permanent
}

// RetryAfter gives how long the receiver asked us to wait before the next attempt, at most six hours, and whether it
// asked at all.
func RetryAfter(err error) (time.Duration, bool) {
	f, ok := errors.AsType[*failure](err)
	if !ok || f.after <= 0 {
		return 0, false
	}
	return f.after, true
}

package courier

import (
	"context"
	"errors"
	"net"
	"regexp"

	"github.com/caldicott/caldicott/internal/notify"
)

// refused is the fault of what was refused before it was sent.
const refused = "REFUSED"

// errPanicked is all that is kept of a panic.
var errPanicked = errors.New("sending panicked")

// answered finds the status in notify's own words, which repeat nothing else of an answer; "mail" begins those of a relay.
var answered = regexp.MustCompile(`^(mail)?.* answered ([1-5][0-9]{2})( |$)`)

// faultOf gives a failure its code: SMTP_550, HTTP_410, TIMEOUT, STOPPED, NO_ENDPOINT, EXHAUSTED, PANIC, REFUSED for what was
// refused here (a forbidden or malformed address, a notice that is not of its form), and else UNREACHABLE.
func faultOf(err error) string {
	for _, known := range []struct {
		cause error
		code  string
	}{
		{errNoEndpoint, "NO_ENDPOINT"}, {errExhausted, "EXHAUSTED"}, {errPanicked, "PANIC"},
		{context.DeadlineExceeded, "TIMEOUT"}, {context.Canceled, "STOPPED"},
	} {
		if errors.Is(err, known.cause) {
			return known.code
		}
	}
	if found := answered.FindStringSubmatch(err.Error()); found != nil {
		if found[1] == "mail" {
			return "SMTP_" + found[2]
		}
		return "HTTP_" + found[2]
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return "TIMEOUT"
	}
	if notify.Permanent(err) {
		return refused
	}
	return "UNREACHABLE"
}

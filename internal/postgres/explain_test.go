package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

func TestADatabaseErrorIsExplainedByItsSQLState(t *testing.T) {
	t.Parallel()
	state := func(code string) error {
		return fmt.Errorf("wrapped: %w", &pq.Error{Code: pq.ErrorCode(code), Message: "secret words"})
	}
	for name, c := range map[string]struct {
		err  error
		kind caldicott.Kind
		code string
	}{
		"no rows":                    {sql.ErrNoRows, caldicott.NotFound, "NOT_FOUND"},
		"wrapped no rows":            {fmt.Errorf("x: %w", sql.ErrNoRows), caldicott.NotFound, "NOT_FOUND"},
		"unique violation":           {state("23505"), caldicott.Conflict, "EXISTS"},
		"foreign key":                {state("23503"), caldicott.Invalid, "FIELD"},
		"check (architecture.md)":    {state("23514"), caldicott.Invalid, "FIELD"},
		"malformed uuid, our bug":    {state("22P02"), caldicott.Internal, "INTERNAL"},
		"not null, our bug":          {state("23502"), caldicott.Internal, "INTERNAL"},
		"without its entry, our bug": {state("CG005"), caldicott.Internal, "INTERNAL"},
		"no right":                   {state("42501"), caldicott.Internal, "INTERNAL"},
		"going down":                 {state("57P01"), caldicott.Unavailable, "UNAVAILABLE"},
		"cannot connect now":         {state("57P03"), caldicott.Unavailable, "UNAVAILABLE"},
		"connection lost":            {state("08006"), caldicott.Unavailable, "UNAVAILABLE"},
		"too many connections":       {state("53300"), caldicott.Unavailable, "UNAVAILABLE"},
		"statement timeout":          {state("57014"), caldicott.Unavailable, "UNAVAILABLE"},
		"bad connection":             {driver.ErrBadConn, caldicott.Unavailable, "UNAVAILABLE"},
		"nobody there":               {&net.OpError{Op: "dial", Err: errors.New("refused")}, caldicott.Unavailable, "UNAVAILABLE"},
		"out of time":                {context.DeadlineExceeded, caldicott.Unavailable, "UNAVAILABLE"},
		"anything else":              {errors.New("secret words"), caldicott.Internal, "INTERNAL"},
	} {
		got, ok := errors.AsType[*caldicott.Error](explain(c.err, "thing"))
		if !ok || got.Kind != c.kind || got.Code != c.code {
			t.Errorf("%s: %+v, want kind %d and %s", name, got, c.kind, c.code)
			continue
		}
		if strings.Contains(got.Message, "secret") || !errors.Is(got, c.err) {
			t.Errorf("%s: says %q, and keeps %v", name, got.Message, got.Err)
		}
	}
}

func TestWhatIsExplainedAlreadyPasses(t *testing.T) {
	t.Parallel()
	refusal := caldicott.Errorf(caldicott.Forbidden, "SD1", "No.")
	if got := explain(refusal, "x"); got != error(refusal) {
		t.Errorf("%v", got)
	}
	if err := explain(nil, "x"); err != nil {
		t.Errorf("%v", err)
	}
}

func TestOnlyWhatLostAgainstAnotherIsTriedAgain(t *testing.T) {
	t.Parallel()
	for code, again := range map[string]bool{
		"40001": true, "40P01": true, "CG001": true, "23505": false, "CG005": false, "57014": false, "": false,
	} {
		if retryable(&pq.Error{Code: pq.ErrorCode(code)}) != again {
			t.Errorf("%q: want %v", code, again)
		}
	}
	if !retryable(explain(&pq.Error{Code: "40001"}, "request")) {
		t.Error("a serialisation failure is no longer known once it is explained")
	}
}

package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// explain gives a database error its kind by SQLSTATE, never by its words, which stay in the log. What is already a
// caldicott.Error passes.
func explain(err error, what string) error {
	if err == nil || caldicott.CodeOf(err) != "" {
		return err
	}
	kind, code, message := caldicott.Internal, "INTERNAL", "Something went wrong."
	state := sqlState(err)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		kind, code, message = caldicott.NotFound, caldicott.CodeNotFound, "There is no such "+what+"."
	case state == "23505":
		kind, code, message = caldicott.Conflict, caldicott.CodeExists, "It exists already."
	case state == "23503":
		kind, code, message = caldicott.Invalid, caldicott.CodeField, "It names somebody or something that is not known."
	case state == "23514":
		kind, code, message = caldicott.Invalid, caldicott.CodeField, "Something in it is not of the form, or the size, that is kept."
	case state == "CG008":
		kind, code, message = caldicott.Conflict, caldicott.CodeState, "It is not any more what two people agreed on; please read it again."
	case state == "CG009":
		kind, code, message = caldicott.Conflict, caldicott.CodeHold, "A legal hold is in force: nothing under it is erased."
	case away(err, state):
		kind, code, message = caldicott.Unavailable, caldicott.CodeUnavailable, "The database is away; please try again."
	}
	return &caldicott.Error{Kind: kind, Code: code, Message: message, Err: fmt.Errorf("%s: %w", what, err)}
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return string(e.Code)
	}
	return ""
}

// retryable says whether the transaction lost against another and may be tried again: serialisation failure, deadlock,
// or another's having moved the same chain first.
func retryable(err error) bool { return retryableState(sqlState(err)) }

func retryableState(state string) bool {
	switch state {
	case "40001", "40P01", "CG001":
		return true
	}
	return false
}

// away says whether the database could not be asked, or is going down (class 57P, 08), or is full of connections.
func away(err error, state string) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok || errors.Is(err, driver.ErrBadConn) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	return retryableState(state) || state == "25P03" || state == "25006" || strings.HasPrefix(state, "57P") || strings.HasPrefix(state, "08") || state == "53300" || state == "57014"
}

// Explain gives the errors of rooms that read by themselves (auditdb) the same kinds; they meet in cmd.
func Explain(err error, what string) error { return explain(err, what) }

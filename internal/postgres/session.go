package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// sessions opens connections that all behave alike: a name, a time limit for statements and for idle transactions (a
// long one would hold up the sealer), UTC, and dates as ISO.
type sessions struct {
	*pq.Connector
	settings Settings
}

// idleInTransaction bounds a transaction that nobody goes on with.
const idleInTransaction = 30 * time.Second

// Connect opens one connection and sets it up.
func (s sessions) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	setup := fmt.Sprintf(
		"SET timezone = 'UTC'; SET datestyle = 'ISO'; SET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d; SET application_name = %s",
		s.settings.StatementTimeout.Milliseconds(), idleInTransaction.Milliseconds(), pq.QuoteLiteral(s.settings.Application))
	exec, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, fmt.Errorf("connection cannot be set up: %T", conn)
	}
	if _, err := exec.ExecContext(ctx, setup, nil); err != nil {
		_ = conn.Close() //nolint:errcheck // the set-up's own error is what the caller needs
		return nil, err
	}
	return conn, nil
}

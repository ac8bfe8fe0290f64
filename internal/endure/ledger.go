package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/postgres"
)

// ledger looks into the database past the service, as the superuser: nothing here shares a line with what wrote it.
type ledger struct{ queries }

// queries is what postgres opens for readers, as far as it is needed here.
type queries interface {
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	io.Closer
}

func openLedger(url string) (*ledger, error) {
	db, err := postgres.OpenReader(postgres.Settings{URL: url, Application: "endure ledger", Connections: 3, StatementTimeout: time.Minute})
	if err != nil {
		return nil, err
	}
	return &ledger{db}, nil
}

// holding gives the replicas whose keeper holds a job's row: each replica has a login of its own.
func (l *ledger) holding(ctx context.Context) ([]int, error) {
	const query = `
		SELECT DISTINCT usename FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'caldicott keeper' AND state = 'idle in transaction'`
	var logins []string
	if err := l.SelectContext(ctx, &logins, query); err != nil {
		return nil, err
	}
	var numbers []int
	for _, login := range logins {
		var n int
		if _, err := fmt.Sscanf(login, appRole, &n); err != nil {
			return nil, fmt.Errorf("login %s: %w", login, err)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// The longest that a sender may keep a notice, and that a refused one may wait (internal/courier, internal/notify).
const (
	longestLease = 2 * time.Minute
	longestPause = 6 * time.Hour
)

// letTimePass ends leases and pauses as if minutes had gone by, and says how many notices were in the hands of the dead. It
// holds the turn of delivering while it does so, and does nothing where a replica has it: so no lease that it ends is a living
// sender's. A lease or a pause that would not have ended by itself is a finding.
func (l *ledger) letTimePass(ctx context.Context, f *findings) (int, error) {
	const ahead = `
		SELECT id FROM casework.notices WHERE status = 'WAITING'
			AND (leased_until > clock_timestamp() + make_interval(secs => $1) OR next_at > clock_timestamp() + make_interval(secs => $2))`
	const pass = `
		WITH turn AS MATERIALIZED (
			SELECT name FROM casework.jobs WHERE name = 'deliver' FOR UPDATE SKIP LOCKED
		), waiting AS MATERIALIZED (
			SELECT id, leased_until > clock_timestamp() AS held FROM casework.notices, turn
			WHERE status = 'WAITING' AND (leased_until > clock_timestamp() OR next_at > clock_timestamp())
		), passed AS (
			UPDATE casework.notices n SET leased_until = NULL, next_at = LEAST(next_at, clock_timestamp())
			FROM waiting WHERE n.id = waiting.id AND n.status = 'WAITING'
			RETURNING waiting.held)
		SELECT count(*) FROM passed WHERE held`
	var endless []string
	if err := l.SelectContext(ctx, &endless, ahead, longestLease.Seconds(), longestPause.Seconds()); err != nil {
		return 0, err
	}
	for _, id := range endless {
		f.add("notice %s would be held or put off for longer than anything may be", id)
	}
	var held int
	return held, l.GetContext(ctx, &held, pass)
}

// unfinished says what is still to be done; "" for nothing.
func (l *ledger) unfinished(ctx context.Context) (string, error) {
	var left []string
	const query = `
		SELECT 'notice ' || event || ' to ' || recipient || endpoint || ' after ' || attempts || ' attempts ' || fault FROM casework.notices WHERE status = 'WAITING'
		UNION ALL SELECT 'request ' || request_id || ' due at ' || next_at FROM casework.agenda WHERE next_at <= clock_timestamp()
		UNION ALL SELECT 'job ' || name FROM casework.jobs WHERE finished_at IS NULL OR failures > 0`
	if err := l.SelectContext(ctx, &left, query); err != nil || len(left) == 0 {
		return "", err
	}
	const told = 5
	return fmt.Sprintf("%d things: %s", len(left), strings.Join(left[:min(told, len(left))], "; ")), nil
}

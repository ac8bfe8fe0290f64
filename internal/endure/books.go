package main

import (
	"context"
	"time"
)

// books are what the database holds in the end.
type books struct {
	deeds      []deedRow
	answers    map[string]answerRow // by person and key
	notices    []noticeRow
	requesters map[string]string   // of each request
	owners     map[string]string   // of each condition
	set        map[string][]string // conditions that a deed has set, by the deed's id
}

type deedRow struct {
	ID      string    `db:"id"`
	Request string    `db:"request_id"`
	Deed    string    `db:"deed"`
	Actor   string    `db:"actor"` // "" for the keeper
	At      time.Time `db:"at"`
	Subject string    `db:"subject"`
	Target  string    `db:"target"`
	Moment  string    `db:"moment"` // of what the keeper recorded
}

type answerRow struct {
	Person   string    `db:"user_id"`
	Key      string    `db:"key"`
	Status   int       `db:"status"`
	ETag     string    `db:"etag"`
	Location string    `db:"location"`
	Body     []byte    `db:"body"`
	At       time.Time `db:"given_at"`
	Request  string    `db:"request_id"`
}

type noticeRow struct {
	ID        string `db:"id"`
	Request   string `db:"request_id"`
	Recipient string `db:"recipient"`
	Endpoint  string `db:"endpoint"`
	Key       string `db:"key"`
	Status    string `db:"status"`
	Fault     string `db:"fault"`
	Attempts  int    `db:"attempts"`
	Reached   bool   `db:"reached"` // an endpoint, or a person with an address
}

// to is who is told: a person, or the endpoint.
func (n noticeRow) to() string { return n.Recipient + n.Endpoint }

// open reads the books.
func (l *ledger) open(ctx context.Context) (books, error) {
	b := books{answers: map[string]answerRow{}, set: map[string][]string{}}
	if err := l.SelectContext(ctx, &b.deeds, `
		SELECT id, request_id, deed, COALESCE(actor, '') AS actor, at, subject, target, COALESCE(details->>'moment', '') AS moment
		FROM casework.deeds ORDER BY entry_id`); err != nil {
		return b, err
	}
	if err := l.SelectContext(ctx, &b.notices, `
		SELECT n.id, COALESCE(CAST(n.request_id AS text), '') AS request_id, n.recipient, n.endpoint, n.key, n.status, n.fault, n.attempts,
			n.endpoint <> '' OR COALESCE(p.email, '') <> '' AS reached
		FROM casework.notices n LEFT JOIN casework.people p ON p.user_id = n.recipient ORDER BY n.place`); err != nil {
		return b, err
	}
	var answers []answerRow
	if err := l.SelectContext(ctx, &answers, `
		SELECT p.user_id, a.key, a.status, a.etag, a.location, a.body, a.given_at, COALESCE(CAST(a.request_id AS text), '') AS request_id
		FROM casework.answers_given a JOIN casework.people p ON p.id = a.person_id`); err != nil {
		return b, err
	}
	for _, a := range answers {
		b.answers[a.Person+" "+a.Key] = a
	}
	return b, l.openPeople(ctx, &b)
}

// openPeople reads who stands behind requests and conditions.
func (l *ledger) openPeople(ctx context.Context, b *books) error {
	var err error
	if b.requesters, err = l.pairs(ctx, `SELECT CAST(id AS text) AS name, requester AS value FROM casework.requests`); err != nil {
		return err
	}
	if b.owners, err = l.pairs(ctx, `SELECT CAST(id AS text) AS name, owner AS value FROM casework.conditions`); err != nil {
		return err
	}
	var set []pair
	err = l.SelectContext(ctx, &set, `
		SELECT CAST(d.id AS text) AS name, CAST(c.id AS text) AS value
		FROM casework.conditions c JOIN casework.deeds d ON d.entry_id = c.entry_id AND d.request_id = c.request_id`)
	for _, p := range set {
		b.set[p.Name] = append(b.set[p.Name], p.Value)
	}
	return err
}

type pair struct {
	Name  string `db:"name"`
	Value string `db:"value"`
}

func (l *ledger) pairs(ctx context.Context, query string) (map[string]string, error) {
	var list []pair
	if err := l.SelectContext(ctx, &list, query); err != nil {
		return nil, err
	}
	m := make(map[string]string, len(list))
	for _, p := range list {
		m[p.Name] = p.Value
	}
	return m, nil
}

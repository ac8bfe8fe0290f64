package main

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
)

// sealedWithin is how long a pack waits for entries that are not sealed yet: many times what sealing takes.
const sealedWithin = 5 * time.Second

// evidenceOf makes evidence packs from the reader's login, signed where there is a key of receipts.
func evidenceOf(work *casework.Service, f house.Furnished, proofs notary.Proofs, reader *sqlx.DB, receipts receiptOffice) rest.Evidence {
	e := rest.Evidence{
		Work: work, Proofs: proofs, Trail: evidenceTrail{auditdb.Evidence{DB: reader}}, Profiles: f.Evidence, Patience: sealedWithin,
	}
	if receipts.speaker != nil {
		e.Signer = receipts.speaker
	}
	return e
}

// evidenceTrail gives rest what packs are made of in its own words.
type evidenceTrail struct{ trail auditdb.Evidence }

// Entries reads entries in the order of their numbers.
func (e evidenceTrail) Entries(ctx context.Context, asked rest.EvidenceAsked) ([]rest.EvidenceRow, error) {
	read, err := e.trail.Entries(ctx, auditdb.EvidenceAsked(asked))
	rows := make([]rest.EvidenceRow, len(read))
	for i, r := range read {
		rows[i] = rest.EvidenceRow(r)
	}
	return rows, postgres.Explain(err, "evidence")
}

// Touched gives the requests about which there is an entry in the time, and how many entries lie in it.
func (e evidenceTrail) Touched(ctx context.Context, organisation string, from, to time.Time, limit int) ([]string, int, error) {
	ids, n, err := e.trail.Touched(ctx, organisation, from, to, limit)
	return ids, n, postgres.Explain(err, "evidence")
}

// Waits says whether an entry of the pack will soon be sealed.
func (e evidenceTrail) Waits(ctx context.Context, asked rest.EvidenceAsked, size int64) (bool, error) {
	waits, err := e.trail.Waits(ctx, auditdb.EvidenceAsked(asked), size)
	return waits, postgres.Explain(err, "evidence")
}

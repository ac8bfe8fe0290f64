package main

import (
	"context"
	"net/http"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/access"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/controls"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/identity"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
	"github.com/caldicott/caldicott/internal/server"
)

// wire is the only place that knows every room of the running service.
func wire(t *tools, config Config, furnished house.Furnished, work *casework.Service, db *postgres.DB, office *notaryOffice, receipts receiptOffice) (http.Handler, error) {
	verifier, err := identity.New(identity.Config{Issuer: config.Issuer, Audience: config.Audience, Skew: config.Skew})
	if err != nil {
		return nil, err
	}
	served := rest.Config{
		Work: work, History: historian{auditdb.History{DB: office.reader}}, Trail: logReader{auditdb.Log{DB: office.reader}}, Log: t.log,
		Notary:      rest.NotaryOf{Proofs: office.proofs, Alarm: office.alarm, Witnessed: office.witnessed(), Seals: office.sealer != nil, Signs: office.signer != nil},
		Controls:    controls.Book{DB: office.reader, Patience: controlsWithin},
		Signatures:  receipts.signatures,
		Speaks:      receipts.speaker,
		Deeds:       historian{auditdb.History{DB: office.reader}},
		PolicyLines: func() []api.PolicyLine { return policyLines(furnished.Policy) },
		Evidence:    evidenceOf(work, furnished, office.proofs, office.reader, receipts),
	}
	var public http.Handler
	if config.LogPublic {
		public = rest.PublicLog(served)
	}
	return server.New(server.Config{
		Verifier:  verifier,
		Known:     work.Known,
		API:       rest.New(served),
		PublicLog: public,
		Contract:  furnished.Contract,
		MaxBody:   rest.MaxUpload, // JSON is held to less where it is read
		Patience:  uploadWithin,
		Ready:     func(ctx context.Context) error { return db.Ready(ctx, furnished.Migrations) },
		Log:       t.log,
	}), nil
}

// historian gives rest the trail's lines in its own words.
type historian struct{ trail auditdb.History }

// History reads one page of the entries about one request.
func (h historian) History(ctx context.Context, asked rest.HistoryAsked) ([]rest.HistoryRow, error) {
	lines, err := h.trail.Of(ctx, auditdb.Asked(asked))
	rows := make([]rest.HistoryRow, len(lines))
	for i, l := range lines {
		rows[i] = rest.HistoryRow(l)
	}
	return rows, postgres.Explain(err, "history")
}

// Decision finds the entry of a decision.
func (h historian) Decision(ctx context.Context, id string) (rest.DeedRow, error) {
	deed, err := h.trail.Decision(ctx, id)
	return rest.DeedRow(deed), postgres.Explain(err, "decision")
}

// policyLines are the lines in force as the contract shows them.
func policyLines(p *access.Policy) []api.PolicyLine {
	var lines []api.PolicyLine
	for _, l := range p.Lines() {
		lines = append(lines, api.PolicyLine{
			Line: l.Place(), Role: l.Role, Action: l.Action, Whose: l.Whose, Ruling: l.Ruling, Comment: l.Comment,
		})
	}
	return lines
}

// uploadWithin is how long a request may take: the largest document over a hospital's slower lines.
const uploadWithin = 90 * time.Second

// controlsWithin is how long one of the auditors' questions may take: longer than any deed.
const controlsWithin = 60 * time.Second

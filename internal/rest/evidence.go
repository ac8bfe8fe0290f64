package rest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/evidence"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// Evidence makes evidence packs.
type Evidence struct {
	Work     *casework.Service
	Proofs   notary.Proofs
	Trail    EvidenceTrail
	Profiles evidence.Profiles
	// Signer signs manifests; nil where nobody does.
	Signer evidence.Signer
	// Patience is how long entries that are not sealed yet are waited for.
	Patience time.Duration
}

// EvidenceTrail reads what packs are made of, with a login that can.
type EvidenceTrail interface {
	Entries(ctx context.Context, asked EvidenceAsked) ([]EvidenceRow, error)
	// Touched gives the requests about which there is an entry in the time, up to so many, and how many entries lie in it.
	Touched(ctx context.Context, organisation string, from, to time.Time, limit int) ([]string, int, error)
	// Waits says whether an entry of the pack is not under a checkpoint of that size, but soon will be.
	Waits(ctx context.Context, asked EvidenceAsked, size int64) (bool, error)
}

// EvidenceAsked is which entries: those about a request or, Request "", those about none, of the organisation and of the
// service itself. From and To (zero: not at all) bound when they occurred; only so many after the entry of that number.
type EvidenceAsked struct {
	Request, Organisation string
	From, To              time.Time
	After                 int64
	Limit                 int
}

// EvidenceRow is an entry with its place in the log, its words, and who acted. Canon is nil where it was disposed of.
type EvidenceRow struct {
	ID        int64
	Canon     []byte
	LeafHash  []byte
	LeafIndex int64 // -1 while it waits
	Detailed  bool
	Salt      []byte
	Body      []byte
	Erased    bool
	Disposed  string
	UserID    string
	Name      string
	JobTitle  string
}

// What a pack holds at most: it is kept in nobody's memory, but its list of files is.
const (
	mostEvidence = 20_000 // entries
	evidencePage = 1_000  // entries that are about no request, in one section
)

// Make writes a pack into the folder that open gives. It is asked for after the policy has been, and after it is on record
// that evidence is taken out.
func (m Evidence) Make(ctx context.Context, by caldicott.Actor, e casework.Export, open func(casework.Exported) (evidence.Folder, error)) (casework.Exported, casework.Export, error) {
	profile, known := m.Profiles[e.Profile]
	if !known {
		return casework.Exported{}, e, unreadable("profile", "must be one of "+strings.Join(m.Profiles.Named(), ", "))
	}
	if _, err := rand.Read(e.Seed[:]); err != nil {
		return casework.Exported{}, e, err
	}
	out, err := m.Work.Export(ctx, by, e)
	if err != nil {
		return out, e, err
	}
	asked := EvidenceAsked{Request: e.Request, Organisation: out.OrganisationID, From: e.From, To: e.To, Limit: mostEvidence + 1}
	requests, err := m.touched(ctx, asked)
	if err != nil {
		return out, e, err
	}
	moment, err := m.sealed(ctx, asked)
	if err != nil {
		return out, e, err
	}
	keys, err := m.keys(ctx)
	if err != nil {
		return out, e, err
	}
	to, err := open(out)
	if err != nil {
		return out, e, err
	}
	about := evidence.About{
		Origin: m.Proofs.Origin, Organisation: out.OrgCode, Purpose: e.Purpose, Request: e.Request, MadeAt: out.At, MadeBy: by.UserID,
		Policy: m.Work.Policy.Digest(), Checkpoint: evidence.CheckpointOf(moment.Tree, moment.Note), Keys: keys,
	}
	if e.Request == "" {
		about.From, about.To = &e.From, &e.To
	}
	pack := evidence.New(to, about, profile, e.Seed)
	pack.Signer = m.Signer
	packer := packer{m, moment, pack, map[string]evidence.Person{}}
	if e.Request != "" {
		err = packer.request(ctx, "", asked, out.Case, out.At)
	} else {
		err = packer.period(ctx, asked, requests)
	}
	if err != nil {
		return out, e, fmt.Errorf("evidence: %w", err)
	}
	_, err = pack.Close()
	return out, e, err
}

// touched are the requests of a period; too many entries are refused before anything is sent.
func (m Evidence) touched(ctx context.Context, asked EvidenceAsked) ([]string, error) {
	if asked.Request != "" {
		return nil, nil
	}
	ids, entries, err := m.Trail.Touched(ctx, asked.Organisation, asked.From, asked.To, asked.Limit)
	if err == nil && entries > mostEvidence {
		err = caldicott.Errorf(caldicott.TooLarge, api.CodeTooLarge,
			"The period has %d entries, and a pack holds %d: ask for a shorter one.", entries, mostEvidence)
	}
	return ids, err
}

// sealed waits for what has only just been written, and gives the checkpoint by which the pack is proved. What is still not
// under it when patience ends is listed as waiting.
func (m Evidence) sealed(ctx context.Context, asked EvidenceAsked) (*notary.Moment, error) {
	const look = 150 * time.Millisecond
	for end := time.Now().Add(m.Patience); ; {
		moment, err := m.Proofs.Newest(ctx)
		if err != nil {
			return nil, err
		}
		waits, err := m.Trail.Waits(ctx, asked, moment.Tree.Size)
		if err != nil || !waits || !time.Now().Before(end) {
			return moment, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(look):
		}
	}
}

func (m Evidence) keys(ctx context.Context) ([]string, error) {
	words, err := m.Proofs.Shelf.Keys(ctx)
	var keys []string
	for _, k := range words {
		if k.Role == notary.LogRole {
			keys = append(keys, k.Key)
		}
	}
	return keys, err
}

// packer fills one pack.
type packer struct {
	Evidence
	moment *notary.Moment
	pack   *evidence.Pack
	people map[string]evidence.Person // by user id: staff, who are few
}

// period packs each request of the period as it stood at its end, and then what is about none.
func (p packer) period(ctx context.Context, asked EvidenceAsked, requests []string) error {
	for _, id := range requests {
		asked.Request = id
		last := asked.To.Add(-time.Microsecond)
		c, existed, err := p.Work.CaseThen(ctx, id, last)
		if err != nil {
			return err
		}
		folder := "requests/" + id + "/"
		if !existed {
			err = p.entries(ctx, folder, asked, nil)
		} else {
			err = p.request(ctx, folder, asked, c, last)
		}
		if err != nil {
			return err
		}
	}
	asked.Request, asked.Limit = "", evidencePage
	for n := 1; ; n++ {
		rows, err := p.Trail.Entries(ctx, asked)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := p.add(ctx, fmt.Sprintf("besides/%d/", n), nil, rows); err != nil {
			return err
		}
		asked.After = rows[len(rows)-1].ID
	}
}

func (p packer) request(ctx context.Context, folder string, asked EvidenceAsked, c caldicott.Case, at time.Time) error {
	shown, err := p.caseOf(ctx, c, at)
	if err != nil {
		return err
	}
	return p.entries(ctx, folder, asked, &shown)
}

func (p packer) entries(ctx context.Context, folder string, asked EvidenceAsked, c *evidence.Case) error {
	rows, err := p.Trail.Entries(ctx, asked)
	if err != nil {
		return err
	}
	if len(rows) > mostEvidence {
		return fmt.Errorf("request %s has more entries than a pack holds", asked.Request)
	}
	return p.add(ctx, folder, c, rows)
}

func (p packer) add(ctx context.Context, folder string, c *evidence.Case, rows []EvidenceRow) error {
	entries := make([]evidence.Entry, len(rows))
	for i, r := range rows {
		leaf := notary.Leaf{Entry: r.ID, Index: r.LeafIndex}
		if len(r.LeafHash) != len(leaf.Hash) {
			return fmt.Errorf("entry %d has no leaf", r.ID)
		}
		leaf.Hash = merkle.Hash(r.LeafHash)
		e := evidence.Entry{
			ID: r.ID, Canon: r.Canon, Leaf: leaf.Hash, Index: -1, Disposed: r.Disposed, Detailed: r.Detailed, Salt: r.Salt, Body: r.Body,
			Erased: r.Erased, Person: evidence.Person{UserID: r.UserID, Name: r.Name, JobTitle: r.JobTitle},
		}
		path, under, err := p.moment.Prove(ctx, leaf)
		if err != nil {
			return err
		}
		if under {
			e.Index, e.Path = r.LeafIndex, path
		}
		entries[i] = e
	}
	return p.pack.Add(folder, c, entries)
}

// The parameters of a pack.
var (
	evidenceOf      = param{"request", "must be the id of a request", api.IsID}
	evidenceFrom    = param{"from", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	evidenceTo      = param{"to", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	evidenceProfile = param{"profile", "must be the name of a profile", func(s string) bool { return s != "" && len(s) <= 40 }}
	evidencePurpose = coded("purpose", "log_purpose")
)

// wantedEvidence reads what somebody asks for: a request, or a period that is over.
func (s *service) wantedEvidence(r *http.Request) (casework.Export, error) {
	asked, err := ask(r, evidenceOf, evidenceFrom, evidenceTo, evidenceProfile, evidencePurpose)
	if err != nil {
		return casework.Export{}, err
	}
	e := casework.Export{Request: asked[evidenceOf.name], From: asked.instant(evidenceFrom), To: asked.instant(evidenceTo)}
	if e.Profile, err = asked.need(evidenceProfile); err != nil {
		return e, err
	}
	if e.Purpose, err = asked.need(evidencePurpose); err != nil {
		return e, err
	}
	return e, CheckExport(e, s.Work.Now())
}

// CheckExport refuses what is neither a request nor a period that is over.
func CheckExport(e casework.Export, now time.Time) error {
	bounds := map[string]time.Time{evidenceFrom.name: e.From, evidenceTo.name: e.To}
	for _, p := range []param{evidenceFrom, evidenceTo} {
		switch given := !bounds[p.name].IsZero(); {
		case e.Request != "" && given:
			return unreadable(p.name, "cannot be given with request")
		case e.Request == "" && !given:
			return unreadable(p.name, "must be given, or else request")
		}
	}
	switch {
	case e.Request != "":
		return nil
	case !e.From.Before(e.To):
		return unreadable(evidenceFrom.name, "must be before to")
	case e.To.After(now):
		return unreadable(evidenceTo.name, "must not lie in the future")
	}
	return nil
}

// sendEvidence sends a pack as it is made. What breaks off after its beginning is cut off, so that nobody takes it for whole.
func (s *service) sendEvidence(w http.ResponseWriter, r *http.Request) error {
	e, err := s.wantedEvidence(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead { // nothing is taken, so nothing goes on record
		w.Header().Set("Content-Type", "application/zip")
		return nil
	}
	free, err := s.export()
	if err != nil {
		return err
	}
	defer free()
	sent := &counted{to: w, sum: sha256.New()}
	out, e, err := s.Evidence.Make(r.Context(), actorOf(r.Context()), e, func(out casework.Exported) (evidence.Folder, error) {
		h := w.Header()
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", `attachment; filename="`+packName(e, out)+`"`)
		return evidence.Zip(sent), nil
	})
	if err != nil && !out.Recorded() {
		return err
	}
	err = errors.Join(err, s.Work.Given(r.Context(), e, out, sent.n, [32]byte(sent.sum.Sum(nil)), err == nil))
	switch {
	case err == nil:
		return nil
	case sent.n == 0:
		for _, name := range []string{"Content-Type", "Content-Disposition"} {
			w.Header().Del(name)
		}
		return err
	}
	s.Log.ErrorContext(r.Context(), "evidence broke off", "request_id", RequestIDOf(r.Context()), "cause", causeOf(err))
	panic(http.ErrAbortHandler)
}

// packName is the name of the file: letters, digits, - and . only.
func packName(e casework.Export, out casework.Exported) string {
	what := out.Case.Request.Reference
	switch {
	case e.Request == "":
		what = out.OrgCode + "-" + e.From.UTC().Format("20060102T150405Z") + "-" + e.To.UTC().Format("20060102T150405Z")
	case what == "":
		what = e.Request
	}
	return "evidence-" + what + "-" + e.Profile + ".zip"
}

// counted counts and digests what is sent.
type counted struct {
	to  io.Writer
	n   int64
	sum hash.Hash
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	return n, err
}

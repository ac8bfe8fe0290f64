package rehearse_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/housetest"
)

// kept is a stage on which everything is committed, as in service.
type kept struct{ store caldicott.Store }

func (k kept) Rehearse(_ context.Context, f func(caldicott.Store) error) error { return f(k.store) }

// played plays one of the given scenarios for good and gives the house it was played in.
func played(t *testing.T, id string) *housetest.House {
	t.Helper()
	h := housetest.New(t)
	f := read(t, "../../testdata/scenarios.json")
	for _, c := range f.Cases {
		if c.ID != id {
			continue
		}
		report, err := player(t, h).Play(t.Context(), f, c, kept{h.DB})
		if err != nil || len(report.Differences) > 0 {
			t.Fatal(id, err, report.Differences)
		}
		return h
	}
	t.Fatalf("no scenario %s", id)
	return nil
}

// verified reads the trail as the reader and gives what was found.
func verified(t *testing.T, h *housetest.House) []audit.Finding {
	t.Helper()
	db := open(t, housetest.ReaderURL(h.Database))
	trail, err := auditdb.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer trail.Close()
	var found []audit.Finding
	summary, err := audit.Verify(t.Context(), trail, func(f audit.Finding) {
		if !f.Note() {
			found = append(found, f)
		}
	})
	if err != nil || len(summary.Skipped) > 0 || summary.Entries == 0 || summary.CaseRows == 0 || summary.Versions == 0 {
		t.Fatalf("not everything was read: %+v, %v", summary, err)
	}
	return found
}

func open(t *testing.T, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestTheTrailOfEveryScenarioHolds(t *testing.T) {
	t.Parallel()
	for _, c := range read(t, "../../testdata/scenarios.json").Cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			if found := verified(t, played(t, c.ID)); len(found) > 0 {
				t.Errorf("the trail of %s does not hold: %v", c.ID, found)
			}
		})
	}
}

// TestWhatASuperuserChangesIsNamed is the fourth of the issue's own list, on the trail of a real case: with constraint and
// triggers out of the way, one byte of an entry, the entry with its hash, a projection, the last entry of the request.
func TestWhatASuperuserChangesIsNamed(t *testing.T) {
	t.Parallel()
	const decide = `(SELECT id FROM audit.entries WHERE action = 'decide' AND outcome = 'done')`
	const last = `(SELECT max(id) FROM audit.entries WHERE stream LIKE 'request:%' AND seq IS NOT NULL)`
	for name, attack := range map[string]struct{ sql, entry string }{
		"one byte of canon": {`UPDATE audit.entries SET canon = set_byte(canon, octet_length(canon) - 3, 57) WHERE id = ` + decide, decide},
		"canon and its hash": {`UPDATE audit.entries SET canon = c, leaf_hash = sha256('\x00'::bytea || c) FROM (
			SELECT convert_to(replace(convert_from(canon, 'UTF8'), 'CALDICOTT_GUARDIAN', 'CALDICOTT_GUARDIAM'), 'UTF8') AS c
			FROM audit.entries WHERE id = ` + decide + `) x WHERE id = ` + decide, decide},
		"a projection":           {`UPDATE audit.entries SET actor_id = gen_random_uuid() WHERE id = ` + decide, decide},
		"the last entry":         {`DELETE FROM audit.entries WHERE id = ` + last, ""},
		"a decision's outcome":   {`UPDATE casework.decisions SET outcome = 'REFUSE'`, decide},
		"the request's state":    {`UPDATE casework.requests SET state = 'DRAFT'`, ""},
		"who did a deed":         {`UPDATE casework.deeds SET actor = 'u-iglead' WHERE deed = 'decide'`, decide},
		"a decision's rationale": {`UPDATE casework.decisions SET rationale = 'Because.'`, decide},
		"a decision's expiry":    {`UPDATE casework.decisions SET expiry_date = expiry_date + 365`, decide},
		"an adviser's words":     {`UPDATE casework.advice SET text = 'I object.'`, ""},
		"a condition's owner":    {`UPDATE casework.conditions SET owner = 'u-iglead' WHERE label = 'C1'`, decide},
		"a decision's row":       {`UPDATE casework.decisions SET entry_id = 1`, ""},
		"a version's words":      {`UPDATE casework.versions SET content = content || ' ', digest = sha256(convert_to(content || ' ', 'UTF8'))`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := played(t, "S03")
			su := open(t, h.Database.Superuser)
			named := ""
			if attack.entry != "" {
				if err := su.Get(&named, `SELECT 'entry ' || id FROM audit.entries WHERE id = `+attack.entry); err != nil {
					t.Fatal(err)
				}
			}
			disarm(t, su)
			result, err := su.Exec(attack.sql)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := result.RowsAffected(); n == 0 || err != nil {
				t.Fatalf("the attack changed nothing: %v", err)
			}
			found := verified(t, h)
			if len(found) == 0 {
				t.Fatal("nothing was found")
			}
			if said := fmt.Sprint(found); !strings.Contains(said, named) {
				t.Errorf("what was found does not name %s: %s", named, said)
			}
		})
	}
}

// disarm does what only a superuser can: every trigger off, the hash's constraint and the foreign keys gone.
func disarm(t *testing.T, su *sqlx.DB) {
	t.Helper()
	var statements []string
	const query = `
		SELECT format('ALTER TABLE %s DISABLE TRIGGER ALL', c.oid::regclass) FROM pg_class c
		WHERE c.relkind = 'r' AND c.relnamespace IN ('audit'::regnamespace, 'casework'::regnamespace)
		UNION ALL SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) FROM pg_constraint k
		WHERE k.connamespace IN ('audit'::regnamespace, 'casework'::regnamespace) AND k.contype IN ('f', 'c')`
	if err := su.Select(&statements, query); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := su.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestADeedThatChangedNothingIsNamed has the application's own login append a deed that never happened, which the database
// cannot tell from one that did; the verifier asks for the row that it should have left.
func TestADeedThatChangedNothingIsNamed(t *testing.T) {
	t.Parallel()
	h := played(t, "S02")
	app := open(t, housetest.AppURL(h.Database))
	for _, kind := range []string{"request", "organisation"} {
		var end struct {
			Stream string `db:"stream"`
			Seq    int    `db:"seq"`
			Head   []byte `db:"head"`
		}
		if err := app.Get(&end, `SELECT stream, seq, head FROM audit.chains WHERE stream LIKE $1 LIMIT 1`, kind+":%"); err != nil {
			t.Fatal(err)
		}
		e := caldicott.Event{Stream: end.Stream, Chained: true, Action: caldicott.Enrol, Outcome: caldicott.OutcomeDone, At: h.Service.Now()}
		e.Organisation = strings.TrimPrefix(end.Stream, "organisation:")
		if kind == "request" {
			e.Request, e.Organisation = strings.TrimPrefix(end.Stream, "request:"), ""
		}
		w, err := audit.Write(e, end.Seq+1, [32]byte(end.Head))
		if err != nil {
			t.Fatal(err)
		}
		var id int64
		if err := app.Get(&id, `SELECT audit.append($1, $2, $3, $4, NULL, NULL)`, end.Stream, end.Seq+1, end.Head, w.Canon); err != nil {
			t.Fatal(err)
		}
		if said := fmt.Sprint(verified(t, h)); !strings.Contains(said, fmt.Sprintf("entry %d ", id)) || !strings.Contains(said, "I2") {
			t.Errorf("a deed on the %s that changed nothing is not named: %s", kind, said)
		}
	}
}

package auditdb_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
)

const logName = "trust.example/caldicott"

// signatory seals and signs, as the service does.
type signatory struct {
	*notary.Sealer
	*notary.Signer
	keys audit.Keys
	key  notary.Key
}

func (h house) signatory(t testing.TB) signatory {
	t.Helper()
	secret, public, err := notary.GenerateKey(logName)
	if err != nil {
		t.Fatal(err)
	}
	signing, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := audit.ParseKeys(strings.NewReader("# the log's\n" + public + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return signatory{
		&notary.Sealer{Book: notarydb.Book{DB: h.superuser}, Batch: 7},
		&notary.Signer{Origin: logName, Keys: signing, Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: h.superuser}}, Memory: notary.File(filepath.Join(t.TempDir(), "signed"))},
		keys, signing[0],
	}
}

// seal seals what is waiting, signs it, and gives the signed checkpoint.
func (s signatory) seal(t testing.TB) audit.Note {
	t.Helper()
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	signed, err := s.Memory.Recall()
	if err != nil {
		t.Fatal(err)
	}
	n, err := audit.ParseNote(signed)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (h house) audit(t testing.TB, a audit.Auditor) (audit.Summary, []audit.Finding) {
	t.Helper()
	trail, err := auditdb.Open(t.Context(), h.reader)
	if err != nil {
		t.Fatal(err)
	}
	defer trail.Close()
	var findings []audit.Finding
	sum, err := a.Database(t.Context(), trail, func(f audit.Finding) { findings = append(findings, f) })
	if err != nil {
		t.Fatal(err)
	}
	return sum, findings
}

// readings fills the trail with entries outside of all chains, in one transaction.
func (h house) readings(t testing.TB, n int) {
	t.Helper()
	tx := h.app.MustBeginTx(t.Context(), nil)
	defer tx.Rollback()
	for range n {
		if _, err := record(t, tx, unchained(h.draft(t, tx, uuid.NewString()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestASealedTrailIsSoundToTheLastSignature(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signatory(t)
	request := uuid.NewString()
	for range 3 {
		h.deed(t, request)
	}
	old := s.seal(t)
	h.readings(t, 600)
	s.seal(t)
	h.deed(t, request)
	sum, findings := h.audit(t, audit.Auditor{Keys: s.keys, Anchors: []audit.Note{old}, Workers: 3})
	if !sum.Sound() || !sum.Certain() || len(findings) > 0 {
		t.Errorf("%+v %v", sum, findings)
	}
	if sum.Entries != 604 || sum.Leaves != 603 || sum.Waiting != 1 || sum.Tiles != 2 || sum.Checkpoints != 87 || sum.Signatures != 2 || sum.Anchors != 1 {
		t.Errorf("not all was read: %+v", sum)
	}
	if sum, findings := h.audit(t, audit.Auditor{}); !sum.Sound() || !sum.Certain() || !says(findings, "signatures were not checked") {
		t.Errorf("without keys: %+v %v", sum, findings)
	}
}

func says(findings []audit.Finding, text string) bool {
	return slices.ContainsFunc(findings, func(f audit.Finding) bool { return stands(f.String(), text) })
}

func TestWhoCannotKnowTheSignatureCannotTell(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, other := h.signatory(t), h.signatory(t)
	h.deed(t, uuid.NewString())
	if sum, _ := h.audit(t, audit.Auditor{Keys: s.keys}); !sum.Sound() || sum.Certain() {
		t.Errorf("a log that is not signed at all: %+v", sum)
	}
	if sum, findings := h.audit(t, audit.Auditor{}); !sum.Certain() || sum.Waiting != 1 || !says(findings, "nothing has ever been sealed") {
		t.Errorf("without a log: %+v %v", sum, findings)
	}
	if sum, _ := h.audit(t, audit.Auditor{Policy: func(string) error { return nil }}); !sum.Sound() || sum.Certain() {
		t.Errorf("a policy asks for a log: %+v", sum)
	}
	h.superuser.MustExec(`INSERT INTO audit.keys (vkey, role, valid_from_size) VALUES ($1, 'receipt', 0)`, s.key.Verifier())
	if sum, _ := h.audit(t, audit.Auditor{}); !sum.Certain() {
		t.Errorf("a receipt's key asks for no log: %+v", sum)
	}
	h.superuser.MustExec(`INSERT INTO audit.keys (vkey, role, valid_from_size) VALUES ($1, 'log', 0)`, s.key.Verifier())
	if sum, findings := h.audit(t, audit.Auditor{}); !sum.Sound() || sum.Certain() || !says(findings, "not signed") {
		t.Errorf("the house has a key, and no log: %+v %v", sum, findings)
	}
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum, _ := h.audit(t, audit.Auditor{}); !sum.Sound() || sum.Certain() {
		t.Errorf("checkpoints, and nobody signed one: %+v", sum)
	}
	anchor := s.seal(t)
	sum, findings := h.audit(t, audit.Auditor{Keys: other.keys, Anchors: []audit.Note{anchor}})
	if !sum.Sound() || sum.Certain() || sum.Unchecked != 1 || len(sum.Skipped) != 2 || sum.Anchors != 0 {
		t.Errorf("%+v %v", sum, findings)
	}
}

// Whoever puts an older log back, and has no key, cannot have it signed as it goes on.
func TestLeavesThatNobodySignsForLongCannotBeTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signatory(t)
	h.deed(t, uuid.NewString())
	s.seal(t)
	h.deed(t, uuid.NewString())
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum, findings := h.audit(t, audit.Auditor{Keys: s.keys}); !sum.Sound() || !sum.Certain() {
		t.Errorf("it is only just sealed: %+v %v", sum, findings)
	}
	h.superuser.MustExec(`ALTER TABLE audit.checkpoints DISABLE TRIGGER ALL`)
	h.superuser.MustExec(`UPDATE audit.checkpoints SET sealed_at = sealed_at - interval '2 minutes'`)
	if sum, findings := h.audit(t, audit.Auditor{Keys: s.keys}); !sum.Sound() || sum.Certain() || !says(findings, "nobody has signed more than") {
		t.Errorf("%+v %v", sum, findings)
	}
}

// What waits is counted; what waits too long is the sealer's lag, unless the log says that all of its time are sealed.
func TestAnEntryThatWaitsIsLagAndOneThatWasPassedOverIsFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signatory(t)
	request := uuid.NewString()
	h.deed(t, request)
	second := h.deed(t, request)
	s.seal(t)
	waiting := h.deed(t, request)
	h.superuser.MustExec(unlocked)
	const longAgo = `UPDATE audit.entries SET recorded_at = recorded_at - interval '10 seconds' WHERE id <= $1`
	h.superuser.MustExec(longAgo, waiting)
	sum, findings := h.audit(t, audit.Auditor{})
	if !sum.Sound() || sum.Certain() || sum.Waiting != 1 || sum.Late != 1 || !says(findings, fmt.Sprintf("entry %d seq 3 waits to be sealed", waiting)) {
		t.Errorf("%+v %v", sum, findings)
	}
	h.superuser.MustExec(unlockedLog[1:])
	h.superuser.MustExec(`UPDATE audit.checkpoints SET low_water = pg_current_xact_id()`) // others' transactions may hold it back
	h.superuser.MustExec(`DELETE FROM audit.leaves WHERE entry_id = $1`, second)
	sum, findings = h.audit(t, audit.Auditor{})
	if sum.Sound() || !says(findings, fmt.Sprintf("entry %d seq 2 has no leaf in the log", second)) {
		t.Errorf("%+v %v", sum, findings)
	}
}

const unlockedLog = `;
	ALTER TABLE audit.leaves DISABLE TRIGGER ALL, DROP CONSTRAINT leaves_entry_id_key, DROP CONSTRAINT leaves_pkey;
	ALTER TABLE audit.tiles DISABLE TRIGGER ALL;
	ALTER TABLE audit.signatures DISABLE TRIGGER ALL, DROP CONSTRAINT signatures_size_fkey;
	ALTER TABLE audit.keys DISABLE TRIGGER ALL;
	ALTER TABLE audit.checkpoints DISABLE TRIGGER ALL;`

// The log is tampered with by whoever can do everything to it. The trail's own entries are a chain of three, behind 300
// readings and before another 300; :middle is leaf 301.
func TestTamperingWithTheLogIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   string
		want []string
	}{
		"a leaf's hash":     {`UPDATE audit.leaves SET leaf_hash = sha256('') WHERE entry_id = :middle`, []string{"I6: stream :stream entry :middle seq 2 is not what was sealed as leaf 301 (want ", "I8: entry :middle is leaf 301, and its tile", "I9: the leaves make another root than the checkpoint of size"}},
		"a leaf deleted":    {`DELETE FROM audit.leaves WHERE entry_id = :middle`, []string{"I7: leaves 301 to 301 are missing", "I6: stream :stream entry :middle seq 2 has no leaf in the log, and seq 3 has"}},
		"a leaf of nothing": {`UPDATE audit.leaves SET entry_id = 99999 WHERE entry_id = :middle`, []string{"I6: entry 99999 was sealed as leaf 301, and is gone"}},
		"a leaf twice":      {`INSERT INTO audit.leaves SELECT * FROM audit.leaves WHERE entry_id = :middle`, []string{"I6: stream :stream entry :middle seq 2 stands twice", "I7: entry :middle leaf 301 stands twice"}},
		"a leaf added":      {`INSERT INTO audit.leaves SELECT 603, entry_id, leaf_hash FROM audit.leaves WHERE entry_id = :middle`, []string{"stands twice in the trail, or in the log", "I9: the log has 604 leaves, and its newest checkpoint says 603"}},
		"leaves swapped": {`UPDATE audit.leaves SET leaf_index = CASE entry_id WHEN :middle THEN 302 ELSE 301 END WHERE entry_id IN (:middle, :last)`,
			[]string{"I6: stream :stream entry :last seq 3 is leaf 301 of the log, and stands before seq 2", "I8: entry :last is leaf 301"}},
		"entry deleted": {`DELETE FROM audit.entries WHERE id = :middle`, []string{"I6: entry :middle was sealed as leaf 301, and is gone from the trail (want "}},
		"an entry outside of all chains, with its hash and leaf": {`UPDATE audit.entries SET canon = say(canon, 'viewed', 'searched'), leaf_hash = leaf(say(canon, 'viewed', 'searched')), action = 'searched' WHERE id = :middle - 100;
			UPDATE audit.leaves l SET leaf_hash = e.leaf_hash FROM audit.entries e WHERE e.id = l.entry_id AND e.id = :middle - 100`,
			[]string{"I8: entry :reading is leaf 201, and its tile remembers another hash", "I9: the leaves make another root"}},
		"a tile's hash":    {`UPDATE audit.tiles SET hashes = set_byte(hashes, 100, 1 # get_byte(hashes, 100)) WHERE idx = 1`, []string{"I8: the hashes of tile 0/1 are not those", "is leaf 259, and its tile"}},
		"a tile's root":    {`UPDATE audit.tiles SET root = sha256('') WHERE idx = 1`, []string{"I8: tile 0/1 has another root"}},
		"a tile deleted":   {`DELETE FROM audit.tiles WHERE idx = 1`, []string{"I8: 1 of 2 full tiles of level 0 are missing"}},
		"a tile forged":    {`INSERT INTO audit.tiles SELECT 3, 7, root, hashes FROM audit.tiles WHERE idx = 1`, []string{"I8: tile 3/7 has another root"}},
		"a root":           {`UPDATE audit.checkpoints SET root = sha256('') WHERE size = 307`, []string{"I9: the leaves make another root than the checkpoint of size 307 says"}},
		"a signed root":    {`UPDATE audit.checkpoints SET root = sha256('') WHERE size = 603`, []string{"I9: the leaves make another root than the checkpoint of size 603", "I10: the checkpoint of size 603 was not signed as it is"}},
		"a signature":      {`UPDATE audit.signatures SET line = (SELECT line FROM audit.signatures WHERE size = 300) WHERE size = 603`, []string{"I10: the checkpoint of size 603 was not signed as it is"}},
		"a key's span":     {`INSERT INTO audit.keys (vkey, role, valid_from_size, valid_to_size) SELECT vkey, role, 0, 400 FROM audit.keys`, []string{"I11: key trust.example/caldicott+"}},
		"newest truncated": {`DELETE FROM audit.leaves WHERE leaf_index >= 500`, []string{"I9: the log has 500 leaves, and its newest checkpoint says 603"}},
		"checkpoint gone":  {`DELETE FROM audit.checkpoints WHERE size = 603`, []string{"I9: the log has 603 leaves, and its newest checkpoint says 601", "I10: a checkpoint of size 603 was signed, and is not there"}},
		"a whole new log":  {`DELETE FROM audit.leaves; DELETE FROM audit.tiles; DELETE FROM audit.signatures; DELETE FROM audit.checkpoints`, []string{"anchor: the log was rolled back: it has 0 whole leaves, and a checkpoint of 300 was kept outside (want "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			s := h.signatory(t)
			request := uuid.NewString()
			h.readings(t, 300)
			anchor := s.seal(t)
			h.deed(t, request)
			middle, last := h.deed(t, request), h.deed(t, request)
			h.readings(t, 300)
			s.seal(t)
			h.superuser.MustExec(unlocked + unlockedLog)
			h.superuser.MustExec(`UPDATE audit.entries SET recorded_at = recorded_at - interval '10 seconds'`)
			auditor := audit.Auditor{Keys: s.keys, Anchors: []audit.Note{anchor}}
			if sum, findings := h.audit(t, auditor); !sum.Sound() || !sum.Certain() {
				t.Fatal(findings)
			}
			fill := filler(request, 0, middle, last)
			fill = func(base func(string) string) func(string) string {
				return func(s string) string { return base(strings.ReplaceAll(s, ":reading", fmt.Sprint(middle-100))) }
			}(fill)
			h.superuser.MustExec(fill(c.do))
			sum, findings := h.audit(t, auditor)
			if sum.Sound() {
				t.Fatal("passed as sound")
			}
			for _, want := range c.want {
				if !says(findings, fill(want)) {
					t.Errorf("nobody says %q:\n%v", fill(want), findings)
				}
			}
		})
	}
}

// A clean rollback is sound in itself: only what was kept outside shows it.
func TestACleanRollbackIsSeenByAnAnchorOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.signatory(t)
	h.readings(t, 300)
	s.seal(t)
	h.readings(t, 20)
	anchor := s.seal(t)
	h.superuser.MustExec(`ALTER TABLE audit.entries DISABLE TRIGGER ALL` + unlockedLog)
	h.superuser.MustExec(`DELETE FROM audit.signatures WHERE size > 300; DELETE FROM audit.checkpoints WHERE size > 300;
		DELETE FROM audit.entries WHERE id IN (SELECT entry_id FROM audit.leaves WHERE leaf_index >= 300); DELETE FROM audit.leaves WHERE leaf_index >= 300`)
	if sum, findings := h.audit(t, audit.Auditor{Keys: s.keys}); !sum.Sound() || !sum.Certain() {
		t.Errorf("%+v %v", sum, findings)
	}
	if sum, findings := h.audit(t, audit.Auditor{Keys: s.keys, Anchors: []audit.Note{anchor}}); sum.Sound() || !says(findings, "anchor: the log was rolled back: it has 300 whole leaves, and a checkpoint of 320") {
		t.Errorf("%+v %v", sum, findings)
	}
	h.readings(t, 40)
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum, findings := h.audit(t, audit.Auditor{Keys: s.keys, Anchors: []audit.Note{anchor}}); sum.Sound() || !says(findings, "anchor: the log was rewritten: its first 320 leaves") {
		t.Errorf("%+v %v", sum, findings)
	}
}

// disposing is what retention's disposal leaves behind.
const disposing = `
	CREATE TABLE IF NOT EXISTS audit.disposals (entry_id bigint PRIMARY KEY, certificate_entry bigint NOT NULL, disposed_at timestamptz NOT NULL DEFAULT now());
	GRANT SELECT ON audit.disposals TO caldicott_reader;
	ALTER TABLE audit.entries ALTER canon DROP NOT NULL;`

func TestWhatWasDisposedOfNeedsItsCertificate(t *testing.T) {
	t.Parallel()
	const gone = `UPDATE audit.entries SET canon = NULL WHERE id IN (:middle, :last);
		UPDATE audit.details SET salt = NULL, body = NULL, erased_at = now(), erasure_entry = :certificate WHERE entry_id IN (:middle, :last);`
	const listed = `INSERT INTO audit.disposals (entry_id, certificate_entry) VALUES (:middle, :certificate), (:last, :certificate);`
	for name, c := range map[string]struct {
		do    string
		facts map[string]string
		want  string
	}{
		"with its certificate": {gone + listed, map[string]string{"count": "2"}, ""},
		"without":              {gone, nil, "disposal: stream :stream entry :middle seq 2 has lost its bytes, and no certificate"},
		"half of it listed":    {gone + `INSERT INTO audit.disposals VALUES (:middle, :certificate)`, nil, "disposal: stream :stream entry :last seq 3 has lost its bytes"},
		"by another number":    {gone + listed, map[string]string{"count": "3"}, "disposal: entry :certificate certifies the disposal of 3 entries, and 2 are listed"},
		"out of its range":     {gone + listed, map[string]string{"first": "1000", "last": "1001"}, "disposal: entry :middle is listed as disposed of by certificate"},
		"by no certificate":    {gone + `INSERT INTO audit.disposals SELECT x, 1 FROM unnest(ARRAY[:middle, :last]) x`, nil, "disposal: entry 1 is no certificate"},
		"listed and kept":      {listed, nil, "disposal: entry :middle is listed as disposed of, and its bytes are here"},
		"all of it gone":       {gone + listed + `DELETE FROM audit.entries WHERE id = :last`, nil, "disposal: entry :last is listed as disposed of, and all of it is gone"},
		"words left behind":    {`UPDATE audit.entries SET canon = NULL WHERE id IN (:middle, :last);` + listed, nil, "detail: entry :middle was disposed of, and its words are still here"},
		"another hash":         {gone + listed + `UPDATE audit.entries SET leaf_hash = sha256('') WHERE id = :middle`, nil, "I6: stream :stream entry :middle seq 2 is not what was sealed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			s := h.signatory(t)
			request := uuid.NewString()
			h.deed(t, request)
			middle, last := h.deed(t, request), h.deed(t, request)
			certificate := unchained(h.draft(t, h.superuser, uuid.NewString()))
			certificate.Stream, certificate.Request, certificate.Action, certificate.Facts = "disposals", "", "disposed", c.facts
			id, err := record(t, h.app, certificate)
			if err != nil {
				t.Fatal(err)
			}
			s.seal(t)
			h.superuser.MustExec(unlocked + unlockedLog + disposing)
			fill := filler(request, 0, middle, last)
			with := func(s string) string { return fill(strings.ReplaceAll(s, ":certificate", fmt.Sprint(id))) }
			h.superuser.MustExec(with(c.do))
			sum, findings := h.audit(t, audit.Auditor{Keys: s.keys})
			if sum.Sound() != (c.want == "") || c.want == "" && sum.Disposed != 2 || c.want != "" && !says(findings, with(c.want)) {
				t.Errorf("want %q: %+v %v", with(c.want), sum, findings)
			}
		})
	}
}

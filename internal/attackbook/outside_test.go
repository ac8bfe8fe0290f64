package attackbook_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/anchor"
	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/witness"
)

// outsider is a witness that somebody else runs.
type outsider struct{ housetest.Witness }

// outside has a witness serve, which knows the log by its key.
func outside(t testing.TB, name string) outsider {
	t.Helper()
	return outsider{housetest.NewWitness(t, name, public, nil)}
}

// publisher is the service's, in a process that has just begun.
func (b *book) publisher(quorum int, all ...outsider) *notary.Publisher {
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: b.sealer}}
	p := &notary.Publisher{Origin: origin, Log: desk, Store: desk, Quorum: quorum, Clock: time.Now}
	for _, o := range all {
		p.Witnesses = append(p.Witnesses, o.Witness.Witness)
	}
	return p
}

// published has everybody cosign the newest checkpoint, and gives it with their lines.
func (b *book) published(all ...outsider) audit.Note {
	b.t.Helper()
	if err := b.publisher(len(all), all...).Publish(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return b.note("newest")
}

// alarmed says that a service that has just begun learns from the witness what happened.
func (b *book) alarmed(name string, by outsider) {
	b.t.Helper()
	err := b.publisher(1, by).Publish(b.t.Context())
	if alarm, is := notary.Alarmed(err); !is || alarm.Name != name {
		b.t.Errorf("the publisher says %v, not %s", err, name)
	}
}

// answers is the HTTP status of a witness that is handed the newest checkpoint from that size on.
func (o outsider) answers(t testing.TB, status int, old int64, path []merkle.Hash, n audit.Note) {
	t.Helper()
	_, err := o.Client.Add(t.Context(), merkle.Submission{Old: old, Path: path, Note: n.Signed})
	if refusal, is := errors.AsType[*witness.Refusal](err); !is || refusal.Status != status {
		t.Errorf("the witness says %v, not %d", err, status)
	}
}

// policy is an auditor's, who asks for so many of them.
func policy(t testing.TB, need int, all ...outsider) witness.Policy {
	t.Helper()
	text, names := "log "+public+"\n", ""
	for i, o := range all {
		text += fmt.Sprintf("witness w%d %s\n", i, o.Key)
		names += fmt.Sprintf(" w%d", i)
	}
	p, err := witness.ParsePolicy(strings.NewReader(text + fmt.Sprintf("group g %d%s\nquorum g\n", need, names)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// demanding is an auditor who has the policy.
func demanding(p witness.Policy) audit.Auditor {
	return audit.Auditor{Policy: func(signed string) error {
		_, err := p.Check(signed)
		return err
	}}
}

func TestA9ACleanRollbackIsCaughtByTheWitnessAtTheFirstPush(t *testing.T) {
	t.Parallel()
	b := open(t)
	w := outside(t, "witness.example/w")
	whole := b.published(w)
	b.rollBack()
	b.exec(`DELETE FROM audit.cosignatures`)
	if findings, sum := b.verify(); len(findings) > 0 || !sum.Certain() {
		t.Fatalf("the log by itself: %v %+v", findings, sum)
	}
	w.answers(t, http.StatusConflict, 0, nil, b.half)
	b.alarmed(notary.AlarmRollback, w)

	// It goes on beyond what was cosigned: nothing leads there from what the witness saw.
	other := b.grow(wanted)
	path, _, _, err := b.proofs().Consistency(t.Context(), b.half.N, other.N)
	if err != nil {
		t.Fatal(err)
	}
	w.answers(t, http.StatusConflict, b.half.N, path, other)
	w.answers(t, http.StatusUnprocessableEntity, whole.N, path, other)
	b.alarmed(notary.AlarmFork, w)
	findings, _ := b.verify(whole)
	b.names(findings, "anchor", 0)
}

// The file of the daily anchor is an anchor as it lies there.
func TestA9TheDailyAnchorsFileIsWhatAnAuditorHoldsTheLogAgainst(t *testing.T) {
	t.Parallel()
	b := open(t)
	w := outside(t, "witness.example/w")
	b.published(w)
	folder := t.TempDir()
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: b.sealer}}
	daily := anchor.Daily{Newest: b.proofs().Checkpoint, Store: desk, Anchors: []anchor.Anchor{anchor.Folder(folder)}, Clock: time.Now}
	if err := daily.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, fmt.Sprintf("????-??-??-%d.checkpoint", b.whole.N)))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	kept, err := audit.ParseNote(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy(t, 1, w).Check(string(text)); err != nil {
		t.Errorf("the anchor has no cosignature: %v", err)
	}
	if findings, sum := b.verify(kept); len(findings) > 0 || sum.Anchors != 1 || !sum.Certain() {
		t.Errorf("%v %+v", findings, sum)
	}
	b.rollBack()
	b.exec(`DELETE FROM audit.cosignatures; DELETE FROM audit.anchors`)
	findings, _ := b.verify(kept)
	b.names(findings, "anchor", 0)
}

func TestA10ALogThatIsRebuiltAndSignedIsRefusedByTheWitness(t *testing.T) {
	t.Parallel()
	b := open(t)
	w := outside(t, "witness.example/w")
	p := policy(t, 1, w)
	whole := b.published(w)
	if findings, sum := b.audit(demanding(p)); len(findings) > 0 || !sum.Certain() || sum.Public != whole.N {
		t.Errorf("before: %v %+v", findings, sum)
	}
	b.forge()
	if findings, _ := b.verify(); len(findings) > 0 {
		t.Fatalf("whoever has the key makes a log that is sound in itself: %v", findings)
	}
	findings, _ := b.audit(demanding(p)) // what the witness cosigned is another tree
	b.names(findings, "I10", 0)
	b.exec(`DELETE FROM audit.cosignatures`)
	if findings, sum := b.audit(demanding(p)); len(findings) > 0 || sum.Certain() {
		t.Errorf("no witness saw this log: %v %+v", findings, sum)
	}
	other := b.note("newest")
	w.answers(t, http.StatusConflict, whole.N, nil, other)
	b.alarmed(notary.AlarmFork, w)
	longer := b.grow(100)
	path, _, _, err := b.proofs().Consistency(t.Context(), other.N, longer.N)
	if err != nil {
		t.Fatal(err)
	}
	w.answers(t, http.StatusUnprocessableEntity, whole.N, path, longer)
}

// What convicts is kept by the witness: two notes, signed by one key, that cannot both be true.
func TestA11TwoWitnessesThatWereShownTwoLogsHoldTheEvidence(t *testing.T) {
	t.Parallel()
	b := open(t)
	here, there := outside(t, "witness.example/here"), outside(t, "witness.example/there")
	both := policy(t, 2, here, there)
	one := b.published(here)
	b.forge()
	b.exec(`DELETE FROM audit.cosignatures`)
	other := b.published(there)
	for _, shown := range []audit.Note{one, other} {
		if _, err := both.Check(shown.Signed); err == nil {
			t.Error("a log that one of two witnesses saw is taken for what everybody sees")
		}
	}
	b.alarmed(notary.AlarmFork, here)
	files, err := filepath.Glob(filepath.Join(here.Folder, witness.LogID(origin)+".evidence-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("evidence: %v %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(string(text), "\n"+origin+"\n") + 1
	roots := map[string]bool{}
	for _, signed := range []string{string(text[:at-1]), string(text[at:])} {
		if _, err := note.Open([]byte(signed), note.VerifierList(key)); err != nil {
			t.Fatalf("the evidence is not signed: %v\n%s", err, signed)
		}
		n, err := audit.ParseNote(signed)
		if err != nil || n.N != one.N {
			t.Fatalf("%+v %v", n, err)
		}
		roots[n.Hash.String()] = true
	}
	if !roots[one.Hash.String()] || !roots[other.Hash.String()] {
		t.Errorf("the evidence shows the roots %v", roots)
	}
}

func TestA15ACheckpointOfAThiefLacksTheCosignaturesThatAPolicyAsksFor(t *testing.T) {
	t.Parallel()
	b := open(t)
	w := outside(t, "witness.example/w")
	p := policy(t, 1, w)
	whole := b.published(w)
	if _, err := p.Check(whole.Signed); err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(root merkle.Hash, lines string) string {
		c := merkle.Checkpoint{Origin: origin, Tree: merkle.Tree{Size: whole.N, Root: root}}
		signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed) + lines
	}
	_, lines, _ := strings.Cut(whole.Signed, "\n\n")
	_, cosignature, _ := strings.Cut(lines, "\n")
	for name, forged := range map[string]string{
		"alone": forge(merkle.Hash{1}, ""), "under a cosignature of another": forge(merkle.Hash{1}, cosignature), "of the true log": forge(merkle.Hash(whole.Hash), ""),
	} {
		if _, err := p.Check(forged); err == nil {
			t.Errorf("%s: it is believed", name)
		}
	}
	if _, err := p.Check(forge(merkle.Hash(whole.Hash), cosignature)); err != nil { // the test forges as it should
		t.Error(err)
	}
}

func TestA16AWitnessThatStopsOrColludesIsOneOfSeveral(t *testing.T) {
	t.Parallel()
	b := open(t)
	one, two, three := outside(t, "witness.example/1"), outside(t, "witness.example/2"), outside(t, "witness.example/3")
	state := func(p *notary.Publisher, public int64) notary.Publicity {
		t.Helper()
		s, err := p.State(t.Context())
		if err != nil || s.Public != public {
			t.Errorf("%d of %d are public: %v", s.Public, s.Size, err)
		}
		return s
	}
	b.published(one, two, three)
	three.Server.Close()
	longer := b.grow(100)
	all, most := b.publisher(3, one, two, three), b.publisher(2, one, two, three)
	if err := all.Publish(t.Context()); err == nil {
		t.Error("a witness that is gone has cosigned")
	}
	s := state(all, b.whole.N)
	if s.Size != longer.N || s.Witnesses[2].Fault != notary.FaultSilent || s.Witnesses[2].Behind != 100 {
		t.Errorf("%+v", s)
	}
	state(most, longer.N) // one of three may be gone
	strict := demanding(policy(t, 3, one, two, three))
	if findings, sum := b.audit(strict); len(findings) > 0 || !sum.Certain() || sum.Public != b.whole.N {
		t.Errorf("it has only just been signed: %v %+v", findings, sum)
	}
	b.disarm()
	b.exec(`UPDATE audit.checkpoints SET sealed_at = sealed_at - interval '2 minutes' WHERE size = $1`, longer.N)
	if findings, sum := b.audit(strict); len(findings) > 0 || sum.Certain() {
		t.Errorf("the quorum is missing for two minutes: %v %+v", findings, sum)
	}
	if findings, sum := b.audit(demanding(policy(t, 2, one, two, three))); len(findings) > 0 || !sum.Certain() || sum.Public != longer.N {
		t.Errorf("two of three are there: %v %+v", findings, sum)
	}

	// One that cosigns whatever it is shown is not enough for those who ask for two.
	colluding := outside(t, "witness.example/colluding")
	b.forge()
	b.exec(`DELETE FROM audit.cosignatures`)
	forged := b.published(colluding)
	if _, err := policy(t, 1, one, colluding).Check(forged.Signed); err != nil {
		t.Error(err)
	}
	if _, err := policy(t, 2, one, two, colluding).Check(forged.Signed); err == nil {
		t.Error("one colluding witness makes a quorum of two")
	}
	b.alarmed(notary.AlarmFork, one)
}

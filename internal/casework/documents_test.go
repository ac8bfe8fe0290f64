package casework_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/vault"
)

// plainFiles takes whatever it is given.
type plainFiles struct{}

func (plainFiles) Inspect(name string, _ []byte) (clean, mediaType, refused string) {
	return name, "text/plain", ""
}
func (plainFiles) Disposition(string) string { return "attachment" }

var errDown = errors.New("the disk is gone")

// safe is a vault that can be broken.
type safe struct {
	casework.Vault
	mu            sync.Mutex
	keeps, erases error
}

func (v *safe) breaks(keeps, erases error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keeps, v.erases = keeps, erases
}

func (v *safe) Keep(ctx context.Context, id string, content []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(v.Vault.Keep(ctx, id, content), v.keeps)
}

func (v *safe) Erase(ctx context.Context, id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.erases != nil {
		return v.erases
	}
	return v.Vault.Erase(ctx, id)
}

// archive is a stage that keeps documents, with a request to which they can be added.
type archive struct {
	*stage
	safe  *safe
	place casework.Vault // as the vault is when nothing is broken
	c     caldicott.Case
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	s := open(t, everybody()...)
	line, err := vault.GenerateKey("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.ParseKeys(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	place := vault.Vault{Store: postgres.Blobs{DB: s.house.DB, Absent: vault.ErrAbsent}, Keys: keys}
	a := &archive{stage: s, safe: &safe{Vault: place}, place: place}
	s.service.Vault, s.service.Files = a.safe, plainFiles{}
	a.c = s.begin("u-asks", caldicott.Drafting{Content: sound()}).Case
	return a
}

func (a *archive) attach(content string) (casework.Result, error) {
	return a.service.Attach(a.ctx, casework.Call{By: a.people["u-asks"]}, a.c.Request.ID, casework.Upload{Name: "a.txt", Content: []byte(content)})
}

func (a *archive) attached(content string) string {
	a.t.Helper()
	r, err := a.attach(content)
	if err != nil {
		a.t.Fatal(whole(err))
	}
	return r.Subject
}

func (a *archive) erase(id string) error {
	_, err := a.service.EraseDocument(a.ctx, casework.Call{By: a.people["u-lead"]}, id, caldicott.ErasingDocument{Reason: "By mistake."})
	return err
}

// state is how far a document has come, by the case as it is kept.
func (a *archive) state(id string) vocabulary.DocumentState {
	a.t.Helper()
	c, err := a.store.ReadCase(a.ctx, a.c.Request.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	d, _ := c.Document(id)
	return d.State
}

// kept are the documents whose bytes are kept.
func (a *archive) kept() []string {
	a.t.Helper()
	var ids []string
	if err := a.superuser().Select(&ids, `SELECT document_id FROM casework.blobs ORDER BY document_id`); err != nil {
		a.t.Fatal(err)
	}
	return ids
}

func (a *archive) sweep() {
	a.t.Helper()
	if err := a.service.SweepDocuments(a.ctx); err != nil {
		a.t.Error(err)
	}
}

// lost is a store whose transactions are all cut off before they commit; nobody can say so of them.
type lost struct{ *postgres.DB }

func (l lost) InTx(context.Context, func(caldicott.Tx) error) error {
	return caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "The database is away.")
}

func TestACrashBetweenBytesAndDeedLeavesAStrayForTheSweep(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	named := a.attached("named")
	a.service.Store = lost{a.house.DB}
	if _, err := a.attach("stray"); code(err) != caldicott.CodeUnavailable {
		t.Fatalf("the answer is %v", err)
	}
	a.service.Store = a.house.DB
	a.clock.Put(time.Now().Add(23 * time.Hour)) // ids are as old as they are, whatever the test's clock says
	if a.sweep(); len(a.kept()) != 2 {
		t.Errorf("what may yet be named was swept: %q", a.kept())
	}
	a.clock.Put(time.Now().Add(25 * time.Hour))
	if a.sweep(); !slices.Equal(a.kept(), []string{named}) {
		t.Errorf("kept are %q, named is %s", a.kept(), named)
	}
}

func TestARefusedDeedLeavesNoBytes(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.must("u-asks", a.c, caldicott.Withdrawing{Reason: "No."})
	if _, err := a.attach("late"); code(err) != caldicott.CodeState || len(a.kept()) != 0 {
		t.Errorf("the answer is %v, and kept are %q", err, a.kept())
	}
	a.safe.breaks(errDown, nil)
	if _, err := a.attach("lost"); code(err) != caldicott.CodeUnavailable || len(a.kept()) != 1 {
		t.Errorf("the answer is %v, and kept are %q", err, a.kept())
	}
	a.clock.Put(time.Now().Add(25 * time.Hour))
	if a.sweep(); len(a.kept()) != 0 {
		t.Errorf("kept are %q", a.kept())
	}
}

func TestWhatCouldNotBeErasedAtOnceIsSwept(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	stays, goes := a.attached("stays"), a.attached("goes")
	a.safe.breaks(nil, errDown)
	if err := a.erase(goes); err != nil {
		t.Fatalf("the deed was not done: %v", whole(err))
	}
	if a.state(goes) != vocabulary.DocumentStateErased || len(a.kept()) != 2 {
		t.Errorf("it is %s, and kept are %q", a.state(goes), a.kept())
	}
	if _, _, err := a.service.Fetch(a.ctx, a.people["u-lead"], goes); code(err) != caldicott.CodeNotFound {
		t.Errorf("it is given out: %v", err)
	}
	if err := a.service.SweepDocuments(a.ctx); !errors.Is(err, errDown) {
		t.Errorf("the sweep keeps it to itself: %v", err)
	}
	a.safe.breaks(nil, nil)
	for range 2 {
		if a.sweep(); !slices.Equal(a.kept(), []string{stays}) {
			t.Errorf("kept are %q", a.kept())
		}
	}
}

func TestABrokenDocumentIsNotGivenOut(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	one, other := a.attached("one"), a.attached("other")
	if err := a.place.Keep(a.ctx, one, []byte("two")); err != nil { // sealed as it should be, and not what was attached
		t.Fatal(err)
	}
	if _, _, err := a.service.Fetch(a.ctx, a.people["u-lead"], one); err == nil || caldicott.KindOf(err) != caldicott.Internal {
		t.Errorf("other bytes are given out: %v", err)
	}
	a.superuser().MustExec(`UPDATE casework.blobs SET sealed = set_byte(sealed, length(sealed) - 1, 1 + get_byte(sealed, length(sealed) - 1) & 127) WHERE document_id = $1`, other)
	if _, _, err := a.service.Fetch(a.ctx, a.people["u-lead"], other); code(err) != caldicott.CodeUnavailable {
		t.Errorf("changed bytes are given out: %v", err)
	}
	db := a.superuser()
	if n := count(t, db, `SELECT count(*) FROM audit.entries WHERE action = 'viewed'`); n != 0 {
		t.Errorf("%d readings are on the record, and nothing was read", n)
	}
}

func TestTheScannersWordIsRecordedOnceAndOnlyOfWhatWaits(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.service.Scans = true
	stays, goes := a.attached("stays"), a.attached("goes")
	erasing := func(_ context.Context, content []byte) (bool, error) {
		if string(content) == "goes" { // somebody erases it while the scanner looks
			return true, a.erase(goes)
		}
		return true, nil
	}
	var runs sync.WaitGroup
	for range 3 { // two replicas that both believe it is their turn, and one more
		runs.Go(func() {
			_ = a.service.ScanWaiting(a.ctx, erasing) // one may find the bytes, or the document, gone
		})
	}
	runs.Wait()
	if a.state(stays) != vocabulary.DocumentStateClean || a.state(goes) != vocabulary.DocumentStateErased {
		t.Errorf("they are %s and %s", a.state(stays), a.state(goes))
	}
	if n := count(t, a.superuser(), `SELECT count(*) FROM casework.deeds WHERE deed = 'scan_document'`); n != 1 {
		t.Errorf("the scanner's word was recorded %d times", n)
	}
	err := a.service.ScanWaiting(a.ctx, func(context.Context, []byte) (bool, error) {
		t.Error("somebody still waits")
		return false, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAScannerThatIsAwayIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.service.Scans = true
	for range 7 {
		a.attached("good")
	}
	hopeless := a.attached("hopeless")
	asked := 0
	err := a.service.ScanWaiting(a.ctx, func(context.Context, []byte) (bool, error) {
		asked++
		return true, errDown
	})
	if !errors.Is(err, errDown) || asked != 5 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	err = a.service.ScanWaiting(a.ctx, func(_ context.Context, content []byte) (bool, error) {
		if string(content) == "hopeless" {
			return false, errDown
		}
		return true, nil
	})
	if !errors.Is(err, errDown) || !strings.Contains(err.Error(), hopeless) || strings.Count(err.Error(), "document") != 1 {
		t.Errorf("not one failure: %v", err)
	}
	waiting, err := a.house.DB.WaitingDocuments(a.ctx)
	if err != nil || !slices.Equal(waiting, []string{hopeless}) {
		t.Errorf("%q wait: %v", waiting, err)
	}
}

// elsewhere is another store, in memory.
type elsewhere struct {
	mu   sync.Mutex
	held map[string][]byte
	down error
}

func (e *elsewhere) Put(_ context.Context, id string, sealed []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[id] = sealed
	return e.down
}

func (e *elsewhere) Get(_ context.Context, id string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if sealed, ok := e.held[id]; ok {
		return sealed, nil
	}
	return nil, vault.ErrAbsent
}

func (e *elsewhere) Delete(_ context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down == nil {
		delete(e.held, id)
	}
	return e.down
}

func TestTheDatabaseKnowsWhatIsKeptElsewhere(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	other := &elsewhere{held: map[string][]byte{}}
	here := postgres.Blobs{DB: a.house.DB, Absent: vault.ErrAbsent}
	blobs := postgres.Blobs{DB: a.house.DB, Elsewhere: other, Absent: vault.ErrAbsent}
	old, id := house.NewID(), house.NewID()
	for _, err := range []error{here.Put(a.ctx, old, []byte("old")), blobs.Put(a.ctx, id, []byte("sealed")), blobs.Put(a.ctx, id, []byte("sealed anew"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for which, want := range map[string]string{old: "old", id: "sealed anew"} { // what is kept here stays here
		if got, err := blobs.Get(a.ctx, which); err != nil || string(got) != want {
			t.Errorf("%q is %q: %v", want, got, err)
		}
	}
	if _, err := here.Get(a.ctx, id); !errors.Is(err, vault.ErrAbsent) {
		t.Errorf("it is here too: %v", err)
	}
	other.down = errDown
	if err := blobs.Delete(a.ctx, id); !errors.Is(err, errDown) || len(a.kept()) != 2 {
		t.Errorf("nobody knows any more what is kept elsewhere: %q, %v", a.kept(), err)
	}
	other.down = nil
	for range 2 {
		for _, which := range []string{id, old} {
			if err := blobs.Delete(a.ctx, which); err != nil {
				t.Fatal(err)
			}
			if _, err := blobs.Get(a.ctx, which); !errors.Is(err, vault.ErrAbsent) {
				t.Errorf("it is still there: %v", err)
			}
		}
	}
	if len(a.kept()) != 0 || len(other.held) != 0 {
		t.Errorf("%d rows and %d objects are left", len(a.kept()), len(other.held))
	}
}

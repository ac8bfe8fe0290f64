package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// book is a trail and its log in memory.
type book struct {
	rows        []Row
	chains      []Chain
	details     []Detail
	cases       []CaseRow
	leaves      []Leaf
	tiles       []Tile
	checkpoints []Checkpoint
	keys        []Key
	disposals   []Disposal
}

func (b *book) Moment(context.Context) (Moment, error) {
	return Moment{Now: time.Date(2026, 1, 2, 3, 10, 0, 0, time.UTC), LowWater: 1 << 50}, nil
}

func (b *book) Leaves(_ context.Context, from, to int64, f func(Leaf) error) error {
	return each(slices.DeleteFunc(slices.Clone(b.leaves), func(l Leaf) bool { return l.Index < from || l.Index >= to }), f)
}

func (b *book) Tiles(_ context.Context, f func(Tile) error) error { return each(b.tiles, f) }
func (b *book) Checkpoints(_ context.Context, f func(Checkpoint) error) error {
	return each(b.checkpoints, f)
}
func (b *book) Keys(_ context.Context, f func(Key) error) error { return each(b.keys, f) }
func (b *book) Disposals(_ context.Context, f func(Disposal) error) error {
	return each(b.disposals, f)
}

// seal gives every entry its leaf, in batches of so many.
func (b *book) seal(batch int) {
	p := peaks{size: 0}
	var row []byte
	p.full = func(level int, root tlog.Hash) {
		if level == 0 {
			b.tiles, row = append(b.tiles, Tile{Index: int64(len(b.tiles)), Root: bytes.Clone(root[:]), Hashes: row}), nil
		}
	}
	b.leaves, b.tiles, b.checkpoints = nil, nil, nil
	for i := range b.rows {
		r := &b.rows[i]
		r.Index, r.Sealed = int64(i), bytes.Clone(r.Leaf)
		row = append(row, r.Leaf...)
		p.add(tlog.Hash(r.Leaf), 0)
		l := Leaf{Index: int64(i), Entry: r.ID, Hash: bytes.Clone(r.Leaf)}
		if (i+1)%batch == 0 || i+1 == len(b.rows) {
			root := p.tree().Hash
			l.Root = root[:]
			b.checkpoints = append(b.checkpoints, Checkpoint{Size: int64(i + 1), Root: root[:]})
		}
		b.leaves = append(b.leaves, l)
	}
}

func (b *book) Entries(_ context.Context, f func(*Row) error) error {
	for i := range b.rows {
		if err := f(&b.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func each[T any](all []T, f func(T) error) error {
	for _, one := range all {
		if err := f(one); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) Chains(_ context.Context, f func(Chain) error) error   { return each(b.chains, f) }
func (b *book) Details(_ context.Context, f func(Detail) error) error { return each(b.details, f) }

func (b *book) CaseRows(_ context.Context, f func(CaseRow) error) error {
	for _, c := range b.cases {
		c.Canon = b.canonOf(c.Entry)
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) Versions(context.Context, func(Version) error) error {
	return fmt.Errorf("content: %w", ErrAbsent)
}

func (b *book) canonOf(id int64) []byte {
	i := slices.IndexFunc(b.rows, func(r Row) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return b.rows[i].Canon
}

// newBook writes three chains of three deeds in turn, each followed by a reading.
func newBook(t fataler) *book {
	b := &book{}
	ids := []string{requestID, organisationID, personID}
	heads := make([][32]byte, len(ids))
	for n := range 9 {
		i := n % 3
		e := Entry{Stream: caldicott.RequestStream(ids[i]), Seq: n/3 + 1, Prev: heads[i], Request: ids[i], Action: "amend", Outcome: Done}
		heads[i] = b.write(t, e)
		b.cases = append(b.cases, CaseRow{Table: "deeds", Row: fmt.Sprint(n), Entry: int64(len(b.rows)), Request: ids[i]})
		b.write(t, Entry{Stream: "access:20260102", Action: Viewed, Outcome: Refused, Rule: "POLICY", Actor: personID})
	}
	for i, id := range ids {
		b.chains = append(b.chains, Chain{caldicott.RequestStream(id), 3, heads[i][:]})
	}
	b.seal(4)
	return b
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func (b *book) write(t fataler, e Entry) [32]byte {
	t.Helper()
	e.At, e.Nonce = time.Date(2026, 1, 2, 3, 4, len(b.rows), 0, time.UTC), [16]byte{1, byte(len(b.rows))}
	id, salt, body := int64(len(b.rows)+1), [32]byte{9, byte(len(b.rows))}, []byte("why")
	e.Detail = Commit(salt, body)
	canon, err := e.Canon()
	if err != nil {
		t.Fatal(err)
	}
	leaf := LeafHash(canon)
	b.details = append(b.details, Detail{Entry: id, Salt: salt[:], Body: body, Canon: canon})
	b.rows = append(b.rows, Row{
		ID: id, XID: uint64(1000 + id), Stream: []byte(e.Stream), Seq: int64(e.Seq), Canon: canon, Leaf: leaf[:], RecordedAt: e.At, OccurredAt: e.At,
		Request: column(e.Request), Actor: column(e.Actor), Action: column(e.Action), Outcome: column(e.Outcome), Rule: column(e.Rule), Detailed: true,
	})
	return leaf
}

func column(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func (b *book) verify(t fataler) (Summary, []Finding) {
	t.Helper()
	var findings []Finding
	sum, err := Verify(context.Background(), b, func(f Finding) {
		if !f.Note() {
			findings = append(findings, f)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum, findings
}

func TestASoundBookIsSound(t *testing.T) {
	sum, findings := newBook(t).verify(t)
	if !sum.Sound() || sum.Entries != 18 || sum.Chained != 9 || sum.Streams != 3 || sum.Details != 18 || sum.CaseRows != 9 || sum.LastEntry != 18 {
		t.Errorf("%+v %v", sum, findings)
	}
	if len(sum.Skipped) != 2 || sum.Notes != 2 || !strings.Contains(sum.Skipped[1], "not signed") {
		t.Errorf("what was not verified is not said: %+v", sum)
	}
}

// Any one byte of what is stored is enough, wherever it is, and the entry it belongs to is named.
func TestAnyChangedByteIsFoundAndItsEntryNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		i := rapid.IntRange(0, len(b.rows)-1).Draw(t, "row")
		row := &b.rows[i]
		fields := map[string]*[]byte{
			"canon": &row.Canon, "leaf": &row.Leaf, "stream": &row.Stream, "action": &row.Action, "outcome": &row.Outcome,
			"salt": &b.details[i].Salt, "body": &b.details[i].Body, "both": &row.Canon,
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(fields))).Draw(t, "field")
		field := fields[name]
		*field = bytes.Clone(*field)
		at := rapid.IntRange(0, len(*field)-1).Draw(t, "byte")
		(*field)[at] ^= rapid.ByteMin(1).Draw(t, "change")
		if name == "both" {
			leaf := LeafHash(row.Canon)
			row.Leaf = leaf[:]
		}
		sum, findings := b.verify(t)
		named := slices.ContainsFunc(findings, func(f Finding) bool { return f.Entry == row.ID })
		if sum.Sound() || !named {
			t.Fatalf("%s of entry %d: %v", name, row.ID, findings)
		}
	})
}

// Where a link is broken by changed bytes of the follower, the entry that it followed is not blamed.
func TestOnlyTheChangedEntryIsNamed(t *testing.T) {
	b := newBook(t)
	row := &b.rows[6] // seq 2 of the first chain
	row.Canon = bytes.Replace(row.Canon, []byte(`"prev":"`), []byte(`"prev":"0`), 1)
	row.Canon = append(row.Canon[:bytes.Index(row.Canon, []byte(`","request"`))-1], row.Canon[bytes.Index(row.Canon, []byte(`","request"`)):]...)
	b.details[6].Canon = row.Canon
	_, findings := b.verify(t)
	var said []string
	for _, f := range findings {
		said = append(said, fmt.Sprint(f.Invariant, " ", f.Entry))
	}
	if !slices.Equal(said, []string{"I3 7", "I6 7", "I4 7"}) {
		t.Errorf("%v", findings)
	}
}

func TestAnErasureNeedsItsEntry(t *testing.T) {
	for name, c := range map[string]struct {
		action string
		facts  map[string]string
		found  bool
	}{
		"of this entry":    {Erased, map[string]string{"entry": "3"}, false},
		"of another entry": {Erased, map[string]string{"entry": "33"}, true},
		"of nothing":       {Erased, nil, true},
		"that is none":     {Viewed, map[string]string{"entry": "3"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			b.write(t, Entry{Stream: "erasures", Action: c.action, Outcome: Done, Facts: c.facts})
			b.seal(5)
			b.details[2] = Detail{Entry: 3, Erased: true, Canon: b.rows[2].Canon, ErasureCanon: b.rows[len(b.rows)-1].Canon}
			sum, findings := b.verify(t)
			if sum.Sound() == c.found || sum.Erased != 1 {
				t.Errorf("%+v %v", sum, findings)
			}
		})
	}
}

func TestOddClocksAndNumbersAreNoted(t *testing.T) {
	for want, change := range map[string]func(*book){
		"may have been rolled back":  func(b *book) { b.rows[17].ID, b.details[17].Entry, b.leaves[17].Entry = 99, 99, 99 },
		"database's clock went back": func(b *book) { b.rows[12].RecordedAt = b.rows[5].RecordedAt },
		"two clocks that disagree":   func(b *book) { b.rows[17].RecordedAt = b.rows[17].RecordedAt.Add(time.Hour) },
		"database was restored":      func(b *book) { b.rows[16].XID = 1 << 40 },
	} {
		b := newBook(t)
		change(b)
		var notes []string
		sum, err := Verify(t.Context(), b, func(f Finding) { notes = append(notes, f.String()) })
		if err != nil || !sum.Sound() || !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("%q: %+v %v %q", want, sum, err, notes)
		}
	}
}

func TestTheVerifierKnowsWhereTheMembersStand(t *testing.T) {
	for place, name := range map[int]string{
		sayActing: "acting", sayFrom: "from", sayLine: "line", sayTo: "to", sayAction: "action", sayActor: "actor", sayAt: "at", sayDetail: "detail", sayDigest: "digest", sayFacts: "facts", sayOrganisation: "organisation",
		sayOutcome: "outcome", sayPrev: "prev", sayRequest: "request", sayRule: "rule", saySeq: "seq", sayStream: "stream",
	} {
		if grammar[place].name != name {
			t.Errorf("%s is not at %d", name, place)
		}
	}
}

func TestASetKeepsWhatItIsGiven(t *testing.T) {
	var s set
	for _, id := range []int64{1, 63, 64, 8191, 8192, 1 << 62, -5} {
		s.add(id)
	}
	s.remove(64)
	s.remove(1 << 40)
	if got, want := slices.Collect(s.all()), []int64{-5, 1, 63, 8191, 8192, 1 << 62}; !slices.Equal(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
}

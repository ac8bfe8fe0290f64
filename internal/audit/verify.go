package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrAbsent is what a Source answers for a part that its database does not have.
var ErrAbsent = errors.New("not in this database")

// sealGoal is how long an entry may wait for its leaf, by the database's clock.
const sealGoal = 5 * time.Second

// Source is where the verifier reads the trail and the log, all of it at one moment. The slices of a Row,
// a Leaf and a Tile are valid until the callback returns; all else may be kept.
type Source interface {
	Moment(ctx context.Context) (Moment, error)
	Disposals(ctx context.Context, f func(Disposal) error) error          // in any order; may be ErrAbsent
	Entries(ctx context.Context, f func(*Row) error) error                // by id
	Chains(ctx context.Context, f func(Chain) error) error                // in any order
	Details(ctx context.Context, f func(Detail) error) error              // in any order
	CaseRows(ctx context.Context, f func(CaseRow) error) error            // in any order; may be ErrAbsent
	Versions(ctx context.Context, f func(Version) error) error            // in any order; may be ErrAbsent
	Leaves(ctx context.Context, from, to int64, f func(Leaf) error) error // by index, those from from on and before to
	Tiles(ctx context.Context, f func(Tile) error) error                  // by level and index
	Checkpoints(ctx context.Context, f func(Checkpoint) error) error      // by size
	Keys(ctx context.Context, f func(Key) error) error                    // in the order of saying
}

// Moment is when the source was read.
type Moment struct {
	Now      time.Time // by the database's clock
	LowWater uint64    // entries of transactions before it are sealed, says the newest checkpoint
	Last     int64     // the newest entry
}

// Row is a row of the trail as it is stored, with its leaf. Where the database says null, slices are nil and times are zero.
type Row struct {
	ID                           int64
	XID                          uint64
	Stream                       []byte
	Seq                          int64 // 0 for null
	Canon, Leaf                  []byte
	RecordedAt, OccurredAt       time.Time
	Request, Organisation, Actor []byte
	Action, Outcome, Rule        []byte
	Detailed                     bool   // whether there is a detail
	Index                        int64  // of its leaf in the log
	Sealed                       []byte // the leaf's hash; nil while the entry waits
}

// Chain is the end of a chain.
type Chain struct {
	Stream string
	Seq    int64
	Head   []byte
}

// Detail is the words that an entry commits to, with that entry's canon and that of its erasure.
type Detail struct {
	Entry, Erasure int64 // 0 for null
	Salt, Body     []byte
	Erased         bool
	Canon          []byte
	ErasureCanon   []byte
}

// Disposal says that an entry's bytes were disposed of, with the canon of the certificate.
type Disposal struct {
	Entry, Certificate int64
	Canon              []byte
}

// Leaf is a leaf of the log, with the root of the checkpoint that ends in it.
type Leaf struct {
	Index, Entry int64
	Hash         []byte
	Root         []byte // nil where no checkpoint ends
}

// Tile is a full tile: its root is hash number Index of the level above.
type Tile struct {
	Level        int
	Index        int64
	Root, Hashes []byte
}

// Checkpoint is what the log was, with the lines of those who signed it.
type Checkpoint struct {
	Size  int64
	Root  []byte // nil where lines sign what is not there
	At    time.Time
	Lines []string // of the log's keys
	// Cosigned are the lines of witnesses.
	Cosigned []string

	checked, unchecked int64 // lines by keys that were given, and by others
	doubt              error // why it does not satisfy the policy
}

// Key is what was last said of a key that signs the log.
type Key struct {
	Verifier string
	Span
}

// CaseRow is a row that a deed wrote, with the canon of the entry that it names.
type CaseRow struct {
	Table, Row            string
	Entry                 int64 // 0 for null
	Request, Organisation string
	Says                  []string // what the entry must hold, as it spells it: "to":"decided"
	Words                 []string // what the entry's detail must hold
	Body                  []byte   // of that detail; nil where it has none, or where it was erased
	Canon                 []byte
}

// Version is a version of a request's content, with the canon of the entry that it names and of that of its erasure.
type Version struct {
	Request         string
	N               int64
	Content, Digest []byte
	Entry           int64
	Canon           []byte
	Erased          bool
	ErasureCanon    []byte
}

// Finding is something that the verifier saw. Where two hashes disagree, Want is what should be there.
type Finding struct {
	Invariant  string // I1 … I13 of the design, "detail", "content", "disposal", "anchor", or "note" for what is no proof of tampering
	Entry      int64  // 0 where no single entry is meant, or it is not there
	Stream     string
	Seq        int64
	Text       string
	Want, Have string
}

// Note reports whether the finding is worth knowing but no sign of tampering.
func (f Finding) Note() bool { return f.Invariant == "note" }

func (f Finding) String() string {
	var b bytes.Buffer
	b.WriteString(f.Invariant + ": ")
	if f.Stream != "" {
		fmt.Fprintf(&b, "stream %s ", f.Stream)
	}
	if f.Entry != 0 {
		fmt.Fprintf(&b, "entry %d ", f.Entry)
	}
	if f.Seq != 0 {
		fmt.Fprintf(&b, "seq %d ", f.Seq)
	}
	b.WriteString(f.Text)
	if f.Want != "" || f.Have != "" {
		fmt.Fprintf(&b, " (want %s, have %s)", cmp.Or(f.Want, "nothing"), cmp.Or(f.Have, "nothing"))
	}
	return b.String()
}

// Summary is what was verified, and how it went.
type Summary struct {
	Entries, Chained, Streams, Details, Erased, Disposed, CaseRows, Versions int64
	LastEntry                                                                int64
	Leaves, Tiles, Checkpoints                                               int64
	Signatures                                                               int64 // verified with the keys that were given
	Unchecked                                                                int64 // signatures of others
	Public                                                                   int64 // size of the newest checkpoint that satisfies the policy; 0 for none, or without a policy
	Anchors                                                                  int64 // that the log contains
	Waiting                                                                  int64 // entries that are not sealed yet
	Late                                                                     int64 // those among them that wait for longer than they should
	Findings, Notes                                                          int64
	Skipped                                                                  []string // parts that are missing, or could not be verified
}

// Sound reports whether nothing was found: every byte of what was read agrees with every other.
func (s Summary) Sound() bool { return s.Findings == 0 }

// Certain reports whether everything could be verified that should be there.
func (s Summary) Certain() bool { return len(s.Skipped) == 0 && s.Late == 0 }

// Auditor is who verifies, with what they brought along. The zero Auditor looks at everything but signatures.
//
//	keys, err := audit.ParseKeys(file)
//	summary, err := audit.Auditor{Keys: keys, Anchors: []audit.Note{old}}.Database(ctx, trail, report)
type Auditor struct {
	Keys     Keys
	Origin   string               // the log's name; empty: what the keys are called
	Policy   func(string) error   // says why a signed checkpoint is not believed though a key has signed it; nil: its key is enough
	Anchors  []Note               // older checkpoints that were kept outside: the log must contain them
	Workers  int                  // goroutines that hash and read; 0: as many as there are cores
	Progress func(done, of int64) // told now and then how many entries are done; may be nil
}

// Verify reads the whole trail and log without keys.
func Verify(ctx context.Context, src Source, report func(Finding)) (Summary, error) {
	return Auditor{}.Database(ctx, src, report)
}

// Database reads the whole trail and log and reports each disagreement. It keeps the head of every chain in memory and a
// few bits for each entry. Its error says that it could not read, never what it read.
func (a Auditor) Database(ctx context.Context, src Source, report func(Finding)) (Summary, error) {
	v := a.verifier(report)
	for _, part := range []struct {
		name     string
		verify   func(context.Context, Source) error
		optional bool
	}{
		{"moment", v.begin, false},
		{"disposals", v.disposals, false},
		{"entries", v.entries, false},
		{"chains", v.chains, false},
		{"details", v.details, false},
		{"case rows", v.caseRows, true},
		{"content versions", v.versions, true},
		{"log", v.log, false},
	} {
		switch err := part.verify(ctx, src); {
		case part.optional && errors.Is(err, ErrAbsent):
			v.skip(part.name + " are not in this database and were not verified")
		case err != nil:
			return v.sum, fmt.Errorf("verify %s: %w", part.name, err)
		}
	}
	return v.sum, nil
}

func (a Auditor) verifier(report func(Finding)) *verifier {
	if a.Workers <= 0 {
		a.Workers = runtime.GOMAXPROCS(0)
	}
	return &verifier{Auditor: a, report: report, heads: map[string]*head{}}
}

type verifier struct {
	Auditor
	report func(Finding)
	sum    Summary
	moment Moment
	heads  map[string]*head
	rows   set // the entries that case rows must name
	seen   set // the entries that are there
	certs  map[int64]*certificate
	listed set // the entries whose disposal is certified
	gone   set // those among them that are
	maxXID uint64
	tree   tree
}

func (v *verifier) found(f Finding) {
	if f.Note() {
		v.sum.Notes++
	} else {
		v.sum.Findings++
	}
	v.report(f)
}

func (v *verifier) skip(part string) {
	v.sum.Skipped = append(v.sum.Skipped, part)
	v.found(Finding{Invariant: "note", Text: part})
}

// aside says which keys are of no use here.
func (v *verifier) aside() {
	for _, vkey := range v.Keys.witnesses {
		v.found(Finding{Invariant: "note", Text: fmt.Sprintf("key %s is a witness's: it counts in a policy, and alone it vouches for nothing", vkey)})
	}
}

func (v *verifier) begin(ctx context.Context, src Source) (err error) {
	v.aside()
	v.moment, err = src.Moment(ctx)
	return err
}

// checked is a row with what its own bytes say of it.
type checked struct {
	Row
	found  []Finding
	intact bool // its bytes are the hashed ones
	seq    int64
	prev   []byte
}

// entries has the rows read and hashed side by side, and their chains followed in order.
func (v *verifier) entries(ctx context.Context, src Source) error {
	err := inOrder(v.Workers, atOnce, func(give func(checked) error) error {
		var room []byte
		return src.Entries(ctx, func(r *Row) error {
			if cap(room)-len(room) < r.bytes() {
				room = make([]byte, 0, max(1<<18, r.bytes()))
			}
			c := checked{Row: *r}
			room = c.own(room)
			return give(c)
		})
	}, v.look, v.entry)
	if err == nil {
		v.undisposed()
	}
	v.sum.Streams = int64(len(v.heads))
	return err
}

func (r *Row) slices() [10]*[]byte {
	return [...]*[]byte{&r.Stream, &r.Canon, &r.Leaf, &r.Request, &r.Organisation, &r.Actor, &r.Action, &r.Outcome, &r.Rule, &r.Sealed}
}

func (r *Row) bytes() (n int) {
	for _, s := range r.slices() {
		n += len(*s)
	}
	return n
}

// own copies what the row points at into the room behind what is there already.
func (r *Row) own(room []byte) []byte {
	for _, s := range r.slices() {
		if *s != nil {
			from := len(room)
			room = append(room, *s...)
			*s = room[from:len(room):len(room)]
		}
	}
	return room
}

// look says of a row what can be said without any other. It is called by many at once.
func (v *verifier) look(c *checked) {
	r := &c.Row
	c.seq, c.intact = r.Seq, true
	leaf := tlog.Hash{}
	if copy(leaf[:], r.Leaf); r.Canon != nil { // of what was disposed of, only the hash is left
		leaf = leafOf(r.Canon)
	}
	if c.intact = bytes.Equal(leaf[:], r.Leaf); !c.intact {
		c.found = append(c.found, Finding{"I3", r.ID, string(r.Stream), r.Seq, "leaf_hash is not the hash of canon", hex.EncodeToString(leaf[:]), hex.EncodeToString(r.Leaf)})
	}
	if r.Sealed != nil && !bytes.Equal(leaf[:], r.Sealed) {
		c.found = append(c.found, Finding{"I6", r.ID, string(r.Stream), r.Seq, fmt.Sprintf("is not what was sealed as leaf %d", r.Index), hex.EncodeToString(r.Sealed), hex.EncodeToString(leaf[:])})
	}
	if r.Canon == nil {
		return
	}
	said, err := decode(r.Canon)
	if err != nil {
		c.found = append(c.found, Finding{Invariant: "I13", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "canon is not a canonical entry: " + err.Error()})
		return
	}
	c.projections(&said)
	if (said[sayDetail] != nil) != r.Detailed {
		c.found = append(c.found, Finding{Invariant: "detail", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "the entry commits to a detail that is missing, or has one that it does not commit to", Want: string(said[sayDetail])})
	}
	if (said[saySeq] != nil) != (said[sayPrev] != nil) {
		c.found = append(c.found, Finding{Invariant: "I4", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "canon has one of seq and prev, and not the other"})
	}
	c.Stream, c.seq, c.prev = said[sayStream], whole(said[saySeq]), said[sayPrev]
}

// entry puts a row in its place among the others.
func (v *verifier) entry(c *checked) error {
	r := &c.Row
	if r.ID == v.sum.LastEntry && v.sum.Entries > 0 {
		v.found(Finding{Invariant: "I6", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "stands twice in the trail, or in the log"})
		return nil
	}
	if v.sum.Entries++; v.Progress != nil && v.sum.Entries%4096 == 0 {
		v.Progress(r.ID, v.moment.Last)
	}
	v.order(r)
	for _, f := range c.found {
		v.found(f)
	}
	if v.seen.add(r.ID); r.Canon == nil {
		v.disposed(r)
	}
	v.sealed(r)
	if c.seq != 0 {
		v.link(step{&c.Row, c.Stream, c.seq, c.prev, c.intact})
	}
	return nil
}

// sealed asks for the leaf of an entry. Which entries wait is no sign of tampering, unless their transactions are those
// of which all entries were sealed.
func (v *verifier) sealed(r *Row) {
	if r.Sealed != nil {
		return
	}
	v.sum.Waiting++
	switch waited := v.moment.Now.Sub(r.RecordedAt); {
	case waited <= sealGoal:
	case r.XID < v.moment.LowWater:
		v.found(Finding{Invariant: "I6", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "has no leaf in the log, and all of its time have", Want: hex.EncodeToString(r.Leaf)})
	default:
		if v.sum.Late++; v.sum.Late == 1 {
			v.note(r, fmt.Sprintf("waits to be sealed for %s, and it should take no more than %s", waited.Round(time.Millisecond), sealGoal))
		}
	}
}

// projections compares the columns, which are for searching, with canon, which is the truth.
func (c *checked) projections(said *statement) {
	r := &c.Row
	for _, p := range [...]struct {
		name         string
		column, said []byte
	}{
		{"stream", r.Stream, said[sayStream]},
		{"request_id", r.Request, said[sayRequest]},
		{"organisation_id", r.Organisation, said[sayOrganisation]},
		{"actor_id", r.Actor, said[sayActor]},
		{"action", r.Action, said[sayAction]},
		{"outcome", r.Outcome, said[sayOutcome]},
		{"rule", r.Rule, said[sayRule]},
	} {
		if !bytes.Equal(p.column, p.said) || (p.column == nil) != (p.said == nil) {
			c.projection(said, p.name, string(p.said), string(p.column))
		}
	}
	if seq := whole(said[saySeq]); seq != r.Seq {
		c.projection(said, "seq", fmt.Sprint(seq), fmt.Sprint(r.Seq))
	}
	if at := time.UnixMicro(whole(said[sayAt])); !at.Equal(r.OccurredAt) {
		c.projection(said, "occurred_at", at.UTC().String(), r.OccurredAt.UTC().String())
	}
}

func (c *checked) projection(said *statement, column, want, have string) {
	c.found = append(c.found, Finding{"I12", c.ID, string(said[sayStream]), whole(said[saySeq]), "column " + column + " is not what canon says", want, have})
}

func (v *verifier) chains(ctx context.Context, src Source) error {
	err := src.Chains(ctx, v.chain)
	if err == nil {
		v.headless()
	}
	return err
}

// headless names the streams that have entries and no chain.
func (v *verifier) headless() {
	for _, stream := range slices.Sorted(maps.Keys(v.heads)) {
		if h := v.heads[stream]; !h.closed {
			v.found(Finding{Invariant: "I5", Entry: h.id, Stream: stream, Seq: h.seq, Text: "is the last entry, but the chain's head is missing", Have: hex.EncodeToString(h.leaf[:])})
		}
	}
}

package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrAbsent is what a Source answers for a part that its database does not have.
var ErrAbsent = errors.New("not in this database")

// Source is where the verifier reads the trail, all of it at one moment. What is handed to a callback is valid until it
// returns.
type Source interface {
	Entries(ctx context.Context, f func(*Row) error) error     // by id
	Chains(ctx context.Context, f func(Chain) error) error     // in any order
	Details(ctx context.Context, f func(Detail) error) error   // in any order
	CaseRows(ctx context.Context, f func(CaseRow) error) error // in any order; may be ErrAbsent
	Versions(ctx context.Context, f func(Version) error) error // in any order; may be ErrAbsent
}

// Row is a row of the trail as it is stored. Where the database says null, slices are nil and times are zero.
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
	Certificate                  []byte // canon of the entry that certifies its disposal; Canon is nil then
}

// Chain is the end of a chain.
type Chain struct {
	Stream string
	Seq    int64
	Head   []byte
}

// Detail is the words that an entry commits to, with that entry's canon and that of its erasure.
type Detail struct {
	Entry        int64
	Salt, Body   []byte
	Erased       bool
	Canon        []byte
	ErasureCanon []byte
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
	Disposed              bool // of the entry; Canon is nil then
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
	Disposed        bool // of the entry; Canon is nil then
}

// Finding is something that the verifier saw. Where two hashes disagree, Want is what should be there.
type Finding struct {
	Invariant  string // I1 … I13 of the design, "detail", "content", or "note" for what is no proof of tampering
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
	Findings, Notes                                                          int64
	Skipped                                                                  []string // parts that the database does not have
}

// Sound reports whether nothing was found: every byte of what was read agrees with every other.
func (s Summary) Sound() bool { return s.Findings == 0 }

// Verify reads the whole trail and reports each disagreement. It keeps the head of every chain in memory and one bit for
// each entry. Its error says that it could not read, never what it read.
func Verify(ctx context.Context, src Source, report func(Finding)) (Summary, error) {
	v := verifier{report: report, heads: map[string]*head{}}
	if err := src.Entries(ctx, v.entry); err != nil {
		return v.sum, fmt.Errorf("verify entries: %w", err)
	}
	v.sum.Streams = int64(len(v.heads))
	if err := src.Chains(ctx, v.chain); err != nil {
		return v.sum, fmt.Errorf("verify chains: %w", err)
	}
	v.headless()
	if err := src.Details(ctx, v.detail); err != nil {
		return v.sum, fmt.Errorf("verify details: %w", err)
	}
	switch err := src.CaseRows(ctx, v.caseRow); {
	case errors.Is(err, ErrAbsent):
		v.skip("case rows")
	case err != nil:
		return v.sum, fmt.Errorf("verify case rows: %w", err)
	default:
		v.rowless()
	}
	switch err := src.Versions(ctx, v.version); {
	case errors.Is(err, ErrAbsent):
		v.skip("content versions")
	case err != nil:
		return v.sum, fmt.Errorf("verify content versions: %w", err)
	}
	return v.sum, nil
}

type verifier struct {
	report  func(Finding)
	sum     Summary
	heads   map[string]*head
	rows    set // the entries that case rows must name
	maxXID  uint64
	scratch []byte
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
	v.found(Finding{Invariant: "note", Text: part + " are not in this database and were not verified"})
}

func (v *verifier) entry(r *Row) error {
	v.sum.Entries++
	v.order(r)
	if r.Canon == nil && certifies(r.Certificate) { // pruned: its hash is in the log, and the next entry follows it
		v.sum.Disposed++
		if r.Seq != 0 {
			v.link(step{r, string(r.Stream), r.Seq, nil, true})
		}
		return nil
	}
	leaf := v.leaf(r.Canon)
	intact := bytes.Equal(leaf[:], r.Leaf)
	if !intact {
		v.found(Finding{"I3", r.ID, string(r.Stream), r.Seq, "leaf_hash is not the hash of canon", hex.EncodeToString(leaf[:]), hex.EncodeToString(r.Leaf)})
	}
	said, err := decode(r.Canon)
	if err != nil {
		v.found(Finding{Invariant: "I13", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "canon is not a canonical entry: " + err.Error()})
		if r.Seq != 0 {
			v.link(step{r, string(r.Stream), r.Seq, nil, intact})
		}
		return nil
	}
	v.projections(r, &said)
	if (said[sayDetail] != nil) != r.Detailed {
		v.found(Finding{Invariant: "detail", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "the entry commits to a detail that is missing, or has one that it does not commit to", Want: string(said[sayDetail])})
	}
	if (said[saySeq] != nil) != (said[sayPrev] != nil) {
		v.found(Finding{Invariant: "I4", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "canon has one of seq and prev, and not the other"})
	}
	if said[saySeq] != nil {
		v.link(step{r, string(said[sayStream]), whole(said[saySeq]), said[sayPrev], intact})
	}
	return nil
}

func (v *verifier) leaf(canon []byte) [32]byte {
	v.scratch = append(append(v.scratch[:0], 0), canon...)
	return sha256.Sum256(v.scratch)
}

// projections compares the columns, which are for searching, with canon, which is the truth.
func (v *verifier) projections(r *Row, said *statement) {
	for _, c := range [...]struct {
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
		if !bytes.Equal(c.column, c.said) || (c.column == nil) != (c.said == nil) {
			v.projection(r, said, c.name, string(c.said), string(c.column))
		}
	}
	if seq := whole(said[saySeq]); seq != r.Seq {
		v.projection(r, said, "seq", fmt.Sprint(seq), fmt.Sprint(r.Seq))
	}
	if at := time.UnixMicro(whole(said[sayAt])); !at.Equal(r.OccurredAt) {
		v.projection(r, said, "occurred_at", at.UTC().String(), r.OccurredAt.UTC().String())
	}
}

func (v *verifier) projection(r *Row, said *statement, column, want, have string) {
	v.found(Finding{"I12", r.ID, string(said[sayStream]), whole(said[saySeq]), "column " + column + " is not what canon says", want, have})
}

// headless names the streams that have entries and no chain.
func (v *verifier) headless() {
	for _, stream := range slices.Sorted(maps.Keys(v.heads)) {
		if h := v.heads[stream]; !h.closed {
			v.found(Finding{Invariant: "I5", Entry: h.id, Stream: stream, Seq: h.seq, Text: "is the last entry, but the chain's head is missing", Have: hex.EncodeToString(h.leaf[:])})
		}
	}
}

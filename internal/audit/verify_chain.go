package audit

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"
)

// head is the end of a stream as far as it has been read.
type head struct {
	seq, id  int64
	leaf     [32]byte
	recorded int64
	index    int64 // of its leaf in the log, from 1; 0 while none before it is sealed
	waits    bool  // it has no leaf
	closed   bool  // a chain has claimed it
}

func (h *head) precedes(prev []byte) bool {
	var spelled [2 * len(h.leaf)]byte
	hex.Encode(spelled[:], h.leaf[:])
	return string(prev) == string(spelled[:])
}

// step is an entry as a link of its chain. intact says that its own bytes are the hashed ones.
type step struct {
	row    *Row
	stream []byte
	seq    int64
	prev   []byte
	intact bool
}

// link joins an entry to its stream. The link is judged by the stored leaf hash, so that one changed entry is found
// once and not again in all that follow.
func (v *verifier) link(s step) {
	v.sum.Chained++
	h := v.heads[string(s.stream)]
	if h == nil {
		h = &head{}
		v.heads[string(s.stream)] = h
	}
	switch {
	case s.seq <= h.seq:
		v.found(Finding{Invariant: "I4", Entry: s.row.ID, Stream: string(s.stream), Seq: s.seq, Text: fmt.Sprintf("stands after seq %d", h.seq)})
	case s.seq > h.seq+1:
		v.missing("I4", string(s.stream), h.seq, s.seq-1, fmt.Sprintf("entry %d has seq %d and follows seq %d", s.row.ID, s.seq, h.seq))
	case s.prev != nil && !h.precedes(s.prev):
		v.broken(s, h)
	}
	v.rows.add(s.row.ID)
	if recorded := s.row.RecordedAt; !recorded.IsZero() && recorded.UnixMicro() < h.recorded { // an export does not say when
		v.note(s.row, "was recorded earlier than the entry before it: the database's clock went back")
	}
	index := h.index
	if s.row.Sealed != nil {
		if h.waits {
			v.found(Finding{Invariant: "I6", Entry: h.id, Stream: string(s.stream), Seq: h.seq, Text: fmt.Sprintf("has no leaf in the log, and seq %d has", s.seq)})
		}
		if index = s.row.Index + 1; index <= h.index {
			v.found(Finding{Invariant: "I6", Entry: s.row.ID, Stream: string(s.stream), Seq: s.seq, Text: fmt.Sprintf("is leaf %d of the log, and stands before seq %d, which is leaf %d", s.row.Index, h.seq, h.index-1)})
		}
	}
	*h = head{seq: s.seq, id: s.row.ID, recorded: s.row.RecordedAt.UnixMicro(), index: index, waits: s.row.Sealed == nil}
	copy(h.leaf[:], s.row.Leaf)
}

// broken names the entry that a follower no longer follows; or the follower, if its own bytes were changed.
func (v *verifier) broken(s step, h *head) {
	f := Finding{"I4", h.id, string(s.stream), h.seq, fmt.Sprintf("is not what entry %d (seq %d) follows", s.row.ID, s.seq), string(s.prev), hex.EncodeToString(h.leaf[:])}
	if h.seq == 0 || !s.intact {
		f.Entry, f.Seq, f.Text = s.row.ID, s.seq, fmt.Sprintf("does not follow seq %d", h.seq)
		f.Want, f.Have = f.Have, f.Want
	}
	v.found(f)
}

func (v *verifier) missing(invariant, stream string, have, want int64, why string) {
	text := "is missing: " + why
	if want > have+1 {
		text = fmt.Sprintf("to %d are missing: %s", want, why)
	}
	v.found(Finding{Invariant: invariant, Stream: stream, Seq: have + 1, Text: text})
}

// chain compares the end that the database keeps with the last entry.
func (v *verifier) chain(c Chain) error {
	h := v.heads[c.Stream]
	switch {
	case h == nil:
		v.missing("I5", c.Stream, 0, c.Seq, fmt.Sprintf("the chain head says %d, there is no entry", c.Seq))
		return nil
	case h.closed:
		v.found(Finding{Invariant: "I5", Stream: c.Stream, Text: "has two chain heads"})
	case h.seq < c.Seq:
		v.missing("I5", c.Stream, h.seq, c.Seq, fmt.Sprintf("the chain head says %d, the last entry is %d", c.Seq, h.seq))
	case h.seq > c.Seq:
		v.found(Finding{Invariant: "I5", Entry: h.id, Stream: c.Stream, Seq: h.seq, Text: fmt.Sprintf("is beyond the chain head, which says %d", c.Seq)})
	case !bytes.Equal(h.leaf[:], c.Head):
		v.found(Finding{"I5", h.id, c.Stream, h.seq, "is not the entry that the chain head names", hex.EncodeToString(c.Head), hex.EncodeToString(h.leaf[:])})
	}
	h.closed = true
	return nil
}

// order notes what can be innocent: ids of transactions that were rolled back, clocks that were set, a database that
// was restored into another cluster.
func (v *verifier) order(r *Row) {
	const restored, apart = 1 << 20, 5 * time.Minute
	if gap := r.ID - v.sum.LastEntry - 1; gap > 0 {
		v.note(r, fmt.Sprintf("follows %d: the %d between may have been rolled back", v.sum.LastEntry, gap))
	}
	v.sum.LastEntry = r.ID
	if r.XID+restored < v.maxXID {
		v.note(r, "has a much lower transaction number than those before it: the database was restored")
		v.maxXID = 0
	}
	v.maxXID = max(v.maxXID, r.XID)
	if r.RecordedAt.Sub(r.OccurredAt).Abs() > apart {
		v.note(r, "has two clocks that disagree: occurred "+r.OccurredAt.UTC().Format(time.RFC3339)+", recorded "+r.RecordedAt.UTC().Format(time.RFC3339))
	}
}

func (v *verifier) note(r *Row, text string) {
	v.found(Finding{Invariant: "note", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: text})
}

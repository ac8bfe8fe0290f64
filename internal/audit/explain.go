package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Account is an entry about a request as it is stored, with what stands beside it.
type Account struct {
	Entry       int64
	Canon, Leaf []byte // Canon is nil for what was disposed of
	Certificate int64  // of its disposal; 0 where there is none, or it is not known
	Actor       string // who acted, by the name that people use; the verifier's own word for it is canon's
	Words       string // WordsPresent, WordsErased, or empty where nothing was said
}

// CheckProof verifies that the entry is in the signed log, as CheckProof does of its bytes; where they were disposed of, by the
// hash that it has kept.
func (a Account) CheckProof(text string, keys Keys) (Proof, error) {
	if a.Canon != nil {
		return CheckProof(text, a.Canon, keys)
	}
	leaf, err := hashOf(a.Leaf)
	if err != nil {
		return Proof{}, err
	}
	return checkSigned(text, leaf, keys)
}

func hashOf(leaf []byte) (h tlog.Hash, err error) {
	if copy(h[:], leaf) != len(h) || len(leaf) != len(h) {
		err = fmt.Errorf("%w: %x is no hash", ErrForged, leaf)
	}
	return h, err
}

// What became of the words of an entry.
const (
	WordsPresent = "present"
	WordsErased  = "erased"
)

// Telling is one line of a request's history, and what is proved about it.
type Telling struct {
	Entry       int64     `json:"entry,omitempty"`
	At          time.Time `json:"at,omitzero"`
	Actor       string    `json:"actor,omitempty"`
	Acting      string    `json:"acting,omitempty"`
	Action      string    `json:"action,omitempty"`
	Outcome     string    `json:"outcome,omitempty"`
	From        string    `json:"from,omitempty"`
	To          string    `json:"to,omitempty"`
	Line        string    `json:"line,omitempty"` // of the policy
	Rule        string    `json:"rule,omitempty"` // that refused
	Words       string    `json:"words,omitempty"`
	Seq         int64     `json:"seq,omitempty"`
	Disposed    bool      `json:"disposed,omitempty"`
	Certificate int64     `json:"certificate,omitempty"` // the entry that certifies the disposal
	Bytes       bool      `json:"bytes"`                 // they are those that were hashed, and canonical
	Chain       bool      `json:"chain"`                 // it follows the one before it; false outside of all chains
	Leaf        *int64    `json:"leaf,omitempty"`        // its place in the log, as it is proved
	Size        int64     `json:"size,omitempty"`        // of the checkpoint that proves it
	Signers     []string  `json:"signers,omitempty"`     // the keys, among those given, that signed it
	Doubts      []string  `json:"doubts,omitempty"`      // what does not hold
	Waiting     bool      `json:"waiting,omitempty"`     // for the seal
	Unsure      string    `json:"unsure,omitempty"`      // what could not be told
}

// ErrWaiting says that an entry is not in the signed log yet.
var ErrWaiting = errors.New("not in the signed log yet")

// Explain tells the accounts in their order. What place gives for each of them is a proof that was checked, ErrWaiting, or
// what CheckProof fails with.
func Explain(accounts []Account, place func(Account) (Proof, error)) []Telling {
	heads := map[string]*head{}
	tellings := make([]Telling, len(accounts))
	for i, a := range accounts {
		tellings[i] = explain(a, heads)
		tellings[i].place(place(a))
	}
	return tellings
}

func (t *Telling) place(p Proof, err error) {
	switch {
	case errors.Is(err, ErrWaiting):
		t.Waiting = true
	case errors.Is(err, ErrForged):
		t.Doubts = append(t.Doubts, err.Error())
	case err != nil:
		t.Unsure = err.Error()
	default:
		t.Leaf, t.Size, t.Signers = &p.Index, p.N, p.Signers
	}
}

func explain(a Account, heads map[string]*head) Telling {
	t := Telling{Entry: a.Entry, Actor: a.Actor, Words: a.Words}
	if t.Disposed = a.Canon == nil; t.Disposed {
		if t.Certificate = a.Certificate; t.Certificate == 0 {
			t.Doubts = append(t.Doubts, "its bytes are gone, and no certificate of disposal names it")
		}
		clear(heads) // what follows is not told to follow it
		return t
	}
	leaf := leafOf(a.Canon)
	said, err := decode(a.Canon)
	switch t.Bytes = bytes.Equal(leaf[:], a.Leaf) && err == nil; {
	case err != nil:
		t.Doubts = append(t.Doubts, "it is not a canonical entry: "+err.Error())
		return t
	case !t.Bytes:
		t.Doubts = append(t.Doubts, fmt.Sprintf("its bytes have hash %x, and %x was recorded", leaf, a.Leaf))
	}
	t.At, t.Seq = time.UnixMicro(whole(said[sayAt])).UTC(), whole(said[saySeq])
	for to, place := range map[*string]int{
		&t.Acting: sayActing, &t.Action: sayAction, &t.Outcome: sayOutcome, &t.From: sayFrom, &t.To: sayTo, &t.Line: sayLine, &t.Rule: sayRule,
	} {
		*to = string(said[place])
	}
	if t.Actor == "" {
		t.Actor = string(said[sayActor])
	}
	if t.Words == "" && said[sayDetail] != nil {
		t.Words = "elsewhere"
	}
	if said[saySeq] != nil {
		t.chain(said, a.Leaf, heads)
	}
	return t
}

// chain asks whether the entry follows the one before it in its stream. The first that is told may stand behind one that
// was disposed of.
func (t *Telling) chain(said statement, leaf []byte, heads map[string]*head) {
	h, known := heads[string(said[sayStream])]
	switch {
	case !known && t.Seq == 1:
		h = &head{}
		t.Chain = h.precedes(said[sayPrev])
	case known:
		t.Chain = t.Seq == h.seq+1 && h.precedes(said[sayPrev])
	}
	if known && !t.Chain {
		t.Doubts = append(t.Doubts, fmt.Sprintf("it follows %s, and seq %d before it has hash %s", said[sayPrev], h.seq, hex.EncodeToString(h.leaf[:])))
	}
	next := &head{seq: t.Seq}
	copy(next.leaf[:], leaf)
	heads[string(said[sayStream])] = next
}

// ExplainDirectory verifies an export and tells from it what concerns a request, by its id. Who acted is told by their
// ids, as the log has no names.
func (a Auditor) ExplainDirectory(ctx context.Context, files fs.FS, request string, report func(Finding)) ([]Telling, Summary, error) {
	about := fmt.Appendf(nil, `"request":"%s"`, request)
	var accounts []Account
	places := map[string]int64{} // by leaf hash, as an entry may have no number here
	sum, err := a.directory(ctx, files, report, func(r *Row) {
		if bytes.Contains(r.Canon, about) {
			accounts = append(accounts, Account{Entry: r.ID, Canon: bytes.Clone(r.Canon), Leaf: bytes.Clone(r.Leaf)})
			places[string(r.Leaf)] = r.Index
		}
	})
	if err != nil {
		return nil, sum, err
	}
	signed, err := fs.ReadFile(files, "checkpoint")
	if err != nil {
		return nil, sum, err
	}
	n, err := ParseNote(string(signed))
	if err != nil {
		return nil, sum, err
	}
	var signers []string
	if a.Keys.Given() {
		signers, _ = a.Keys.check(n) // what it fails with was reported
	}
	return Explain(accounts, func(told Account) (Proof, error) {
		if !sum.Sound() || !sum.Certain() {
			return Proof{}, errors.New("the export as a whole does not hold, or could not be verified")
		}
		return Proof{Index: places[string(told.Leaf)], Note: n, Signers: signers}, nil
	}), sum, nil
}

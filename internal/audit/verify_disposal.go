package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// disposedAction is what a certificate of disposal records.
const disposedAction = "disposed"

// certificate is an entry that says which entries were disposed of. Zero is what it does not say.
type certificate struct {
	first, last, count int64
	listed             int64
	sound              bool
}

// disposals reads which entries may be without their bytes.
func (v *verifier) disposals(ctx context.Context, src Source) error {
	v.certs = map[int64]*certificate{}
	err := src.Disposals(ctx, func(d Disposal) error {
		c := v.certs[d.Certificate]
		if c == nil {
			c = parseCertificate(d.Canon)
			if v.certs[d.Certificate] = c; !c.sound {
				v.found(Finding{Invariant: "disposal", Entry: d.Certificate, Text: "is no certificate of disposal, and entries are listed as disposed of by it"})
			}
		}
		c.listed++
		switch {
		case !c.sound:
		case d.Entry < c.first || c.last != 0 && d.Entry > c.last:
			v.found(Finding{Invariant: "disposal", Entry: d.Entry, Text: fmt.Sprintf("is listed as disposed of by certificate %d, which speaks of %d to %d", d.Certificate, c.first, c.last)})
		default:
			v.listed.add(d.Entry)
		}
		return nil
	})
	if errors.Is(err, ErrAbsent) {
		return nil // nothing was ever disposed of
	}
	for _, id := range slices.Sorted(maps.Keys(v.certs)) {
		if c := v.certs[id]; c.sound && c.count != 0 && c.count != c.listed {
			v.found(Finding{Invariant: "disposal", Entry: id, Text: fmt.Sprintf("certifies the disposal of %d entries, and %d are listed", c.count, c.listed)})
		}
	}
	return err
}

func parseCertificate(canon []byte) *certificate {
	said, err := decode(canon)
	if err != nil || string(said[sayAction]) != disposedAction || string(said[sayOutcome]) != Done {
		return &certificate{}
	}
	var facts map[string]string
	if said[sayFacts] != nil && json.Unmarshal(said[sayFacts], &facts) != nil {
		return &certificate{}
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(facts[name], 10, 64) // what is no number bounds nothing
		return n
	}
	return &certificate{first: number("first"), last: number("last"), count: number("count"), sound: true}
}

// disposed is an entry without its bytes: its hash stays in its chain and in the log.
func (v *verifier) disposed(r *Row) {
	if !v.listed.has(r.ID) {
		v.found(Finding{Invariant: "disposal", Entry: r.ID, Stream: string(r.Stream), Seq: r.Seq, Text: "has lost its bytes, and no certificate of disposal names it"})
		return
	}
	v.sum.Disposed++
	v.gone.add(r.ID)
}

// undisposed names the entries that should be without their bytes.
func (v *verifier) undisposed() {
	for id := range v.listed.all() {
		switch {
		case !v.seen.has(id):
			v.found(Finding{Invariant: "disposal", Entry: id, Text: "is listed as disposed of, and all of it is gone"})
		case !v.gone.has(id):
			v.found(Finding{Invariant: "disposal", Entry: id, Text: "is listed as disposed of, and its bytes are here"})
		}
	}
}

package export

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
)

// ndjson writes a line for each entry, and in it the entry's own bytes: canon is what was hashed, byte for byte, so that
// jq -cj .canon gives what SHA-256 needs.
type ndjson struct {
	w    io.Writer
	line []byte
}

func newNDJSON(w io.Writer, _ string) (Writer, error) { return &ndjson{w: w}, nil }

// Row writes {"entry":7,"leaf_index":6,"leaf_hash":"…","recorded_at":"…","actor":"u-ig1","organisation":"TST01",
// "reference":"CG-TST01-2026-0001","canon":{…}}; leaf_index is null while the entry waits, names are left out where there
// is none. An entry that was disposed of has, after recorded_at, its "seq" and "disposed", the number of its certificate, and no
// more.
func (n *ndjson) Row(r *Row) error {
	if r.Disposed == 0 {
		if err := audit.CheckForm(r.Canon); err != nil {
			return fmt.Errorf("entry %d: %w", r.ID, err)
		}
	}
	b := append(n.line[:0], `{"entry":`...)
	b = strconv.AppendInt(b, r.ID, 10)
	b = append(b, `,"leaf_index":`...)
	if r.Index < 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, r.Index, 10)
	}
	b = append(b, `,"leaf_hash":"`...)
	b = hex.AppendEncode(b, r.Leaf)
	b = append(b, `","recorded_at":"`...)
	b = r.RecordedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	if r.Disposed != 0 {
		if r.Seq != 0 {
			b = strconv.AppendInt(append(b, `,"seq":`...), int64(r.Seq), 10)
		}
		b = strconv.AppendInt(append(b, `,"disposed":`...), r.Disposed, 10)
	} else {
		b = appendName(b, "actor", r.Actor)
		b = appendName(b, "organisation", r.Organisation)
		b = appendName(b, "reference", r.Reference)
		b = append(b, `,"canon":`...)
		b = append(b, r.Canon...)
	}
	n.line = append(b, '}', '\n')
	_, err := n.w.Write(n.line)
	return err
}

package export

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
)

// csv writes a table (RFC 4180, UTF-8, CRLF) with a column for every member that an entry may have. A cell that a
// spreadsheet would take for a formula has an apostrophe before it.
type csv struct {
	w      io.Writer
	values [][]byte
	at     int // the place of the member at among values
	seq    int // and that of seq
	line   []byte
}

// beside are the columns before the members; disposed is the number of the certificate, where the entry was disposed of.
var beside = []string{"entry", "leaf_index", "leaf_hash", "recorded_at", "user_id", "org_code", "reference", "disposed"}

func newCSV(w io.Writer, _ string) (Writer, error) {
	members := audit.Members()
	c := &csv{w: w, values: make([][]byte, len(members)), at: slices.Index(members, "at"), seq: slices.Index(members, "seq")}
	_, err := io.WriteString(w, strings.Join(append(slices.Clone(beside), members...), ",")+"\r\n")
	return c, err
}

// Row writes one line. Instants are RFC 3339 in UTC.
func (c *csv) Row(r *Row) error {
	if r.Disposed != 0 {
		return c.disposed(r)
	}
	if err := audit.ReadMembers(r.Canon, c.values); err != nil {
		return fmt.Errorf("entry %d: %w", r.ID, err)
	}
	micros, err := strconv.ParseInt(string(c.values[c.at]), 10, 64)
	if err != nil {
		return fmt.Errorf("entry %d: %w", r.ID, err)
	}
	b := appendPlace(c.line[:0], r)
	for _, name := range []string{r.Actor, r.Organisation, r.Reference} {
		b = appendCell(append(b, ','), name)
	}
	b = append(b, ',') // disposed
	for i, value := range c.values {
		b = append(b, ',')
		if i == c.at {
			b = time.UnixMicro(micros).UTC().AppendFormat(b, time.RFC3339Nano)
			continue
		}
		b = appendCell(b, value)
	}
	c.line = append(b, '\r', '\n')
	_, err = c.w.Write(c.line)
	return err
}

// appendPlace writes what is known of every entry: its number, its place in the log, its hash, and when it was recorded.
func appendPlace(b []byte, r *Row) []byte {
	b = append(strconv.AppendInt(b, r.ID, 10), ',')
	if r.Index >= 0 {
		b = strconv.AppendInt(b, r.Index, 10)
	}
	b = append(hex.AppendEncode(append(b, ','), r.Leaf), ',')
	return r.RecordedAt.UTC().AppendFormat(b, time.RFC3339Nano)
}

// disposed writes what is left of an entry.
func (c *csv) disposed(r *Row) error {
	b := append(appendPlace(c.line[:0], r), ",,,,"...)
	b = strconv.AppendInt(b, r.Disposed, 10)
	for i := range c.values {
		if b = append(b, ','); i == c.seq && r.Seq != 0 {
			b = strconv.AppendInt(b, int64(r.Seq), 10)
		}
	}
	c.line = append(b, '\r', '\n')
	_, err := c.w.Write(c.line)
	return err
}

// appendCell writes a cell that is text to every program: where it begins as a formula does, not any more; in quotes where
// it holds what divides cells.
func appendCell[T string | []byte](b []byte, cell T) []byte {
	text := []byte(cell)
	if len(text) == 0 {
		return b
	}
	safe := !bytes.ContainsRune([]byte("=+-@\t\r\n"), rune(text[0]))
	if bytes.IndexAny(text, ",\"\r\n") < 0 {
		if !safe {
			b = append(b, '\'')
		}
		return append(b, text...)
	}
	b = append(b, '"')
	if !safe {
		b = append(b, '\'')
	}
	b = append(b, bytes.ReplaceAll(text, []byte{'"'}, []byte(`""`))...)
	return append(b, '"')
}

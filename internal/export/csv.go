package export

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
)

// csv writes a table (RFC 4180, UTF-8, CRLF) with a column for every member that an entry may have. A cell that a
// spreadsheet would take for a formula has an apostrophe before it. The last column is the certificate by which an entry was
// disposed of: then only the members that the trail keeps are there.
type csv struct {
	w      io.Writer
	values [][]byte
	at     int // the place of the member at among values
	line   []byte
}

// beside are the columns before the members.
var beside = []string{"entry", "leaf_index", "leaf_hash", "recorded_at", "user_id", "org_code", "reference"}

func newCSV(w io.Writer, _ string) (Writer, error) {
	members := audit.Members()
	c := &csv{w: w, values: make([][]byte, len(members)), at: slices.Index(members, "at")}
	_, err := io.WriteString(w, strings.Join(slices.Concat(beside, members, []string{"disposed_by"}), ",")+"\r\n")
	return c, err
}

// Row writes one line. Instants are RFC 3339 in UTC.
func (c *csv) Row(r *Row) error {
	certificate, err := c.read(r)
	if err != nil {
		return fmt.Errorf("entry %d: %w", r.ID, err)
	}
	micros, err := strconv.ParseInt(string(c.values[c.at]), 10, 64)
	if err != nil {
		return fmt.Errorf("entry %d: %w", r.ID, err)
	}
	b := strconv.AppendInt(c.line[:0], r.ID, 10)
	b = append(b, ',')
	if r.Index >= 0 {
		b = strconv.AppendInt(b, r.Index, 10)
	}
	b = append(b, ',')
	b = hex.AppendEncode(b, r.Leaf)
	b = append(b, ',')
	b = r.RecordedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	for _, name := range []string{r.Actor, r.Organisation, r.Reference} {
		b = appendCell(append(b, ','), name)
	}
	for i, value := range c.values {
		b = append(b, ',')
		if i == c.at {
			b = time.UnixMicro(micros).UTC().AppendFormat(b, time.RFC3339Nano)
			continue
		}
		b = appendCell(b, value)
	}
	b = append(b, ',')
	if certificate != 0 {
		b = strconv.AppendInt(b, certificate, 10)
	}
	c.line = append(b, '\r', '\n')
	_, err = c.w.Write(c.line)
	return err
}

// read finds the values of the members: in the entry, or in what is left of it.
func (c *csv) read(r *Row) (certificate int64, err error) {
	if r.Canon != nil {
		return 0, audit.ReadMembers(r.Canon, c.values)
	}
	var left map[string]any
	d := json.NewDecoder(bytes.NewReader(r.Remains))
	d.UseNumber()
	if err := d.Decode(&left); err != nil {
		return 0, err
	}
	for i, name := range audit.Members() {
		c.values[i] = nil
		if value, ok := left[name]; ok {
			c.values[i] = fmt.Append(nil, value)
		}
	}
	return r.Disposed()
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

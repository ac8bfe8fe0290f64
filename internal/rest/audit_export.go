package rest

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/export"
	"github.com/caldicott/caldicott/internal/notary"
)

// format is in which form entries are taken away.
var format = param{"format", "must be ndjson, csv or fhir", func(s string) bool { return slices.ContainsFunc(export.Formats(), formatNamed(s)) }}

func formatNamed(name string) func(export.Format) bool {
	return func(f export.Format) bool { return f.Name == name }
}

// An export may take long, as its caller may be slow; but a caller who takes nothing at all for a while has gone.
const (
	exportWithin = 2 * time.Hour
	takenWithin  = 30 * time.Second
	exportBuffer = 64 << 10
)

// headers of an export: its id at the start, what it came to at the end.
const (
	exportID     = "Export-Id"
	exportCount  = "Export-Count"
	exportSHA256 = "Export-Sha256"
)

// origin names this service in what leaves it.
func (s *service) origin() string { return cmp.Or(s.Notary.Proofs.Origin, "caldicott") }

// exportEntries sends all entries asked for, the oldest first. That it begins is on the record before the first byte, and
// with how many rows and which hash it ended after the last.
func (s *service) exportEntries(w http.ResponseWriter, r *http.Request) error {
	given, err := ask(r, append(slices.Clone(narrowing), purpose, format)...)
	if err != nil {
		return err
	}
	asked, question, err := given.ofLog()
	if err != nil {
		return err
	}
	name, err := given.need(format)
	if err != nil {
		return err
	}
	form := export.Formats()[slices.IndexFunc(export.Formats(), formatNamed(name))]
	grant, err := s.grant(r, caldicott.ExportLog, &asked)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead { // nothing is taken, so nothing goes on record
		w.Header().Set("Content-Type", form.MediaType)
		return nil
	}
	free, err := s.export()
	if err != nil {
		return err
	}
	defer free()
	tree, signed, err := s.Notary.Proofs.Checkpoint(r.Context())
	if err != nil && !errors.Is(err, notary.ErrUnsigned) {
		return err
	}
	taken := casework.LogExport{Format: form.Name, Size: tree.Size, Checkpoint: signed}
	if taken, err = s.Work.BeginExport(r.Context(), grant, question, taken); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", form.MediaType)
	h.Set("Content-Disposition", `attachment; filename="entries-`+taken.ID+`.`+form.Name+`"`)
	h.Set(exportID, taken.ID)
	h.Add("Trailer", exportCount)
	h.Add("Trailer", exportSHA256)
	out := &outgoing{w: w, to: http.NewResponseController(w), sum: sha256.New()}
	rows, err := s.send(r, form, asked, out)
	sum := hex.EncodeToString(out.sum.Sum(nil))
	err = errors.Join(err, s.Work.EndExport(r.Context(), taken, rows, sum, err != nil))
	if err != nil && out.sent == 0 {
		for _, name := range []string{"Content-Disposition", "Trailer"} {
			h.Del(name)
		}
		return err
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "export broke off", "request_id", RequestIDOf(r.Context()), "export", taken.ID, "rows", rows, "cause", causeOf(err))
		panic(http.ErrAbortHandler) // the status is gone: only a connection that breaks says that this is not all
	}
	h.Set(exportCount, strconv.FormatInt(rows, 10))
	h.Set(exportSHA256, sum)
	return nil
}

// export finds room for one more export, until it is freed.
func (s *service) export() (free func(), err error) {
	select {
	case s.exports <- struct{}{}:
		return func() { <-s.exports }, nil
	default:
		return nil, caldicott.Errorf(caldicott.TooMany, api.CodeTooMany, "Other exports are being taken; please try again when they have ended.")
	}
}

// send writes the rows and says how many. It outlives the patience that other requests are given, and ends when the caller
// takes no more.
func (s *service) send(r *http.Request, form export.Format, asked LogAsked, out *outgoing) (rows int64, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), exportWithin)
	defer cancel()
	buffer := bufio.NewWriterSize(out, exportBuffer)
	writer, err := form.Begin(buffer, s.origin())
	if err != nil {
		return 0, err
	}
	err = s.Trail.Stream(ctx, asked, func(row *export.Row) error {
		if err := writer.Row(row); err != nil {
			return err
		}
		rows++
		return nil
	})
	if err != nil {
		return rows, err
	}
	return rows, buffer.Flush()
}

// outgoing hashes what is sent, sends it at once, and gives the caller a while to take each piece.
type outgoing struct {
	w    io.Writer
	to   *http.ResponseController
	sum  hash.Hash
	sent int64 // bytes
}

func (o *outgoing) Write(p []byte) (int, error) {
	err := o.to.SetWriteDeadline(time.Now().Add(takenWithin))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := o.w.Write(p)
	o.sum.Write(p[:n])
	o.sent += int64(n)
	if err != nil {
		return n, err
	}
	if err := o.to.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return n, err
	}
	return n, nil
}

// showExport shows the manifest of an export to whoever may take one.
func (s *service) showExport(w http.ResponseWriter, r *http.Request) error {
	given, err := ask(r, purpose)
	if err != nil {
		return err
	}
	asked, question, err := given.ofLog()
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	grant, err := s.grant(r, caldicott.ExportLog, &asked)
	if err != nil {
		return err
	}
	asked.Stream = casework.ExportStream(id)
	found, err := s.Trail.Wholes(r.Context(), asked, 2)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return gone()
	}
	for _, x := range found {
		if x.Disposed != 0 {
			return disposed(x.Disposed)
		}
	}
	manifest, err := manifestOf(id, found)
	if err != nil {
		return err
	}
	if err := s.Work.LogViewed(r.Context(), grant, question, found[len(found)-1].ID, ""); err != nil {
		return err
	}
	return shown(manifest, len(found)).write(w)
}

// manifestOf reads an export's entries: that it began and, where it did not die with its service, how it ended.
func manifestOf(id string, found []LogWhole) (api.Manifest, error) {
	last := &found[len(found)-1]
	e, _, err := last.Event()
	if err != nil {
		return api.Manifest{}, err
	}
	var words casework.ExportWords
	if len(last.Body) > 0 {
		if err := json.Unmarshal(last.Body, &words); err != nil {
			return api.Manifest{}, fmt.Errorf("export %s: %w", id, err)
		}
	}
	m := api.Manifest{
		ID: id, Stage: e.Facts["stage"], Format: e.Facts["format"], Purpose: vocabulary.LogPurpose(e.Facts["purpose"]),
		Actor: last.Actor, BegunAt: e.At, SHA256: e.Digest, Checkpoint: words.Checkpoint,
		Count: number(e.Facts["count"]), Size: number(e.Facts["checkpoint"]),
	}
	for _, name := range slices.Sorted(maps.Keys(words.Query)) {
		m.Query = append(m.Query, api.AuditFact{Name: name, Value: words.Query[name]})
	}
	if m.Stage == casework.ExportBegun {
		return m, nil
	}
	m.EndedAt = e.At
	first, _, err := found[0].Event()
	m.BegunAt = first.At
	return m, err
}

// number reads a count that the service itself wrote; 0 where there is none.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

package rest

import (
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// NotaryOf is what the API knows of the sealed log. Alarm says why this replica has stopped, "" while it has not.
type NotaryOf struct {
	Proofs       notary.Proofs
	Alarm        func() string
	Seals, Signs bool
}

// How long what is read of the log may be kept: a full tile for ever, the newest checkpoint for seconds.
const (
	forEver    = "max-age=31536000, immutable"
	forSeconds = "max-age=2"
)

var (
	checkpointList = list{name: "checkpoints", key: noKey, id: isNumber}
	fromSize       = param{"from", "must be a size of a signed checkpoint, or 0", isSize}
	toSize         = param{"to", "must be a size of a signed checkpoint", isNumber}
)

func isSize(s string) bool { return s == "0" || isNumber(s) }

// unproved gives the errors of whoever proves their kind. What is not sealed yet will be within a second.
func unproved(err error) error {
	switch {
	case errors.Is(err, notary.ErrNoEntry):
		return caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such entry.")
	case errors.Is(err, notary.ErrUnsealed):
		return caldicott.Errorf(caldicott.NotFound, caldicott.CodeUnsealed, "This is not in the signed log yet; ask again in a second.")
	case errors.Is(err, notary.ErrUnsigned):
		return caldicott.Errorf(caldicott.NotFound, caldicott.CodeUnsealed, "There is no signed checkpoint of that size yet.")
	}
	return err
}

// logText sends a text of the log. Proofs and checkpoints hold hashes only, so shared caches may keep them.
func logText(w http.ResponseWriter, text, keep string) {
	logBytes(w, "text/plain; charset=utf-8", []byte(text), "public, "+keep)
}

func logBytes(w http.ResponseWriter, kind string, data []byte, keep string) {
	h := w.Header()
	h.Set("Cache-Control", keep)
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) //nolint:errcheck // nobody is left to tell
}

// numberOf is a number in the path.
func numberOf(r *http.Request, part string) (int64, error) {
	s, err := named(r, part, isNumber)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

// proveEntry shows that an entry is in the log, as a C2SP tlog-proof that can be checked offline.
func (s *service) proveEntry(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	entry, err := numberOf(r, "entry")
	if err != nil {
		return err
	}
	proof, err := s.Notary.Proofs.Entry(r.Context(), entry)
	if err != nil {
		return unproved(err)
	}
	logText(w, proof.Text(), forSeconds)
	return nil
}

// proveRequest shows that all entries about a request are in the log. It holds no content: there is nothing to put on record.
func (s *service) proveRequest(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	result, err := s.look(r, caldicott.Requests)
	if err != nil {
		return err
	}
	proved, waiting, err := s.Notary.Proofs.Request(r.Context(), result.Case.Request.ID)
	if err != nil {
		return unproved(err)
	}
	view := api.RequestProofs{Proofs: []api.EntryProof{}, Waiting: append([]int64{}, waiting...)}
	for _, p := range proved {
		view.Checkpoint = p.Note
		view.Proofs = append(view.Proofs, api.EntryProof{Entry: p.Entry, Index: p.Index, Path: hashes(p.Path)})
	}
	return shown(view, 0).write(w)
}

func hashes(path []merkle.Hash) []string {
	list := make([]string, len(path))
	for i, h := range path {
		list[i] = h.String()
	}
	return list
}

// listCheckpoints shows what was signed, the largest first.
func (s *service) listCheckpoints(w http.ResponseWriter, r *http.Request) error {
	p, err := checkpointList.page(r)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(p.after.ID, 10, 64) //nolint:errcheck // its form was checked; absent is 0
	rows, err := s.Notary.Proofs.Shelf.SignedBefore(r.Context(), before, p.limit+1)
	if err != nil {
		return err
	}
	place := func(c notary.Signed) (string, string) { return "", strconv.FormatInt(c.Size, 10) }
	return writePage(w, r, p, rows, place, func(c notary.Signed) api.CheckpointRow {
		return api.CheckpointRow{Size: c.Size, Root: base64.StdEncoding.EncodeToString(c.Root), SealedAt: c.SealedAt}
	})
}

// showCheckpoint shows a signed checkpoint as a note.
func (s *service) showCheckpoint(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	size, err := numberOf(r, "size")
	if err != nil {
		return err
	}
	_, signed, err := s.Notary.Proofs.CheckpointAt(r.Context(), size)
	if err != nil {
		return unproved(err)
	}
	w.Header().Set("ETag", api.ETag(1))
	logText(w, signed, "max-age=60") // signatures of witnesses may be added
	return nil
}

// newestCheckpoint shows the newest signed checkpoint as a note.
func (s *service) newestCheckpoint(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	_, signed, err := s.Notary.Proofs.Checkpoint(r.Context())
	if err != nil {
		return unproved(err)
	}
	logText(w, signed, forSeconds)
	return nil
}

// showConsistency proves that the larger log began as the smaller.
func (s *service) showConsistency(w http.ResponseWriter, r *http.Request) error {
	asked, err := ask(r, fromSize, toSize)
	if err != nil {
		return err
	}
	var sizes [2]int64
	for i, p := range []param{fromSize, toSize} {
		v, err := asked.need(p)
		if err != nil {
			return err
		}
		if sizes[i], err = strconv.ParseInt(v, 10, 64); err != nil {
			return unreadable(p.name, p.must)
		}
	}
	if sizes[0] > sizes[1] {
		return unreadable(fromSize.name, "must not be larger than to")
	}
	path, old, newer, err := s.Notary.Proofs.Consistency(r.Context(), sizes[0], sizes[1])
	if err != nil {
		return unproved(err)
	}
	tree := func(t merkle.Tree) api.TreeView { return api.TreeView{Size: t.Size, Root: t.Root.String()} }
	return shown(api.ConsistencyView{From: tree(old), To: tree(newer), Path: hashes(path)}, 0).write(w)
}

// showKeys shows what was said of each key. Whoever verifies has keys from elsewhere.
func (s *service) showKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	keys, err := s.Notary.Proofs.Shelf.Keys(r.Context())
	if err != nil {
		return err
	}
	return shown(api.FromList(keys, "", func(k notary.KeyWord) api.LogKey {
		return api.LogKey{Key: k.Key, Role: k.Role, FromSize: k.From, ToSize: k.To, NotedAt: k.NotedAt}
	}), 0).write(w)
}

// showLogHealth says how the log is doing.
func (s *service) showLogHealth(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	p, err := s.Notary.Proofs.Shelf.Pulse(r.Context())
	if err != nil {
		return err
	}
	view := api.LogHealth{
		Origin: s.Notary.Proofs.Origin, Now: p.Now, Size: p.Size, SealedAt: present(p.SealedAt), SignedSize: p.Signed, SignedAt: present(p.SignedAt),
		Waiting: p.Waiting, OldestWaiting: present(p.Oldest), Definition: p.Definition, AttestedAt: present(p.AttestedAt),
		SealsHere: s.Notary.Seals, SignsHere: s.Notary.Signs, Alarm: s.Notary.Alarm(),
	}
	if !p.Oldest.IsZero() {
		view.LagSeconds = max(0, p.Now.Sub(p.Oldest).Seconds())
	}
	return shown(view, 0).write(w)
}

func present(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// tilePath is where C2SP's tlog-tiles has a tile: <level>/<index>[.p/<width>], the index in groups of three digits, all but
// the last with an x.
var tilePath = regexp.MustCompile(`^(0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$`)

// placeOf reads the path of a tile; false for one that is none, or that is spelt in another way than it must be.
func placeOf(path string) (merkle.Place, bool) {
	m := tilePath.FindStringSubmatch(path)
	if m == nil || strings.HasPrefix(m[2], "x000/") {
		return merkle.Place{}, false
	}
	level, _ := strconv.Atoi(m[1])                                                            //nolint:errcheck // two digits
	index, _ := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(m[2]), 10, 64) //nolint:errcheck // eighteen digits
	width := merkle.TileWidth
	if m[3] != "" {
		if width, _ = strconv.Atoi(m[3]); width >= merkle.TileWidth { //nolint:errcheck // three digits
			return merkle.Place{}, false
		}
	}
	return merkle.Place{Level: level, Index: index, Width: width}, true
}

// showTile shows a tile of hashes, as any C2SP client reads it.
func (s *service) showTile(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	place, ok := placeOf(chi.URLParam(r, "*"))
	if !ok {
		return caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such tile.")
	}
	data, err := s.Notary.Proofs.Tile(r.Context(), place)
	if err != nil {
		return unproved(err)
	}
	logBytes(w, "application/octet-stream", data, "public, "+forEver)
	return nil
}

// PublicLog gives checkpoints and hash tiles to anybody: they hold no personal data.
func PublicLog(c Config) http.Handler {
	s := &service{c}
	r := chi.NewRouter()
	r.Get("/checkpoint", s.serve(s.newestCheckpoint))
	r.Get("/tile/*", s.serve(s.showTile))
	return r
}

package rest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
)

// office is a town's log.
type office struct{ *housetest.Office }

func (w *town) office(t testing.TB) office {
	t.Helper()
	return office{housetest.NewOffice(t, w.Database)}
}

// known is the log's key.
func (o office) known(t testing.TB) note.Verifiers {
	t.Helper()
	verifiers, err := notary.Verifiers(o.Key.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return verifiers
}

// opened is what a signed checkpoint says, to somebody who has the key from elsewhere.
func (o office) opened(t testing.TB, signed string) merkle.Tree {
	t.Helper()
	n, err := note.Open([]byte(signed), o.known(t))
	if err != nil {
		t.Fatalf("%v: %q", err, signed)
	}
	c, err := merkle.ParseCheckpoint(n.Text)
	if err != nil || c.Origin != logOrigin {
		t.Fatalf("%v: %q", err, n.Text)
	}
	return c.Tree
}

// canon is what an entry is made of, from the database.
func (w *town) canon(t testing.TB, entry int64) []byte {
	t.Helper()
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var canon []byte
	if err := db.Get(&canon, `SELECT canon FROM audit.entries WHERE id = $1`, entry); err != nil {
		t.Fatal(err)
	}
	return canon
}

func TestWhoeverMayReadARequestProvesAllThatWasDoneWithIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	researcher := w.as(t, "u-req-research")
	path := researcher.post("/api/v1/requests", scenario(t, "S03")).is(201).header.Get("Location")
	proofs := "/api/v1/audit/" + strings.TrimPrefix(path, "/api/v1/") + "/proof"
	var proved api.RequestProofs
	researcher.get(proofs).is(200).into(&proved)
	if len(proved.Waiting) != 1 || len(proved.Proofs) != 0 || proved.Checkpoint != "" {
		t.Fatalf("before anything is sealed: %+v", proved)
	}
	first := strconv.FormatInt(proved.Waiting[0], 10)
	if r := researcher.get("/api/v1/audit/entries/"+first+"/proof").is(404, "UNSEALED"); r.header.Get("Retry-After") == "" {
		t.Error("it is not said when to ask again")
	}
	o.Seal(t)
	researcher.get(proofs).is(200).into(&proved)
	if len(proved.Proofs) != 1 || len(proved.Waiting) != 0 {
		t.Fatalf("sealed: %+v", proved)
	}
	tree := o.opened(t, proved.Checkpoint)
	for _, p := range proved.Proofs {
		leaf := merkle.Leaf(w.canon(t, p.Entry))
		if err := merkle.CheckInclusion(read(t, p.Path), tree, p.Index, leaf); err != nil {
			t.Errorf("entry %d: %v", p.Entry, err)
		}
	}
	proof, err := merkle.ParseProof(string(researcher.get("/api/v1/audit/entries/" + first + "/proof").is(200).body))
	if err != nil {
		t.Fatal(err)
	}
	if err := merkle.CheckInclusion(proof.Path, o.opened(t, proof.Note), proof.Index, merkle.Leaf(w.canon(t, proved.Proofs[0].Entry))); err != nil {
		t.Error(err)
	}
	w.as(t, "u-req-ed").get(proofs).is(404)
	researcher.get("/api/v1/audit/entries/999999/proof").is(404, "NOT_FOUND")
}

func read(t testing.TB, path []string) []merkle.Hash {
	t.Helper()
	var list []merkle.Hash
	for _, s := range path {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, merkle.Hash(b))
	}
	return list
}

func TestTheLogIsReadAsAnyC2SPClientReadsIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	researcher := w.as(t, "u-req-research")
	for _, path := range []string{"log/checkpoint", "checkpoints/latest", "checkpoints/1", "log/tile/0/000.p/1", "consistency?from=0&to=1"} {
		researcher.get("/api/v1/audit/"+path).is(404, "UNSEALED")
	}
	var sizes []int64
	for range 3 {
		for range 100 {
			if err := w.Service.Attested(t.Context(), strings.Repeat("ab", 32), 7); err != nil {
				t.Fatal(err)
			}
		}
		o.Seal(t)
		sizes = append(sizes, o.opened(t, string(researcher.get("/api/v1/audit/log/checkpoint").is(200).body)).Size)
	}
	size := sizes[2]
	r := researcher.get("/api/v1/audit/log/tile/0/000").is(200)
	if len(r.body) != 256*32 || !strings.Contains(r.header.Get("Cache-Control"), "immutable") {
		t.Errorf("the first tile has %d bytes, to be kept as %q", len(r.body), r.header.Get("Cache-Control"))
	}
	edge := "/api/v1/audit/log/tile/0/001.p/" + strconv.FormatInt(size-256, 10)
	var hashes []merkle.Hash
	for _, tile := range [][]byte{r.body, researcher.get(edge).is(200).body} {
		part, err := merkle.Split(tile)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, part...)
	}
	var whole merkle.Edge
	for _, h := range hashes {
		whole.Append(h)
	}
	if want := o.opened(t, string(researcher.get("/api/v1/audit/checkpoints/latest").is(200).body)); whole.Root() != want.Root || whole.Size() != want.Size {
		t.Errorf("the tiles make a tree of %d with %s, the checkpoint says %d with %s", whole.Size(), whole.Root(), want.Size, want.Root)
	}
	for _, path := range []string{"0/002.p/1", "0/001", "0/000.p/256", "0/000.p/0", "0/x000/000", "0/0", "0/00", "64/000", "00/000", "0/x999/999", "0/000/", "0/000.p/1/2"} {
		researcher.get("/api/v1/audit/log/tile/" + path).is(404)
	}

	var consistent api.ConsistencyView
	researcher.get("/api/v1/audit/consistency?from=" + strconv.FormatInt(sizes[0], 10) + "&to=" + strconv.FormatInt(size, 10)).is(200).into(&consistent)
	old := o.opened(t, string(researcher.get("/api/v1/audit/checkpoints/"+strconv.FormatInt(sizes[0], 10)).is(200).body))
	if err := merkle.CheckConsistency(read(t, consistent.Path), old, merkle.Tree{Size: size, Root: whole.Root()}); err != nil {
		t.Error(err)
	}
	researcher.get("/api/v1/audit/consistency?from=7&to=3").is(400)
	researcher.get("/api/v1/audit/consistency?from=7").is(400)
	researcher.get("/api/v1/audit/checkpoints/0").is(404)

	var list api.List[api.CheckpointRow]
	researcher.get("/api/v1/audit/checkpoints?limit=2").is(200).into(&list)
	if len(list.Items) != 2 || list.Items[0].Size != size || list.Next == "" {
		t.Fatalf("the first page is %+v", list)
	}
	var last api.List[api.CheckpointRow]
	researcher.get("/api/v1/audit/checkpoints?limit=2&cursor=" + list.Next).is(200).into(&last)
	if len(last.Items) != 1 || last.Items[0].Size != sizes[0] || last.Next != "" {
		t.Errorf("the second page is %+v", last)
	}
}

func TestAnAuditorReadsTheEntriesBeneathATileAndIsOnTheRecord(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201)
	o.Seal(t)
	auditor, why := w.as(t, "u-auditor"), header("Purpose", "EXTERNAL_AUDIT")
	size := o.opened(t, string(auditor.get("/api/v1/audit/log/checkpoint").is(200).body)).Size
	path := "/api/v1/audit/log/tile/entries/000.p/" + strconv.FormatInt(size, 10)
	auditor.get(path).is(400)
	w.as(t, "u-req-research").get(path, why).is(403)
	auditor.get("/api/v1/audit/log/tile/entries/000", why).is(404, "UNSEALED")
	for _, none := range []string{"999", "000.p/256", "x000/000", ""} {
		auditor.get("/api/v1/audit/log/tile/entries/"+none, why).is(404)
	}
	// The demonstration has several organisations, and the auditor is one's: what is not theirs is in no bundle that they get.
	auditor.get(path, why).is(404, "NOT_FOUND")
	first := "/api/v1/audit/log/tile/entries/000.p/" + strconv.Itoa(w.ownUpTo(t, "TST01"))
	r := auditor.get(first, why).is(200)
	entries, err := merkle.ParseBundle(r.body)
	if err != nil {
		t.Fatal(err)
	}
	tile, err := merkle.Split(auditor.get(strings.Replace(first, "entries", "0", 1)).is(200).body)
	if err != nil || len(tile) != len(entries) {
		t.Fatalf("%d hashes and %d entries: %v", len(tile), len(entries), err)
	}
	for i, canon := range entries {
		if merkle.Leaf(canon) != tile[i] {
			t.Errorf("entry %d is not the one beneath the tile", i)
		}
	}
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'exported' AND convert_from(canon, 'UTF8') LIKE '%"bundle":"0","count":"`+strconv.Itoa(len(entries))+`"%'`); n != 1 {
		t.Errorf("%d readings are on record", n)
	}
}

// ownUpTo is how many entries from the first on are about that organisation.
func (w *town) ownUpTo(t testing.TB, code string) int {
	return w.count(t, `SELECT COALESCE(min(l.leaf_index), (SELECT count(*) FROM audit.leaves)) FROM audit.leaves l JOIN audit.entries e ON e.id = l.entry_id
		WHERE e.organisation_id IS DISTINCT FROM (SELECT id FROM casework.organisations WHERE code = $1)`, code)
}

func TestTheLogsHealthSaysWhatWaits(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	researcher := w.as(t, "u-req-research")
	health := func() (h api.LogHealth) {
		researcher.get("/api/v1/audit/health").is(200).into(&h)
		return h
	}
	if h := health(); h.Size != 0 || h.Waiting == 0 || h.OldestWaiting == nil || h.LagSeconds <= 0 || h.SealsHere {
		t.Errorf("before: %+v", h)
	}
	if err := w.Service.Attested(t.Context(), strings.Repeat("ab", 32), 7); err != nil {
		t.Fatal(err)
	}
	o.Seal(t)
	if h := health(); h.Waiting != 0 || h.Size == 0 || h.SignedSize != h.Size || h.LagSeconds != 0 || h.Definition != strings.Repeat("ab", 32) {
		t.Errorf("after: %+v", h)
	}
	var keys api.List[api.LogKey]
	researcher.get("/api/v1/audit/keys").is(200).into(&keys)
	if len(keys.Items) != 1 || keys.Items[0].Key != o.Key.Verifier() || keys.Items[0].Role != "log" {
		t.Errorf("the keys are %+v", keys)
	}
}

func TestThePublicLogNeedsNoSignInAndHasNothingElse(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	o.Seal(t)
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "public", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	public := rest.PublicLog(rest.Config{Log: quiet(), Notary: rest.NotaryOf{Proofs: notary.Proofs{Origin: logOrigin, Shelf: notarydb.Shelf{DB: reader}}}})
	get := func(path string) *httptest.ResponseRecorder {
		answered := httptest.NewRecorder()
		public.ServeHTTP(answered, httptest.NewRequest(http.MethodGet, path, nil))
		return answered
	}
	checkpoint := get("/checkpoint")
	size := o.opened(t, checkpoint.Body.String()).Size
	if tile := get("/tile/0/000.p/" + strconv.FormatInt(size, 10)); tile.Code != 200 || tile.Body.Len() != int(size)*32 {
		t.Errorf("the tile is %d with %d bytes", tile.Code, tile.Body.Len())
	}
	var problem api.Problem
	if missing := get("/tile/entries/000"); missing.Code != 404 || json.Unmarshal(missing.Body.Bytes(), &problem) != nil {
		t.Errorf("entries are %d %s", missing.Code, missing.Body)
	}
}

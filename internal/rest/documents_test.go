package rest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/clamd"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
	"github.com/caldicott/caldicott/internal/server"
	"github.com/caldicott/caldicott/internal/vault"
)

const (
	aPDF   = "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
	aMemo  = "Minutes of the panel: nothing against it.\n"
	letter = "Agreement – 2026.pdf"
)

// withVault gives a test a town that keeps documents, elsewhere than in the database if somewhere is given.
func withVault(t *testing.T, elsewhere ...postgres.Place) *town {
	t.Helper()
	h := housetest.New(t)
	h.Enrol(t)
	line, err := vault.GenerateKey("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.ParseKeys(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	blobs := postgres.Blobs{DB: h.DB, Absent: vault.ErrAbsent}
	if len(elsewhere) > 0 {
		blobs.Elsewhere = elsewhere[0]
	}
	h.Service.Vault, h.Service.Files = vault.Vault{Store: blobs, Keys: keys}, vault.Files{}
	h.Service.Promise = promise
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(h.Database), Application: "history", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	log := &lines{}
	out := slog.New(slog.NewJSONHandler(log, nil))
	whole := server.New(server.Config{
		Verifier: names{}, Known: h.Service.Known, Contract: h.Contract, Log: out, Ready: h.DB.Ping, MaxBody: rest.MaxUpload,
		API: rest.New(rest.Config{Work: h.Service, History: trail{auditdb.History{DB: reader}}, Log: out}),
	})
	return &town{House: h, handler: checked(t, whole), routes: whole.(chi.Routes), log: log}
}

// piece is a part of a form: a file, if it has a name.
type piece struct{ part, name, content string }

func file(name, content string) piece { return piece{"file", name, content} }

// formed writes a form with that boundary; headers are those of every part.
func formed(t testing.TB, boundary string, pieces ...piece) []byte {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if err := w.SetBoundary(boundary); err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"`, p.part)}}
		if p.name != "" {
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, p.part, p.name))
			h.Set("Content-Type", "application/pdf") // whatever it is: nobody believes it
		}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, p.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func kindOf(kind string) option {
	return func(r *http.Request) { r.Header.Set("Content-Type", kind) }
}

// attach sends a form to the request.
func (c caller) attach(request string, pieces ...piece) reply {
	return c.raw("POST", request+"/documents", formed(c.t, "b0undary", pieces...), kindOf("multipart/form-data; boundary=b0undary"))
}

// draft begins a request to which something can be attached.
func draft(t testing.TB, w *town) string {
	t.Helper()
	return w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201).header.Get("Location")
}

func (r reply) document() (view api.DocumentView) {
	r.t.Helper()
	r.into(&view)
	return view
}

// papersOf are the documents in the view of a request.
func papersOf(t testing.TB, w *town, request string) []api.DocumentView {
	t.Helper()
	var view struct{ Documents []api.DocumentView }
	w.as(t, "u-ig1").get(request).is(200).into(&view)
	return view.Documents
}

func (w *town) blobs(t testing.TB) int { return w.count(t, `SELECT count(*) FROM casework.blobs`) }

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// auditHolds verifies the whole trail, as its reader.
func auditHolds(t *testing.T, w *town) {
	t.Helper()
	db, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "verify", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	read, err := auditdb.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	sum, err := audit.Verify(t.Context(), read, func(f audit.Finding) {
		if !f.Note() {
			t.Error(f)
		}
	})
	if err != nil || sum.Entries == 0 || sum.CaseRows == 0 {
		t.Errorf("not everything was read: %+v, %v", sum, err)
	}
}

func TestADocumentIsKeptSealedAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	for name, c := range map[string]struct{ content, kept, kind, given, disposition string }{
		"pdf":  {aPDF, letter, "application/pdf", "application/pdf", `attachment; filename="Agreement _ 2026.pdf"; filename*=UTF-8''Agreement%20%E2%80%93%202026.pdf`},
		"text": {aMemo, "memo.txt", "text/plain", "application/octet-stream", `attachment; filename="memo.txt"; filename*=UTF-8''memo.txt`},
	} {
		r := w.as(t, "u-req-research").attach(request, piece{"type", "", "DSA"}, file(`C:\Papers\`+c.kept, c.content)).is(201)
		view := r.document()
		if view.Name != c.kept || view.MediaType != c.kind || view.Type != "DSA" || view.State != "CLEAN" || view.SHA256 != digestOf(c.content) ||
			view.Size != int64(len(c.content)) || view.By != "u-req-research" || r.header.Get("Location") != "/api/v1/documents/"+view.ID {
			t.Errorf("%s: it is %+v at %s", name, view, r.header.Get("Location"))
		}
		for _, who := range []string{"u-req-research", "u-ig1", "u-auditor"} {
			r = w.as(t, who).get("/api/v1/documents/" + view.ID).is(200)
			if string(r.body) != c.content {
				t.Errorf("%s: %d bytes came back as %d", name, len(c.content), len(r.body))
			}
			for header, want := range map[string]string{
				"Content-Type": c.given, "Content-Disposition": c.disposition, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
				"ETag": `"1"`, "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "Content-Length": fmt.Sprint(len(c.content)),
			} {
				if got := r.header.Get(header); got != want {
					t.Errorf("%s: %s is %q, not %q", name, header, got, want)
				}
			}
		}
		if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'attach' AND convert_from(canon, 'UTF8') LIKE '%"document":"' || $1 || '"%'`, view.SHA256); n != 1 {
			t.Errorf("%s: the digest is in %d entries of the trail", name, n)
		}
		if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'viewed' AND convert_from(canon, 'UTF8') LIKE '%' || $1 || '%'`, view.ID); n != 3 {
			t.Errorf("%s: %d readings are on the record", name, n)
		}
		if n := w.count(t, `SELECT count(*) FROM casework.blobs WHERE position(CAST($1 AS bytea) IN sealed) > 0`, []byte(c.content[9:])); n != 0 {
			t.Errorf("%s: the database can be read", name)
		}
	}
	if papers := papersOf(t, w, request); len(papers) != 2 || w.blobs(t) != 2 {
		t.Errorf("the request has %d documents, and %d are kept", len(papers), w.blobs(t))
	}
	auditHolds(t, w)
}

func TestAFormIsReadStrictly(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	researcher := w.as(t, "u-req-research")
	confirming := func(list string) []piece { return []piece{file("a.pdf", aPDF), {"not_identifiers", "", list}} }
	for name, c := range map[string]struct {
		pieces []piece
		status int
		code   string
		field  string
	}{
		"an unknown part":        {[]piece{file("a.pdf", aPDF), {"colour", "", "red"}}, 400, "UNKNOWN_FIELD", "colour"},
		"a part with a number":   {[]piece{{"9434765919", "", "x"}}, 400, "UNKNOWN_FIELD", "(unnamed)"},
		"a part without a name":  {[]piece{{"", "", "x"}}, 400, "UNKNOWN_FIELD", "(unnamed)"},
		"two files":              {[]piece{file("a.pdf", aPDF), file("b.pdf", aPDF)}, 400, "UNREADABLE", "file"},
		"two types":              {[]piece{{"type", "", "DSA"}, {"type", "", "DSA"}}, 400, "UNREADABLE", "type"},
		"a file without a name":  {[]piece{{"file", "", aPDF}}, 400, "UNREADABLE", "file"},
		"no file":                {[]piece{{"type", "", "DSA"}}, 422, "REQUIRED", "file"},
		"nothing":                {nil, 422, "REQUIRED", "file"},
		"an unknown type":        {[]piece{file("a.pdf", aPDF), {"type", "", "BANANA"}}, 422, "FIELD", "type"},
		"no list":                {confirming(`{}`), 400, "UNREADABLE", "not_identifiers"},
		"no JSON":                {confirming(`x`), 400, "UNREADABLE", "not_identifiers"},
		"an unknown member":      {confirming(`[{"field":"name","reason":"r","more":1}]`), 400, "UNKNOWN_FIELD", "not_identifiers[0].more"},
		"a list and more":        {confirming(`[],"type":"DSA"`), 400, "UNKNOWN_FIELD", "type"},
		"a list and an end":      {confirming(`[]}{"x":1`), 400, "UNREADABLE", ""},
		"a list without reasons": {confirming(`[{"field":"name","reason":" "}]`), 422, "REQUIRED", "not_identifiers[0].reason"},
		"a list too long":        {confirming(`[` + strings.Repeat(" ", 65536) + `]`), 422, "FIELD", "not_identifiers"},
		"a text too long":        {[]piece{{"type", "", strings.Repeat("x", rest.MaxBody+1)}}, 413, "TOO_LARGE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.as(t, "u-req-research").attach(request, c.pieces...).is(c.status, c.code)
			if c.field != "" {
				r.names(c.field)
			}
		})
	}
	whole := formed(t, "b0undary", file("a.pdf", aPDF), piece{"type", "", "DSA"})
	multi := kindOf("multipart/form-data; boundary=b0undary")
	for cut := range len(whole) - len("--\r\n") + 1 { // also between two headers, where the form looks as if it had fewer parts
		researcher.raw("POST", request+"/documents", whole[:cut], multi).is(400, "UNREADABLE")
	}
	researcher.raw("POST", request+"/documents", append(bytes.Clone(whole), "more"...), multi).is(400, "UNREADABLE")
	folded := bytes.Replace(whole, []byte("Content-Type"), []byte("Content-Transfer-Encoding: base64\r\nContent-Type"), 1)
	researcher.raw("POST", request+"/documents", folded, multi).is(400, "UNREADABLE").names("file")
	for _, kind := range []string{"", "application/json", "multipart/form-data", "multipart/mixed; boundary=b0undary", "text/plain", ";;"} {
		researcher.raw("POST", request+"/documents", whole, kindOf(kind)).is(415, "NOT_JSON")
	}
	researcher.raw("POST", request+"/documents", whole, multi, header("Content-Encoding", "gzip")).is(415, "NOT_JSON")
	researcher.raw("POST", request+"/documents?x=1", whole, multi).is(400, "UNKNOWN_FIELD").names("x")
	researcher.raw("POST", request+"/documents", whole, multi, key("a b")).is(400, "UNREADABLE").names("Idempotency-Key")
	if n, kept := len(papersOf(t, w, request)), w.blobs(t); n != 0 || kept != 0 {
		t.Errorf("the request has %d documents, and %d are kept", n, kept)
	}
}

func TestWhatIsNotTakenIsRefusedWithAReasonAndNotKept(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	said := map[string]string{}
	for name, content := range map[string]string{
		"empty.pdf": "", "page.html": "<!DOCTYPE html><script>alert(1)</script>", "memo.pdf": aMemo, "cut.pdf": aPDF[:40],
		"locked.pdf": strings.Replace(aPDF, "/Root", "/Encrypt 2 0 R/Root", 1), "....": aMemo, "program.exe": "MZ\x90\x00\x03",
	} {
		r := w.as(t, "u-req-research").attach(request, file(name, content)).is(422, "FIELD").names("file")
		said[r.problem().Detail] = name
		if strings.Contains(string(r.body), name) || strings.Contains(string(r.body), "alert") {
			t.Errorf("what was sent is repeated: %s", r.body)
		}
	}
	if len(said) != 6 { // a page and a program are refused for the same reason
		t.Errorf("what was said: %v", slices.Sorted(maps.Keys(said)))
	}
	for _, name := range []string{"943 476 5919.pdf", "scan of 9434765919.pdf", "943-476-5919.pdf"} {
		r := w.as(t, "u-req-research").attach(request, file(name, aPDF)).is(422, "V013").names("name")
		for _, where := range []string{string(r.body), w.log.String()} {
			if strings.Contains(where, "5919") || strings.Contains(where, ".pdf") {
				t.Errorf("the name is repeated: %s", where)
			}
		}
	}
	if n, kept := len(papersOf(t, w, request)), w.blobs(t); n != 0 || kept != 0 {
		t.Errorf("the request has %d documents, and %d are kept", n, kept)
	}
	confirmed := piece{"not_identifiers", "", `[{"field":"name","reason":"The number of a batch."}]`}
	w.as(t, "u-req-research").attach(request, confirmed, file("batch 9434765919.pdf", aPDF)).is(201)
}

// Every reason that the vault gives has words of its own; a new one is caught here.
func TestEveryReasonOfTheVaultIsPutIntoWords(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	for _, reason := range []string{
		vault.ReasonEmpty, vault.ReasonNotAllowed, vault.ReasonNameDisagrees, vault.ReasonMacros, vault.ReasonEncrypted, vault.ReasonMalformed, "NAME",
	} {
		w.Service.Files = refusing(reason)
		if r := w.as(t, "u-req-research").attach(request, file("a.pdf", aPDF)).is(422, "FIELD"); r.problem().Detail == "is not taken" {
			t.Errorf("%s has no words", reason)
		}
	}
}

type refusing string

func (r refusing) Inspect(string, []byte) (clean, mediaType, refused string) {
	return "", "", string(r)
}
func (refusing) Disposition(string) string { return "" }

func TestAFileHasTwentyFiveMebibytesAtMost(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	most := aPDF[:len(aPDF)-6] + strings.Repeat(" ", rest.MaxFile-len(aPDF)) + "%%EOF\n"
	r := w.as(t, "u-req-research").attach(request, file("most.pdf", most)).is(201)
	if got := w.as(t, "u-ig1").get(r.header.Get("Location")).is(200); string(got.body) != most {
		t.Errorf("%d bytes came back as %d", len(most), len(got.body))
	}
	w.as(t, "u-req-research").attach(request, file("more.pdf", most+" ")).is(413, "TOO_LARGE")
	w.as(t, "u-req-research").attach(request, file("more.pdf", most+strings.Repeat(" ", 2*rest.MaxBody))).is(413, "TOO_LARGE")
	w.as(t, "u-req-research").post("/api/v1/requests", `{"title":"`+strings.Repeat("x", 2*rest.MaxBody)+`"}`).is(413, "TOO_LARGE")
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d are kept", n)
	}
}

func TestTheSameFormIsAttachedOnceUnderItsKey(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	send := func(boundary, name, content, kind string) reply {
		body := formed(t, boundary, file(name, content), piece{"type", "", kind})
		return w.as(t, "u-req-research").raw("POST", request+"/documents", body, kindOf("multipart/form-data; boundary="+boundary), key("k-1"))
	}
	first := once(t, together(5, func(i int) reply { return send(fmt.Sprint("boundary", i), "a.pdf", aPDF, "DSA") })).is(201)
	same(t, first, send("another", "a.pdf", aPDF, "DSA"))
	send("b", "a.pdf", aPDF+"\n", "DSA").is(422, "KEY_REUSED")
	send("b", "b.pdf", aPDF, "DSA").is(422, "KEY_REUSED")
	send("b", "a.pdf", aPDF, "DPIA").is(422, "KEY_REUSED")
	if n, kept := len(papersOf(t, w, request)), w.blobs(t); n != 1 || kept != 1 {
		t.Errorf("the request has %d documents, and %d are kept", n, kept)
	}
	w.as(t, "u-ig1").get(first.header.Get("Location")).is(200)
}

func TestDocumentsAreForThoseWhoMaySeeTheRequest(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	path := w.as(t, "u-req-research").attach(request, file("a.pdf", aPDF)).is(201).header.Get("Location")
	reason := map[string]string{"reason": "Sent by mistake."}
	for _, stranger := range []string{"u-req-11", "u-req-ed"} {
		w.as(t, stranger).attach(request, file("b.pdf", aPDF)).is(404, "NOT_FOUND")
		w.as(t, stranger).attach(request, file("b.exe", "MZ")).is(404, "NOT_FOUND")
		w.as(t, stranger).get(path).is(404, "NOT_FOUND")
		w.as(t, stranger).post(path+"/erasure", reason).is(404, "NOT_FOUND")
	}
	w.as(t, "u-auditor").get(path).is(200)
	w.as(t, "u-auditor").attach(request, file("b.pdf", aPDF)).is(403)
	w.as(t, "u-auditor").attach(request, file("b.exe", "MZ")).is(403)
	for _, who := range []string{"u-req-research", "u-ig1", "u-guardian", "u-auditor"} {
		w.as(t, who).post(path+"/erasure", reason).is(403)
	}
	none := request[:len(request)-4] + "ffff"
	w.as(t, "u-ig1").attach(none, file("b.pdf", aPDF)).is(404, "NOT_FOUND")
	w.as(t, "u-ig1").attach("/api/v1/requests/1", file("b.pdf", aPDF)).is(404, "NOT_FOUND")
	w.as(t, "u-ig1").get("/api/v1/documents/"+none[len(none)-36:]).is(404, "NOT_FOUND")
	w.as(t, "u-ig1").get(path+"?x=1").is(400, "UNKNOWN_FIELD")
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d are kept", n)
	}
}

const bad = "caldicott-marker-that-nobody-writes-by-chance"

// scanner speaks clamd's protocol on a socket, and finds what holds the marker.
func scanner(t *testing.T, path string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answer(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
}

// answer hears one question and says what it found.
func answer(conn net.Conn) {
	heard := bufio.NewReader(conn)
	command, err := heard.ReadString(0)
	var content bytes.Buffer
	for size := uint32(1); err == nil && size > 0; {
		if err = binary.Read(heard, binary.BigEndian, &size); err == nil {
			_, err = io.CopyN(&content, heard, int64(size))
		}
	}
	switch {
	case err != nil || command != "zINSTREAM\x00":
		_, _ = io.WriteString(conn, "UNKNOWN COMMAND\x00")
	case bytes.Contains(content.Bytes(), []byte(bad)):
		_, _ = io.WriteString(conn, "stream: House.Marker FOUND\x00")
	default:
		_, _ = io.WriteString(conn, "stream: OK\x00")
	}
}

func TestADocumentWaitsUntilTheScannerFindsItClean(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	w.Service.Scans = true
	dir, err := os.MkdirTemp("", "scan-") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	daemon := clamd.Scanner{Network: "unix", Address: dir + "/s", Timeout: 10 * time.Second}
	scan := func(ctx context.Context, content []byte) (bool, error) {
		verdict, err := daemon.Scan(ctx, bytes.NewReader(content))
		return verdict.Clean, err
	}
	request := draft(t, w)
	attach := func(name, content string) string {
		r := w.as(t, "u-req-research").attach(request, file(name, content)).is(201)
		if state := r.document().State; state != "WAITING" {
			t.Errorf("%s is %s", name, state)
		}
		return r.header.Get("Location")
	}
	clean, infected := attach("clean.txt", aMemo), attach("infected.txt", aMemo+bad)
	w.as(t, "u-ig1").get(clean).is(409, "STATE")
	if err := w.Service.ScanWaiting(t.Context(), scan); err == nil {
		t.Error("nobody says that the scanner is away")
	}
	w.as(t, "u-ig1").get(clean).is(409, "STATE")
	scanner(t, daemon.Address)
	for range 2 {
		if err := w.Service.ScanWaiting(t.Context(), scan); err != nil {
			t.Error(err)
		}
	}
	w.as(t, "u-ig1").get(clean).is(200)
	for _, who := range []string{"u-ig1", "u-iglead", "u-guardian", "u-req-research"} {
		w.as(t, who).get(infected).is(409, "STATE")
	}
	for _, who := range []string{"u-iglead", "u-req-research"} {
		if n := w.count(t, `SELECT count(*) FROM casework.notices WHERE event = 'DOCUMENT_INFECTED' AND recipient = $1 AND subject = $2`, who, infected[len(infected)-36:]); n != 1 {
			t.Errorf("%s was told %d times", who, n)
		}
	}
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'scan_document' AND actor_id IS NULL AND request_id = $1`, request[len(request)-36:]); n != 2 {
		t.Errorf("%d verdicts are in the trail", n)
	}
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE outcome = 'refused' AND rule = 'STATE' AND action = 'view'`); n != 6 {
		t.Errorf("%d of six refusals are on the record", n)
	}
	w.as(t, "u-iglead").post(infected+"/erasure", map[string]string{"reason": "Infected."}).is(200)
	w.as(t, "u-iglead").get(infected).is(404)
	auditHolds(t, w)
}

func TestAnErasedDocumentLeavesItsDigest(t *testing.T) {
	t.Parallel()
	w := withVault(t)
	request := draft(t, w)
	path := w.as(t, "u-req-research").attach(request, file("a.pdf", aPDF)).is(201).header.Get("Location")
	lead := w.as(t, "u-iglead")
	lead.post(path+"/erasure", map[string]string{"reason": " "}).is(422, "REQUIRED").names("reason")
	lead.post(path+"/erasure", map[string]string{"reason": "9434765919"}).is(422, "V013").names("reason")
	if n := w.blobs(t); n != 1 {
		t.Fatalf("a refusal left %d", n)
	}
	reason := map[string]string{"reason": "Sent by mistake."}
	first := lead.post(path+"/erasure", reason, key("k-1")).is(200)
	if view := first.document(); view.State != "ERASED" || view.SHA256 != digestOf(aPDF) {
		t.Errorf("it is %+v", view)
	}
	same(t, first, lead.post(path+"/erasure", reason, key("k-1")))
	lead.post(path+"/erasure", reason).is(409, "STATE")
	for _, who := range []string{"u-iglead", "u-req-research", "u-auditor"} {
		w.as(t, who).get(path).is(404, "NOT_FOUND")
	}
	papers := papersOf(t, w, request)
	if len(papers) != 1 || papers[0].State != "ERASED" || papers[0].SHA256 != digestOf(aPDF) || w.blobs(t) != 0 {
		t.Errorf("the request shows %+v, and %d are kept", papers, w.blobs(t))
	}
	auditHolds(t, w)
}

func TestWithoutAPlaceNothingIsAttached(t *testing.T) {
	t.Parallel()
	w := open(t)
	r := w.as(t, "u-req-research").attach(draft(t, w), file("a.pdf", aPDF)).is(503, "UNAVAILABLE")
	if r.header.Get("Retry-After") == "" || !strings.Contains(r.problem().Detail, "documents") {
		t.Errorf("the answer is %s", r.body)
	}
}

func TestDocumentsCanBeKeptInAnotherStore(t *testing.T) {
	t.Parallel()
	const bucket = "papers"
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s3.Close)
	store, err := vault.OpenS3(vault.S3Config{
		Endpoint: strings.TrimPrefix(s3.URL, "http://"), Bucket: bucket, Region: "eu-west-2", AccessKey: "access", SecretKey: "secret", Insecure: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := withVault(t, store)
	request := draft(t, w)
	path := w.as(t, "u-req-research").attach(request, file("a.pdf", aPDF)).is(201).header.Get("Location")
	if got := w.as(t, "u-ig1").get(path).is(200); string(got.body) != aPDF {
		t.Errorf("it came back as %q", got.body)
	}
	if n := w.count(t, `SELECT coalesce(sum(length(sealed)), 0) FROM casework.blobs`); n != 0 {
		t.Errorf("the database holds %d bytes", n)
	}
	w.as(t, "u-iglead").post(path+"/erasure", map[string]string{"reason": "Sent by mistake."}).is(200)
	listed, err := backend.ListBucket(bucket, nil, gofakes3.ListBucketPage{})
	if err != nil || len(listed.Contents) != 0 || w.blobs(t) != 0 {
		t.Errorf("the bucket holds %d objects, the database names %d: %v", len(listed.Contents), w.blobs(t), err)
	}
}

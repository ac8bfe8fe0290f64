package rest_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/evidence"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/postgres"
)

// opened is a pack as somebody has it who has nothing else.
type opened map[string][]byte

func unzipped(t testing.TB, data []byte) opened {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := opened{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
	}
	return files
}

func (o opened) json(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(o[name], v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// packLine is what the tests read of a line of pack.json.
type packLine struct {
	Entry      int64
	Action     string
	Who        string
	Leaf       string
	Leaf_index *int64 //nolint:revive // as it is spelt
	Log, Words string
}

type withheld struct{ What, Part, Ground, Digest, How string }

// verified recomputes everything in a pack with nothing of the house but the form of a proof, and gives its lines by folder.
func (o opened) verified(t testing.TB, key string) map[string][]packLine {
	t.Helper()
	var manifest struct {
		Files      []struct{ Name, SHA256 string }
		Checkpoint struct {
			Size int64
			Root string
		}
	}
	o.json(t, "manifest.json", &manifest)
	if len(manifest.Files) != len(o)-2 { // itself, and its signature
		t.Errorf("the manifest lists %d files of %d", len(manifest.Files), len(o)-2)
	}
	signed, err := note.Open(o["manifest.sig"], signatures())
	if err != nil || !strings.HasSuffix(signed.Text, fmt.Sprintf("\nmanifest sha256:%x\n", sha256.Sum256(o["manifest.json"]))) {
		t.Errorf("the manifest is signed as %q: %v", o["manifest.sig"], err)
	}
	for _, f := range manifest.Files {
		if sum := sha256.Sum256(o[f.Name]); hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s is not what the manifest says", f.Name)
		}
	}
	verifiers, err := notary.Verifiers(key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(o["checkpoint"], verifiers)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(n.Text, "\n")
	if lines[0] != logOrigin || lines[1] != strconv.FormatInt(manifest.Checkpoint.Size, 10) || lines[2] != manifest.Checkpoint.Root {
		t.Fatalf("the checkpoint is %q, the manifest says %+v", n.Text, manifest.Checkpoint)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]packLine{}
	for name := range o {
		if path.Base(name) != "pack.json" {
			continue
		}
		folder := strings.TrimSuffix(name, "pack.json")
		var section struct{ Entries []packLine }
		o.json(t, name, &section)
		all[folder] = section.Entries
		for _, l := range section.Entries {
			o.entry(t, folder, l, manifest.Checkpoint.Size, tlog.Hash(root))
		}
	}
	return all
}

// entry checks one entry as README.txt says.
func (o opened) entry(t testing.TB, folder string, l packLine, size int64, root tlog.Hash) {
	t.Helper()
	number := strconv.FormatInt(l.Entry, 10)
	leaf, err := hex.DecodeString(l.Leaf)
	if err != nil || len(leaf) != tlog.HashSize {
		t.Fatalf("entry %d has the leaf %q", l.Entry, l.Leaf)
	}
	canon, there := o[folder+"entries/"+number+".json"]
	if there && tlog.RecordHash(canon) != tlog.Hash(leaf) {
		t.Errorf("the bytes of entry %d are not its leaf", l.Entry)
	}
	proof, proved := o[folder+"proofs/"+number+".tlog-proof"]
	if proved != (l.Log == "proved") {
		t.Errorf("entry %d is %s, and there is a proof: %t", l.Entry, l.Log, proved)
	}
	if proved {
		// https://c2sp.org/tlog-proof: a line of its own, the index, the hashes, and after a blank line the checkpoint.
		head, checkpoint, _ := strings.Cut(string(proof), "\n\n")
		parts := strings.Split(head, "\n")
		index, err := strconv.ParseInt(strings.TrimPrefix(parts[1], "index "), 10, 64)
		if err != nil || checkpoint != string(o["checkpoint"]) {
			t.Fatalf("the proof of entry %d is %q", l.Entry, proof)
		}
		var hashes tlog.RecordProof
		for _, line := range parts[2:] {
			h, err := base64.StdEncoding.DecodeString(line)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, tlog.Hash(h))
		}
		if err := tlog.CheckRecord(hashes, size, root, index, tlog.Hash(leaf)); err != nil {
			t.Errorf("entry %d: %v", l.Entry, err)
		}
	}
	if words, there := o[folder+"details/"+number+".json"]; there {
		var d struct{ Salt, Body string }
		var said struct{ Detail string }
		if json.Unmarshal(words, &d) != nil || json.Unmarshal(canon, &said) != nil {
			t.Fatalf("entry %d: %s, %s", l.Entry, words, canon)
		}
		salt, err := hex.DecodeString(d.Salt)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(slices.Concat([]byte("cg/detail/v1"), salt, []byte(d.Body))); hex.EncodeToString(sum[:]) != said.Detail {
			t.Errorf("entry %d does not commit to its words", l.Entry)
		}
	}
}

// wellFormed holds a page to what a reader and a browser need: everything that is opened is closed, tables have captions, and
// nothing runs or comes from elsewhere.
func wellFormed(t testing.TB, html []byte) {
	t.Helper()
	text := regexp.MustCompile(`<(meta|br)([^>]*)>`).ReplaceAll(bytes.TrimPrefix(html, []byte("<!DOCTYPE html>\n")), []byte("<$1$2/>"))
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Entity = xml.HTMLEntity
	tables, captions := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "script", "img", "link", "iframe", "object", "form":
			t.Errorf("the page has a <%s>", start.Name.Local)
		case "table":
			tables++
		case "caption":
			captions++
		}
		for _, a := range start.Attr {
			if a.Name.Local == "src" || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" && strings.Contains(a.Value, ":") {
				t.Errorf("the page has %s=%q", a.Name.Local, a.Value)
			}
		}
	}
	if tables == 0 || tables != captions {
		t.Errorf("%d tables have %d captions", tables, captions)
	}
	if !bytes.Contains(html, []byte(`<html lang="en-GB">`)) {
		t.Error("the page does not say its language")
	}
}

// Words that a pack may hold or must not, and a title that would be a script.
const (
	hostile = `<script>alert("Quokka")</script> & cohort`
	marked  = "Zaffre rationale"
)

// decided walks a request with marked words to its decision and a disclosure, and gives its path.
func decided(t testing.TB, w *town) string {
	t.Helper()
	content := scenario(t, "S03")
	content["title"] = hostile
	r := w.as(t, "u-req-research").post("/api/v1/requests", content).is(201)
	path := "/api/v1/requests/" + r.request().ID
	r = w.as(t, "u-req-research").post(path+"/submission", nil, match(r.etag())).is(200)
	r = w.as(t, "u-ig1").post(path+"/triage", nil, match(r.etag())).is(200)
	r = w.as(t, "u-ig1").post(path+"/consultations", stepBody(t, "S03", "consult"), match(r.etag())).is(200)
	for who, role := range map[string]string{"u-rd": "RESEARCH_OFFICE", "u-dpo": "DPO", "u-iao-ehr": "IAO"} {
		r = w.as(t, who).post(path+"/advice", map[string]string{"role": role, "view": "SUPPORT", "text": "Zaffre advice."}).is(200)
	}
	w.as(t, "u-ig1").post(path+"/comments", map[string]string{"text": "Zaffre comment"}).is(201)
	r = w.as(t, "u-iglead").post(path+"/readiness", map[string]string{"recommendation": "Zaffre supported"}, match(r.etag())).is(200)
	r = w.as(t, "u-guardian").post(path+"/opening", map[string]any{"conflict": map[string]string{"type": "NONE"}}, match(r.etag())).is(200)
	body := decision(t)
	body["rationale"] = json.RawMessage(strconv.Quote(marked))
	view := w.as(t, "u-guardian").post(path+"/decisions", body, match(r.etag())).is(200).request()
	w.as(t, "u-req-research").post("/api/v1/authorisations/"+view.Authorisations[0].ID+"/disclosures",
		map[string]any{"recipient": "TST05", "records": 8888, "method": "SFTP"}).is(201)
	return path
}

func packOf(request, profile, purpose string) string {
	return "/api/v1/audit/evidence?" + url.Values{"request": {path.Base(request)}, "profile": {profile}, "purpose": {purpose}}.Encode()
}

func TestWhoeverHasAPackOfARequestVerifiesItAlone(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	o.Seal(t)
	r := w.as(t, "u-auditor").get(packOf(request, "ICO", "REGULATOR")).is(200)
	if kind, name := r.header.Get("Content-Type"), r.header.Get("Content-Disposition"); kind != "application/zip" ||
		!regexp.MustCompile(`^attachment; filename="evidence-CG-TST01-[0-9]{4}-[0-9]+-ICO\.zip"$`).MatchString(name) {
		t.Errorf("it is sent as %q, %q", kind, name)
	}
	pack := unzipped(t, r.body)
	lines := pack.verified(t, o.Key.Verifier())[""]
	if len(lines) < 13 || lines[len(lines)-1].Action != "exported" || lines[len(lines)-1].Log != "waiting" {
		t.Fatalf("the pack has %d entries: %+v", len(lines), lines)
	}
	details := 0
	for _, l := range lines[:len(lines)-1] {
		if l.Log != "proved" || l.Words == "WRONG" {
			t.Errorf("entry %d is %s, its words %s", l.Entry, l.Log, l.Words)
		}
		if _, there := pack["details/"+strconv.FormatInt(l.Entry, 10)+".json"]; there {
			details++
		}
	}
	if details < 10 {
		t.Errorf("the pack has the words of %d entries", details)
	}
	html := string(pack["index.html"])
	wellFormed(t, pack["index.html"])
	for _, word := range []string{marked, "Zaffre advice", "Zaffre comment", "&lt;script&gt;alert(", "Common law duty of confidence", "CP8", "8888", "(u-guardian)", "CALDICOTT GUARDIAN", "✓ proved"} {
		if !strings.Contains(html, word) {
			t.Errorf("the page does not say %q", word)
		}
	}
	if strings.Contains(html, "<script") {
		t.Error("the title runs in the page")
	}
	if content := pack["versions/1.json"]; !bytes.Contains(content, []byte("Quokka")) {
		t.Errorf("version 1 is %q", content)
	}
	for _, name := range []string{"README.txt", "keys", "documents.json", "withheld.json"} {
		if len(pack[name]) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	if !bytes.Contains(pack["keys"], []byte(o.Key.Verifier())) {
		t.Errorf("the keys are %q", pack["keys"])
	}
	o.Seal(t)
	again := unzipped(t, w.as(t, "u-guardian").get(packOf(request, "INTERNAL_AUDIT", "INTERNAL_AUDIT")).is(200).body).verified(t, o.Key.Verifier())[""]
	if i := slices.IndexFunc(again, func(l packLine) bool { return l.Action == "exported" }); i < 0 || again[i].Log != "proved" || again[i].Words != "withheld" {
		t.Errorf("that the first pack was made is %+v", again)
	}
	w.keepsSeeds(t, w.as(t, "u-guardian").get(packOf(request, "ICO", "REGULATOR")).is(200).body)
}

// keepsSeeds says that no pack has what opens another's digests.
func (w *town) keepsSeeds(t testing.TB, pack []byte) {
	t.Helper()
	for _, seed := range w.seeds(t) {
		for name, data := range unzipped(t, pack) {
			if bytes.Contains(data, []byte(seed)) {
				t.Errorf("%s holds the seed of a pack", name)
			}
		}
	}
}

// seeds are the seeds on record, the oldest first.
func (w *town) seeds(t testing.TB) (seeds []string) {
	t.Helper()
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const query = `
		SELECT CAST(convert_from(d.body, 'UTF8') AS jsonb) ->> 'Seed' FROM audit.details d JOIN audit.entries e ON e.id = d.entry_id
		WHERE e.action = 'exported' ORDER BY e.id`
	if err := db.Select(&seeds, query); err != nil || len(seeds) == 0 {
		t.Fatal(err, seeds)
	}
	return seeds
}

func TestAPackUnderTheFreedomOfInformationActHasNoNamesAndNobodysWords(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	o.Seal(t)
	pack := unzipped(t, w.as(t, "u-dpo").get(packOf(request, "FOI", "FOI")).is(200).body)
	lines := pack.verified(t, o.Key.Verifier())[""]
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var secret []string
	if err := db.Select(&secret, `SELECT unnest(ARRAY[user_id, name, CAST(id AS text)]) FROM casework.people`); err != nil {
		t.Fatal(err)
	}
	secret = append(secret, "Zaffre", "Quokka", "script", scenario(t, "S03")["purpose"].(string))
	for name, data := range pack {
		for _, word := range secret {
			if word != "" && bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", name, word)
			}
		}
	}
	wellFormed(t, pack["index.html"])
	for _, word := range []string{"Person 1", "as CALDICOTT GUARDIAN", "APPROVE", "section 40(2)", "section 41"} {
		if !bytes.Contains(pack["index.html"], []byte(word)) {
			t.Errorf("the page does not say %q", word)
		}
	}

	var list []withheld
	pack.json(t, "withheld.json", &list)
	byWhat := map[string]withheld{}
	for _, x := range list {
		if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(x.Digest) || x.Ground == "" || x.How == "" {
			t.Errorf("%+v", x)
		}
		byWhat[x.What] = x
	}
	for _, what := range []string{"title", "versions/1", "decisions[0].rationale", "advice[0].text", "people/1", "conditions[0].text"} {
		if _, there := byWhat[what]; !there {
			t.Errorf("%s is not listed as withheld", what)
		}
	}
	for _, l := range lines {
		if x := byWhat[fmt.Sprintf("entries/%d", l.Entry)]; x.Digest != l.Leaf {
			t.Errorf("entry %d is withheld as %+v", l.Entry, x)
		}
		var commitment *string
		query := `SELECT CAST(convert_from(canon, 'UTF8') AS jsonb) ->> 'detail' FROM audit.entries WHERE id = $1`
		if err := db.Get(&commitment, query, l.Entry); err != nil {
			t.Fatal(err)
		}
		if commitment != nil && byWhat[fmt.Sprintf("details/%d", l.Entry)].Digest != *commitment {
			t.Errorf("the words of entry %d are not pinned by their commitment", l.Entry)
		}
	}

	// The service opens one digest, and with it no other.
	seed, err := hex.DecodeString(w.seeds(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, seed)
	mac.Write([]byte("cg/withheld/v1/decisions[0].rationale"))
	sum := sha256.Sum256(slices.Concat([]byte("cg/withheld/v1"), mac.Sum(nil), []byte(marked)))
	if got := byWhat["decisions[0].rationale"].Digest; got != hex.EncodeToString(sum[:]) {
		t.Errorf("the rationale is pinned as %s, and opens as %x", got, sum)
	}
}

func TestAPackForTheDSPTHasFigures(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	o.Seal(t)
	pack := unzipped(t, w.as(t, "u-iglead").get(packOf(request, "DSPT", "ASSURANCE")).is(200).body)
	pack.verified(t, o.Key.Verifier())
	var shown struct {
		About   struct{ Policy string }
		Figures struct{ Requests, Decided, In_time, Disclosures, Proved int } //nolint:revive // as it is spelt
	}
	pack.json(t, "pack.json", &shown)
	if f := shown.Figures; f.Requests != 1 || f.Decided != 1 || f.In_time != 1 || f.Disclosures != 1 || f.Proved < 12 || shown.About.Policy != w.Policy.Digest() {
		t.Errorf("the figures are %+v", shown)
	}
	for name, data := range pack {
		for _, word := range []string{"Zaffre", "Quokka", "u-guardian", "u-req-research"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", name, word)
			}
		}
	}
}

func TestAPackOfAPeriodHasEveryRequestOfItAndWhatIsAboutNone(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	from := w.Clock.Now().Add(-time.Hour)
	first := decided(t, w)
	second := w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201).request().ID
	w.Clock.Put(w.Clock.Now().Add(48 * time.Hour))
	to := w.Clock.Now()
	w.Clock.Put(to.Add(time.Hour))
	later := w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201).request().ID
	w.as(t, "u-req-research").get("/api/v1/requests/" + second).is(200) // after the period
	o.Seal(t)
	query := url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}, "profile": {"INTERNAL_AUDIT"}, "purpose": {"INTERNAL_AUDIT"}}
	pack := unzipped(t, w.as(t, "u-auditor").get("/api/v1/audit/evidence?"+query.Encode()).is(200).body)
	lines := pack.verified(t, o.Key.Verifier())
	inFirst, inSecond := lines["requests/"+path.Base(first)+"/"], lines["requests/"+second+"/"]
	if len(inFirst) < 12 || len(inSecond) != 1 || inSecond[0].Action != "draft" {
		t.Errorf("%d and %+v", len(inFirst), inSecond)
	}
	if _, there := lines["requests/"+later+"/"]; there {
		t.Error("the pack has a request that came after the period")
	}
	for folder, section := range lines {
		for _, l := range section {
			if l.Log != "proved" {
				t.Errorf("%s: entry %d is %s", folder, l.Entry, l.Log)
			}
		}
	}
	n := w.count(t, `
		SELECT count(*) FROM audit.entries e LEFT JOIN casework.organisations o ON o.id = e.organisation_id
		WHERE request_id IS NULL AND COALESCE(o.code, 'TST01') = 'TST01' AND occurred_at >= $1 AND occurred_at < $2`, from, to)
	if len(lines["besides/1/"]) != n || n == 0 {
		t.Errorf("%d entries are about no request, the pack has %d", n, len(lines["besides/1/"]))
	}
	var shown struct {
		Figures  struct{ Requests, Entries, Proved int }
		Sections []struct{ Folder string }
	}
	pack.json(t, "pack.json", &shown)
	if len(shown.Sections) != 3 || shown.Figures.Requests != 2 || shown.Figures.Proved != shown.Figures.Entries {
		t.Errorf("the first page has %+v", shown)
	}
	for name, data := range pack {
		if path.Base(name) == "index.html" {
			wellFormed(t, data)
		}
	}
}

func TestTakingEvidenceOutIsOnRecordBeforeAndAfter(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	o.Seal(t)
	r := w.as(t, "u-auditor").get(packOf(request, "ICO", "REGULATOR")).is(200)
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows [][]byte
	if err := db.Select(&rows, `SELECT canon FROM audit.entries WHERE action = 'exported' ORDER BY id`); err != nil || len(rows) != 2 {
		t.Fatalf("%v: %d entries", err, len(rows))
	}
	var said [2]struct {
		Acting, Line, Request, Outcome string
		Facts                          map[string]string
	}
	for i, row := range rows {
		if err := json.Unmarshal(row, &said[i]); err != nil {
			t.Fatal(err)
		}
		if s := said[i]; s.Acting != "AUDITOR" || !strings.HasPrefix(s.Line, "policy.csv:") || s.Request != path.Base(request) || s.Facts["profile"] != "ICO" || s.Facts["purpose"] != "REGULATOR" {
			t.Errorf("%s", row)
		}
	}
	sum := sha256.Sum256(r.body)
	if said[0].Facts["stage"] != "asked" || said[1].Facts["stage"] != "sent" || said[1].Facts["pack"] != hex.EncodeToString(sum[:]) ||
		said[1].Facts["bytes"] != strconv.Itoa(len(r.body)) {
		t.Errorf("%+v", said)
	}
	if w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'export_evidence'`) != 0 {
		t.Error("a refusal is on record")
	}
}

func TestOnlyWhoMayTakesEvidenceOut(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	o.Seal(t)
	for _, who := range []string{"u-req-research", "u-ig1", "u-deputy", "u-rd"} {
		w.as(t, who).get(packOf(request, "ICO", "REGULATOR")).is(403, "POLICY")
	}
	for _, who := range []string{"u-req-11", "u-board", "u-admin1"} {
		w.as(t, who).get(packOf(request, "ICO", "REGULATOR")).is(404, "NOT_FOUND")
	}
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'export_evidence' AND outcome = 'refused'`); n != 7 {
		t.Errorf("%d refusals are on record", n)
	}
	now := w.Clock.Now()
	period := func(from, to time.Time) string {
		return "/api/v1/audit/evidence?" + url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}, "profile": {"DSPT"}, "purpose": {"ASSURANCE"}}.Encode()
	}
	w.as(t, "u-ig1").get(period(now.Add(-time.Hour), now)).is(403, "POLICY")
	auditor := w.as(t, "u-auditor")
	auditor.get(period(now, now.Add(-time.Hour))).is(400).names("from")
	auditor.get(period(now, now.Add(time.Hour))).is(400).names("to")
	auditor.get(packOf(request, "MOON", "REGULATOR")).is(400).names("profile")
	auditor.get(packOf(request, "ICO", "CURIOSITY")).is(400).names("purpose")
	auditor.get(packOf(request, "ICO", "REGULATOR") + "&from=2026-01-01T00:00:00Z").is(400).names("from")
	auditor.get("/api/v1/audit/evidence?profile=ICO&purpose=REGULATOR").is(400).names("from")
	auditor.get(packOf("0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21", "ICO", "REGULATOR")).is(404)
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'exported'`); n != 0 {
		t.Errorf("%d exports are on record", n)
	}
}

func TestAPackWaitsForWhatIsBeingSealed(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "evidence", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	maker := packs(w.House, w.Service, reader)
	maker.Patience = time.Minute
	by, err := w.DB.ActorByUserID(t.Context(), "u-auditor")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	sealed := make(chan error, 1)
	go func() {
		var err error
		for tick := time.NewTicker(20 * time.Millisecond); err == nil; {
			select {
			case <-ctx.Done():
				sealed <- nil
				return
			case <-tick.C:
				if err = o.Sealer.Seal(t.Context()); err == nil {
					err = o.Signer.Sign(t.Context())
				}
			}
		}
		sealed <- err
	}()
	var made bytes.Buffer
	_, _, err = maker.Make(t.Context(), by, casework.Export{Request: path.Base(request), Profile: "ICO", Purpose: "REGULATOR"},
		func(casework.Exported) (evidence.Folder, error) { return evidence.Zip(&made), nil })
	stop()
	if err := errors.Join(err, <-sealed); err != nil {
		t.Fatal(err)
	}
	lines := unzipped(t, made.Bytes()).verified(t, o.Key.Verifier())[""]
	for _, l := range lines {
		if l.Log != "proved" {
			t.Errorf("entry %d (%s) is %s", l.Entry, l.Action, l.Log)
		}
	}
	if last := lines[len(lines)-1]; last.Action != "exported" {
		t.Errorf("the last entry is %+v", last)
	}
}

// hungUp is a caller who leaves after so many bytes.
type hungUp struct {
	*httptest.ResponseRecorder
	left int
}

func (h *hungUp) Write(p []byte) (int, error) {
	if h.left -= len(p); h.left < 0 {
		return 0, errors.New("the caller has hung up")
	}
	return h.ResponseRecorder.Write(p)
}

// What broke off is cut off, so that no client takes it for whole, and the record says so.
func TestAPackThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	w := open(t)
	request := decided(t, w)
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "evidence", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	asked := httptest.NewRequest(http.MethodGet, packOf(request, "ICO", "REGULATOR"), nil)
	asked.Header.Set("Authorization", "Bearer u-auditor")
	func() {
		defer func() {
			if cause := recover(); cause != http.ErrAbortHandler { //nolint:errorlint // this very value
				t.Errorf("it ended with %v", cause)
			}
		}()
		stack(w.House, w.Service, reader, quiet()).ServeHTTP(&hungUp{httptest.NewRecorder(), 9000}, asked)
	}()
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'exported' AND convert_from(canon, 'UTF8') LIKE '%"stage":"broken_off"%'`); n != 1 {
		t.Errorf("%d broken packs are on record", n)
	}
}

// tooMany is a trail in which a period has more than a pack holds.
type tooMany struct{ evidenceTrail }

func (tooMany) Touched(context.Context, string, time.Time, time.Time, int) ([]string, int, error) {
	return nil, 20_001, nil
}

func TestAPackOfTooLongAPeriodIsRefusedBeforeItBegins(t *testing.T) {
	t.Parallel()
	w := open(t)
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "evidence", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	maker := packs(w.House, w.Service, reader)
	maker.Trail = tooMany{}
	by, err := w.DB.ActorByUserID(t.Context(), "u-auditor")
	if err != nil {
		t.Fatal(err)
	}
	e := casework.Export{From: w.Clock.Now().Add(-time.Hour), To: w.Clock.Now(), Profile: "ICO", Purpose: "REGULATOR"}
	_, _, err = maker.Make(t.Context(), by, e, func(casework.Exported) (evidence.Folder, error) {
		t.Error("it was begun")
		return nil, errors.New("begun")
	})
	if caldicott.KindOf(err) != caldicott.TooLarge {
		t.Errorf("it ended with %v", err)
	}
}

package rest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/export"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
)

// wired is the town's service on a socket, not held against the contract: what is streamed cannot be looked at before it
// is sent.
func (w *town) wired(t testing.TB) *httptest.Server {
	t.Helper()
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "export", Connections: 4, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	s := httptest.NewServer(stack(w.House, w.Service, reader, quiet()))
	t.Cleanup(s.Close)
	return s
}

// fetch asks the socket.
func fetch(t testing.TB, s *httptest.Server, who, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+who)
	got, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Body.Close() })
	return got
}

func TestACopyOfTheLogSaysWhatItIs(t *testing.T) {
	t.Parallel()
	w, _ := busy(t)
	l := w.office(t)
	l.Seal(t)
	s := w.wired(t)
	got := fetch(t, s, "u-auditor", "/api/v1/audit/export?format=ndjson&purpose=EXTERNAL_AUDIT&outcome=done&sealed=true&actor=u-ig1")
	body, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusOK {
		t.Fatal(got.Status, err)
	}
	sum := sha256.Sum256(body)
	rows := bytes.Count(body, []byte("\n"))
	if got.Trailer.Get("Export-Count") != strconv.Itoa(rows) || got.Trailer.Get("Export-Sha256") != hex.EncodeToString(sum[:]) || rows < 3 {
		t.Errorf("%d rows with hash %x, and the trailers are %v", rows, sum, got.Trailer)
	}
	for line := range bytes.Lines(body) {
		var row struct {
			LeafHash string `json:"leaf_hash"`
			Leaf     *int64 `json:"leaf_index"`
			Actor    string
			Canon    json.RawMessage
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if leaf := sha256.Sum256(append([]byte{0}, row.Canon...)); hex.EncodeToString(leaf[:]) != row.LeafHash || row.Leaf == nil || row.Actor != "u-ig1" {
			t.Errorf("not as it is hashed: %s", line)
		}
	}
	id := got.Header.Get("Export-Id")
	var m api.Manifest
	w.as(t, "u-auditor").get("/api/v1/audit/exports/" + id + "?purpose=EXTERNAL_AUDIT").is(200).into(&m)
	if m.Stage != "finished" || m.Count != int64(rows) || m.SHA256 != hex.EncodeToString(sum[:]) || m.Actor != "u-auditor" ||
		m.Format != "ndjson" || m.Purpose != "EXTERNAL_AUDIT" || !m.EndedAt.After(m.BegunAt) ||
		fmt.Sprint(m.Query) != "[{actor u-ig1} {outcome done} {sealed true}]" {
		t.Errorf("the manifest is %+v", m)
	}
	signed, err := note.Open([]byte(m.Checkpoint), l.known(t))
	if err != nil || !strings.HasPrefix(signed.Text, fmt.Sprintf("%s\n%d\n", logOrigin, m.Size)) {
		t.Errorf("its checkpoint is %q of %d: %v", m.Checkpoint, m.Size, err)
	}
	stages := ask[string](t, w, `SELECT convert_from(canon, 'UTF8')::jsonb -> 'facts' ->> 'stage' FROM audit.entries WHERE action = 'exported' ORDER BY id`)
	if fmt.Sprint(stages) != "[begun finished]" {
		t.Errorf("on record are %v", stages)
	}
	w.verified(t)
	var view api.AuditEntryView
	one := w.as(t, "u-auditor").get("/api/v1/audit/entries/" + strconv.FormatInt(ask[int64](t, w, `SELECT id FROM audit.entries WHERE action = 'draft' ORDER BY id LIMIT 1`)[0], 10) + "?purpose=EXTERNAL_AUDIT").is(200)
	if one.into(&view); view.LeafIndex == nil || view.CheckpointSize <= *view.LeafIndex || one.etag() != `"2"` {
		t.Errorf("a sealed entry is shown as %s with %s", one.body, one.etag())
	}
	w.as(t, "u-req-11").get("/api/v1/audit/exports/"+id+"?purpose=FOI").is(403, "POLICY")
	w.as(t, "u-auditor").get("/api/v1/audit/exports/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21?purpose=FOI").is(404)
}

// verified has the whole trail read again, with what asking it has left there.
func (w *town) verified(t *testing.T) {
	t.Helper()
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "verify", Connections: 2, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	trail, err := auditdb.Open(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	defer trail.Close() //nolint:errcheck // nothing was written
	sum, err := audit.Verify(t.Context(), trail, func(f audit.Finding) {
		if !f.Note() { // the clock of the test is not that of the database
			t.Error(f)
		}
	})
	if err != nil || !sum.Sound() {
		t.Errorf("the trail does not hold: %+v, %v", sum, err)
	}
}

func TestEveryFormatHoldsEveryEntry(t *testing.T) {
	t.Parallel()
	w, _ := busy(t)
	last := ask[time.Time](t, w, `SELECT max(recorded_at) FROM audit.entries`)[0].UTC().Format(time.RFC3339Nano)
	want := len(ask[string](t, w, mine+`true`, 1<<40))
	auditor := w.as(t, "u-auditor")
	for format, kind := range map[string]string{"ndjson": "application/x-ndjson", "fhir": "application/fhir+ndjson"} {
		got := auditor.get("/api/v1/audit/export?purpose=FOI&format=" + format + "&as_at=" + last).is(200)
		if n := bytes.Count(got.body, []byte("\n")); n != want || got.header.Get("Content-Type") != kind {
			t.Errorf("%s (%s) has %d entries, not %d", format, got.header.Get("Content-Type"), n, want)
		}
	}
	got := auditor.get("/api/v1/audit/export?purpose=FOI&format=csv&as_at=" + last).is(200)
	table, err := csv.NewReader(bytes.NewReader(got.body)).ReadAll()
	if err != nil || len(table) != want+1 {
		t.Fatalf("the table has %d lines: %v", len(table), err)
	}
	auditor.get("/api/v1/audit/export?purpose=FOI&format=xlsx").is(400).names("format")
	auditor.get("/api/v1/audit/export?format=csv").is(400).names("purpose")
	auditor.get("/api/v1/audit/export?purpose=FOI").is(400).names("format")
}

// breaking is a log that goes away after some rows.
type breaking struct {
	asking
	after int
}

var errAway = errors.New("away")

func (b breaking) Stream(ctx context.Context, asked rest.LogAsked, f func(*export.Row) error) error {
	n := 0
	return b.asking.Stream(ctx, asked, func(r *export.Row) error {
		if n++; n > b.after {
			return errAway
		}
		return f(r)
	})
}

// breakingAfter is the town's service on such a log.
func (w *town) breakingAfter(t testing.TB, rows int) *httptest.Server {
	t.Helper()
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "export", Connections: 4, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	s := httptest.NewServer(stackOn(w.House, w.Service, reader, breaking{asking{auditdb.Log{DB: reader}}, rows}, quiet()))
	t.Cleanup(s.Close)
	return s
}

func TestACopyThatBrokeOffIsOnRecordAsBroken(t *testing.T) {
	t.Parallel()
	const sent = 3000
	w := open(t)
	w.fill(t, 2*sent)
	got := fetch(t, w.breakingAfter(t, sent), "u-auditor", "/api/v1/audit/export?format=ndjson&purpose=EXTERNAL_AUDIT")
	if _, err := io.ReadAll(got.Body); err == nil || got.StatusCode != http.StatusOK || len(got.Trailer.Get("Export-Count")) > 0 {
		t.Errorf("a copy that broke off looks whole: %s, %v", got.Status, got.Trailer)
	}
	var m api.Manifest
	w.as(t, "u-auditor").get("/api/v1/audit/exports/" + got.Header.Get("Export-Id") + "?purpose=EXTERNAL_AUDIT").is(200).into(&m)
	if m.Stage != "broken" || m.Count != sent {
		t.Errorf("the manifest is %+v", m)
	}
	// Before the first byte it is an ordinary failure, but on record all the same.
	got = fetch(t, w.breakingAfter(t, 1), "u-auditor", "/api/v1/audit/export?format=csv&purpose=EXTERNAL_AUDIT")
	if got.StatusCode != http.StatusInternalServerError || got.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("it answers %s as %s", got.Status, got.Header.Get("Content-Type"))
	}
	if e := w.lastEntry(t); e.Action != audit.Exported || e.Facts["stage"] != "broken" || e.Facts["count"] != "1" {
		t.Errorf("the failure left %+v", e)
	}
}

// A caller who leaves in the middle is found out, and on record.
func TestACallerWhoLeavesBreaksTheCopyOff(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.fill(t, 20_000)
	s := w.wired(t)
	got := fetch(t, s, "u-auditor", "/api/v1/audit/export?format=ndjson&purpose=EXTERNAL_AUDIT")
	if _, err := io.CopyN(io.Discard, got.Body, 1000); err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	path := "/api/v1/audit/exports/" + got.Header.Get("Export-Id") + "?purpose=EXTERNAL_AUDIT"
	for deadline := time.Now().Add(20 * time.Second); ; {
		var m api.Manifest
		w.as(t, "u-auditor").get(path).is(200).into(&m)
		if m.Stage == "broken" && m.Count < 20_000 {
			return
		}
		if m.Stage == "finished" || time.Now().After(deadline) {
			t.Fatalf("the manifest is %+v", m)
		}
		runtime.Gosched()
	}
}

// waiting is a log that gives nothing until it is told to.
type waiting struct {
	asking
	asked, told chan struct{}
}

func (l waiting) Stream(ctx context.Context, asked rest.LogAsked, f func(*export.Row) error) error {
	l.asked <- struct{}{}
	<-l.told
	return l.asking.Stream(ctx, asked, f)
}

func TestOnlySoManyCopiesAreTakenAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(w.Database), Application: "export", Connections: 4, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	l := waiting{asking{auditdb.Log{DB: reader}}, make(chan struct{}), make(chan struct{})}
	s := httptest.NewServer(stackOn(w.House, w.Service, reader, l, quiet()))
	t.Cleanup(s.Close)
	const path = "/api/v1/audit/export?format=csv&purpose=FOI"
	ended := make(chan int, rest.MostExports)
	for range rest.MostExports {
		go func() {
			got := fetch(t, s, "u-auditor", path)
			if _, err := io.Copy(io.Discard, got.Body); err != nil { // its end is on record before it is seen
				t.Error(err)
			}
			ended <- got.StatusCode
		}()
		<-l.asked
	}
	if got := fetch(t, s, "u-auditor", path); got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("one more is answered %s", got.Status)
	}
	if got := fetch(t, s, "u-auditor", "/api/v1/audit/evidence?profile=INTERNAL_AUDIT&purpose=FOI&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a pack besides is answered %s", got.Status)
	}
	close(l.told)
	for range rest.MostExports {
		if status := <-ended; status != http.StatusOK {
			t.Errorf("one that began is answered %d", status)
		}
	}
	if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'exported'`); n != 2*rest.MostExports {
		t.Errorf("%d entries are on record", n)
	}
}

// fill adds entries that all look like one of the trail, past everything that guards it: only where their number matters.
func (w *town) fill(t testing.TB, n int) {
	t.Helper()
	ask[int](t, w, `
		WITH model AS (
			SELECT * FROM audit.entries WHERE organisation_id = (SELECT id FROM casework.organisations WHERE code = 'TST01') ORDER BY id LIMIT 1
		), made AS (
			INSERT INTO audit.entries (stream, canon, leaf_hash, organisation_id, actor_id, action, outcome, occurred_at)
			SELECT 'access:1', c, sha256('\x00'::bytea || c), m.organisation_id, m.actor_id, 'viewed', 'done', m.occurred_at
			FROM model m, generate_series(1, $1) x, LATERAL (SELECT convert_to(
				'{"action":"viewed","at":' || 1788768720000000 + x || ',"nonce":"' || md5(CAST(x AS text)) || '","organisation":"' || m.organisation_id
				|| '","outcome":"done","policy":"' || repeat('ab', 32) || '","request":"' || m.organisation_id || '","stream":"access:1","v":1}', 'UTF8')) AS e (c)
			RETURNING 1)
		SELECT CAST(count(*) AS int) FROM made`, n)
}

// The service's memory does not grow with what is taken away.
func TestACopyOfManyEntriesTakesNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200,000 entries")
	}
	const entries = 200_000
	w := open(t)
	w.fill(t, entries)
	s := w.wired(t)
	for _, format := range []string{"ndjson", "csv", "fhir"} {
		got := fetch(t, s, "u-auditor", "/api/v1/audit/export?purpose=EXTERNAL_AUDIT&action=viewed&format="+format)
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		most, lines := uint64(0), 0
		piece := make([]byte, 1<<20)
		for {
			n, err := io.ReadFull(got.Body, piece)
			lines += bytes.Count(piece[:n], []byte("\n"))
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			if err != nil {
				break
			}
		}
		if format == "csv" {
			lines--
		}
		if lines != entries || got.Trailer.Get("Export-Count") != strconv.Itoa(entries) {
			t.Errorf("%s: %d lines, and the trailer says %s", format, lines, got.Trailer.Get("Export-Count"))
		}
		t.Logf("%s: %d entries took %d KiB more", format, entries, (max(most, before.HeapAlloc)-before.HeapAlloc)>>10)
		if most > before.HeapAlloc+16<<20 {
			t.Errorf("%s: the heap grew from %d to %d bytes", format, before.HeapAlloc, most)
		}
	}
}

// The statement is the signer's word about a stretch of the log that anybody with the entries can count again.
func TestThatNothingHappenedIsSigned(t *testing.T) {
	t.Parallel()
	w := open(t)
	l := w.office(t)
	s := w.wired(t)
	now := func() string {
		return ask[time.Time](t, w, `SELECT clock_timestamp()`)[0].UTC().Format(time.RFC3339Nano)
	}
	l.Seal(t)
	start := now()
	path, etag := walk(t, w)
	l.Seal(t)
	middle := now()
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	l.Seal(t)
	end := now()
	state := func(query string) (*http.Response, api.Statement) {
		t.Helper()
		got := fetch(t, s, "u-auditor", "/api/v1/audit/statements/absence?purpose=REGULATOR&"+query)
		var x api.Statement
		if err := json.NewDecoder(got.Body).Decode(&x); err != nil {
			t.Fatal(err)
		}
		return got, x
	}
	for query, want := range map[string]int64{
		"action=decide&from=" + start + "&to=" + middle:          0,
		"action=triage&from=" + start + "&to=" + middle:          1,
		"action=decide&from=" + middle + "&to=" + end:            1,
		"action=triage&from=" + middle + "&to=" + end:            0,
		"action=triage&actor=u-ig2&from=" + start + "&to=" + end: 0,
		// Before there was a log there was nothing in it.
		"action=triage&from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z": 0,
	} {
		got, x := state(query)
		if got.StatusCode != http.StatusOK || x.Count != want {
			t.Errorf("%s: %s %+v", query, got.Status, x)
			continue
		}
		signed, err := note.Open([]byte(x.Note), signatures())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"log " + logOrigin, fmt.Sprintf("count %d", want), fmt.Sprintf("after %d ", x.FromSize), fmt.Sprintf("until %d ", x.ToSize), "where action "} {
			if !strings.Contains(signed.Text, "\n"+line) {
				t.Errorf("the statement does not say %q: %s", line, signed.Text)
			}
		}
		// Whoever has the leaves of the stretch counts the same.
		counted := w.count(t, `SELECT count(*) FROM audit.leaves l JOIN audit.entries e ON e.id = l.entry_id WHERE l.leaf_index >= $1 AND l.leaf_index < $2 AND e.action = $3
			AND ($3 <> 'triage' OR $4 OR e.actor_id = (SELECT id FROM casework.people WHERE user_id = 'u-ig2'))`,
			x.FromSize, x.ToSize, query[len("action="):len("action=")+6], !strings.Contains(query, "u-ig2"))
		if int64(counted) != want {
			t.Errorf("%s: between %d and %d there are %d", query, x.FromSize, x.ToSize, counted)
		}
	}
	if e := w.lastEntry(t); e.Action != "exported" || e.Facts["format"] != "statement" {
		t.Errorf("the statement left %+v", e)
	}
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	if got, _ := state("action=decide&from=" + start + "&to=" + tomorrow); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("of tomorrow is stated: %s", got.Status)
	}
}

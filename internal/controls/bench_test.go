package controls_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/controls"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
)

var entries = flag.Int("controls.entries", 100_000, "how many entries of the trail BenchmarkControls asks about")

// perRequest is how many entries a request of the benchmark has: ten deeds, the rest are readings.
const perRequest = 25

// town fills the tables with requests over two years. $1 is the number of requests, $2 a content, $3 the organisation.
var town = []string{
	`SET session_replication_role = replica`,
	`CREATE UNLOGGED TABLE bulk AS SELECT r, CAST(md5('r' || r) AS uuid) AS id, CAST(r AS bigint) * 25 AS first,
		timestamptz '2024-12-01T09:00:00Z' + r * (interval '700 days' / $1) AS at, CAST($3 AS uuid) AS organisation,
		(ARRAY['SERVICE_EVALUATION', 'RESEARCH', 'CLINICAL_AUDIT', 'POLICE_DISCLOSURE', 'DIRECT_CARE_SHARING'])[1 + r % 5] AS kind,
		(ARRAY['APPROVE', 'APPROVE', 'APPROVE_WITH_CONDITIONS', 'REFUSE', 'NOT_REQUIRED'])[1 + r % 7 % 5] AS outcome,
		CAST(jsonb_set(CAST($2 AS jsonb), '{kind}', to_jsonb((ARRAY['SERVICE_EVALUATION', 'RESEARCH', 'CLINICAL_AUDIT', 'POLICE_DISCLOSURE', 'DIRECT_CARE_SHARING'])[1 + r % 5]))
			|| jsonb_build_object('title', 'Request ' || r / 3, 'recipients', jsonb_build_array(CAST($2 AS jsonb) #> '{recipients,0}' || jsonb_build_object('org_code', 'ORG' || r % 500))) AS text) AS content
		FROM generate_series(1, CAST($1 AS integer)) r`,
	`INSERT INTO audit.entries (id, stream, seq, canon, leaf_hash, recorded_at, request_id, organisation_id, actor_id, action, outcome, occurred_at)
		OVERRIDING SYSTEM VALUE
		SELECT x.id, x.stream, x.seq, x.canon, sha256(CAST('\x00' AS bytea) || x.canon), x.at, x.request, x.organisation, x.actor, x.action, 'done', x.at
		FROM (SELECT b.first + k AS id, b.at + k * interval '1 hour' AS at, b.id AS request, b.organisation, p.id AS actor, a.action,
				CASE WHEN k <= 10 THEN 'request:' || b.id ELSE 'access:' || to_char(b.at, 'YYYYMMDD') END AS stream, CASE WHEN k <= 10 THEN k END AS seq,
				convert_to(concat('{"acting":"IG_OFFICER","action":"', a.action, '","actor":"', p.id, '","at":1793610000000000,"digest":"',
					CASE WHEN k <= 10 THEN encode(sha256(convert_to(b.content, 'UTF8')), 'hex') END, '","facts":{"decision":"', b.outcome,
					'"},"nonce":"', md5(CAST(b.first + k AS text)), '","organisation":"', b.organisation, '","outcome":"done","policy":"', repeat('ab', 32),
					'","request":"', b.id, '","stream":"x","v":1,"version":1}'), 'UTF8') AS canon
			FROM bulk b CROSS JOIN generate_series(1, 25) k
			CROSS JOIN LATERAL (SELECT COALESCE((ARRAY['draft', 'submit', 'triage', 'consult', 'advise', 'advise', 'put_forward', 'open', 'decide', 'disclose'])[k], 'viewed') AS action) a
			JOIN casework.people p ON p.user_id = (ARRAY['u-guardian', 'u-ig1', 'u-auditor'])[1 + k % 3]) x`,
	`INSERT INTO audit.leaves (leaf_index, entry_id, leaf_hash) SELECT row_number() OVER (ORDER BY id) - 1, id, leaf_hash FROM audit.entries`,
	`INSERT INTO audit.checkpoints (size, root, low_water, sealed_at) SELECT count(*), sha256('x'), pg_current_xact_id(), max(recorded_at) FROM audit.entries`,
	`INSERT INTO casework.requests (id, organisation_id, reference, requester, emergency, state, kind, urgency, title, sponsor, asset_owner, version, revision,
			created_at, submitted_at, decided_at, entry_id)
		SELECT id, organisation, 'CG-TST01-2025-' || r, (ARRAY['u-req-ed', 'u-req-audit'])[1 + r % 2], false, 'DECIDED', kind, 'ROUTINE', 'Request', '', '', 1, 9, at, at, at, first + 10 FROM bulk`,
	`INSERT INTO casework.versions (request_id, n, content, digest, confirmed, made_by, at, entry_id)
		SELECT id, 1, content, sha256(convert_to(content, 'UTF8')), '[]', 'u-req-ed', at, first + 1 FROM bulk`,
	`INSERT INTO casework.deeds (id, request_id, deed, actor, acting_as, appointment_id, delegation_id, at, from_state, to_state, version, subject, target, details, entry_id)
		SELECT CAST(md5('d' || first + k) AS uuid), id, (ARRAY['draft', 'submit', 'triage', 'consult', 'advise', 'advise', 'put_forward', 'open', 'decide', 'disclose'])[k],
			(ARRAY['u-req-ed', 'u-req-ed', 'u-ig1', 'u-ig1', 'u-dpo', 'u-iao-ehr', 'u-ig1', 'u-guardian', 'u-guardian', 'u-ig1'])[k], '', '', '',
			at + k * interval '1 hour', 'DRAFT', 'DRAFT', 1, '', '', '{}', first + k FROM bulk CROSS JOIN generate_series(1, 10) k`,
	`INSERT INTO casework.declarations (id, request_id, declared_by, type, note, version, at, entry_id)
		SELECT CAST(md5('c' || r) AS uuid), id, 'u-guardian', CASE WHEN r % 50 = 0 THEN 'LINE_MANAGEMENT' ELSE 'NONE' END, '', 1, at + interval '8 hours', first + 8 FROM bulk`,
	`INSERT INTO casework.advice (id, request_id, role, view, text, version, given_by, at, entry_id)
		SELECT CAST(md5('v' || r || k) AS uuid), id, CASE k WHEN 5 THEN 'DPO' ELSE 'IAO' END, CASE WHEN r % 40 = 0 THEN 'OBJECT' ELSE 'SUPPORT' END, '', 1,
			CASE k WHEN 5 THEN 'u-dpo' ELSE 'u-iao-ehr' END, at + k * interval '1 hour', first + k FROM bulk CROSS JOIN generate_series(5, 6) k`,
	`INSERT INTO casework.decisions (id, request_id, n, version, outcome, rationale, decided_by, acting_as, appointment_id, delegation_id, at, entered_at, principles, law,
			review_date, expiry_date, refer_to, harm_statement, alternative_offered, standing_rule, findings, authorisation_id, entry_id)
		SELECT CAST(md5('x' || r) AS uuid), b.id, 1, 1, outcome, 'Weighed.', 'u-guardian', 'CALDICOTT_GUARDIAN', CAST(a.id AS text), '', b.at + interval '9 hours', b.at + interval '9 hours',
			'{"CP1": {"assessment": "MET"}}', '{"cldc_basis": "EXPLICIT_CONSENT"}', NULL, NULL, '{}', '', '', '', '[]', '', first + 9
		FROM bulk b JOIN casework.appointments a ON a.person = 'u-guardian'`,
	`INSERT INTO casework.authorisations (id, request_id, decision_id, version, review_date, expiry_date, ratifies, at, entry_id)
		SELECT CAST(md5('a' || r) AS uuid), id, CAST(md5('x' || r) AS uuid), 1, CAST(at AS date) + 300, CAST(at AS date) + 365, '', at + interval '9 hours', first + 9
		FROM bulk WHERE outcome LIKE 'APPROVE%'`,
	`INSERT INTO casework.conditions (id, request_id, decision_id, authorisation_id, label, type, text, owner, due, evidence_expected, resolves, at, entry_id)
		SELECT CAST(md5('k' || r) AS uuid), id, CAST(md5('x' || r) AS uuid), CAST(CAST(md5('a' || r) AS uuid) AS text), 'C1', 'DEADLINE', 'Show it.', 'u-req-ed', CAST(at AS date) + 30, '', '{}',
			at + interval '9 hours', first + 9 FROM bulk WHERE outcome = 'APPROVE_WITH_CONDITIONS'`,
	`INSERT INTO casework.disclosures (id, request_id, authorisation_id, recipient, records, method, disclosed_at, recorded_at, recorded_by, exception, note, entry_id)
		SELECT CAST(md5('z' || r) AS uuid), id, CAST(CAST(md5('a' || r) AS uuid) AS text), 'ORG' || r % 500, 10, 'MESH', at + interval '10 hours', at + interval '10 hours', 'u-ig1', '', '', first + 10
		FROM bulk WHERE outcome LIKE 'APPROVE%'`,
	`DROP TABLE bulk`,
	`RESET session_replication_role`,
}

// BenchmarkControls answers all questions about one year, and beside it counts the entries of the trail, in one run.
func BenchmarkControls(b *testing.B) {
	h := housetest.New(b)
	h.Enrol(b)
	fill(b, h, *entries/perRequest)
	guardian, err := h.DB.ActorByUserID(b.Context(), "u-guardian")
	if err != nil {
		b.Fatal(err)
	}
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(h.Database), Application: "bench", Connections: 2, StatementTimeout: 10 * time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	list, err := controls.Catalogue()
	if err != nil {
		b.Fatal(err)
	}
	asked := caldicott.ControlAsked{
		Organisation: guardian.OrganisationID, From: time.Date(2025, 10, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
	}
	book := controls.Book{DB: reader}
	var all, count time.Duration
	took := make([]time.Duration, len(list))
	for b.Loop() {
		for i, c := range list {
			start := time.Now()
			if _, err := book.Control(b.Context(), c.N, asked); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(start)
			all += time.Since(start)
		}
		start := time.Now()
		var n int64
		if err := reader.Get(&n, `SELECT count(*) FROM audit.entries`); err != nil {
			b.Fatal(err)
		}
		count += time.Since(start)
	}
	slowest, each := 0, strings.Builder{}
	for i, d := range took {
		if d > took[slowest] {
			slowest = i
		}
		fmt.Fprintf(&each, "%d: %.0f ms; ", list[i].N, float64(d.Microseconds())/1000/float64(b.N))
	}
	b.Log(each.String())
	b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "ms/all")
	b.ReportMetric(float64(took[slowest].Milliseconds())/float64(b.N), "ms/slowest")
	b.ReportMetric(float64(count.Microseconds())/1000/float64(b.N), "ms/count")
	b.ReportMetric(float64(all)/float64(count), "×count")
}

func fill(b *testing.B, h *housetest.House, requests int) {
	b.Helper()
	db, err := sqlx.Open("postgres", h.Database.Superuser)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var organisation string
	if err := db.Get(&organisation, `SELECT id FROM casework.organisations WHERE code = 'TST01'`); err != nil {
		b.Fatal(err)
	}
	for _, table := range []string{
		"audit.entries", "audit.leaves", "audit.checkpoints", "casework.requests", "casework.versions", "casework.deeds", "casework.declarations", "casework.advice",
		"casework.decisions", "casework.authorisations", "casework.conditions", "casework.disclosures",
	} {
		if _, err := db.Exec("ALTER TABLE " + table + " DISABLE TRIGGER ALL"); err != nil {
			b.Fatal(err)
		}
	}
	for i, statement := range town {
		var args []any
		if i == 1 {
			args = []any{requests, string(sound().Bytes()), organisation}
		}
		if _, err := db.Exec(statement, args...); err != nil {
			b.Fatalf("%.60s: %v", statement, err)
		}
	}
	if _, err := db.Exec(`VACUUM ANALYZE`); err != nil {
		b.Fatal(err)
	}
}

package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// listing is a query under construction: conditions joined by AND, arguments numbered as they come.
type listing struct {
	where []string
	args  []any
}

// arg adds an argument and gives its place ($3).
func (l *listing) arg(v any) string {
	l.args = append(l.args, v)
	return fmt.Sprintf("$%d", len(l.args))
}

// and adds a condition; each %s takes the place of the next argument.
func (l *listing) and(condition string, args ...any) {
	places := make([]any, len(args))
	for i, a := range args {
		places[i] = l.arg(a)
	}
	l.where = append(l.where, fmt.Sprintf(condition, places...))
}

func (l *listing) sql() string {
	if len(l.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(l.where, " AND ")
}

// within is the policy's answer to "which requests may this person see", in SQL: any way that is open is enough.
func (l *listing) within(reach caldicott.Reach) {
	if len(reach.Denied) > 0 {
		l.and("NOT r.organisation_id = ANY(CAST(%s AS uuid[]))", pq.Array(reach.Denied))
	}
	var ways []string
	way := func(open bool, condition string, args ...any) {
		if !open {
			return
		}
		places := make([]any, len(args))
		for i, a := range args {
			places[i] = l.arg(a)
		}
		ways = append(ways, fmt.Sprintf(condition, places...))
	}
	me := reach.UserID
	way(reach.Own, "r.requester = %s", me)
	way(reach.Sponsored, "r.sponsor = %s", me)
	way(reach.AssetOwned, "r.asset_owner = %s", me)
	way(reach.Owned, "EXISTS (SELECT FROM casework.conditions c WHERE c.request_id = r.id AND c.owner = %s)", me)
	way(reach.Handed, "EXISTS (SELECT FROM casework.deeds d WHERE d.request_id = r.id AND d.deed IN ('hand_back', 'request_review', 'invite_reviewer') AND d.target = %s)", me)
	for _, home := range reach.Sent {
		way(true, "(r.organisation_id <> %s AND EXISTS (SELECT FROM casework.deeds d WHERE d.request_id = r.id AND d.deed IN ('request_review', 'invite_reviewer') AND d.target = %s))",
			home, me)
	}
	way(len(reach.Organisations) > 0, "r.organisation_id = ANY(CAST(%s AS uuid[]))", pq.Array(reach.Organisations))
	for _, c := range reach.Consulted {
		way(true, "(r.organisation_id = %s AND EXISTS (SELECT FROM casework.consultations c WHERE c.request_id = r.id AND c.role = %s))",
			c.OrganisationID, c.Role)
	}
	if len(ways) == 0 {
		ways = []string{"false"}
	}
	l.where = append(l.where, "("+strings.Join(ways, " OR ")+")")
}

// nounTable is where a noun's rows are and by what they are sorted: keys that no write changes.
var nounTable = map[caldicott.Noun]struct{ from, key, id string }{
	caldicott.Requests:       {"casework.requests r", "r.created_at", "r.id"},
	caldicott.Decisions:      {"casework.decisions x JOIN casework.requests r ON r.id = x.request_id", "x.at", "x.id"},
	caldicott.Authorisations: {"casework.authorisations x JOIN casework.requests r ON r.id = x.request_id", "x.at", "x.id"},
	caldicott.Conditions:     {"casework.conditions x JOIN casework.requests r ON r.id = x.request_id", "x.at", "x.id"},
	caldicott.Disclosures:    {"casework.disclosures x JOIN casework.requests r ON r.id = x.request_id", "x.disclosed_at", "x.id"},
}

// filters are the conditions behind the names that the contract's lists accept.
var filters = map[string]string{
	"state": "r.state = %s", "kind": "r.kind = %s", "urgency": "r.urgency = %s", "requester": "r.requester = %s",
	"outcome": "x.outcome = %s", "decided_by": "x.decided_by = %s",
	"recipient": "x.recipient = %s", "exception": "(x.exception <> '') = (%s = 'true')",
}

// List gives one page of a noun's rows within the reach. Which filters belong to which noun is casework's to say.
func (q reads) List(ctx context.Context, noun caldicott.Noun, reach caldicott.Reach, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Listed, error) {
	table, ok := nounTable[noun]
	if !ok {
		return nil, fmt.Errorf("no list of %s", noun)
	}
	var l listing
	l.within(reach)
	for name, value := range filter {
		if name == "q" {
			l.search(value)
			continue
		}
		condition, known := filters[name]
		if !known {
			return nil, fmt.Errorf("no filter %s", name)
		}
		l.and(condition, value)
	}
	order := l.page(table.key, table.id, page)
	query := fmt.Sprintf(`
		SELECT %s AS id, %s AS key, r.id AS request_id, r.organisation_id, o.code AS org_code, r.reference, r.requester,
			r.emergency, r.state, r.version, r.revision, r.created_at, r.kind, r.urgency, r.title, r.submitted_at, r.decided_at
		FROM %s JOIN casework.organisations o ON o.id = r.organisation_id%s ORDER BY %s LIMIT %s`,
		table.id, table.key, table.from, l.sql(), order, l.arg(page.Limit))
	var rows []listedRow
	if err := q.run.once(ctx, &rows, query, l.args...); err != nil {
		return nil, explain(err, string(noun))
	}
	listed := make([]caldicott.Listed, len(rows))
	for i, r := range rows {
		listed[i] = r.listed()
	}
	return listed, nil
}

type listedRow struct {
	ID             string     `db:"id"`
	Key            time.Time  `db:"key"`
	RequestID      string     `db:"request_id"`
	OrganisationID string     `db:"organisation_id"`
	OrgCode        string     `db:"org_code"`
	Reference      *string    `db:"reference"`
	Requester      string     `db:"requester"`
	Emergency      bool       `db:"emergency"`
	State          string     `db:"state"`
	Version        int        `db:"version"`
	Revision       int        `db:"revision"`
	CreatedAt      time.Time  `db:"created_at"`
	Kind           string     `db:"kind"`
	Urgency        string     `db:"urgency"`
	Title          string     `db:"title"`
	SubmittedAt    *time.Time `db:"submitted_at"`
	DecidedAt      *time.Time `db:"decided_at"`
}

func (r listedRow) listed() caldicott.Listed {
	return caldicott.Listed{
		ID: r.ID, Key: r.Key.UTC().Format(time.RFC3339Nano),
		Request: caldicott.Request{
			ID: r.RequestID, Reference: text(r.Reference), OrganisationID: r.OrganisationID, OrgCode: r.OrgCode,
			Requester: r.Requester, Emergency: r.Emergency, State: caldicott.State(r.State), Version: r.Version,
			Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(),
		},
		Kind: vocabulary.Kind(r.Kind), Urgency: vocabulary.Urgency(r.Urgency), Title: r.Title,
		SubmittedAt: instant(r.SubmittedAt), DecidedAt: instant(r.DecidedAt),
	}
}

// page starts behind the last row seen and gives the order.
func (l *listing) page(key, id string, page caldicott.Page) string {
	compare, direction := "<", "DESC"
	if page.Ascending {
		compare, direction = ">", "ASC"
	}
	if page.AfterID != "" {
		l.and("("+key+", "+id+") "+compare+" (CAST(%s AS timestamptz), CAST(%s AS uuid))", page.AfterKey, page.AfterID)
	}
	return key + " " + direction + ", " + id + " " + direction
}

// search looks for a reference by its beginning, or for titles in which every word asked for begins a word.
func (l *listing) search(words string) {
	prefix := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToUpper(strings.TrimSpace(words))) + "%"
	var beginnings []string
	for word := range strings.FieldsFuncSeq(words, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		beginnings = append(beginnings, word+":*")
	}
	if len(beginnings) == 0 {
		l.and("r.reference LIKE %s", prefix)
		return
	}
	l.and("(r.reference LIKE %s OR to_tsvector('simple', r.title) @@ to_tsquery('simple', %s))", prefix, strings.Join(beginnings, " & "))
}

// CaseOf finds the request that something belongs to.
func (q reads) CaseOf(ctx context.Context, noun caldicott.Noun, id string) (string, error) {
	tables := map[caldicott.Noun]string{
		caldicott.Decisions: "decisions", caldicott.Authorisations: "authorisations",
		caldicott.Conditions: "conditions", caldicott.Disclosures: "disclosures",
	}
	table, ok := tables[noun]
	var request string
	if deeds, hangs := hanging[noun]; hangs {
		err := q.run.get(ctx, &request, `SELECT request_id FROM casework.deeds WHERE id = $1 AND deed = ANY($2)`, id, pq.Array(deeds))
		return request, explain(err, string(noun))
	}
	if !ok {
		return "", fmt.Errorf("%s belong to no request", noun)
	}
	err := q.run.get(ctx, &request, `SELECT request_id FROM casework.`+table+` WHERE id = $1`, id)
	return request, explain(err, strings.TrimSuffix(table, "s"))
}

// hanging are the nouns that are folds over deeds, with the deeds that make them.
var hanging = map[caldicott.Noun][]string{
	caldicott.Reviews:   {string(caldicott.RequestReview)},
	caldicott.Dissents:  {string(caldicott.RecordDissent)},
	caldicott.Incidents: {string(caldicott.LinkIncident), string(caldicott.BreachCondition)},
	caldicott.Documents: {string(caldicott.Attach)},
}

// ReadVersion reads one state of the content.
func (q reads) ReadVersion(ctx context.Context, requestID string, n int) (caldicott.Version, error) {
	const query = `
		SELECT v.n, v.content, v.made_by, v.at, v.confirmed,
			CASE WHEN v.erased_entry IS NOT NULL THEN encode(v.digest, 'hex') END AS erased
		FROM casework.versions v WHERE v.request_id = $1 AND v.n = $2`
	var r storedVersion
	if err := q.run.get(ctx, &r, query, requestID, n); err != nil {
		return caldicott.Version{}, explain(err, "version")
	}
	return r.read()
}

// storedVersion is a version's row; as JSON within a case, versionRow reads it.
type storedVersion struct {
	versionRow
	ConfirmedJSON []byte `db:"confirmed"`
}

func (r storedVersion) read() (caldicott.Version, error) {
	if err := decode(r.ConfirmedJSON, &r.Confirmed); err != nil {
		return caldicott.Version{}, err
	}
	return r.version()
}

// VersionMarks reads when each version came and from whom, oldest first.
func (q reads) VersionMarks(ctx context.Context, requestID string) ([]caldicott.VersionMark, error) {
	const query = `SELECT v.n, v.made_by, v.at, v.digest FROM casework.versions v WHERE v.request_id = $1 ORDER BY v.n`
	var rows []struct {
		N      int       `db:"n"`
		By     string    `db:"made_by"`
		At     time.Time `db:"at"`
		Digest []byte    `db:"digest"`
	}
	if err := q.run.all(ctx, &rows, query, requestID); err != nil {
		return nil, explain(err, "version")
	}
	marks := make([]caldicott.VersionMark, len(rows))
	for i, r := range rows {
		marks[i] = caldicott.VersionMark{N: r.N, By: r.By, At: r.At.UTC(), Digest: [32]byte(r.Digest)}
	}
	return marks, nil
}

// Remarks reads the comments, oldest first.
func (q reads) Remarks(ctx context.Context, requestID string) ([]caldicott.Remark, error) {
	const query = `SELECT c.id, c.made_by, c.text, c.at FROM casework.comments c WHERE c.request_id = $1 ORDER BY c.entry_id`
	var rows []struct {
		ID   string    `db:"id"`
		By   string    `db:"made_by"`
		Text string    `db:"text"`
		At   time.Time `db:"at"`
	}
	if err := q.run.all(ctx, &rows, query, requestID); err != nil {
		return nil, explain(err, "comment")
	}
	remarks := make([]caldicott.Remark, len(rows))
	for i, r := range rows {
		remarks[i] = caldicott.Remark{ID: r.ID, By: r.By, Text: r.Text, At: r.At.UTC()}
	}
	return remarks, nil
}

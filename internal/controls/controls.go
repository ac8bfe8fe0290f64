// Package controls answers the auditors' questions: each is one saved query (queries/), run under the reader's login over
// codes and identifiers only.
package controls

//go:generate go test . -run TestTheReferenceIsUpToDate -update

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// control is a question with its statements.
type control struct {
	caldicott.Control
	summary, drill string
}

//go:embed queries/*.sql
var queries embed.FS

// catalogue reads the queries once. They are built in: a fault in one is found by the first test.
var catalogue = sync.OnceValues(func() ([]control, error) {
	names, err := fs.Glob(queries, "queries/*.sql")
	if err != nil {
		return nil, fmt.Errorf("controls: %w", err)
	}
	list := make([]control, len(names))
	for i, name := range names { // Glob sorts
		text, err := queries.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("controls: %w", err)
		}
		if list[i], err = parse(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if list[i].N != i+1 {
			return nil, fmt.Errorf("%s: is number %d, not %d", name, list[i].N, i+1)
		}
	}
	return list, nil
})

// Catalogue is every control, in the order of its number.
func Catalogue() ([]caldicott.Control, error) {
	list, err := catalogue()
	controls := make([]caldicott.Control, len(list))
	for i, c := range list {
		controls[i] = c.Control
	}
	return controls, err
}

// find is the control of that number.
func find(n int) (control, error) {
	list, err := catalogue()
	if err != nil {
		return control{}, err
	}
	if n < 1 || n > len(list) {
		return control{}, caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such question.")
	}
	return list[n-1], nil
}

var title = regexp.MustCompile(`^-- ([0-9]{2}) (.+)$`)

// parse reads a query with the lines of its head.
func parse(text string) (control, error) {
	var c control
	lines := strings.Split(text, "\n")
	said := title.FindStringSubmatch(lines[0])
	if said == nil {
		return c, fmt.Errorf("the first line is not a number and a title")
	}
	c.N, _ = strconv.Atoi(said[1]) //nolint:errcheck // two digits
	c.Title = said[2]
	head := 1
	for ; head < len(lines) && strings.HasPrefix(lines[head], "-- "); head++ {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines[head], "-- "), ": ")
		switch name {
		case "Question":
			c.Question = value
		case "Counts":
			c.Counts = value
		case "Fails", "Figures":
			c.Rule, c.Test = value, name == "Fails"
		case "Rests on":
			c.RestsOn = value
		case "Rows":
			c.Standing = value == "standing"
		default:
			return c, fmt.Errorf("the head has no line %q", name)
		}
	}
	for _, value := range []string{c.Question, c.Counts, c.Rule, c.RestsOn} {
		if value == "" {
			return c, fmt.Errorf("the head is not complete")
		}
	}
	rows, figures, _ := strings.Cut(strings.Join(lines[head:], "\n"), "\n-- figures\n")
	if figures == "" {
		figures = noFigures
	}
	c.summary = numbered(begin + rows + narrow + summarise + figures + total)
	c.drill = numbered(begin + rows + narrow + page)
	return c, nil
}

// places are the parameters by the names that the queries call them by.
var places = map[string]string{
	"organisation": "$1", "since": "$2", "to": "$3", "last": "$4", "end": "$5", "from": "$6", "standing": "$7",
	"of_version": "$8", "of_decision": "$9", "kind": "$10", "urgency": "$11", "identifiability": "$12", "basis": "$13", "recipient": "$14",
	"system": "$15", "outcome": "$16", "decided_by": "$17", "acting_as": "$18",
	"trend": "$19", "after_entry": "$19", "after_subject": "$20", "marked": "$21", "limit": "$22",
}

var place = regexp.MustCompile(`:[a-z_]+\b`)

// numbered writes the parameters as PostgreSQL wants them.
func numbered(query string) string {
	return place.ReplaceAllStringFunc(query, func(name string) string {
		if n, ok := places[name[1:]]; ok {
			return n
		}
		return name
	})
}

// What stands around the rows of every control: begin says of what type each parameter is, narrow applies the filters and
// the period.
const (
	begin = `WITH asked AS (SELECT CAST(:organisation AS uuid), CAST(:since AS timestamptz), CAST(:to AS timestamptz), CAST(:last AS bigint), CAST(:end AS timestamptz)),
found AS MATERIALIZED (`
	narrow = `),
kept AS MATERIALIZED (
	SELECT f.entry_id, f.request_id, f.version, f.decision_id, f.subject, f.at, f.marked, f.facts
	FROM found f
	WHERE (NOT CAST(:of_version AS boolean) OR EXISTS (SELECT FROM controls.versions v
			WHERE v.request_id = f.request_id AND v.n = f.version
				AND (:kind = '' OR v.kind = :kind) AND (:urgency = '' OR v.urgency = :urgency) AND (:identifiability = '' OR v.identifiability = :identifiability)
				AND (:basis = '' OR v.basis = :basis) AND (:recipient = '' OR :recipient = ANY (v.recipient_codes)) AND (:system = '' OR :system = ANY (v.systems))))
		AND (NOT CAST(:of_decision AS boolean) OR EXISTS (SELECT FROM controls.decisions d
			WHERE d.id = f.decision_id AND (:outcome = '' OR d.outcome = :outcome) AND (:decided_by = '' OR d.decided_by = :decided_by)
				AND (:acting_as = '' OR d.acting_as = :acting_as)))),
shown AS MATERIALIZED (SELECT k.* FROM kept k WHERE CAST(:standing AS boolean) OR k.at >= CAST(:from AS timestamptz))
`
	noFigures = `SELECT '' AS item, '' AS part, 0 AS value WHERE false`
	summarise = `SELECT jsonb_build_object(
	'rows', (SELECT count(*) FROM shown),
	'marked', (SELECT count(*) FROM shown WHERE marked),
	'trend', (SELECT COALESCE(jsonb_agg(m ORDER BY m.month), '[]') FROM (
		SELECT to_char(at AT TIME ZONE 'Europe/London', 'YYYY-MM') AS month, count(*) AS rows, count(*) FILTER (WHERE marked) AS marked
		FROM kept WHERE at >= CAST(:trend AS timestamptz) GROUP BY 1) m),
	'figures', (SELECT COALESCE(jsonb_agg(g ORDER BY g.item, g.part), '[]') FROM (
		SELECT f.item, COALESCE(f.part, '') AS part, COALESCE(f.value, 0) AS value FROM (
`
	total = `) f) g))`
	page  = `SELECT s.entry_id, COALESCE(CAST(s.request_id AS text), '') AS request_id, COALESCE(q.reference, '') AS reference, COALESCE(s.version, 0) AS version,
	COALESCE(CAST(s.decision_id AS text), '') AS decision_id, s.subject, s.at, s.marked, s.facts
FROM shown s LEFT JOIN controls.requests q ON q.id = s.request_id AND q.organisation_id = :organisation
WHERE (s.entry_id, s.subject COLLATE "C") > (:after_entry, :after_subject COLLATE "C") AND (s.marked OR NOT CAST(:marked AS boolean))
ORDER BY s.entry_id, s.subject COLLATE "C" LIMIT :limit`
)

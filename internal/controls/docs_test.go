package controls_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/controls"
)

var update = flag.Bool("update", false, "write docs/controls.md anew")

const reference = "../../docs/controls.md"

// preface is what stands before the questions.
const preface = `# The auditors' questions

Written from the heads of ` + "`internal/controls/queries/*.sql`" + ` by ` + "`go generate ./internal/controls`" + `; do not edit.

Each question is one saved query, asked of one organisation and one period (days in London) through ` + "`GET /api/v1/audit/controls`" + `.
The queries see codes, numbers, days and user ids (the schema ` + "`controls`" + `), never what somebody wrote. Each answer is one
state of the database, by entries that had been recorded ` + "`as_at`" + ` an instant, and the asking is itself on the record, with its purpose.

A **test** passes or fails; **figures** only count, and mark what deserves a look. Rows lead to the entries of the trail
(` + "`/api/v1/audit/controls/{n}/rows`" + `). Filters by kind, urgency, identifiability, legal basis, recipient and source system keep
rows about a request whose version at the time was so; those by outcome, decider and capacity, rows about a decision.

What these answers rest on is this database. That the database still holds what was once recorded is shown by
` + "`caldicott audit verify`" + ` and an older checkpoint, not by question 22 alone.
`

func TestTheReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	list, err := controls.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(preface)
	for _, c := range list {
		kind, rule, rows := "figures", "Figures", "what happened in the period"
		if c.Test {
			kind, rule = "test", "Fails"
		}
		if c.Standing {
			rows = "what stands at the end of the period; the trend counts it by the month in which it began"
		}
		fmt.Fprintf(&b, "\n## %d %s (%s)\n\n%s\n\n- **Counts:** %s\n- **%s:** %s\n- **Rows:** %s.\n- **Rests on:** %s.\n", c.N, c.Title, kind, c.Question, c.Counts, rule, c.Rule, rows, c.RestsOn)
	}
	if *update {
		if err := os.WriteFile(reference, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(reference)
	if err != nil || string(written) != b.String() {
		t.Errorf("docs/controls.md is out of date (%v): go generate ./internal/controls", err)
	}
}

func TestThereAreTwentyNineQuestions(t *testing.T) {
	t.Parallel()
	list, err := controls.Catalogue()
	if err != nil || len(list) != 29 {
		t.Errorf("%d questions, %v", len(list), err)
	}
}

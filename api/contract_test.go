package api

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func readContract(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheContractIsOpenAPI(t *testing.T) {
	t.Parallel()
	doc := readContract(t)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("it says that it is OpenAPI %s", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
}

func TestNothingInTheContractIsUnused(t *testing.T) {
	t.Parallel()
	doc, text := readContract(t), contractText(t)
	used := func(kind, name string) {
		if !strings.Contains(text, fmt.Sprintf(`"#/components/%s/%s"`, kind, name)) {
			t.Errorf("%s %s is used nowhere", kind, name)
		}
	}
	for name := range doc.Components.Schemas {
		used("schemas", name)
	}
	for name := range doc.Components.Parameters {
		used("parameters", name)
	}
	for name := range doc.Components.Responses {
		used("responses", name)
	}
	for name := range doc.Components.Examples {
		used("examples", name)
	}
	for name := range doc.Components.Headers {
		used("headers", name)
	}
}

func contractText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// operation is one operation with where it stands.
type operation struct {
	*openapi3.Operation
	doc          *openapi3.T
	path, method string
}

func operations(doc *openapi3.T) []operation {
	var all []operation
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, operation{op, doc, path, method})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

func (o operation) ofService() bool { return !strings.HasPrefix(o.path, "/api/v1/") }

// ofLog are operations that find nothing until something is signed.
func (o operation) ofLog() bool {
	return slices.Contains([]string{"show_newest_checkpoint", "read_log_checkpoint", "show_consistency"}, o.OperationID)
}
func (o operation) writes() bool { return o.method == http.MethodPost || o.method == http.MethodPut }

// action is the policy's word for the operation, "" where the policy is not asked.
func (o operation) action() caldicott.Action {
	if said, ok := o.Extensions["x-action"].(string); ok {
		return caldicott.Action(said)
	}
	if slices.Contains(caldicott.Actions(), caldicott.Action(o.OperationID)) {
		return caldicott.Action(o.OperationID)
	}
	return ""
}

func (o operation) takes(in, name string) bool { return o.Parameters.GetByInAndName(in, name) != nil }

func (o operation) answers(status string) bool { return o.Responses.Value(status) != nil }

// success is the one answer of 2xx.
func (o operation) success() (string, *openapi3.Response) {
	for _, status := range []string{"200", "201"} {
		if r := o.Responses.Value(status); r != nil {
			return status, r.Value
		}
	}
	return "", nil
}

// houseRules are what every operation is held to, besides what OpenAPI itself asks. Each gives what is wrong, or "".
var houseRules = map[string]func(operation) string{
	"a summary that a nurse can read": func(o operation) string {
		s := o.Summary
		if s == "" || len(s) > 70 || strings.HasSuffix(s, ".") || strings.ToUpper(s[:1]) != s[:1] || strings.ContainsAny(s, "_{}/") {
			return "summary: " + s
		}
		return ""
	},
	"one tag, declared": func(o operation) string {
		if len(o.Tags) != 1 || o.doc.Tags.Get(o.Tags[0]) == nil {
			return fmt.Sprint(o.Tags)
		}
		return ""
	},
	"a write is a deed under its own name": func(o operation) string {
		dryRun := o.OperationID == "check_content" || o.OperationID == "check_request" || o.OperationID == "check_receipt"
		if o.writes() && !dryRun && (o.action() == "" || slices.Contains(caldicott.Readings(), o.action())) {
			return "no deed"
		}
		return ""
	},
	"x-action is a word of the policy": func(o operation) string {
		if said, ok := o.Extensions["x-action"].(string); ok && !slices.Contains(caldicott.Actions(), caldicott.Action(said)) {
			return said
		}
		return ""
	},
	"x-roles are roles, and nobody's only for the service's own operations": func(o operation) string {
		said, ok := o.Extensions["x-roles"].([]any)
		if o.ofService() {
			if ok || o.Security == nil || len(*o.Security) != 0 {
				return "the service's own operations need no sign-in"
			}
			return ""
		}
		if len(said) == 0 || o.Security != nil {
			return "no x-roles, or a security of its own"
		}
		for _, role := range said {
			if s, _ := role.(string); !vocabulary.NewIndex().Knows("role", s) {
				return fmt.Sprint(role)
			}
		}
		return ""
	},
	"an example wherever there is a JSON body": func(o operation) string {
		form := o.OperationID == "attach" // a file is no example
		if o.RequestBody != nil && !form && !hasExample(o.RequestBody.Value.Content.Get("application/json")) {
			return "request"
		}
		for status, r := range o.Responses.Map() {
			for kind, media := range r.Value.Content {
				if strings.HasSuffix(kind, "json") && !hasExample(media) {
					return status
				}
			}
		}
		return ""
	},
	"the errors that it can answer": func(o operation) string {
		if o.ofService() {
			return ""
		}
		want := []string{"400", "401", "403", "429", "500", "503"}
		if strings.ContainsAny(o.path, "{*") || o.ofLog() {
			want = append(want, "404")
		}
		if o.OperationID == "export_evidence" { // of a request in the query, or of a period that may be too long
			want = append(want, "404", "413")
		}
		if o.writes() {
			want = append(want, "409", "413", "415", "422")
		}
		if o.takes("header", "If-Match") {
			want = append(want, "412", "428")
		}
		if o.OperationID == "fetch_document" { // it may wait for the scanner still
			want = append(want, "409")
		}
		status, _ := o.success()
		want = append(want, status)
		for status := range o.Responses.Map() {
			if !slices.Contains(want, status) {
				return "should not answer " + status
			}
		}
		for _, status := range want {
			if !o.answers(status) {
				return "does not answer " + status
			}
		}
		return ""
	},
	"every error under its own status": func(o operation) string {
		for status, r := range o.Responses.Map() {
			for _, kind := range kinds {
				if strings.HasSuffix(r.Ref, "/"+kind.answer) && status != strconv.Itoa(kind.status) {
					return status + " is " + kind.answer
				}
			}
			if r.Ref == "" && status[0] != '2' && !o.ofService() {
				return status + " is described here only"
			}
		}
		return ""
	},
	"an Idempotency-Key on every POST and nowhere else": func(o operation) string {
		if (o.method == http.MethodPost) != o.takes("header", "Idempotency-Key") {
			return o.method
		}
		return ""
	},
	"If-Match where two people could undo each other's work": func(o operation) string {
		if takes := o.takes("header", "If-Match"); takes != ifMatchNeeded(o) {
			return fmt.Sprint("takes it: ", takes)
		}
		return ""
	},
	"a Location for what is new, and an ETag for one thing": func(o operation) string {
		status, r := o.success()
		comment := o.OperationID == "comment" // has no address of its own
		if created := status == "201" && !comment; created != (r.Headers["Location"] != nil) {
			return "Location"
		}
		deed := o.writes() && o.action() != "" && o.action() != caldicott.View && !comment
		// An answer to an auditor's question is no thing that could be changed.
		one := o.method == http.MethodGet && o.OperationID != "list_undelivered" && o.OperationID != "show_control" && strings.HasPrefix(o.path, "/api/v1/") && strings.HasSuffix(o.path, "}")
		if (deed || one) != (r.Headers["ETag"] != nil) {
			return "ETag"
		}
		return ""
	},
	"a receipt for what is done, and nowhere else": func(o operation) string {
		_, r := o.success()
		deed := o.writes() && o.action() != "" && !slices.Contains(caldicott.Readings(), o.action())
		if deed != (r.Headers["Audit-Receipt"] != nil) {
			return fmt.Sprint("a deed: ", deed)
		}
		return ""
	},
	"a cursor, a limit and a Link together": func(o operation) string {
		_, r := o.success()
		paged := o.takes("query", "cursor")
		if paged != o.takes("query", "limit") || paged != (r.Headers["Link"] != nil) || paged && !strings.HasSuffix(schemaOf(r), "List") {
			return schemaOf(r)
		}
		return ""
	},
}

// ifMatchNeeded is api.md's row "concurrency": the request's deeds but those that only add, the authorisation's, the
// condition's but its evidence, and whatever is given whole.
func ifMatchNeeded(o operation) bool {
	switch a := o.action(); {
	case o.method == http.MethodPut:
		return true
	case o.method != http.MethodPost:
		return false
	case a == caldicott.Comment || a == caldicott.Advise || a == caldicott.Disclose || a == caldicott.SubmitEvidence,
		a == caldicott.Draft || a == caldicott.RecordEmergency, a == caldicott.RequestReview, a == caldicott.RecordDissent,
		a == caldicott.RecordNotFollowed, a == caldicott.LinkIncident, a == caldicott.LinkRisk, a == caldicott.Attach:
		return false
	default:
		return a == caldicott.DecideReview || slices.Contains(slices.Concat(caldicott.RequestDeeds(), caldicott.AuthorisationDeeds(), caldicott.ConditionDeeds()), a)
	}
}

func hasExample(m *openapi3.MediaType) bool {
	return m != nil && (m.Example != nil || len(m.Examples) > 0)
}

func schemaOf(r *openapi3.Response) string {
	m := r.Content.Get("application/json")
	if m == nil {
		return ""
	}
	return strings.TrimPrefix(m.Schema.Ref, "#/components/schemas/")
}

func TestTheContractKeepsTheHouseRules(t *testing.T) {
	t.Parallel()
	for _, o := range operations(readContract(t)) {
		for rule, broken := range houseRules {
			if what := broken(o); what != "" {
				t.Errorf("%s %s (%s): %s: %s", o.method, o.path, o.OperationID, rule, what)
			}
		}
	}
}

func TestEveryDeedHasOneOperation(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, o := range operations(readContract(t)) {
		count[o.OperationID]++
	}
	for id, n := range count {
		if n > 1 {
			t.Errorf("%s is the name of %d operations", id, n)
		}
	}
	for _, a := range caldicott.Actions() {
		if count[string(a)] == 0 && !slices.Contains(caldicott.Readings(), a) {
			t.Errorf("%s has no operation", a)
		}
	}
}

package rest

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// param is a parameter of a query: its name, the form of its value, and what to say of another.
type param struct {
	name, must string
	form       func(string) bool
}

// The parameters of the contract.
var (
	codes   = vocabulary.NewIndex()
	limit   = param{"limit", "must be a number from 1 to 200", regexp.MustCompile(`^([1-9][0-9]?|1[0-9][0-9]|200)$`).MatchString}
	cursor  = param{"cursor", "must be what next said on the page before", func(s string) bool { return s != "" && len(s) <= 500 }}
	sort    = param{"sort", "must be newest or oldest", func(s string) bool { return s == "newest" || s == "oldest" }}
	words   = param{"q", "must be 1 to 200 characters of text", isWords}
	asOf    = param{"as_of", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	at      = param{"at", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	version = param{"version", "must be the number of a version", aVersion.MatchString}
	notOver = param{"not_over", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	from    = param{"from", "must be the number of a version", aVersion.MatchString}
	to      = param{"to", "must be the number of a version", aVersion.MatchString}
	whether = param{"exception", "must be true or false", func(s string) bool { return s == "true" || s == "false" }}
	// The recipient of a check may be a position; the recipient of a list is an organisation's code.
	recipient = param{"recipient", "must be an organisation's code, or a position in the version's list",
		regexp.MustCompile(`^([A-Z0-9]{3,10}|[0-9]{1,3})$`).MatchString}
	receiver = param{"recipient", "must be an organisation's code", aCode.MatchString}
)

// coded is a parameter with a code of a list.
func coded(name, list string) param {
	return param{name, "must be a code of the list " + list, func(s string) bool { return codes.Knows(list, s) }}
}

// person is a parameter with a user id.
func person(name string) param { return param{name, "must be a user id", aUserID.MatchString} }

func isInstant(s string) bool {
	_, ok := api.IsInstant(s)
	return ok
}

// isWords refuses what no search can be about, and what the database does not take.
func isWords(s string) bool {
	return utf8.ValidString(s) && strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= 200 &&
		strings.IndexFunc(s, unicode.IsControl) < 0
}

// query is the parameters as they were given.
type query map[string]string

// ask reads the query, in which every parameter is known, comes once and has its form.
func ask(r *http.Request, known ...param) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, unreadable("query", "is malformed")
	}
	given := query{}
	for _, p := range known {
		if list, ok := values[p.name]; ok {
			if len(list) > 1 || !p.form(list[0]) {
				return nil, unreadable(p.name, p.must)
			}
			given[p.name] = list[0]
		}
	}
	for name := range values {
		if _, ok := given[name]; !ok {
			return nil, unknownParameter(name)
		}
	}
	return given, nil
}

// aName is what names of parameters look like. Others are not repeated: they may be anything.
var aName = regexp.MustCompile(`^[a-z_]{1,40}$`)

func unknownParameter(name string) error {
	if !aName.MatchString(name) {
		name = "(unnamed)"
	}
	return &caldicott.Error{
		Kind: caldicott.Unreadable, Code: caldicott.CodeUnknownField, Message: "The parameter " + name + " is not in the contract.",
		Fields: []caldicott.FieldError{{Field: name, Code: caldicott.CodeUnknownField, Message: "is not a parameter of the contract"}},
	}
}

// need gives a parameter that must be there.
func (q query) need(p param) (string, error) {
	if v, ok := q[p.name]; ok {
		return v, nil
	}
	return "", unreadable(p.name, "must be given")
}

// number gives the number of a version that must be there.
func (q query) number(p param) (int, error) {
	v, err := q.need(p)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(v)
}

// instant reads a parameter whose form was checked; zero where it is absent.
func (q query) instant(p param) time.Time {
	t, _ := api.IsInstant(q[p.name])
	return t
}

package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// list describes a list of the contract: by what it is narrowed, whether its order can be chosen, and the form of the key
// and the id in its cursors.
type list struct {
	name    string
	filters []param
	sorted  bool
	key, id func(string) bool
}

// page is one page that was asked for.
type page struct {
	list   list
	asked  query
	filter caldicott.Filter
	limit  int
	after  place
}

// place is where a page ended: what a cursor holds. A cursor is no secret and opens nothing: what it names is looked for
// within what the caller may see. With other filters or another order it would skip rows, so it is bound to its own.
type place struct {
	Key    string `json:"k"`
	ID     string `json:"i"`
	Filter string `json:"f"`
}

// defaultLimit is how many rows a page has unless the caller says otherwise.
const defaultLimit = 50

const strangeCursor = "is not a cursor of this list with these filters"

// page reads which page is asked for.
func (l list) page(r *http.Request) (page, error) {
	known := append([]param{limit, cursor}, l.filters...)
	if l.sorted {
		known = append(known, sort)
	}
	asked, err := ask(r, known...)
	if err != nil {
		return page{}, err
	}
	p := page{list: l, asked: asked, filter: caldicott.Filter{}, limit: defaultLimit}
	for _, f := range l.filters {
		if v, ok := asked[f.name]; ok {
			p.filter[f.name] = v
		}
	}
	if n, err := strconv.Atoi(asked[limit.name]); err == nil {
		p.limit = n
	}
	if c, ok := asked[cursor.name]; ok {
		if p.after, ok = p.parse(c); !ok {
			return page{}, unreadable(cursor.name, strangeCursor)
		}
	}
	return p, nil
}

// keyset is the page for the store: one row more, which says whether there is a next page.
func (p page) keyset() caldicott.Page {
	return caldicott.Page{
		AfterKey: p.after.Key, AfterID: p.after.ID, Limit: p.limit + 1, Ahead: true, Ascending: p.asked[sort.name] == "oldest",
	}
}

// digest names the list with its filters and its order.
func (p page) digest() string {
	h := sha256.New()
	for _, part := range append([]string{p.list.name, p.asked[sort.name]}, slices.Sorted(maps.Keys(p.filter))...) {
		h.Write([]byte(strconv.Quote(part) + strconv.Quote(p.filter[part])))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func (p page) parse(cursor string) (place, bool) {
	var at place
	data, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return place{}, false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&at); err != nil || d.More() {
		return place{}, false
	}
	return at, at.Filter == p.digest() && p.list.key(at.Key) && p.list.id(at.ID)
}

// next writes the cursor of the page after the row.
func (p page) next(key, id string) string {
	data, err := json.Marshal(place{Key: key, ID: id, Filter: p.digest()})
	if err != nil {
		return "" // three texts
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// writePage sends the rows that were asked for, and says where the next page is.
func writePage[Row, View any](w http.ResponseWriter, r *http.Request, p page, rows []Row, place func(Row) (key, id string), view func(Row) View) error {
	next := ""
	if len(rows) > p.limit {
		rows = rows[:p.limit]
		next = p.next(place(rows[p.limit-1]))
		again := url.Values{}
		for name, value := range p.asked {
			again.Set(name, value)
		}
		again.Set(cursor.name, next)
		w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+again.Encode()+`>; rel="next"`)
	}
	return shown(api.FromList(rows, next, view), 0).write(w)
}

// writeCut sends the page out of rows that hang on one request and are read whole, in the order in which they came to be.
// They are only ever added to, so a cursor that names none of them comes from another request.
func writeCut[Row, View any](w http.ResponseWriter, r *http.Request, p page, rows []Row, id func(Row) string, view func(Row) View) error {
	if p.after.ID != "" {
		i := slices.IndexFunc(rows, func(row Row) bool { return id(row) == p.after.ID })
		if i < 0 {
			return unreadable(cursor.name, strangeCursor)
		}
		rows = rows[i+1:]
	}
	return writePage(w, r, p, rows, func(row Row) (string, string) { return "", id(row) }, view)
}

// Forms of keys and ids in cursors.
func noKey(s string) bool { return s == "" }

func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && t.Year() >= 1900 && t.Year() <= 9999 && t.UTC().Format(time.RFC3339Nano) == s
}

func isNumber(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

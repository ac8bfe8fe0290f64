package rest_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type row struct {
	ID     string `json:"id"`
	UserID string `json:"user_id"`
	Code   string `json:"code"`
	Entry  int64  `json:"entry"`
	Title  string `json:"title"`
	State  string `json:"state"`
}

func (r row) name() string { return fmt.Sprint(r.ID, r.UserID, r.Code, r.Entry) }

type rows struct {
	Items []row  `json:"items"`
	Next  string `json:"next"`
}

var aLink = regexp.MustCompile(`^<(/api/v1/[^>]+)>; rel="next"$`)

// all follows a list to its end, by its links.
func (c caller) all(path string) (names []string, pages int) {
	c.t.Helper()
	for path != "" {
		var page rows
		r := c.get(path).is(200)
		r.into(&page)
		for _, item := range page.Items {
			names = append(names, item.name())
		}
		link := aLink.FindStringSubmatch(r.header.Get("Link"))
		if (link == nil) != (page.Next == "") {
			c.t.Fatalf("%s: next is %q, Link %q", path, page.Next, r.header.Get("Link"))
		}
		if path = ""; link != nil {
			path = link[1]
		}
		pages++
	}
	return names, pages
}

func TestPagesAddUpToTheWholeList(t *testing.T) {
	t.Parallel()
	w := open(t)
	for i := range 11 {
		w.as(t, "u-req-ed").post("/api/v1/requests", map[string]any{"title": fmt.Sprintf("Draft %d of wards", i), "kind": "RESEARCH"}).is(201)
	}
	w.as(t, "u-req-audit").post("/api/v1/requests", map[string]any{"title": "Other", "kind": "CLINICAL_AUDIT"}).is(201)
	path, etag := walk(t, w)
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	for range 3 {
		w.as(t, "u-ig1").post(path+"/disclosures", map[string]any{"recipient": "TST05", "method": "SFTP"}).is(201)
	}
	w.as(t, "u-ig1").post(path+"/disclosures", map[string]any{"recipient": "TST06", "method": "SFTP"}).is(201)
	for list, n := range map[string]int{
		"/requests": 13, "/requests?sort=oldest": 13, "/requests?kind=RESEARCH": 12, "/requests?state=DRAFT": 12, "/requests?q=wards": 11,
		"/requests?q=wards&kind=CLINICAL_AUDIT": 0, "/requests?requester=u-req-audit": 1, "/requests?q=cg-tst01": 1, "/decisions": 1,
		"/decisions?outcome=REFUSE": 0, "/authorisations": 1, "/disclosures": 4, "/disclosures?exception=true": 1, "/disclosures?recipient=TST05&sort=oldest": 3,
		"/people": 30, "/people?q=GUARDIAN": 1, "/people?q=u-req": 8, "/organisations": 11, "/organisations?q=northmere": 7, "/appointments": 18,
		"/appointments?role=IG_OFFICER": 2, "/appointments?person=u-dpo": 1, "/delegations": 0, "/assets": 0,
	} {
		whole, _ := w.as(t, "u-ig1").all("/api/v1" + list)
		separator := "?"
		if u, err := url.Parse(list); err == nil && u.RawQuery != "" {
			separator = "&"
		}
		paged, pages := w.as(t, "u-ig1").all("/api/v1" + list + separator + "limit=2")
		if len(whole) != n || !slices.Equal(whole, paged) || pages != max(1, (n+1)/2) {
			t.Errorf("%s has %d rows, not %d, and %d on %d pages", list, len(whole), n, len(paged), pages)
		}
	}
	if whole, _ := w.as(t, "u-req-ed").all("/api/v1/requests?limit=3"); len(whole) != 11 {
		t.Errorf("the requester sees %d", len(whole))
	}
	history, _ := w.as(t, "u-auditor").all("/api/v1/requests" + path[len("/api/v1/requests"):] + "/history?limit=200")
	paged, _ := w.as(t, "u-auditor").all(path + "/history?limit=3")
	if len(paged) < len(history) || !slices.Equal(paged[len(paged)-len(history):], history) && len(paged) == len(history) {
		t.Errorf("the history has %d entries and %d on pages", len(history), len(paged))
	}
}

// TestWhatGrowsUnderOneRequestComesInPages adds more than two pages of each, and takes a cursor to where it does not belong.
func TestWhatGrowsUnderOneRequestComesInPages(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	for i := range 5 {
		w.as(t, "u-ig1").post(path+"/disclosures", map[string]any{"recipient": "TST05", "method": "SFTP"}).is(201)
		w.as(t, "u-ig1").post(path+"/comments", map[string]any{"text": fmt.Sprint("Remark ", i)}).is(201)
	}
	ig := w.as(t, "u-ig1")
	for _, list := range []string{"/comments", "/disclosures"} {
		whole, once := ig.all(path + list)
		paged, pages := ig.all(path + list + "?limit=2")
		if len(whole) != 5 || once != 1 || pages != 3 || !slices.Equal(whole, paged) {
			t.Errorf("%s has %d rows, and %d on %d pages", list, len(whole), len(paged), pages)
		}
		ig.get(path + list + "?limit=201").is(400).names("limit")
	}
	var comments, disclosures rows
	ig.get(path + "/comments?limit=2").is(200).into(&comments)
	ig.get(path + "/disclosures?limit=2").is(200).into(&disclosures)
	ig.get(path+"/comments?cursor="+disclosures.Next).is(400, "UNREADABLE").names("cursor")
	ig.get("/api/v1/disclosures?cursor="+disclosures.Next).is(400, "UNREADABLE").names("cursor")

	other, etag := walk(t, w)
	w.as(t, "u-guardian").post(other+"/decisions", decision(t), match(etag)).is(200)
	ig.get(other+"/comments?cursor="+comments.Next).is(400, "UNREADABLE").names("cursor")
	ig.get(other+"/disclosures?cursor="+disclosures.Next).is(400, "UNREADABLE").names("cursor")
}

func TestTheVersionsOfARequestComeInPages(t *testing.T) {
	t.Parallel()
	w := open(t)
	ed := w.as(t, "u-req-ed")
	made := ed.post("/api/v1/requests", map[string]any{"title": "Draft 0", "kind": "RESEARCH"}).is(201)
	path, etag := made.header.Get("Location"), made.header.Get("ETag")
	for i := range 4 {
		etag = ed.put(path, map[string]any{"title": fmt.Sprint("Draft ", i+1), "kind": "RESEARCH"}, match(etag)).is(200).header.Get("ETag")
	}
	seen := 0
	for next := path + "/versions?limit=2"; next != ""; {
		got := ed.get(next).is(200)
		var page struct {
			Items []struct {
				N int `json:"n"`
			} `json:"items"`
		}
		got.into(&page)
		for _, v := range page.Items {
			if seen++; v.N != seen {
				t.Fatalf("version %d came as number %d", v.N, seen)
			}
		}
		link := aLink.FindStringSubmatch(got.header.Get("Link"))
		if next = ""; link != nil {
			next = link[1]
		}
	}
	if seen != 5 {
		t.Errorf("%d versions on all pages", seen)
	}
}

func TestACursorBelongsToItsList(t *testing.T) {
	t.Parallel()
	w := open(t)
	for i := range 4 {
		w.as(t, "u-req-ed").post("/api/v1/requests", map[string]any{"title": fmt.Sprint("Draft ", i), "kind": "RESEARCH"}).is(201)
	}
	ed := w.as(t, "u-req-ed")
	var page rows
	ed.get("/api/v1/requests?limit=2&kind=RESEARCH").is(200).into(&page)
	ed.get("/api/v1/requests?kind=RESEARCH&cursor=" + page.Next).is(200)
	for _, other := range []string{"/requests?", "/requests?kind=CLINICAL_AUDIT&", "/requests?kind=RESEARCH&sort=oldest&", "/decisions?", "/people?"} {
		ed.get("/api/v1"+other+"cursor="+page.Next).is(400, "UNREADABLE").names("cursor")
	}
	for _, bent := range []string{page.Next + "x", page.Next[1:], page.Next + "=", page.Next[:len(page.Next)-2]} {
		ed.get("/api/v1/requests?kind=RESEARCH&cursor="+bent).is(400, "UNREADABLE").names("cursor")
	}
}

// TestACraftedCursorIsRefusedNotObeyed changes what stands in a genuine cursor: Go reads more forms of an instant than
// PostgreSQL does, and none of them may get that far.
func TestACraftedCursorIsRefusedNotObeyed(t *testing.T) {
	t.Parallel()
	w := open(t)
	for range 2 {
		w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201)
	}
	var page struct {
		Next string `json:"next"`
	}
	w.as(t, "u-req-research").get("/api/v1/requests?limit=1").is(200).into(&page)
	genuine, err := base64.RawURLEncoding.DecodeString(page.Next)
	if err != nil || page.Next == "" {
		t.Fatalf("cursor %q: %v", page.Next, err)
	}
	key := regexp.MustCompile(`"k":"[^"]*"`)
	for _, instant := range []string{"0000-01-01T00:00:00Z", "2026-01-01T00:00:00,5Z", "9999-12-31T23:59:59+23:59", "2026-01-01T00:00:00+24:00", "", "now"} {
		crafted := base64.RawURLEncoding.EncodeToString(key.ReplaceAll(genuine, []byte(`"k":"`+instant+`"`)))
		w.as(t, "u-req-research").get("/api/v1/requests?limit=1&cursor=" + crafted).is(400)
	}
}

// TestRowsOfListsCarryNoFreeText holds for what people wrote about a disclosure, a delegation and an appointment.
func TestRowsOfListsCarryNoFreeText(t *testing.T) {
	t.Parallel()
	const words = "Words about the ward round"
	w := open(t)
	r := w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201)
	w.as(t, "u-req-research").post("/api/v1/requests/"+r.request().ID+"/disclosures",
		map[string]any{"recipient": "TST05", "method": "SFTP", "note": words}).is(201)
	w.as(t, "u-guardian").post("/api/v1/delegations", map[string]any{
		"to": "u-deputy", "reason": "PLANNED_ABSENCE", "note": words, "valid_from": "2026-11-02", "valid_to": "2026-11-20",
	}).is(201)
	for _, list := range []string{"/api/v1/disclosures", "/api/v1/delegations", "/api/v1/appointments", "/api/v1/requests", "/api/v1/decisions"} {
		if body := string(w.as(t, "u-guardian").get(list).is(200).body); strings.Contains(body, words) {
			t.Errorf("%s tells what somebody wrote", list)
		}
	}
}

func TestSearchFindsTitlesByTheBeginningsOfWords(t *testing.T) {
	t.Parallel()
	w := open(t)
	r := w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201)
	w.as(t, "u-req-research").post("/api/v1/requests/"+r.request().ID+"/submission", nil, match(r.etag())).is(200)
	for q, found := range map[string]int{
		"Kidney": 1, "kidn": 1, "link kid": 1, "KIDNEY study": 1, "CG-TST01-2026": 1, "cg-tst01": 1, "zebra": 0, "kidney zebra": 0,
		"idney": 0, "&": 0, "%": 0, "'": 0, "kid:*": 1, "!": 0, "100%": 0,
	} {
		if names, _ := w.as(t, "u-req-research").all("/api/v1/requests?q=" + url.QueryEscape(q)); len(names) != found {
			t.Errorf("%q finds %d requests, not %d", q, len(names), found)
		}
	}
}

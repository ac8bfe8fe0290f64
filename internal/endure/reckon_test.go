package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// story is a request that was drafted and submitted, with what was promised, kept and told of it.
type story struct {
	books    books
	promised []deed
	arrived  map[delivery]arrival
}

const request, requester = "r-1", "u-req-one"

func tell() story {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	s := story{
		books: books{
			answers: map[string]answerRow{}, requesters: map[string]string{request: requester}, owners: map[string]string{}, set: map[string][]string{},
		},
		arrived: map[delivery]arrival{},
	}
	for i, name := range []string{"draft", "submit", "withdraw"} {
		d := deedRow{ID: fmt.Sprint("d-", i), Request: request, Deed: name, Actor: requester, At: at.Add(time.Duration(i) * time.Second)}
		q := question{who: requester, deed: name, key: fmt.Sprint("key-", i)}
		got := reply{status: 200, etag: fmt.Sprint(i), body: []byte("answer")}
		s.books.deeds = append(s.books.deeds, d)
		s.promised = append(s.promised, deed{question: q, got: got, request: request})
		s.books.answers[requester+" "+q.key] = answerRow{Status: 200, ETag: got.etag, Body: got.body, At: d.At, Request: request}
		for _, key := range s.books.told(d) {
			s.notice(key)
		}
	}
	s.books.deeds = append(s.books.deeds, deedRow{ID: "d-k", Request: request, Deed: "fall_due", Moment: "x", At: at})
	return s
}

// notice writes one that has come where it was to come.
func (s *story) notice(key string) {
	n := noticeRow{ID: fmt.Sprint("n-", len(s.books.notices)), Request: request, Key: key, Status: "SENT", Attempts: 1, Reached: true}
	to := key[strings.LastIndexByte(key, '/')+1:]
	if to == endpoint {
		n.Endpoint = to
	} else {
		n.Recipient = to
	}
	if to == officer2 {
		n.Status, n.Reached = "KEPT", false
	} else {
		s.arrived[delivery{n.ID, to}] = arrival{first: len(s.arrived) + 1, times: 1}
	}
	s.books.notices = append(s.books.notices, n)
}

// reckoned is what differs.
func (s *story) reckoned() []string {
	f := &findings{}
	reckonDeeds(&s.books, s.promised, f.add)
	reckonTellings(&s.books, f.add)
	reckonNotices(&s.books, s.arrived, f.add)
	list, _ := f.told()
	return list
}

func TestWhatIsAsPromisedDiffersInNothing(t *testing.T) {
	t.Parallel()
	s := tell()
	if differs := s.reckoned(); len(differs) > 0 {
		t.Error(differs)
	}
	if len(s.books.notices) != 2*4 { // both deeds: three who handle requests, and the endpoint
		t.Errorf("%d notices are told", len(s.books.notices))
	}
}

// A trial that overlooks something would say of every service that it endures.
func TestTheReckoningSeesWhateverDiffers(t *testing.T) {
	t.Parallel()
	first := func(s *story) delivery { return delivery{s.books.notices[0].ID, s.books.notices[0].to()} }
	for name, c := range map[string]struct {
		spoil func(s *story)
		says  string
	}{
		"a deed is lost":            {func(s *story) { s.books.deeds = slices.Delete(s.books.deeds, 0, 1) }, "is there 0 times"},
		"a deed is there twice":     {func(s *story) { s.books.deeds = append(s.books.deeds, s.books.deeds[0]) }, "is there 2 times"},
		"a deed comes from nowhere": {func(s *story) { s.promised = s.promised[1:] }, "nobody was told so"},
		"the keeper repeats itself": {func(s *story) { s.books.deeds = append(s.books.deeds, s.books.deeds[3]) }, "was recorded 2 times"},
		"an answer is lost":         {func(s *story) { delete(s.books.answers, requester+" key-1") }, "there is no answer of it"},
		"another answer is kept":    {func(s *story) { s.promised[1].got.body = []byte("other") }, "answered otherwise"},
		"another revision is kept":  {func(s *story) { s.promised[1].got.etag = "9" }, "answered otherwise"},
		"a notice was not written":  {func(s *story) { s.books.notices = slices.Delete(s.books.notices, 0, 1) }, "is not there"},
		"a notice is unwanted":      {func(s *story) { s.notice("d-0/SUBMITTED//" + lead) }, "not known to be wanted"},
		"an unknown deed is done":   {func(s *story) { s.books.deeds[3].Deed = "vary" }, "not known who must be told"},
		"a notice did not arrive":   {func(s *story) { delete(s.arrived, first(s)) }, "has arrived: false"},
		"a notice was only refused": {func(s *story) { s.arrived[first(s)] = arrival{} }, "has arrived: false"},
		"a notice waits":            {func(s *story) { s.books.notices[0].Status = "WAITING" }, "is WAITING"},
		"a notice was given up":     {func(s *story) { s.books.notices[0].Status, s.books.notices[0].Fault = "DEAD", "HTTP_500" }, "is DEAD"},
		"a notice was only kept":    {func(s *story) { s.books.notices[0].Status = "KEPT" }, "is KEPT"},
		"a stray notice arrived":    {func(s *story) { s.arrived[delivery{"n-99", lead}] = arrival{first: 99, times: 1} }, "there is none such"},
		"it came to somebody else":  {func(s *story) { s.arrived[delivery{s.books.notices[0].ID, guardian}] = arrival{first: 99, times: 1} }, "there is none such"},
		"the order is not kept":     {func(s *story) { s.arrived[first(s)] = arrival{first: 99, times: 1} }, "before one that was written earlier"},
	} {
		s := tell()
		c.spoil(&s)
		if differs := strings.Join(s.reckoned(), "\n"); !strings.Contains(differs, c.says) {
			t.Errorf("%s, and the reckoning says %q", name, differs)
		}
	}
}

func TestANoticeThatComesAgainMustBeTheSame(t *testing.T) {
	t.Parallel()
	f := &findings{}
	a := newArrivals(1, f)
	a.note("n", lead, []byte("one"), false) // refused, and so not arrived
	if a.all()[delivery{"n", lead}].times != 0 {
		t.Error("what was refused has arrived")
	}
	a.note("n", lead, []byte("one"), true)
	a.note("n", lead, []byte("one"), true)
	a.note("n", guardian, []byte("other"), true)
	if list, _ := f.told(); len(list) > 0 || a.all()[delivery{"n", lead}] != (arrival{first: 1, times: 2, content: a.by[delivery{"n", lead}].content}) {
		t.Errorf("%v, %+v", list, a.all())
	}
	a.note("n", lead, []byte("two"), false)
	if list, _ := f.told(); len(list) != 1 {
		t.Errorf("another content: %v", list)
	}
}

func TestACallThatIsNotSignedIsAFinding(t *testing.T) {
	t.Parallel()
	f := &findings{}
	r, err := openReceiver(t.Context(), newArrivals(1, f))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	answered := httptest.NewRecorder()
	q := httptest.NewRequest(http.MethodPost, "/told", strings.NewReader("{}"))
	q.Header.Set("webhook-id", "n")
	q.Header.Set("webhook-timestamp", fmt.Sprint(time.Now().Unix()))
	q.Header.Set("webhook-signature", "v1,AAAA")
	r.ServeHTTP(answered, q)
	if list, _ := f.told(); answered.Code != http.StatusUnauthorized || len(list) != 1 {
		t.Errorf("answered %d, found %v", answered.Code, list)
	}
}

func TestTheCommandSaysHowItIsUsed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-replicas", "0"}, {"-kills", "-1"}, {"-gap", "0"}, {"more"}, {"-unknown"}} {
		var out, said strings.Builder
		if code := command(t.Context(), args, &out, &said); code != exitMisused || said.Len() == 0 {
			t.Errorf("%v ends with %d and says %q", args, code, said.String())
		}
	}
}

func TestTheReportEndsWithWhatDiffers(t *testing.T) {
	t.Parallel()
	if s := (Report{}).String(); !strings.HasSuffix(s, "everything promised is there\n") {
		t.Error(s)
	}
	f := &findings{}
	for i := range mostDiffers + 2 {
		f.add("number %d", i)
	}
	var r Report
	r.Differs, r.More = f.told()
	if s := r.String(); r.Holds() || !strings.Contains(s, "42 DIFFERENCES") || !strings.HasSuffix(s, "and 2 more\n") {
		t.Error(s)
	}
}

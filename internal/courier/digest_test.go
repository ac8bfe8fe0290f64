package courier_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/courier"
	"github.com/caldicott/caldicott/internal/house"
)

// daily is a scene in which two people want one mail a day; it is the evening before the digest at eight.
func daily(t *testing.T) (s *scene, eight time.Time) {
	t.Helper()
	s = open(t)
	s.wants("u-guardian", vocabulary.MailPreferenceDaily)
	s.wants("u-ig1", vocabulary.MailPreferenceDaily)
	s.Clock.Put(time.Date(2026, 11, 2, 18, 0, 0, 0, time.UTC))
	return s, time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
}

func TestOneMailADayGathersAtEightOnTheDaysTheClocksChangeToo(t *testing.T) {
	t.Parallel()
	s, _ := daily(t)
	c := s.courier()
	one := s.request()
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
	}
	for n, x := range []struct {
		day   string
		eight time.Time
		title string
	}{
		{"2026-03-28", at(3, 28, 8), "Saturday 28 March 2026"},
		{"2026-03-29", at(3, 29, 7), "Sunday 29 March 2026"},
		{"2026-03-30", at(3, 30, 7), "Monday 30 March 2026"},
		{"2026-10-24", at(10, 24, 7), "Saturday 24 October 2026"},
		{"2026-10-25", at(10, 25, 8), "Sunday 25 October 2026"},
		{"2026-10-26", at(10, 26, 8), "Monday 26 October 2026"},
	} {
		s.Clock.Put(x.eight.Add(-10 * time.Hour))
		gathered := []string{s.tell("u-guardian", one), s.tell("u-guardian", one), s.tell("u-guardian", "")}
		s.deliver(c)
		s.Clock.Put(x.eight.Add(-time.Microsecond))
		s.digest(c)
		if got := s.relay.ids(); len(got) != n {
			t.Fatalf("%s: before eight: %v", x.day, got)
		}
		s.Clock.Put(x.eight)
		s.digest(c)
		mails := s.relay.taken()
		for range 3 {
			s.digest(c)
			s.later(time.Hour)
		}
		if len(mails) != n+1 || len(s.relay.ids()) != n+1 {
			t.Fatalf("%s: %d mails at eight and %d later, not %d", x.day, len(mails), len(s.relay.ids()), n+1)
		}
		m := mails[n]
		if !strings.HasPrefix(m.id, "digest-"+x.day+"-") || m.to != "u-guardian@trust.example" || !strings.Contains(m.text, "3 notices for "+x.title) {
			t.Errorf("%s: %+v", x.day, m)
		}
		for _, id := range gathered {
			s.is(id, "SENT")
		}
	}
}

func TestWhatComesAfterEightIsForTheNextDay(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	c := s.courier()
	before := s.tell("u-guardian", "")
	s.Clock.Put(eight)
	after := s.tell("u-guardian", "")
	s.later(time.Hour)
	s.digest(c)
	s.is(before, "SENT")
	s.is(after, "WAITING")
	s.Clock.Put(eight.Add(24 * time.Hour))
	s.digest(c)
	s.is(after, "SENT")
	if got := s.relay.ids(); len(got) != 2 || got[0] == got[1] {
		t.Errorf("sent: %v", got)
	}
}

func TestWhoHadTheirMailOfTheDayHasNoSecond(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	c := s.courier()
	s.tell("u-guardian", "")
	evening := s.Clock.At()
	s.Clock.Put(eight)
	s.digest(c)
	s.Clock.Put(evening) // a deed of before eight that was committed after the digest
	late := s.tell("u-guardian", "")
	s.Clock.Put(eight.Add(time.Minute))
	s.digest(c)
	s.is(late, "WAITING")
	s.Clock.Put(eight.Add(24 * time.Hour))
	s.digest(c)
	s.is(late, "SENT")
}

func TestEverybodyWithNoticesGetsOneDigestFromTwoCouriers(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	s.wants("u-siro", vocabulary.MailPreferenceDaily)
	people := []string{"u-guardian", "u-ig1", "u-dpo", "u-cyber", "u-legal"}
	for _, p := range people {
		s.wants(p, vocabulary.MailPreferenceDaily)
		for range 4 {
			s.tell(p, "")
		}
	}
	hooked := s.tell("@finance", "")
	s.Clock.Put(eight)
	var all sync.WaitGroup
	for _, c := range []*courier.Courier{s.courier(), s.courier()} {
		all.Go(func() {
			if err := c.Digest(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var to []string
	for _, m := range s.relay.taken() {
		if !strings.Contains(m.text, "4 notices for ") {
			t.Errorf("a digest is not whole: %s", m.text)
		}
		to = append(to, strings.TrimSuffix(m.to, "@trust.example"))
	}
	slices.Sort(to)
	slices.Sort(people)
	if !slices.Equal(to, people) {
		t.Errorf("digests for %v", to)
	}
	s.is(hooked, "WAITING")
}

func TestADigestThatWasSentButNotWrittenDownIsTheSameAgain(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	for i := range 5 {
		id := house.NewID()
		s.write(caldicott.Notice{
			ID: id, Key: id, Event: vocabulary.NoticeReviewDue, OrganisationID: s.org, Recipient: "u-guardian", At: s.Clock.At(),
			Reference: fmt.Sprintf("CG-TST01-2026-0000%d", i),
		})
	}
	s.Clock.Put(eight)
	c, q := s.courier(), &forgetful{s.DB, true}
	c.Queue = q
	if err := c.Digest(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("the run ended with %v", err)
	}
	s.tell("u-guardian", "") // what comes meanwhile is not in it
	q.lost = false
	s.digest(c)
	if got := s.relay.ids(); len(got) != 1 {
		t.Fatalf("before its lease ended, it was sent again: %v", got)
	}
	s.later(3 * time.Minute)
	s.digest(c)
	got := s.relay.taken()
	if len(got) != 2 || got[0].id != got[1].id || undated(got[0].text) != undated(got[1].text) {
		t.Errorf("sent: %+v", got)
	}
}

// undated is a mail without its Date, which a digest has from when it is sent.
func undated(text string) string {
	head, rest, _ := strings.Cut(text, "Date: ")
	_, rest, _ = strings.Cut(rest, "\r\n")
	return head + rest
}

func TestADigestThatFailsIsTriedAgainAndGivenUpWhereNoRetryMendsIt(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	code := 451
	s.relay.data = func(string) error {
		if code != 0 {
			return says(code)
		}
		return nil
	}
	one, two := s.tell("u-guardian", ""), s.tell("u-guardian", "")
	c := s.courier()
	s.Clock.Put(eight)
	s.digest(c)
	s.digest(c)
	if r := s.row(one); r.Attempts != 1 || r.Next.Sub(eight) != 2500*time.Millisecond {
		t.Errorf("%d attempts, the next at %v", r.Attempts, r.Next)
	}
	s.is(two, "WAITING SMTP_451")
	s.later(time.Minute)
	code = 0
	s.digest(c)
	s.is(one, "SENT")
	s.is(two, "SENT")

	code = 554
	lost := s.tell("u-ig1", "")
	s.Clock.Put(eight.Add(24 * time.Hour))
	s.digest(c)
	s.is(lost, "DEAD SMTP_554")
}

func TestANoticeThatIsNotOfItsFormTakesNoOtherOfItsDigestWithIt(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	good, bad := s.tell("u-guardian", ""), house.NewID()
	s.write(caldicott.Notice{
		ID: bad, Key: bad, Event: vocabulary.NoticeReviewDue, OrganisationID: s.org, Recipient: "u-guardian", At: s.Clock.At(), State: "of Mrs Smith",
	})
	s.Clock.Put(eight)
	s.digest(s.courier())
	s.is(good, "SENT")
	s.is(bad, "DEAD REFUSED")
}

func TestAChangeOfMindCountsFromTheNextMail(t *testing.T) {
	t.Parallel()
	s, eight := daily(t)
	c := s.courier()
	atOnce, never := s.tell("u-guardian", ""), s.tell("u-ig1", "")
	s.deliver(c)
	s.is(atOnce, "WAITING")
	s.wants("u-guardian", vocabulary.MailPreferenceAtOnce)
	s.wants("u-ig1", vocabulary.MailPreferenceNever)
	s.deliver(c)
	s.is(atOnce, "SENT")
	s.is(never, "KEPT")
	s.Clock.Put(eight)
	s.digest(c)
	if got := s.relay.ids(); !slices.Equal(got, []string{atOnce}) {
		t.Errorf("sent: %v", got)
	}
}

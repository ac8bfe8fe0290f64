package caldicott_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// The simulated years: from before the summer time of 2026 to after that of 2028 has begun. They hold the days on which the
// clocks change (29 March and 25 October 2026, 28 March and 31 October 2027, 26 March 2028) and 29 February 2028.
var yearsBegin, yearsEnd = on("2026-03-15"), on("2028-04-20")

// lives is how many are run through the years. YEARS_SEED and YEARS_LIVES ask for others, YEARS_STORIES for more than the first failure.
const lives = 1000

func TestAThousandAuthorisationsLiveThroughTheYears(t *testing.T) {
	t.Parallel()
	happened := slices.Concat(caldicott.AuthorisationDeeds(), caldicott.ConditionDeeds(), []caldicott.Action{
		caldicott.Activate, caldicott.Expire, caldicott.FallDue, caldicott.Trip, caldicott.Supersede, caldicott.Remind, caldicott.Escalate,
		caldicott.DecideReview, caldicott.Close,
	})
	simulate(t, (*life).authorised, slices.DeleteFunc(happened, func(a caldicott.Action) bool { return a == caldicott.Renew })) // which is another request
}

// simulate runs lives, each by its own seed, and tells the story of the first that goes wrong. Some deeds must have happened.
func simulate(t *testing.T, run func(*life) error, happened []caldicott.Action) {
	t.Helper()
	first, number, stories := asked(t, "YEARS_SEED", 1), asked(t, "YEARS_LIVES", lives), asked(t, "YEARS_STORIES", 1)
	house := simulatedHouse(t)
	began, recorded, compared, wrong := time.Now(), 0, 0, 0
	deeds := map[caldicott.Action]int{}
	for seed := first; seed < first+number && wrong < stories; seed++ {
		l := newLife(house, seed)
		if err := run(l); err != nil {
			wrong++
			t.Errorf("seed %d (YEARS_SEED=%d YEARS_LIVES=1 go test -run %s): %v\n%s", seed, seed, t.Name(), err, l.story())
		}
		for _, d := range l.c.Done {
			if deeds[d.Deed]++; d.By == "" {
				recorded++
			}
		}
		compared += l.compared
	}
	t.Logf("%d lives from seed %d in %s: the keeper recorded %d moments, %d states were compared, deeds %v",
		number, first, time.Since(began).Round(time.Millisecond), recorded, compared, deeds)
	for _, a := range happened {
		if deeds[a] == 0 && number >= lives && wrong == 0 {
			t.Errorf("%s never happened: these lives are too dull", a)
		}
	}
}

func asked(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fixedDays is the calendar of the simulated house: the oracle's own days.
type fixedDays map[string]bool

func (f fixedDays) Workday(s string) bool { return f[s] }

func simulatedHouse(t *testing.T) *caldicott.House {
	t.Helper()
	h := &caldicott.House{Rules: caldicott.Rulebook{Index: vocabulary.NewIndex()}}
	worked := fixedDays{}
	for d := on("2025-06-01"); d < on("2029-12-31"); d++ {
		worked[d.String()] = d.worked()
	}
	h.Calendar = worked
	read := func(name string, parse func(*os.File) error) {
		f, err := os.Open("../../policy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := parse(f); err != nil {
			t.Fatal(err)
		}
	}
	read("clocks.csv", func(f *os.File) (err error) { h.Clocks, err = caldicott.ParseClocks(f); return err })
	read("targets.csv", func(f *os.File) (err error) { h.Targets, err = caldicott.ParseTargets(f); return err })
	read("consultees.csv", func(f *os.File) (err error) { h.Consultees, err = caldicott.ParseConsultees(f); return err })
	return h
}

// keeping is how the keeper comes round.
type keeping int

const (
	planned keeping = iota // it wakes when its own agenda says, as the service plans it
	nowAndThen
	apart // it comes round now and then, and deeds do not wait for it: what the domain must bear, though the service catches up
)

func (k keeping) String() string {
	return [...]string{"when planned", "now and then", "now and then, deeds never waiting for it"}[k]
}

// life is one request with the oracle beside it.
type life struct {
	rng      *rand.Rand
	house    *caldicott.House
	keeps    keeping
	c        *caldicott.Case
	w        *truth
	over     instant // when it is looked back on
	next     instant // when the keeper means to look again; 0 for never
	ids      int
	lines    []string
	compared int // states
}

func newLife(house *caldicott.House, seed int) *life {
	l := &life{rng: rand.New(rand.NewPCG(uint64(seed), 0)), house: house, over: yearsEnd.midnight()}
	l.keeps = keeping(l.rng.IntN(3))
	return l
}

func (l *life) id() string { l.ids++; return "x" + strconv.Itoa(l.ids) }

func (l *life) tell(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf("%s  ", l.w.now)+fmt.Sprintf(format, args...))
}

// story is what happened, a line for each thing.
func (l *life) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the keeper came %s\n", l.keeps)
	for _, p := range l.w.permits {
		fmt.Fprintf(&b, "authorisation %s: review %s, expiry %s, support %v, Toolkit of %v\n", p.id, p.review, p.expiry, p.onSupport, p.needToolkit)
	}
	for _, x := range l.w.demands {
		of := ""
		if x.permit != nil {
			of = " of " + x.permit.id
		}
		fmt.Fprintf(&b, "condition %s%s: %s, due %s, grace until %s\n", x.id, of, x.kind, x.due, x.grace)
	}
	for _, s := range l.lines {
		b.WriteString(s + "\n")
	}
	for _, p := range l.w.permits {
		fmt.Fprintf(&b, "%s ought to be %v\n", p.id, p.past)
	}
	for _, x := range l.w.demands {
		fmt.Fprintf(&b, "%s ought to be %v\n", x.id, x.past)
	}
	return b.String()
}

// chance is true so often in a hundred.
func (l *life) chance(percent int) bool { return l.rng.IntN(100) < percent }

func pick[T any](l *life, from ...T) T { return from[l.rng.IntN(len(from))] }

// until lets the keeper come round, again and again, up to an instant.
func (l *life) until(at instant) error {
	for l.next != 0 && l.next <= at {
		woken := l.next
		l.next = 0
		if err := l.round(max(woken, l.w.now)); err != nil {
			return err
		}
	}
	return l.pass(at)
}

// reach lets time pass until an instant that is not the very end of a day, so that what is drawn for today is done today.
func (l *life) reach(at instant) error {
	if err := l.until(max(at, l.w.now+1)); err != nil {
		return err
	}
	if d := londonDay(l.w.now); londonDay(l.w.now+10) != d {
		return l.until((d + 1).midnight() + 1)
	}
	return nil
}

// pass lets time pass and compares all states at the instant with what they ought to be.
func (l *life) pass(at instant) error {
	l.w.walk(max(at, l.w.now))
	return l.compare(l.c, l.w.now)
}

// round is the keeper's coming: planned, one replica; else several, whose clocks differ, one of which may fall over half-way.
func (l *life) round(at instant) error {
	if l.keeps == planned {
		if err := l.keep(at, false); err != nil {
			return err
		}
		l.plan()
		return nil
	}
	for range 1 + l.rng.IntN(3) {
		skew := instant(0)
		if l.chance(30) {
			skew = instant(l.rng.IntN(5)) * second
		}
		if err := l.keep(at+skew, l.chance(25)); err != nil {
			return err
		}
	}
	l.next = at + l.downtime()
	if l.keeps == apart && l.chance(60) { // long enough for deeds to pile up
		l.next += instant(20+l.rng.IntN(130)) * wholeDay
	}
	return nil
}

// downtime is until the keeper comes again: minutes, days, or months.
func (l *life) downtime() instant {
	switch l.rng.IntN(10) {
	case 0, 1, 2:
		return instant(l.rng.IntN(3600)) * second
	case 3, 4, 5:
		return instant(l.rng.IntN(5*24)) * hour
	case 6: // exactly a midnight
		d := londonDay(l.w.now) + day(1+l.rng.IntN(40))
		return d.midnight() - l.w.now
	case 7:
		return (londonDay(l.w.now) + day(1+l.rng.IntN(120))).midnight() - l.w.now - 1
	case 8:
		return instant(l.rng.IntN(40*24*60)) * 60 * second
	}
	return instant(l.rng.IntN(150*24*60)) * 60 * second
}

// plan is what the service does after each look and each deed.
func (l *life) plan() {
	if l.keeps != planned {
		return
	}
	l.next = 0
	if agenda := l.house.Agenda(l.c, l.w.now.time()); len(agenda) > 0 {
		l.next = max(instant(agenda[0].At.UnixMicro()), l.w.now)
	}
}

// keep is the keeper's loop, as casework has it; falling over, it leaves the rest.
func (l *life) keep(at instant, falls bool) error {
	if err := l.pass(at); err != nil {
		return err
	}
	before, most := len(l.c.Done), 400
	if falls {
		most = l.rng.IntN(4)
	}
	complete := false
	for range most {
		agenda := l.house.Agenda(l.c, l.w.now.time())
		if len(agenda) == 0 || agenda[0].At.After(l.w.now.time()) {
			complete = true
			break
		}
		t := l.turn("", "")
		t.By = caldicott.Actor{}
		t.Keep(agenda[0])
		if err := l.told(); err != nil {
			return err
		}
	}
	records := l.c.Done[before:]
	for _, d := range records {
		l.tell("    keeper: %s", recordedAs(d))
	}
	if !complete && !falls {
		return fmt.Errorf("the keeper found no end")
	}
	if err := l.w.check(records, complete, l.keeps == planned); err != nil {
		return err
	}
	return l.compare(l.c, l.w.now)
}

// told says whether somebody is told of what the keeper has just recorded, and of the right thing.
func (l *life) told() error {
	d := l.c.Done[len(l.c.Done)-1]
	tellings := l.house.Tell(l.c, l.w.now.time())
	if len(tellings) != 1 {
		return fmt.Errorf("%d notices of %s", len(tellings), recordedAs(d))
	}
	_, condition := l.c.Condition(d.Subject)
	of := func(ofCondition, otherwise vocabulary.Notice) vocabulary.Notice {
		if condition {
			return ofCondition
		}
		return otherwise
	}
	want := map[caldicott.Action]vocabulary.Notice{
		caldicott.Activate: vocabulary.NoticeAuthorisationActivated, caldicott.Expire: vocabulary.NoticeAuthorisationExpired,
		caldicott.Supersede: vocabulary.NoticeAuthorisationSuperseded, caldicott.Trip: vocabulary.NoticeAuthorisationTripped,
		caldicott.FallDue:  of(vocabulary.NoticeConditionOverdue, vocabulary.NoticeReviewDue),
		caldicott.Remind:   of(vocabulary.NoticeConditionReminder, vocabulary.NoticeReviewReminder),
		caldicott.Escalate: vocabulary.NoticeClockEscalated, caldicott.Close: vocabulary.NoticeLapsed,
	}[d.Deed]
	if d.Details.Limit == vocabulary.LimitIncident {
		want = vocabulary.NoticeIncidentReportDue
	}
	if tellings[0].Event != want {
		return fmt.Errorf("told %s of %s", tellings[0].Event, recordedAs(d))
	}
	if d.Deed == caldicott.Escalate { // "to the head of information governance, to the Guardian, to the chief executive"
		role := map[string]vocabulary.Role{"50": "IG_LEAD", "100": "CALDICOTT_GUARDIAN", "150": "CHIEF_EXECUTIVE"}
		parts := strings.Split(d.Details.Moment, ":")
		if !slices.Contains(tellings[0].Roles, role[parts[1]]) {
			return fmt.Errorf("%s goes to %v", d.Details.Moment, tellings[0].Roles)
		}
	}
	return nil
}

// compare holds every state at the instant against what it ought to be, with what the keeper recorded and without.
func (l *life) compare(c *caldicott.Case, at instant) error {
	for _, p := range l.w.permits {
		if err := l.compareAt(c, p, at); err != nil {
			return err
		}
	}
	for _, x := range l.w.demands {
		want, born := x.past.at(at)
		y, found := c.Condition(x.id)
		if !born || !found {
			continue
		}
		l.compared++
		if got := string(y.State(c.Done, at.time())); got != want {
			return fmt.Errorf("condition %s is %s at %s and ought to be %s", x.id, got, at, want)
		}
	}
	return nil
}

func (l *life) compareAt(c *caldicott.Case, p *permit, at instant) error {
	want, born := p.past.at(at)
	a, found := c.Authorisation(p.id)
	if !born || !found {
		return nil
	}
	l.compared++
	if got := string(c.AuthorisationState(a, at.time())); got != want {
		return fmt.Errorf("authorisation %s is %s at %s and ought to be %s", p.id, got, at, want)
	}
	return nil
}

// turn is somebody's move now.
func (l *life) turn(by, subject string) *caldicott.Turn {
	acting := vocabulary.RoleCaldicottGuardian
	if by == "u-ig" {
		acting = vocabulary.RoleIgOfficer
	}
	return &caldicott.Turn{
		House: l.house, Now: l.w.now.time(), Case: l.c, Subject: subject, NewID: l.id,
		By:        caldicott.Actor{Person: caldicott.Person{ID: "p-" + by, UserID: by, OrganisationID: "org", Active: true}},
		Acting:    caldicott.Capacity{Role: acting},
		Reference: func(year int) (string, error) { return fmt.Sprintf("CG-RX1-%d-1", year), nil },
		Begins:    "begun",
	}
}

// do is a deed done by somebody at the instant, if the oracle finds it possible; then it happens to the oracle as well. The
// guards must find the same.
func (l *life) do(at instant, by, subject string, possible func() bool, d caldicott.Deed, happens func(t *caldicott.Turn)) error {
	at = max(at, l.w.now+1)
	if at += at % 2; at == londonDay(at).midnight() { // even, so that half of any limit is a whole microsecond
		at += 2 // what the midnight brought has happened
	}
	if err := l.until(at); err != nil {
		return err
	}
	if l.keeps != apart {
		if err := l.keep(l.w.now, false); err != nil {
			return err
		}
	}
	t := l.turn(by, subject)
	err := t.Guard(d)
	if can := possible(); can != (err == nil) {
		return fmt.Errorf("%s of %s: %v, and it ought to be possible: %v", d.Action(), subject, err, can)
	} else if !can {
		l.plan()
		return nil
	}
	if err := t.Take(d, nil); err != nil {
		return fmt.Errorf("%s of %s: %w", d.Action(), subject, err)
	}
	l.tell("%s %s", d.Action(), subject)
	happens(t)
	l.w.note()
	return l.follow()
}

// follow is what comes after every deed: the service catches up and plans.
func (l *life) follow() error {
	if l.keeps != apart {
		if err := l.keep(l.w.now, false); err != nil {
			return err
		}
	}
	l.plan()
	return l.compare(l.c, l.w.now)
}

// elsewhere is something that happens outside the request; the service asks the keeper to look at it at once.
func (l *life) elsewhere(at instant, format string, args ...any) error {
	if err := l.until(at); err != nil {
		return err
	}
	if l.keeps == planned { // it would have caught up
		if err := l.keep(l.w.now, false); err != nil {
			return err
		}
		l.next = l.w.now
	}
	l.tell(format, args...)
	return nil
}

// interesting instants lie around the dates of what is authorised, around the clock changes, and anywhere.
func (l *life) interesting() []instant {
	days := []day{on("2026-03-29"), on("2026-10-25"), on("2027-03-28"), on("2027-10-31"), on("2028-02-29"), on("2028-03-26")}
	for _, p := range l.w.permits {
		days = append(days, p.review, p.expiry+1, p.review-7, p.expiry-30)
	}
	for _, x := range l.w.demands {
		days = append(days, x.due+1, x.grace+1)
	}
	days = append(days, l.w.support.last+1)
	for _, s := range l.w.toolkit {
		days = append(days, s.last+1)
	}
	var all []instant
	for _, d := range days {
		if d >= yearsBegin && d <= yearsEnd {
			all = append(all, d.midnight())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sometime draws an instant from now on: soon, around something interesting that comes next, or anywhere in the years left.
func (l *life) sometime() instant {
	switch draw := l.rng.IntN(100); {
	case draw < 25:
		coming := slices.DeleteFunc(l.interesting(), func(t instant) bool { return t <= l.w.now+hour })
		if len(coming) > 0 {
			return pick(l, coming[:min(3, len(coming))]...) + pick(l, -1, 1, -second, hour, -hour, 30*60*second)
		}
	case draw < 30:
		return l.w.now + 1 + instant(l.rng.Int64N(int64(max(l.over-l.w.now, 2))))
	}
	return l.w.now + 1 + instant(l.rng.Int64N(int64(pick(l, 6*hour, 2*wholeDay, 7*wholeDay, 15*wholeDay, 40*wholeDay))))
}

// afterwards looks back on the whole life at many instants: as it was then, with and without what the keeper recorded.
func (l *life) afterwards() error {
	without := *l.c
	without.Done = slices.DeleteFunc(slices.Clone(l.c.Done), func(d caldicott.Done) bool { return d.By == "" })
	var at []instant
	for _, t := range l.interesting() {
		at = append(at, t-hour, t-1, t, t+1, t+hour, t+2*hour)
	}
	for _, p := range l.w.permits {
		for _, s := range p.past {
			at = append(at, s.from-1, s.from, s.from+1)
		}
	}
	for range 20 {
		at = append(at, yearsBegin.midnight()+instant(l.rng.Int64N(int64(l.w.now-yearsBegin.midnight()))))
	}
	for _, t := range at {
		if t > l.w.now {
			continue
		}
		if err := l.compare(l.c, t); err != nil {
			return fmt.Errorf("looking back: %w", err)
		}
		if err := l.compare(&without, t); err != nil {
			return fmt.Errorf("looking back, had the keeper never come: %w", err)
		}
	}
	for range 4 {
		t := at[l.rng.IntN(len(at))]
		if then, ok := l.c.AsOf(t.time()); ok && t <= l.w.now {
			if err := l.compare(&then, t); err != nil {
				return fmt.Errorf("as it stood: %w", err)
			}
			if want, born := l.w.past.at(t); born && string(then.Request.State) != want {
				return fmt.Errorf("as it stood, the request is %s at %s and ought to be %s", then.Request.State, t, want)
			}
		}
	}
	return nil
}

// authorised is a life from an approval on.
func (l *life) authorised() error {
	born := (yearsBegin + day(l.rng.IntN(500))).midnight() + 1 + instant(l.rng.Int64N(int64(wholeDay)))
	if l.chance(10) {
		born = pick(l, on("2026-03-29"), on("2026-10-25"), on("2027-03-28")).midnight() + instant(1+l.rng.IntN(25*3600))*second
	}
	if err := l.approve(born); err != nil {
		return err
	}
	for range 6 + l.rng.IntN(50) {
		at := l.sometime()
		if at > l.over {
			continue
		}
		if err := l.something(at); err != nil {
			return err
		}
	}
	if err := l.until(l.over); err != nil {
		return err
	}
	if err := l.keep(l.over, false); err != nil {
		return err
	}
	return l.afterwards()
}

// organisations that receive; their standing is on record, or not.
var organisations = []string{"RX1", "RX2", "8HK01"}

// content is what was asked, of many kinds.
func (l *life) content(born day) caldicott.Content {
	c := caldicott.Content{
		Title: "Falls", Kind: "SERVICE_EVALUATION", PurposeCategory: "SERVICE_EVALUATION", Urgency: "ROUTINE",
		Requester: caldicott.Requester{UserID: "u-asks"}, Sponsor: "u-sponsor", AssetOwner: "u-owner",
		Summary: "Falls on the wards.", Purpose: "To learn.", IndividualCare: new(false),
		DataItems:       []caldicott.DataItem{{Category: "DIAGNOSIS", DirectIdentifier: new(false), Justification: "To group."}},
		Identifiability: "IDENTIFIABLE", Alternative: "None.",
		Legal:        caldicott.Legal{Art6: []vocabulary.Art6{"6_1_E"}, Art9: []vocabulary.Art9{"9_2_H"}, Basis: "EXPLICIT_CONSENT"},
		OptOut:       caldicott.OptOut{Status: "EXEMPT_CONSENT"},
		Transparency: caldicott.Transparency{PatientInformed: new(true)},
		Transfer:     caldicott.Transfer{Frequency: pick[vocabulary.Frequency](l, "ONE_OFF", "PERIODIC", "CONTINUOUS"), Mechanism: "NOT_OVERSEAS"},
		Retention:    caldicott.Retention{Period: "1 year", DisposalMethod: "Erasure", CertificateRequired: new(l.chance(50))},
		Documents:    []caldicott.LinkedDocument{{Type: "DPIA", Status: "APPROVED"}, {Type: "DSA", Status: "SIGNED"}, {Type: "DPA_CONTRACT", Status: "SIGNED"}},
	}
	for range 1 + l.rng.IntN(3) {
		c.Recipients = append(c.Recipients, caldicott.Recipient{
			OrgCode: pick(l, append(organisations, "")...), Type: pick[vocabulary.RecipientType](l, "NHS_BODY", "NHS_BODY", "INTERNAL", "POLICE"),
			Roles: "Analysts", Headcount: new(2), TrainingConfirmed: new(true), DSPTStatus: "STANDARDS_MET", Country: "GB",
		})
	}
	if l.chance(10) {
		c.Identifiability = "ANONYMISED_RECORD_LEVEL"
	}
	if l.chance(10) {
		c.Kind = "DIRECT_CARE_SHARING"
	}
	if l.chance(40) {
		c.OptOut.Status = "EXEMPT_CAG_DISAPPLIED"
		c.Legal.S251 = &caldicott.S251{
			Regulation: "5", Reference: "99/CAG/0001", DecisionMaker: "HRA", Status: "FULL_SUPPORT", OptOutDisapplied: new(true),
			AnnualReviewDue: (born + day(l.rng.IntN(pick(l, 30, 500, 500)))).String(),
		}
		c.Legal.Basis = pick[vocabulary.Basis](l, "S251_REG5_NON_RESEARCH", "S251_REG5_NON_RESEARCH", "S251_REG2", "S251_REG3")
		if c.Legal.Basis != "S251_REG5_NON_RESEARCH" {
			c.Legal.S251.Regulation = vocabulary.S251Regulation(c.Legal.Basis[len(c.Legal.Basis)-1:])
		}
	}
	return c
}

// dates draws a review and an expiry, not before today, the review perhaps on the first or the last of the days.
func (l *life) dates(today, supported day, once bool) (review, expiry day) {
	expiry = today + day(30+l.rng.IntN(pick(l, 100, 400, 700)))
	if l.chance(10) {
		expiry = today + day(l.rng.IntN(3))
	}
	if l.chance(15) {
		expiry = max(today, pick(l, on("2026-10-24"), on("2026-10-25"), on("2027-03-27"), on("2027-03-28"), on("2027-10-31"), on("2028-02-29"), on("2028-03-25")))
	}
	if l.chance(10) {
		expiry = today + pick(l, day(7), 8, 30, 31, 90, 91)
	}
	if supported != 0 && (expiry > supported || l.chance(30)) { // V022: "the expiry must not be after annual_review_due"
		expiry = supported
	}
	review = today + day(l.rng.IntN(int(expiry-today)+1))
	switch l.rng.IntN(12) {
	case 0:
		review = today
	case 1, 2:
		review = expiry
	case 3:
		review = min(expiry, today+pick(l, day(7), 8, 30, 31, 90, 91))
	case 4:
		review = today - day(l.rng.IntN(20))
	}
	if once && l.chance(70) {
		review = 0
	}
	return review, expiry
}

// conditions draws some, due from today on.
func (l *life) conditions(today day, least int) []caldicott.ConditionAsked {
	var all []caldicott.ConditionAsked
	for range least + l.rng.IntN(3) {
		x := caldicott.ConditionAsked{
			Type: pick[vocabulary.ConditionType](l, "PRECEDENT", "PRECEDENT", "ONGOING", "DEADLINE", "DEADLINE", "DEADLINE", "ON_COMPLETION"),
			Text: "Show it.", Owner: "u-owner",
		}
		if x.Type == "DEADLINE" || l.chance(50) {
			x.Due = (today + day(l.rng.IntN(pick(l, 3, 12, 60, 300)))).String()
		}
		all = append(all, x)
	}
	return all
}

var allMet = caldicott.Principles{
	"CP1": {Assessment: "MET"}, "CP2": {Assessment: "MET"}, "CP3": {Assessment: "MET"}, "CP4": {Assessment: "MET"},
	"CP5": {Assessment: "MET"}, "CP6": {Assessment: "MET"}, "CP7": {Assessment: "MET"}, "CP8": {Assessment: "MET"},
}

// approve begins the life with a decision.
func (l *life) approve(at instant) error {
	l.w = newTruth(at)
	content := l.content(l.w.today)
	l.c = &caldicott.Case{
		Request: caldicott.Request{ID: "r", OrganisationID: "org", OrgCode: "RX0", Requester: "u-asks", State: "IN_REVIEW", Version: 1},
		Current: caldicott.Version{N: 1, Content: content},
		Done: []caldicott.Done{
			{ID: "s", Deed: caldicott.Submit, By: "u-asks", At: (at - hour).time(), From: "DRAFT", To: "SUBMITTED", Version: 1},
			{ID: "o", Deed: caldicott.Open, By: "u-guardian", At: (at - second).time(), From: "READY_FOR_DECISION", To: "IN_REVIEW", Version: 1},
		},
		Advice: []caldicott.Advice{{Role: "DPO", View: "SUPPORT"}, {Role: "IAO", View: "SUPPORT"}},
	}
	l.w.state = "IN_REVIEW"
	for _, code := range organisations { // what was on record before: good, mostly
		if l.chance(50) {
			l.assured(at-wholeDay*instant(1+l.rng.IntN(50)), code)
		}
	}
	l.tell("%s %s, %s, recipients %v", content.Legal.Basis, content.Transfer.Frequency, content.Identifiability, receivers(content))
	if s := content.Legal.S251; s != nil {
		l.w.support = standing{true, on(s.AnnualReviewDue)}
	}
	review, expiry := l.dates(l.w.today, l.supported(content), content.Transfer.Frequency == "ONE_OFF")
	d := caldicott.Deciding{Outcome: "APPROVE", Rationale: "Weighed.", Principles: allMet, ReviewDate: review.String(), ExpiryDate: expiry.String()}
	if l.chance(75) {
		d.Outcome, d.Conditions = "APPROVE_WITH_CONDITIONS", l.conditions(l.w.today, 1)
	}
	t := l.turn("u-guardian", "")
	if err := t.Take(d, nil); err != nil {
		return err
	}
	l.tell("decide %s", d.Outcome)
	l.w.state = "DECIDED"
	l.happened(t, nil)
	l.w.note()
	if l.keeps != planned {
		l.next = l.w.now + l.downtime()
	}
	return l.follow()
}

// supported is the day with which the support of regulation 5 ends, as it was last heard; 0 where nothing rests on it.
func (l *life) supported(c caldicott.Content) day {
	if c.Legal.Basis != "S251_REG5_NON_RESEARCH" {
		return 0
	}
	return l.w.support.last
}

func receivers(c caldicott.Content) []string {
	var all []string
	for _, r := range c.Recipients {
		all = append(all, string(r.Type)+" "+r.OrgCode)
	}
	return all
}

// happened takes over into the oracle what a decision made: the verdict, the authorisation and its conditions.
func (l *life) happened(t *caldicott.Turn, before *permit) {
	var p *permit
	if a := t.Change.Authorisation; a != nil {
		content := l.c.Decided[a.Version]
		p = &permit{id: a.ID, varies: before, expiry: on(a.ExpiryDate), onSupport: content.Legal.S251 != nil}
		if a.ReviewDate != "" {
			p.review = on(a.ReviewDate)
		}
		// V023 only warns where something is shared once, for somebody's care.
		care := content.Transfer.Frequency == "ONE_OFF" && content.Kind == "DIRECT_CARE_SHARING"
		for _, r := range content.Recipients { // "no-DSPT types: INTERNAL, POLICE …"
			if content.Identifiability == "IDENTIFIABLE" && !care && r.OrgCode != "" && r.Type == "NHS_BODY" {
				p.needToolkit = append(p.needToolkit, r.OrgCode)
			}
		}
		slices.Sort(p.needToolkit)
		p.needToolkit = slices.Compact(p.needToolkit)
		l.w.permitted(p)
	}
	for _, x := range t.Change.Conditions {
		y := &demand{id: x.ID, kind: string(x.Type)}
		if x.Authorisation != "" {
			y.permit = p
		}
		if x.Due != "" {
			y.due = on(x.Due)
		}
		l.w.demanded(y)
	}
	if d := t.Change.Decision; d != nil && !strings.HasPrefix(string(d.Outcome), "REVIEW_") {
		l.w.verdicts = append(l.w.verdicts, l.verdictOf(d))
	}
}

func (l *life) verdictOf(d *caldicott.Decision) *verdict {
	v := &verdict{id: d.ID, outcome: string(d.Outcome), at: l.w.now}
	if d.ReviewDate != "" {
		v.review = on(d.ReviewDate)
	}
	return v
}

// assured puts on record how an organisation stands.
func (l *life) assured(at instant, code string) {
	x := caldicott.Assurance{ID: l.id(), OrgCode: code, Status: pick[vocabulary.DSPT](l, "STANDARDS_MET", "STANDARDS_EXCEEDED", "STANDARDS_MET", "STANDARDS_NOT_MET"), At: at.time()}
	last := day(0)
	if l.chance(80) {
		last = londonDay(at) + day(l.rng.IntN(400)) - day(pick(l, 0, 0, 0, 20))
		x.ValidTo = last.String()
	}
	l.tell("%s is %s until %q, recorded %s", code, x.Status, x.ValidTo, at)
	l.c.Assurances = append(l.c.Assurances, x)
	slices.SortStableFunc(l.c.Assurances, func(x, y caldicott.Assurance) int { return cmp.Compare(x.At.UnixMicro(), y.At.UnixMicro()) })
	l.w.toolkitHeard(code, x.Status != "STANDARDS_NOT_MET", last)
}

// something happens: one of the deeds, done to one of the things there are, whether or not it is possible then.
func (l *life) something(at instant) error {
	p := pick(l, l.w.permits...)
	if l.chance(80) {
		p = l.w.newest()
	}
	restored := slices.ContainsFunc(l.w.verdicts, func(v *verdict) bool { return v.outcome == "REVOKE" }) && p.isOpen()
	switch draw := l.rng.IntN(100); {
	case draw < 15 && p.revokedBy != "":
		return l.appeal(at, l.w.verdicts[0])
	case draw < 50 && p.revokedBy != "":
		return l.appeal(at, l.w.named(p.revokedBy))
	case draw < 10 && len(p.suspendedBy) > 0:
		return l.appeal(at, l.w.named(pick(l, p.suspendedBy...)))
	case draw < 15 && restored:
		return l.suspendOrReinstate(at, p)
	case draw < 20 && restored:
		return l.end(at, p)
	case draw < 40:
		if x := l.someDemand(); x != nil {
			return l.ofCondition(at, x)
		}
		return nil
	case draw < 46 || draw < 57 && p.suspended():
		return l.suspendOrReinstate(at, p)
	case draw < 59:
		return l.end(at, p)
	case draw < 68:
		return l.vary(at, p)
	case draw < 70:
		return l.renewed(at, p)
	case draw < 76:
		return l.supportOf(at, p)
	case draw < 84:
		if err := l.elsewhere(at, "elsewhere:"); err != nil {
			return err
		}
		l.assured(l.w.now, pick(l, organisations...))
		l.w.note()
		return nil
	case draw < 86:
		return l.linkIncident(at, p)
	}
	return l.dispute(at)
}

// someDemand is a condition, mostly one that somebody still has to do something about.
func (l *life) someDemand() *demand {
	pending := slices.DeleteFunc(slices.Clone(l.w.demands), func(x *demand) bool { return x.settled() || x.state == breached })
	switch {
	case len(pending) > 0 && l.chance(90):
		return pick(l, pending...)
	case len(l.w.demands) > 0:
		return pick(l, l.w.demands...)
	}
	return nil
}

// ofCondition: evidence, mostly, and what is thought of it.
func (l *life) ofCondition(at instant, x *demand) error {
	in := func(states ...string) func() bool { return func() bool { return slices.Contains(states, x.state) } }
	deeds := []func() error{
		func() error {
			return l.do(at, "u-owner", x.id, in(open, overdue), caldicott.SubmittingEvidence{Text: "Here."}, func(*caldicott.Turn) { x.state = evidenced })
		},
		func() error {
			return l.do(at, "u-ig", x.id, in(evidenced), caldicott.AcceptingEvidence{}, func(*caldicott.Turn) { l.w.settle(x, satisfied) })
		},
		func() error {
			return l.do(at, "u-ig", x.id, in(evidenced), caldicott.RejectingEvidence{Reason: "Not enough."}, func(*caldicott.Turn) { l.w.sendBack(x) })
		},
		func() error {
			return l.do(at, "u-guardian", x.id, in(open, evidenced, overdue), caldicott.WaivingCondition{Reason: "Not needed."}, func(*caldicott.Turn) { l.w.settle(x, waived) })
		},
		func() error { return l.breach(at, x, in(open, evidenced, overdue, satisfied)) },
	}
	if l.chance(10) {
		return pick(l, deeds...)()
	}
	if x.state == evidenced {
		return pick(l, deeds[1], deeds[1], deeds[2])()
	}
	if l.chance(75) {
		return deeds[0]()
	}
	return pick(l, deeds[0], deeds[3], deeds[3], deeds[4])()
}

// breach says that a condition was broken; an incident suspends the newest authorisation that it governs.
func (l *life) breach(at instant, x *demand, possible func() bool) error {
	d := caldicott.BreachingCondition{Text: "It was not kept."}
	if l.chance(50) {
		d.Incident = "INC-1"
	}
	return l.do(at, "u-ig", x.id, possible, d, func(t *caldicott.Turn) {
		x.state = breached
		if d.Incident == "" {
			return
		}
		var governed *permit
		for _, p := range l.w.permits {
			if x.governs(p) {
				governed = p
			}
		}
		l.w.incident(t.Change.Done.ID, l.w.now, governed)
	})
}

func (l *life) suspendOrReinstate(at instant, p *permit) error {
	if p.suspended() && l.chance(80) {
		// without the support that it rests on there is no law for what would stand again
		possible := func() bool {
			return l.w.stateOf(p) == "SUSPENDED" && (!p.onSupport || l.w.support.good && l.w.support.last >= l.w.today)
		}
		return l.do(at, "u-guardian", p.id, possible, caldicott.Reinstating{Reason: "It is well."}, func(*caldicott.Turn) { p.reinstate() })
	}
	// "in force → SUSPENDED"; a guardian's own decision may also stand beside a trip
	possible := func() bool {
		s := l.w.stateOf(p)
		return s == "ACTIVE" || s == "REVIEW_DUE" || s == "SUSPENDED" && len(p.suspendedBy) == len(p.inherited)
	}
	if err := l.reach(at); err != nil {
		return err
	}
	d := caldicott.Suspending{Reason: "For now."}
	if l.chance(30) {
		d.Conditions = l.conditions(l.w.today, 1)
	}
	return l.do(l.w.now, "u-guardian", p.id, possible, d, func(t *caldicott.Turn) {
		p.suspendedBy = append(p.suspendedBy, t.Change.Decision.ID)
		l.happened(t, nil)
	})
}

// end revokes or completes.
func (l *life) end(at instant, p *permit) error {
	if l.chance(60) { // an end does not often come before the others have had their turn
		return nil
	}
	if err := l.reach(at); err != nil {
		return err
	}
	if l.chance(50) {
		d := caldicott.Revoking{Reason: "No more."}
		if l.chance(50) {
			d.Conditions = l.conditions(l.w.today, 1)
		}
		return l.do(l.w.now, "u-guardian", p.id, p.isOpen, d, func(t *caldicott.Turn) {
			p.revokedBy = t.Change.Decision.ID
			l.happened(t, nil)
		})
	}
	possible := func() bool {
		s := l.w.stateOf(p)
		return s == "ACTIVE" || s == "REVIEW_DUE" || s == "SUSPENDED" || s == "EXPIRED"
	}
	return l.do(l.w.now, "u-ig", p.id, possible, caldicott.Completing{Certificate: "D-1"}, func(*caldicott.Turn) { p.completed = true })
}

// variation draws other dates or further conditions for the permit; not before the day of the instant.
func (l *life) variation(at instant, p *permit) (review, expiry day, conditions []caldicott.ConditionAsked) {
	content := l.c.Decided[1]
	if l.chance(50) {
		conditions = l.conditions(londonDay(at), 1)
		if last := l.supported(content); l.chance(60) && (last == 0 || p.expiry <= last) {
			return 0, 0, conditions
		}
	}
	review, expiry = l.dates(londonDay(at), l.supported(content), content.Transfer.Frequency == "ONE_OFF")
	if review == 0 && p.review > expiry {
		review = expiry
	}
	return review, expiry, conditions
}

func (l *life) vary(at instant, p *permit) error {
	if err := l.reach(at); err != nil || !p.isOpen() {
		return err
	}
	if last := l.supported(l.c.Decided[1]); last != 0 && (last < l.w.today || !l.w.support.good) {
		return nil // V002: what rests on support of regulation 5 is not varied without it
	}
	review, expiry, conditions := l.variation(l.w.now, p)
	d := caldicott.Varying{Rationale: "Weighed anew.", Principles: allMet, ReviewDate: review.String(), ExpiryDate: expiry.String(), Conditions: conditions}
	return l.do(l.w.now, "u-guardian", p.id, p.isOpen, d, func(t *caldicott.Turn) { l.happened(t, p) })
}

// renewed: "the old becomes SUPERSEDED when the new is approved", which happens on another request.
func (l *life) renewed(at instant, p *permit) error {
	if p.superseded || l.chance(50) {
		return nil
	}
	if err := l.elsewhere(at, "elsewhere: %s is renewed", p.id); err != nil {
		return err
	}
	for i := range l.c.Authorisations {
		if l.c.Authorisations[i].ID == p.id {
			l.c.Authorisations[i].SupersededAt = l.w.now.time()
		}
	}
	l.w.supersede(p)
	l.w.note()
	return nil
}

// supportOf is what is heard of section 251 support.
func (l *life) supportOf(at instant, p *permit) error {
	s := caldicott.Support{Status: pick[vocabulary.S251Status](l, "FULL_SUPPORT", "FULL_SUPPORT", "CONDITIONAL_SUPPORT", "EXPIRED")}
	last := day(0)
	if l.chance(80) {
		last = londonDay(at) + day(l.rng.IntN(400)) - day(pick(l, 0, 0, 0, 20))
		s.AnnualReviewDue = last.String()
	}
	possible := func() bool { return p.onSupport && p.isOpen() }
	return l.do(at, "u-ig", p.id, possible, caldicott.RecordingSupport{Support: s}, func(*caldicott.Turn) {
		l.tell("    support %s until %q", s.Status, s.AnnualReviewDue)
		l.w.supportHeard(s.Status != "EXPIRED", last)
	})
}

func (l *life) linkIncident(at instant, p *permit) error {
	r := caldicott.IncidentReport{Number: "INC-2"}
	if p != nil && l.chance(70) {
		r.Authorisation, r.Suspends = p.id, l.chance(70)
	}
	aware := instant(0)
	if l.chance(50) {
		aware = at - instant(l.rng.IntN(120))*hour
		r.AwareAt = new(aware.time())
	}
	always := func() bool { return true }
	return l.do(at, "u-ig", "", always, caldicott.LinkingIncident{Report: r}, func(t *caldicott.Turn) {
		if aware == 0 {
			aware = l.w.now
		}
		if !r.Suspends {
			p = nil
		}
		l.tell("    incident %s of %q, suspends %v, noticed %s", t.Change.Done.ID, r.Authorisation, r.Suspends, aware)
		l.w.incident(t.Change.Done.ID, aware, p)
	})
}

// dispute: reviews, reports of incidents, and the end of the request.
func (l *life) dispute(at instant) error {
	switch draw := l.rng.IntN(5); {
	case draw == 0 && (l.w.heard() == nil || l.chance(20)):
		return l.askForReview(at)
	case draw <= 1:
		if len(l.w.hearings) == 0 {
			return nil
		}
		return l.judge(at, pick(l, l.w.hearings...))
	case draw == 2:
		if len(l.w.incidents) == 0 {
			return nil
		}
		x := pick(l, l.w.incidents...)
		d := caldicott.UpdatingIncident{Report: caldicott.IncidentReport{NotReportable: "Nothing left."}}
		return l.do(at, "u-ig", x.id, func() bool { return true }, d, func(*caldicott.Turn) { x.settled = true })
	case draw == 3:
		return l.close(at)
	}
	return l.do(at, "u-ig", "", func() bool { return true }, caldicott.Commenting{Text: "Noted."}, func(*caldicott.Turn) {})
}

// appeal asks for a review of that decision, and decides it in its turn.
func (l *life) appeal(at instant, v *verdict) error {
	if i := slices.IndexFunc(l.w.hearings, func(r *hearing) bool { return r.decision == v.id }); i >= 0 {
		return l.judge(at, l.w.hearings[i])
	}
	if v.of != nil {
		return l.until(at) // a review of a review goes outside the house
	}
	return l.ask(at, v, v.id)
}

// askForReview: of the newest decision that a review may be asked of, or of another by its name.
func (l *life) askForReview(at instant) error {
	if err := l.until(at); err != nil {
		return err
	}
	v, name := l.w.disputable(), ""
	if v == nil {
		return nil
	}
	if l.chance(40) {
		for _, other := range l.w.verdicts {
			if other.of == nil && l.chance(50) {
				v, name = other, other.id
			}
		}
	}
	return l.ask(l.w.now, v, name)
}

// ask for a review of a decision: once, within 20 working days.
func (l *life) ask(at instant, v *verdict, name string) error {
	possible := func() bool {
		known := slices.ContainsFunc(l.w.hearings, func(r *hearing) bool { return r.decision == v.id })
		return (l.w.state == "DECIDED" || l.w.state == "CLOSED") && !known && l.w.now <= londonDay(v.at).workingDays(askingDays).at(17)
	}
	d := caldicott.RequestingReview{Ground: "NEW_INFORMATION", Reviewer: "u-review", Decision: name}
	return l.do(at, "u-asks", "", possible, d, func(t *caldicott.Turn) {
		l.tell("    of %s %s: %s", v.outcome, v.id, t.Change.Done.ID)
		l.w.hearings = append(l.w.hearings, &hearing{id: t.Change.Done.ID, decision: v.id, asked: l.w.now})
	})
}

// judge decides a review.
func (l *life) judge(at instant, r *hearing) error {
	if err := l.reach(at); err != nil {
		return err
	}
	p := l.w.newest()
	d := caldicott.DecidingReview{Outcome: pick[vocabulary.Outcome](l, "REVIEW_UPHELD", "REVIEW_VARIED", "REVIEW_OVERTURNED", "REVIEW_OVERTURNED"), Reason: "Heard."}
	stands := p != nil && p.isOpen()
	if last := l.supported(l.c.Content()); d.Outcome == "REVIEW_VARIED" && stands && (last == 0 || last >= l.w.today) {
		review, expiry, conditions := l.variation(l.w.now, p)
		d.ReviewDate, d.ExpiryDate, d.Conditions = review.String(), expiry.String(), conditions
	}
	return l.do(l.w.now, "u-review", r.id, func() bool { return !r.ended }, d, func(t *caldicott.Turn) {
		l.tell("    %s", d.Outcome)
		l.w.judged(r, l.verdictOf(t.Change.Decision))
		l.happened(t, p)
	})
}

func (l *life) close(at instant) error {
	possible := func() bool {
		return l.w.state == "DECIDED" && !slices.ContainsFunc(l.w.permits, (*permit).isOpen) && l.w.heard() == nil
	}
	return l.do(at, "u-ig", "", possible, caldicott.Closing{Reason: "Over."}, func(*caldicott.Turn) { l.w.state = "CLOSED" })
}

package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Later are the words of what is done to a decided request: they are members of Details.
type Later struct {
	Ground   vocabulary.ReviewGround `json:"ground,omitempty"`   // of request_review
	Who      string                  `json:"who,omitempty"`      // of record_not_followed: who did not follow the advice
	Report   *IncidentReport         `json:"report,omitempty"`   // of link_incident, update_incident, breach_condition
	Risk     *Risking                `json:"risk,omitempty"`     // of link_risk
	Support  *Support                `json:"support,omitempty"`  // of record_support
	Document *Filed                  `json:"document,omitempty"` // of attach
	Evidence string                  `json:"evidence,omitempty"` // id of the document that submit_evidence or complete rests on
	Scan     vocabulary.ScanResult   `json:"scan,omitempty"`     // of scan_document
	Moment   string                  `json:"moment,omitempty"`   // of the keeper: which of several of its kind
	Wire     vocabulary.TripWire     `json:"wire,omitempty"`     // of trip
	Cause    string                  `json:"cause,omitempty"`    // of trip: what touched it
	Limit    vocabulary.Limit        `json:"limit,omitempty"`    // of remind and escalate
	Due      *time.Time              `json:"due,omitempty"`      // of remind and escalate: when the limit ends
	Dated    *time.Time              `json:"dated,omitempty"`    // of the keeper: since when it is true
	Recheck  []vocabulary.Recheck    `json:"rechecked,omitempty"`
	Ended    *Destruction            `json:"destruction,omitempty"` // of complete
}

// IncidentReport is what is known of an incident. The 72 hours for a report to the Information Commissioner run from AwareAt
// (UK GDPR Art 33(1)); the DSPT's incident reporting tool says whether one is due.
type IncidentReport struct {
	Number        string     `json:"number,omitempty"`
	DSPTReference string     `json:"dspt_reference,omitempty"`
	AwareAt       *time.Time `json:"aware_at,omitempty"`
	ReportedAt    *time.Time `json:"reported_at,omitempty"`
	NotReportable string     `json:"not_reportable,omitempty"` // why no report is due
	Lessons       string     `json:"lessons,omitempty"`
	Authorisation string     `json:"authorisation,omitempty"`
	Suspends      bool       `json:"suspends,omitempty"`
}

// Risking names a risk in one of the registers.
type Risking struct {
	Register      vocabulary.RiskRegister `json:"register"`
	Reference     string                  `json:"reference"`
	Authorisation string                  `json:"authorisation,omitempty"`
}

// Support is section 251 support as it was heard of after the decision.
type Support struct {
	Status          vocabulary.S251Status `json:"status"`
	AnnualReviewDue string                `json:"annual_review_due,omitempty"`
	Reference       string                `json:"reference,omitempty"`
}

// Destruction says what became of the data at the end (NHS Records Management Code: a certificate names date, method and who).
type Destruction struct {
	On     string `json:"on,omitempty"`
	Method string `json:"method,omitempty"`
	By     string `json:"by,omitempty"`
}

// Review is a decision being looked at again by somebody who took no part. It is a fold over deeds.
type Review struct {
	ID       string
	Decision string
	Ground   vocabulary.ReviewGround
	Text     string
	By       string
	At       time.Time
	Reviewer string   // who hears it now, "" while nobody was found
	Asked    []string // everybody it was ever sent to
	Outcome  vocabulary.Outcome
	Result   string // the new decision
	Ended    time.Time
}

// State is OPEN until it was decided.
func (r Review) State() vocabulary.ReviewState {
	if r.Outcome == "" {
		return vocabulary.ReviewStateOpen
	}
	return vocabulary.ReviewStateDecided
}

// Reviews are all reviews of the request's decisions, oldest first.
func (c *Case) Reviews() []Review {
	var all []Review
	for _, d := range c.Done {
		switch d.Deed {
		case RequestReview:
			r := Review{ID: d.ID, Decision: d.Subject, Ground: d.Details.Ground, Text: d.Details.Text, By: d.By, At: d.At, Reviewer: d.Target}
			if d.Target != "" {
				r.Asked = []string{d.Target}
			}
			all = append(all, r)
		case InviteReviewer:
			if i := reviewAt(all, d.Subject); i >= 0 {
				all[i].Reviewer, all[i].Asked = d.Target, append(all[i].Asked, d.Target)
			}
		case DecideReview:
			i := reviewAt(all, d.Subject)
			x, ok := c.DecisionOf(d.Target)
			if i >= 0 && ok {
				all[i].Outcome, all[i].Result, all[i].Ended = x.Outcome, x.ID, d.At
			}
		}
	}
	return all
}

func reviewAt(all []Review, id string) int {
	return slices.IndexFunc(all, func(r Review) bool { return r.ID == id })
}

// Review finds one by id.
func (c *Case) Review(id string) (Review, bool) {
	all := c.Reviews()
	if i := reviewAt(all, id); i >= 0 {
		return all[i], true
	}
	return Review{}, false
}

// OpenReview is the review that waits to be heard, if there is one.
func (c *Case) OpenReview() (Review, bool) {
	for _, r := range c.Reviews() {
		if r.State() == vocabulary.ReviewStateOpen {
			return r, true
		}
	}
	return Review{}, false
}

// SentTo says whether a review of the case was sent to the person at any time.
func (c *Case) SentTo(userID string) bool {
	return slices.ContainsFunc(c.Done, func(d Done) bool {
		return (d.Deed == RequestReview || d.Deed == InviteReviewer) && d.Target == userID && userID != ""
	})
}

// Dissent is a guardian's written view against a decision, beside the decider's own answer to it.
type Dissent struct {
	ID, Decision string
	By, View     string
	At           time.Time
	AnsweredBy   string
	Answer       string
	AnsweredAt   time.Time
}

// Dissents are all of the request, oldest first.
func (c *Case) Dissents() []Dissent {
	var all []Dissent
	for _, d := range c.Done {
		switch d.Deed {
		case RecordDissent:
			all = append(all, Dissent{ID: d.ID, Decision: d.Subject, By: d.By, View: d.Details.Text, At: d.At})
		case AnswerDissent:
			for i := range all {
				if all[i].ID == d.Subject {
					all[i].AnsweredBy, all[i].Answer, all[i].AnsweredAt = d.By, d.Details.Text, d.At
				}
			}
		}
	}
	return all
}

// Dissent finds one by id.
func (c *Case) Dissent(id string) (Dissent, bool) {
	all := c.Dissents()
	i := slices.IndexFunc(all, func(x Dissent) bool { return x.ID == id })
	if i < 0 {
		return Dissent{}, false
	}
	return all[i], true
}

// NotFollowed says that the guardian's decision was not followed, by whom and why. It is kept for the Board.
type NotFollowed struct {
	ID, Decision, Who, Reason, By string
	At                            time.Time
}

// NotFollowed are all of the request, oldest first.
func (c *Case) NotFollowed() []NotFollowed {
	var all []NotFollowed
	for _, d := range c.Done {
		if d.Deed == RecordNotFollowed {
			all = append(all, NotFollowed{ID: d.ID, Decision: d.Subject, Who: d.Details.Who, Reason: d.Details.Reason, By: d.By, At: d.At})
		}
	}
	return all
}

// Incident is an incident linked to the request, as it is known now.
type Incident struct {
	ID string
	IncidentReport
	Condition string
	Due       time.Time // 72 hours after somebody became aware
	By        string
	LinkedAt  time.Time
	Updates   int
}

// reportWithin is the time for a report: 72 hours (UK GDPR Art 33(1)).
const reportWithin = 72 * time.Hour

// Settled says whether the report was made, or none is due.
func (x Incident) Settled() bool { return x.ReportedAt != nil || x.NotReportable != "" }

// Incidents are all incidents linked to the request, oldest first.
func (c *Case) Incidents() []Incident {
	var all []Incident
	for _, d := range c.Done {
		switch {
		case d.Details.Report == nil:
		case d.Deed == LinkIncident:
			all = append(all, incidentOf(d))
		case d.Deed == BreachCondition && d.Details.Report.Number != "":
			x := incidentOf(d)
			x.Condition = d.Subject
			all = append(all, x)
		case d.Deed == UpdateIncident:
			for i := range all {
				if all[i].ID == d.Subject {
					all[i].update(*d.Details.Report)
				}
			}
		}
	}
	return all
}

func incidentOf(d Done) Incident {
	x := Incident{ID: d.ID, IncidentReport: *d.Details.Report, By: d.By, LinkedAt: d.At}
	aware := d.At
	if x.AwareAt != nil {
		aware = *x.AwareAt
	}
	x.AwareAt, x.Due = &aware, aware.Add(reportWithin)
	return x
}

// update takes over what is said anew; what is not said stays.
func (x *Incident) update(r IncidentReport) {
	x.Updates++
	if r.DSPTReference != "" {
		x.DSPTReference = r.DSPTReference
	}
	if r.ReportedAt != nil {
		x.ReportedAt = r.ReportedAt
	}
	if r.NotReportable != "" {
		x.NotReportable = r.NotReportable
	}
	if r.Lessons != "" {
		x.Lessons = r.Lessons
	}
}

// Incident finds one by id.
func (c *Case) Incident(id string) (Incident, bool) {
	all := c.Incidents()
	i := slices.IndexFunc(all, func(x Incident) bool { return x.ID == id })
	if i < 0 {
		return Incident{}, false
	}
	return all[i], true
}

// LinkedRisk is a risk that the request is tied to.
type LinkedRisk struct {
	ID string
	Risking
	By string
	At time.Time
}

// Risks are all risks of the request, oldest first.
func (c *Case) Risks() []LinkedRisk {
	var all []LinkedRisk
	for _, d := range c.Done {
		if d.Deed == LinkRisk && d.Details.Risk != nil {
			all = append(all, LinkedRisk{ID: d.ID, Risking: *d.Details.Risk, By: d.By, At: d.At})
		}
	}
	return all
}

package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// AuthorisationRow is an authorisation in a list.
type AuthorisationRow struct {
	ID         string                        `json:"id"`
	Request    string                        `json:"request"`
	Reference  string                        `json:"reference"`
	Decision   string                        `json:"decision"`
	Version    int                           `json:"version"`
	State      vocabulary.AuthorisationState `json:"state"`
	ReviewDate string                        `json:"review_date,omitempty"`
	ExpiryDate string                        `json:"expiry_date,omitempty"`
	At         time.Time                     `json:"at"`
}

// FromAuthorisationRow writes an authorisation of the case as a row, in the state in which it is at the instant.
func FromAuthorisationRow(c *caldicott.Case, a caldicott.Authorisation, at time.Time) AuthorisationRow {
	return AuthorisationRow{
		ID: a.ID, Request: c.Request.ID, Reference: c.Request.Reference, Decision: a.Decision, Version: a.Version,
		State: c.AuthorisationState(a, at), ReviewDate: a.ReviewDate, ExpiryDate: a.ExpiryDate, At: a.At,
	}
}

// AuthorisationView is the permission in force, with its conditions and those who may receive.
type AuthorisationView struct {
	ID         string                        `json:"id"`
	Request    string                        `json:"request"`
	Reference  string                        `json:"reference"`
	Decision   string                        `json:"decision"`
	Version    int                           `json:"version"`
	State      vocabulary.AuthorisationState `json:"state"`
	ReviewDate string                        `json:"review_date,omitempty"`
	ExpiryDate string                        `json:"expiry_date,omitempty"`
	Ratifies   string                        `json:"ratifies,omitempty"`
	Supersedes string                        `json:"supersedes,omitempty"`

	SupersededAt time.Time  `json:"superseded_at,omitzero"`
	Trips        []TripView `json:"trips"`

	At         time.Time             `json:"at"`
	Revision   int                   `json:"revision"`
	Conditions []ConditionView       `json:"conditions"`
	Recipients []caldicott.Recipient `json:"recipients"`
	Events     []Step                `json:"events"`
	Permitted  []Permitted           `json:"permitted"`
}

// FromAuthorisation writes an authorisation of the case as it stands at the instant.
func FromAuthorisation(c *caldicott.Case, a caldicott.Authorisation, at time.Time, revision int, conditions []ConditionView,
	permitted []Permitted) AuthorisationView {
	return AuthorisationView{
		ID: a.ID, Request: c.Request.ID, Reference: c.Request.Reference, Decision: a.Decision, Version: a.Version,
		State: c.AuthorisationState(a, at), ReviewDate: a.ReviewDate, ExpiryDate: a.ExpiryDate, Ratifies: a.Ratifies,
		Supersedes: a.Supersedes, SupersededAt: a.SupersededAt, Trips: tripsOf(c, a, at), At: a.At, Revision: revision, Conditions: same(conditions), Recipients: same(c.Decided[a.Version].Recipients),
		Events:    stepsOf(c, func(d caldicott.Done) bool { return d.Subject == a.ID }),
		Permitted: same(permitted),
	}
}

// Coverage says whether a release to the recipient at the instant is covered, and why not.
type Coverage struct {
	Authorisation   string                        `json:"authorisation"`
	State           vocabulary.AuthorisationState `json:"state"`
	Recipient       string                        `json:"recipient"`
	At              time.Time                     `json:"at"`
	Covered         bool                          `json:"covered"`
	ExceptionReason vocabulary.ExceptionReason    `json:"exception_reason,omitempty"`
}

// FromCoverage writes what Case.Covers says.
func FromCoverage(c *caldicott.Case, a caldicott.Authorisation, recipient string, at time.Time) Coverage {
	_, reason := c.Covers(a.ID, recipient, at)
	return Coverage{
		Authorisation: a.ID, State: c.AuthorisationState(a, at), Recipient: recipient, At: at, Covered: reason == "",
		ExceptionReason: reason,
	}
}

// DisclosureView is what really left. One that no authorisation covered is an exception; a later ratification may have
// regularised it.
type DisclosureView struct {
	ID              string                     `json:"id"`
	Request         string                     `json:"request"`
	Reference       string                     `json:"reference,omitempty"`
	Authorisation   string                     `json:"authorisation,omitempty"`
	Recipient       string                     `json:"recipient"`
	Records         *int                       `json:"records,omitempty"`
	Method          vocabulary.TransferMethod  `json:"method,omitempty"`
	DisclosedAt     time.Time                  `json:"disclosed_at"`
	RecordedAt      time.Time                  `json:"recorded_at"`
	By              string                     `json:"by"`
	Exception       bool                       `json:"exception"`
	ExceptionReason vocabulary.ExceptionReason `json:"exception_reason,omitempty"`
	Regularised     bool                       `json:"regularised,omitempty"`
	Note            string                     `json:"note,omitempty"`
}

// Row is the disclosure as lists tell it: without anybody's words.
func (v DisclosureView) Row() DisclosureView {
	v.Note = ""
	return v
}

// FromDisclosure writes a disclosure of the case.
func FromDisclosure(c *caldicott.Case, d caldicott.Disclosure) DisclosureView {
	return DisclosureView{
		ID: d.ID, Request: c.Request.ID, Reference: c.Request.Reference, Authorisation: d.Authorisation,
		Recipient: d.Recipient, Records: d.Records, Method: d.Method, DisclosedAt: d.DisclosedAt,
		RecordedAt: d.RecordedAt, By: d.By, Exception: d.Exception != "", ExceptionReason: d.Exception,
		Regularised: c.Regularised(d), Note: d.Note,
	}
}

package notify

// What is said of each code. An event's words stand in the subject and in the first line; where they hold {by}, the
// subject's date goes there. Words of what is wanted may be followed by a date. They are plain ASCII, so that no subject
// needs encoding, and they say nothing of what a request holds: who reads them may be looking over a shoulder.

// by is where the date goes in an event's words.
const by = "{by}"

// What is said of a code that has no words here: the code itself is not for readers.
const (
	unknownEvent  = "there is news"
	unknownWanted = "please look at it in the service"
)

// events are what happened.
var events = map[string]string{
	"SUBMITTED":           "the request has been submitted",
	"TRIAGE_WANTED":       "the request waits for triage",
	"QUESTIONS_ASKED":     "questions have been asked",
	"ANSWERED":            "the questions have been answered",
	"ADVICE_WANTED":       "your advice is wanted",
	"ADVICE_GIVEN":        "advice has been given",
	"READY_FOR_DECISION":  "the request is ready for a decision",
	"HANDED_BACK":         "the request has been handed back",
	"DECISION_MADE":       "a decision has been made",
	"SET_ASIDE":           "the request has been set aside at triage",
	"WITHDRAWN":           "the request has been withdrawn",
	"CLOSED":              "the request has been closed",
	"LAPSED":              "the request has lapsed",
	"EMERGENCY_RECORDED":  "an emergency disclosure has been recorded",
	"RATIFICATION_WANTED": "an emergency disclosure waits for ratification",

	"CONDITION_SET":      "a condition has been set",
	"EVIDENCE_SUBMITTED": "evidence for a condition has been submitted",
	"EVIDENCE_ACCEPTED":  "evidence for a condition has been accepted",
	"EVIDENCE_REJECTED":  "evidence for a condition has not been accepted",
	"CONDITION_WAIVED":   "a condition has been waived",
	"CONDITION_BREACHED": "a condition has been breached",
	"CONDITION_REMINDER": "a condition is due{by}",
	"CONDITION_OVERDUE":  "a condition is overdue",

	"AUTHORISATION_ACTIVATED":  "the authorisation is in force",
	"AUTHORISATION_SUSPENDED":  "the authorisation has been suspended",
	"AUTHORISATION_TRIPPED":    "the authorisation has been suspended by a safeguard of the service",
	"AUTHORISATION_REINSTATED": "the authorisation has been reinstated",
	"AUTHORISATION_REVOKED":    "the authorisation has been revoked",
	"AUTHORISATION_COMPLETED":  "the authorisation has been completed",
	"AUTHORISATION_EXPIRED":    "the authorisation has expired",
	"AUTHORISATION_SUPERSEDED": "another authorisation has taken this one's place",
	"AUTHORISATION_VARIED":     "the authorisation has been varied",
	"RENEWAL_BEGUN":            "a renewal has been begun",

	"REVIEW_REMINDER":     "your review is due{by}",
	"REVIEW_DUE":          "your review is now due",
	"REVIEW_REQUESTED":    "a review of the decision has been asked for",
	"REVIEWER_INVITED":    "you are invited to review a decision",
	"REVIEW_DECIDED":      "the review of the decision has ended",
	"DISSENT_RECORDED":    "a dissent has been recorded",
	"DISSENT_ANSWERED":    "a dissent has been answered",
	"ADVICE_NOT_FOLLOWED": "the decision does not follow the advice given",

	"INCIDENT_LINKED":     "an incident has been linked",
	"INCIDENT_UPDATED":    "a linked incident has been updated",
	"INCIDENT_REPORT_DUE": "the report of an incident is due{by}",
	"RISK_LINKED":         "a risk has been linked",
	"CLOCK_ESCALATED":     "a limit is running out",

	"DELEGATION_MADE":    "a delegation has been made",
	"DELEGATION_ENDING":  "a delegation ends soon",
	"APPOINTMENT_ENDING": "an appointment ends soon",
	"SAMPLE_DRAWN":       "decisions have been drawn for your sample",
	"STANDING_RULE_OFF":  "a standing rule has been switched off",
	"DOCUMENT_INFECTED":  "a document is infected and has been locked away",
}

// wanted is what is asked of the reader.
var wanted = map[string]string{
	"AMEND":                     "please amend the request",
	"SUBMIT":                    "please finish and submit the request",
	"TRIAGE":                    "please triage the request",
	"ANSWER":                    "please answer the questions",
	"ADVISE":                    "please give your view",
	"PUT_FORWARD":               "please put the request forward for a decision",
	"OPEN":                      "please open the request for a decision",
	"DECIDE":                    "please decide",
	"SEEK_RATIFICATION":         "please ask for ratification",
	"RATIFY":                    "please ratify the disclosure, or decline to",
	"COMPLETE_EMERGENCY_RECORD": "please complete the record of the emergency",
	"SUBMIT_EVIDENCE":           "please say how the condition was met",
	"JUDGE_EVIDENCE":            "please judge the evidence",
	"RENEW":                     "please renew the authorisation, or let it end",
	"COMPLETE":                  "please record the return or destruction of the data",
	"RESUBMIT":                  "please bring the request back",
	"DECIDE_REVIEW":             "please hear the review",
	"ANSWER_DISSENT":            "please answer the dissent",
	"REPORT_INCIDENT":           "please report the incident",
	"REINSTATE_OR_REVOKE":       "please reinstate or revoke the authorisation",
	"JUDGE_SAMPLE":              "please judge the sampled decisions",
	"REVIEW_STANDING_RULE":      "please review the standing rule",
	"ACCEPT_DELEGATION":         "please accept the delegation, or decline it",
	"RENEW_DELEGATION":          "please renew the delegation, or let it end",
	"RENEW_APPOINTMENT":         "please renew the appointment, or let it end",
	"LOOK":                      "please have a look",
}

// states are where a request, an authorisation or a condition stands; no code is in two of them. A state without words is
// left out.
var states = map[string]string{
	"DRAFT":                 "draft",
	"SUBMITTED":             "submitted",
	"TRIAGE":                "in triage",
	"AWAITING_INFORMATION":  "awaiting information",
	"IN_CONSULTATION":       "in consultation",
	"READY_FOR_DECISION":    "ready for decision",
	"IN_REVIEW":             "with the decision-maker",
	"DECIDED":               "decided",
	"EMERGENCY_RECORDED":    "emergency disclosure recorded",
	"AWAITING_RATIFICATION": "awaiting ratification",
	"WITHDRAWN":             "withdrawn",
	"CLOSED":                "closed",

	"PENDING_CONDITIONS": "waiting for conditions",
	"ACTIVE":             "in force",
	"REVIEW_DUE":         "in force, review due",
	"SUSPENDED":          "suspended",
	"EXPIRED":            "expired",
	"REVOKED":            "revoked",
	"SUPERSEDED":         "superseded",
	"COMPLETED":          "completed",

	"OPEN":               "open",
	"EVIDENCE_SUBMITTED": "evidence submitted",
	"SATISFIED":          "satisfied",
	"OVERDUE":            "overdue",
	"BREACHED":           "breached",
	"WAIVED":             "waived",
}

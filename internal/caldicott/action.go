package caldicott

// Action is a deed or a way of reading, under the one name that it has in the contract, the code, the policy and the trail.
type Action string

// Deeds on a request.
const (
	Draft            Action = "draft"
	Amend            Action = "amend"
	Submit           Action = "submit"
	Triage           Action = "triage"
	Ask              Action = "ask"
	Answer           Action = "answer"
	Consult          Action = "consult"
	Advise           Action = "advise"
	Waive            Action = "waive"
	PutForward       Action = "put_forward"
	SetAside         Action = "set_aside"
	Open             Action = "open"
	HandBack         Action = "hand_back"
	Decide           Action = "decide"
	Withdraw         Action = "withdraw"
	Resubmit         Action = "resubmit"
	Close            Action = "close"
	RecordEmergency  Action = "record_emergency"
	SeekRatification Action = "seek_ratification"
	Comment          Action = "comment"
	Disclose         Action = "disclose"

	RequestReview     Action = "request_review"
	RecordDissent     Action = "record_dissent"
	RecordNotFollowed Action = "record_not_followed"
	LinkIncident      Action = "link_incident"
	LinkRisk          Action = "link_risk"
	Attach            Action = "attach"
)

// Deeds on what hangs on a request: a review, a dissent, an incident, a document.
const (
	InviteReviewer Action = "invite_reviewer"
	DecideReview   Action = "decide_review"
	AnswerDissent  Action = "answer_dissent"
	UpdateIncident Action = "update_incident"
	EraseDocument  Action = "erase_document"
)

// What the keeper records: that a date has come, and what follows from it. The keeper closes, too. No policy speaks of
// these, because nobody may do them.
const (
	Activate     Action = "activate"
	Expire       Action = "expire"
	FallDue      Action = "fall_due"
	Trip         Action = "trip"
	Supersede    Action = "supersede"
	Remind       Action = "remind"
	Escalate     Action = "escalate"
	ScanDocument Action = "scan_document"
	DrawSample   Action = "draw_sample"
)

// Deeds on an authorisation and on a condition.
const (
	Suspend         Action = "suspend"
	Reinstate       Action = "reinstate"
	Revoke          Action = "revoke"
	Complete        Action = "complete"
	Vary            Action = "vary"
	Renew           Action = "renew"
	RecordSupport   Action = "record_support"
	SubmitEvidence  Action = "submit_evidence"
	AcceptEvidence  Action = "accept_evidence"
	RejectEvidence  Action = "reject_evidence"
	WaiveCondition  Action = "waive_condition"
	BreachCondition Action = "breach_condition"
)

// Deeds on people, their authority and the directory.
const (
	Enrol                Action = "enrol"
	AmendPerson          Action = "amend_person"
	Appoint              Action = "appoint"
	ConfirmAppointment   Action = "confirm_appointment"
	EndAppointment       Action = "end_appointment"
	Delegate             Action = "delegate"
	AcceptDelegation     Action = "accept_delegation"
	RevokeDelegation     Action = "revoke_delegation"
	RegisterOrganisation Action = "register_organisation"
	AmendOrganisation    Action = "amend_organisation"
	RegisterAsset        Action = "register_asset"
	AmendAsset           Action = "amend_asset"
	RecordAssurance      Action = "record_assurance"
	Roster               Action = "roster"
	EndShift             Action = "end_shift"
	JudgeSample          Action = "judge_sample"
	ReviewStandingRule   Action = "review_standing_rule"
	Prefer               Action = "prefer"
	ResendNotice         Action = "resend_notice"

	ProposeErasure Action = "propose_erasure"
	ConfirmErasure Action = "confirm_erasure"
	RefuseErasure  Action = "refuse_erasure"
	Hold           Action = "hold"
	ReleaseHold    Action = "release_hold"

	ProposeDisposal Action = "propose_disposal"
	Dispose         Action = "dispose"
	RefuseDisposal  Action = "refuse_disposal"
)

// Ways of reading. View is the content of a request and all that hangs on it, ViewComments the private comments,
// LookUp the directory of people, appointments, organisations and assets.
const (
	View         Action = "view"
	ViewComments Action = "view_comments"
	LookUp       Action = "look_up"
	// LookUpSamples is what the guardian looks at again, with the standing rules.
	LookUpSamples Action = "look_up_samples"
	// SearchLog is reading entries of the trail, ExportLog is taking them out of the house.
	SearchLog Action = "search_log"
	ExportLog Action = "export_log"
	// ReviewControls is the auditors' questions answered in figures, TraceControls the rows behind them.
	ReviewControls Action = "review_controls"
	TraceControls  Action = "trace_controls"
	// LookUpErasures is what was erased, or is to be, and what is held.
	LookUpErasures Action = "look_up_erasures"
	// ExportEvidence is what a request, or a period, comes to, taken out of the house as an evidence pack.
	ExportEvidence Action = "export_evidence"
)

// RequestDeeds, CaseDeeds and so on are every action there is, in the order in which people meet them.
func RequestDeeds() []Action {
	return []Action{
		Draft, Amend, Submit, Triage, Ask, Answer, Consult, Advise, Waive, PutForward, SetAside, Open, HandBack, Decide,
		Withdraw, Resubmit, Close, RecordEmergency, SeekRatification, Comment, Disclose,
		RequestReview, RecordDissent, RecordNotFollowed, LinkIncident, LinkRisk, Attach,
	}
}

// HangingDeeds are the deeds on what hangs on a request: reviews, dissents, incidents and documents.
func HangingDeeds() []Action {
	return []Action{InviteReviewer, DecideReview, AnswerDissent, UpdateIncident, EraseDocument}
}

// KeeperDeeds are what the keeper records; Close is a person's deed too.
func KeeperDeeds() []Action {
	return []Action{Activate, Expire, FallDue, Trip, Supersede, Remind, Escalate, ScanDocument, DrawSample}
}

// AuthorisationDeeds are the deeds on an authorisation.
func AuthorisationDeeds() []Action {
	return []Action{Suspend, Reinstate, Revoke, Complete, Vary, Renew, RecordSupport}
}

// ConditionDeeds are the deeds on a condition.
func ConditionDeeds() []Action {
	return []Action{SubmitEvidence, AcceptEvidence, RejectEvidence, WaiveCondition, BreachCondition}
}

// DirectoryDeeds are the deeds on people, their authority and the directory.
func DirectoryDeeds() []Action {
	return []Action{
		Enrol, AmendPerson, Appoint, ConfirmAppointment, EndAppointment, Delegate, AcceptDelegation, RevokeDelegation,
		RegisterOrganisation, AmendOrganisation, RegisterAsset, AmendAsset,
		RecordAssurance, Roster, EndShift, JudgeSample, ReviewStandingRule, Prefer, ResendNotice,
		ProposeErasure, ConfirmErasure, RefuseErasure, Hold, ReleaseHold, ProposeDisposal, Dispose, RefuseDisposal,
	}
}

// Readings are the ways of reading that the policy rules on.
func Readings() []Action {
	return []Action{View, ViewComments, LookUp, LookUpSamples, SearchLog, ExportLog, ReviewControls, TraceControls, LookUpErasures, ExportEvidence}
}

// Actions is every word that may stand in the second column of policy.csv.
func Actions() []Action {
	var all []Action
	for _, some := range [][]Action{RequestDeeds(), HangingDeeds(), AuthorisationDeeds(), ConditionDeeds(), DirectoryDeeds(), Readings()} {
		all = append(all, some...)
	}
	return all
}

// Whose says how a person stands to the thing a deed is done to.
type Whose string

// Own is one's own request, delegation or record; Assigned is what one was named on, asked about, handed or made the
// owner of; Organisation is everything of the organisation in which the role is held.
const (
	Own          Whose = "own"
	Assigned     Whose = "assigned"
	Organisation Whose = "organisation"
)

// Whoses are the words that may stand in the third column of policy.csv.
func Whoses() []Whose { return []Whose{Own, Assigned, Organisation} }

package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// bodyOf is what each operation reads.
var bodyOf = map[string]any{
	"draft": &Drafting{}, "check_content": &Checking{}, "amend": &Amending{}, "record_emergency": &RecordingEmergency{},
	"submit": &Submitting{}, "triage": &Triaging{}, "ask": &Asking{}, "answer": &Answering{}, "consult": &Consulting{},
	"advise": &Advising{}, "waive": &Waiving{}, "put_forward": &PuttingForward{}, "set_aside": &SettingAside{},
	"open": &Opening{}, "hand_back": &HandingBack{}, "decide": &Deciding{}, "withdraw": &Withdrawing{},
	"resubmit": &Resubmitting{}, "close": &Closing{}, "comment": &Commenting{}, "disclose": &Disclosing{},
	"disclose_under_authorisation": &Disclosing{}, "seek_ratification": &SeekingRatification{},
	"suspend": &Suspending{}, "reinstate": &Reinstating{}, "revoke": &Revoking{}, "complete": &Completing{},
	"submit_evidence": &SubmittingEvidence{}, "accept_evidence": &AcceptingEvidence{}, "reject_evidence": &RejectingEvidence{},
	"waive_condition": &WaivingCondition{}, "breach_condition": &BreachingCondition{},
	"enrol": &Enrolling{}, "amend_person": &AmendingPerson{}, "appoint": &Appointing{},
	"confirm_appointment": &ConfirmingAppointment{}, "end_appointment": &EndingAppointment{}, "delegate": &Delegating{},
	"accept_delegation": &AcceptingDelegation{}, "revoke_delegation": &RevokingDelegation{},
	"register_organisation": &RegisteringOrganisation{}, "amend_organisation": &AmendingOrganisation{},
	"register_asset": &RegisteringAsset{}, "amend_asset": &AmendingAsset{},
	"request_review": &RequestingReview{}, "invite_reviewer": &InvitingReviewer{}, "decide_review": &DecidingReview{},
	"record_dissent": &RecordingDissent{}, "answer_dissent": &AnsweringDissent{}, "record_not_followed": &RecordingNotFollowed{},
	"link_incident": &LinkingIncident{}, "update_incident": &UpdatingIncident{}, "link_risk": &LinkingRisk{},
	"vary": &Varying{}, "renew": &Renewing{}, "record_support": &RecordingSupport{}, "erase_document": &ErasingDocument{},
	"record_assurance": &RecordingAssurance{}, "roster": &Rostering{}, "end_shift": &EndingShift{}, "judge_sample": &JudgingSample{},
	"review_standing_rule": &ReviewingStandingRule{}, "prefer": &Preferring{}, "resend_notice": &ResendingNotice{},
	"check_receipt":   &CheckingReceipt{},
	"propose_erasure": &ProposingErasure{}, "confirm_erasure": &ConfirmingErasure{}, "refuse_erasure": &RefusingErasure{},
	"hold": &Holding{}, "release_hold": &ReleasingHold{},
	"propose_disposal": &ProposingDisposal{}, "dispose": &ConfirmingErasure{}, "refuse_disposal": &RefusingDisposal{},
}

// decodeAny is Decode for a body whose type is known only now.
func decodeAny(t *testing.T, data []byte, body any) error {
	t.Helper()
	s := newScanner(data)
	if err := s.body(reflect.TypeOf(body).Elem()); err != nil {
		return err
	}
	return json.Unmarshal(data, body)
}

func TestTheContractsExamplesAreReadAsTheDeedsTheyShow(t *testing.T) {
	t.Parallel()
	for _, o := range operations(readContract(t)) {
		if o.RequestBody == nil || o.OperationID == "attach" { // a form of several parts
			continue
		}
		body := bodyOf[o.OperationID]
		if body == nil {
			t.Errorf("%s: no type reads its body", o.OperationID)
			continue
		}
		example, err := json.Marshal(o.RequestBody.Value.Content.Get("application/json").Example)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeAny(t, example, body); err != nil {
			t.Errorf("%s: %v", o.OperationID, err)
		}
		if wrong := Check(body); wrong != nil {
			t.Errorf("%s: %v", o.OperationID, wrong)
		}
		if deed, ok := body.(Body); ok && deed.Deed().Action() != o.action() {
			t.Errorf("%s does %s", o.OperationID, deed.Deed().Action())
		}
		if named := slices.Contains(caldicott.DirectoryDeeds(), o.action()); !named && o.OperationID != "check_content" && o.OperationID != "check_receipt" {
			if _, ok := body.(Body); !ok {
				t.Errorf("%s: its body is no deed", o.OperationID)
			}
		}
		if optional := !o.RequestBody.Value.Required; optional == needsMember(reflect.TypeOf(body).Elem()) {
			t.Errorf("%s: its body may be left out in the contract: %t", o.OperationID, optional)
		}
	}
}

func TestADeedKeepsEverythingThatItsBodySays(t *testing.T) {
	t.Parallel()
	body := read[Deciding](t, `{"outcome":"APPROVE_WITH_CONDITIONS","rationale":"r","principles":{"CP1":{"assessment":"MET"},
		"CP8":{"assessment":"NOT_APPLICABLE","note":"n"}},"law":{"art6":["6_1_E"],"cldc_basis":"IMPLIED_CONSENT"},
		"conditions":[{"id":"C1","type":"DEADLINE","text":"t","owner":"u-a","due":"2026-11-30","evidence_expected":"e","resolves":["V007"]}],
		"review_date":"2027-09-24","expiry_date":"2028-09-24","refer_to":["COURT"],"harm_statement":"h","alternative_offered":"a",
		"acting_as":"DEPUTY_GUARDIAN","delegation":"01998f21-0c5e-7d60-b1a9-6e3f2d8c4b10",
		"not_identifiers":[{"field":"rationale","reason":"a batch"}]}`)
	want := caldicott.Deciding{
		Outcome: "APPROVE_WITH_CONDITIONS", Rationale: "r",
		Principles: caldicott.Principles{"CP1": {Assessment: "MET"}, "CP8": {Assessment: "NOT_APPLICABLE", Note: "n"}},
		Law:        &caldicott.Law{Art6: body.Law.Art6, Basis: "IMPLIED_CONSENT"},
		Conditions: []caldicott.ConditionAsked{{
			Label: "C1", Type: "DEADLINE", Text: "t", Owner: "u-a", Due: "2026-11-30", EvidenceExpected: "e",
			Resolves: body.Conditions[0].Resolves,
		}},
		ReviewDate: "2027-09-24", ExpiryDate: "2028-09-24", ReferTo: body.ReferTo, HarmStatement: "h", AlternativeOffered: "a",
		Capacities: caldicott.Claim{ActingAs: "DEPUTY_GUARDIAN", Delegation: "01998f21-0c5e-7d60-b1a9-6e3f2d8c4b10"},
	}
	if got := body.Deed(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := body.Confirmed(); !slices.Equal(got, []caldicott.Confirmation{{Field: "rationale", Reason: "a batch"}}) {
		t.Errorf("confirmed %v", got)
	}
}

func TestADisclosureIsMadeAtTheInstantThatItsBodySays(t *testing.T) {
	t.Parallel()
	body := read[Disclosing](t, `{"recipient":0,"method":"SECURE_EMAIL","disclosed_at":"2026-10-25T01:40:00.1234567+01:00"}`)
	got, ok := body.Under("a1").(caldicott.Disclosing)
	if !ok || got.Authorisation != "a1" || got.Recipient != "0" || got.Records != nil ||
		got.DisclosedAt.Format("2006-01-02T15:04:05.999999999Z07:00") != "2026-10-25T00:40:00.123456Z" {
		t.Errorf("%+v", got)
	}
}

func read[T any](t *testing.T, body string) T {
	t.Helper()
	var into T
	if err := Decode(bytes.NewReader([]byte(body)), &into); err != nil {
		t.Fatal(err)
	}
	if wrong := Check(into); wrong != nil {
		t.Fatal(wrong)
	}
	return into
}

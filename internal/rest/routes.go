package rest

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// routes is every operation of the API, in the order of the contract.
func (s *service) routes() http.Handler {
	r := chi.NewRouter()
	get := func(path string, h handler) { r.Get(path, s.serve(h)) }
	put := func(path string, h handler) { r.Put(path, s.serve(h)) }
	post := func(path string, h handler) { r.Post(path, s.serve(h)) }
	const requests, authorisations, conditions = caldicott.Requests, caldicott.Authorisations, caldicott.Conditions

	get("/requests", caseList(s, requestList, requests, s.requestRow))
	post("/requests", begin[api.Drafting](s))
	post("/requests/check", s.checkContent)
	get("/requests/{id}", s.showRequest)
	put("/requests/{id}", deed[api.Amending](s, requests, s.requestNow))
	post("/requests/{id}/check", s.checkRequest)
	get("/requests/{id}/versions", s.listVersions)
	get("/requests/{id}/versions/{n}", s.showVersion)
	get("/requests/{id}/difference", s.showDifference)
	get("/requests/{id}/history", s.history)

	post("/requests/{id}/submission", deed[api.Submitting](s, requests, s.requestNow))
	post("/requests/{id}/triage", deed[api.Triaging](s, requests, s.requestNow))
	post("/requests/{id}/questions", deed[api.Asking](s, requests, s.requestNow))
	post("/requests/{id}/answers", deed[api.Answering](s, requests, s.requestNow))
	get("/requests/{id}/consultations", s.show(requests, s.consultations))
	post("/requests/{id}/consultations", deed[api.Consulting](s, requests, s.requestNow))
	post("/requests/{id}/advice", deed[api.Advising](s, requests, s.requestNow))
	post("/requests/{id}/waivers", deed[api.Waiving](s, requests, s.requestNow))
	post("/requests/{id}/readiness", deed[api.PuttingForward](s, requests, s.requestNow))
	post("/requests/{id}/set-aside", deed[api.SettingAside](s, requests, s.requestNow))
	post("/requests/{id}/opening", deed[api.Opening](s, requests, s.requestNow))
	post("/requests/{id}/hand-back", deed[api.HandingBack](s, requests, s.requestNow))
	get("/requests/{id}/decisions", s.show(requests, s.decisions))
	post("/requests/{id}/decisions", deed[api.Deciding](s, requests, s.requestNow))
	post("/requests/{id}/withdrawal", deed[api.Withdrawing](s, requests, s.requestNow))
	post("/requests/{id}/resubmission", deed[api.Resubmitting](s, requests, s.requestNow))
	post("/requests/{id}/closure", deed[api.Closing](s, requests, s.requestNow))
	get("/requests/{id}/comments", s.listComments)
	post("/requests/{id}/comments", s.comment)
	get("/requests/{id}/disclosures", s.disclosures)
	post("/requests/{id}/disclosures", deed[api.Disclosing](s, requests, s.disclosed))
	post("/requests/{id}/ratification-request", deed[api.SeekingRatification](s, requests, s.requestNow))
	post("/emergencies", begin[api.RecordingEmergency](s))

	get("/decisions", caseList(s, decisionList, caldicott.Decisions, decisionRow))
	get("/decisions/{id}", s.show(caldicott.Decisions, s.decision))
	get("/decisions/{id}/certificate", s.certificate)
	get("/authorisations", caseList(s, authorisationList, authorisations, authorisationRow))
	get("/authorisations/{id}", s.show(authorisations, s.authorisation))
	get("/authorisations/{id}/check", s.checkCoverage)
	post("/authorisations/{id}/suspension", deed[api.Suspending](s, authorisations, s.authorisation))
	post("/authorisations/{id}/reinstatement", deed[api.Reinstating](s, authorisations, s.authorisation))
	post("/authorisations/{id}/revocation", deed[api.Revoking](s, authorisations, s.authorisation))
	post("/authorisations/{id}/completion", deed[api.Completing](s, authorisations, s.authorisation))
	post("/authorisations/{id}/disclosures", s.disclose)
	get("/conditions/{id}", s.show(conditions, s.condition))
	post("/conditions/{id}/evidence", deed[api.SubmittingEvidence](s, conditions, s.condition))
	post("/conditions/{id}/acceptance", deed[api.AcceptingEvidence](s, conditions, s.condition))
	post("/conditions/{id}/rejection", deed[api.RejectingEvidence](s, conditions, s.condition))
	post("/conditions/{id}/waiver", deed[api.WaivingCondition](s, conditions, s.condition))
	post("/conditions/{id}/breach", deed[api.BreachingCondition](s, conditions, s.condition))
	get("/disclosures", caseList(s, disclosureList, caldicott.Disclosures, disclosureRow))
	get("/disclosures/{id}", s.show(caldicott.Disclosures, s.disclosure))

	get("/me", s.showMe)
	get("/people", browse(peopleList, s.findPeople, userID, now(s.personRow)))
	post("/people", register(nobodys, enrolled, s.enrol))
	get("/people/{user_id}", s.lookUpPerson)
	put("/people/{user_id}", register(byUser, personAmended, s.amendPerson))
	get("/appointments", browse(appointmentList, s.findAppointments, appointmentID, s.appointmentRow))
	post("/appointments", register(nobodys, appointed, s.appoint))
	get("/appointments/{id}", lookUp(byID, s.Work.LookUpAppointment, s.showAppointment))
	post("/appointments/{id}/confirmation", register(byID, appointmentChanged, s.confirmAppointment))
	post("/appointments/{id}/ending", register(byID, appointmentChanged, s.endAppointment))
	get("/delegations", browse(delegationList, s.findDelegations, delegationID, s.delegationRow))
	post("/delegations", register(nobodys, delegated, s.delegate))
	get("/delegations/{id}", lookUp(byID, s.Work.LookUpDelegation, s.showDelegation))
	post("/delegations/{id}/acceptance", register(byID, delegationChanged, s.acceptDelegation))
	post("/delegations/{id}/revocation", register(byID, delegationChanged, s.revokeDelegation))

	get("/organisations", browse(organisationList, s.findOrganisations, organisationCode, now(organisationRow)))
	post("/organisations", register(nobodys, organisationMade, s.registerOrganisation))
	get("/organisations/{code}", lookUp(byCode, s.Work.LookUpOrganisation, showOrganisation))
	put("/organisations/{code}", register(byCode, organisationAmended, s.amendOrganisation))
	get("/assets", browse(assetList, s.findAssets, assetID, now(assetRow)))
	post("/assets", register(nobodys, assetMade, s.registerAsset))
	get("/assets/{id}", lookUp(byID, s.Work.LookUpAsset, showAsset))
	put("/assets/{id}", register(byID, assetAmended, s.amendAsset))

	post("/requests/{id}/review-requests", deed[api.RequestingReview](s, requests, s.reviewRequested))
	get("/reviews/{id}", s.show(caldicott.Reviews, s.review))
	post("/reviews/{id}/invitation", deed[api.InvitingReviewer](s, caldicott.Reviews, s.review))
	post("/reviews/{id}/decision", deed[api.DecidingReview](s, caldicott.Reviews, s.review))
	post("/requests/{id}/dissents", deed[api.RecordingDissent](s, requests, s.dissented))
	get("/dissents/{id}", s.showPrivate(caldicott.Dissents, s.dissent))
	post("/dissents/{id}/answer", deed[api.AnsweringDissent](s, caldicott.Dissents, s.dissent))
	post("/requests/{id}/advice-not-followed", deed[api.RecordingNotFollowed](s, requests, s.requestNow))
	post("/requests/{id}/incidents", deed[api.LinkingIncident](s, requests, s.incidentLinked))
	get("/incidents/{id}", s.showPrivate(caldicott.Incidents, s.incident))
	post("/incidents/{id}/updates", deed[api.UpdatingIncident](s, caldicott.Incidents, s.incident))
	post("/requests/{id}/risks", deed[api.LinkingRisk](s, requests, s.requestNow))
	post("/authorisations/{id}/variation", deed[api.Varying](s, authorisations, s.varied))
	post("/authorisations/{id}/renewal", deed[api.Renewing](s, authorisations, s.begun))
	post("/authorisations/{id}/support", deed[api.RecordingSupport](s, authorisations, s.authorisation))
	get("/requests/{id}/renewal-difference", s.showRenewalDifference)
	post("/requests/{id}/documents", s.attach)
	get("/documents/{id}", s.fetchDocument)
	post("/documents/{id}/erasure", s.eraseDocument)

	get("/organisations/{code}/assurances", lookUp(byCode, s.Work.Assurances, showAssurances))
	post("/organisations/{code}/assurances", register(byCode, assured, s.recordAssurance))
	get("/rota", s.listRota)
	post("/rota", register(nobodys, rostered, s.roster))
	get("/rota/{id}", lookUp(byID, s.Work.LookUpShift, showShift))
	post("/rota/{id}/ending", register(byID, shiftChanged, s.endShift))
	get("/samples", lookUp(nobodys, s.samples, showSamples))
	get("/samples/{id}", lookUp(byID, s.Work.LookUpSample, showSample))
	post("/samples/{id}/judgements", register(byID, sampleJudged, s.judgeSample))
	get("/standing-rules", lookUp(nobodys, s.standingRules, showStandingRules))
	post("/standing-rules/{kind}/review", register(byKind, standingRuleReviewed, s.reviewStandingRule))

	get("/tasks", s.listTasks)
	get("/notices", s.listNotices)
	get("/notices/undelivered", s.listUndelivered)
	post("/notices/{id}/resending", register(byID, noticeResent, s.resendNotice))
	put("/me/preferences", register(nobodys, preferred, s.prefer))

	post("/audit/receipts/check", s.checkReceipt)

	get("/vocabulary", s.showVocabulary)
	get("/policy", s.showPolicy)
	return r
}

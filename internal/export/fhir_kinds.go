package export

import (
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// shape is a pattern of BALP, or the plain one for deeds that it has no pattern for.
type shape struct {
	kind, subtype coding
	action        string // C, R, U, D or E
}

type shapeName int

const (
	changing shapeName = iota
	creating
	deleting
	running
	reading
	querying
	disclosing
	exporting
	signingIn
)

var (
	activity = coding{dicom, "110100", "Application Activity"}
	restful  = coding{auditType, "rest", "RESTful Operation"}
	shapes   = map[shapeName]shape{
		changing:   {kind: activity, action: "U"},
		creating:   {kind: activity, action: "C"},
		deleting:   {kind: activity, action: "D"},
		running:    {kind: activity, action: "E"},
		reading:    {restful, coding{System: interaction, Code: "read"}, "R"},
		querying:   {restful, coding{System: interaction, Code: "search"}, "E"},
		disclosing: {coding{dicom, "110106", "Export"}, coding{System: lifecycle, Code: "disclose"}, "R"},
		exporting:  {kind: coding{dicom, "110106", "Export"}, action: "R"},
		signingIn:  {coding{dicom, "110114", "User Authentication"}, coding{dicom, "110122", "Login"}, "E"},
	}
	refusal = shape{coding{dicom, "110113", "Security Alert"}, coding{authz, "AuthZ-Role", "Authorization Decision using only Roles"}, "E"}
)

// kinds say what each action is in the vocabulary's event types, and in which shape it is written.
var kinds = map[caldicott.Action]struct {
	event vocabulary.EventType
	shape shapeName
}{
	caldicott.Draft:             {vocabulary.EventTypeRequestCreated, creating},
	caldicott.Amend:             {vocabulary.EventTypeRequestUpdated, changing},
	caldicott.Submit:            {vocabulary.EventTypeRequestSubmitted, changing},
	caldicott.Triage:            {vocabulary.EventTypeTriageStarted, changing},
	caldicott.Ask:               {vocabulary.EventTypeInformationRequested, changing},
	caldicott.Answer:            {vocabulary.EventTypeInformationProvided, changing},
	caldicott.Consult:           {vocabulary.EventTypeConsultationRequested, changing},
	caldicott.Advise:            {vocabulary.EventTypeConsultationAnswered, changing},
	caldicott.Waive:             {vocabulary.EventTypeConsultationAnswered, changing},
	caldicott.PutForward:        {vocabulary.EventTypeTriageCompleted, changing},
	caldicott.SetAside:          {vocabulary.EventTypeDecisionRecorded, changing},
	caldicott.Open:              {vocabulary.EventTypeConflictDeclared, changing},
	caldicott.HandBack:          {vocabulary.EventTypeReassigned, changing},
	caldicott.Decide:            {vocabulary.EventTypeDecisionRecorded, changing},
	caldicott.Withdraw:          {vocabulary.EventTypeRequestWithdrawn, changing},
	caldicott.Resubmit:          {vocabulary.EventTypeRequestSubmitted, changing},
	caldicott.Close:             {vocabulary.EventTypeRequestClosed, changing},
	caldicott.RecordEmergency:   {vocabulary.EventTypeEmergencyDisclosureRecorded, creating},
	caldicott.SeekRatification:  {vocabulary.EventTypeRequestSubmitted, changing},
	caldicott.Comment:           {vocabulary.EventTypeRequestUpdated, changing},
	caldicott.Disclose:          {vocabulary.EventTypeDisclosureLogged, disclosing},
	caldicott.RequestReview:     {vocabulary.EventTypeReviewRequested, creating},
	caldicott.RecordDissent:     {vocabulary.EventTypeDissentRecorded, creating},
	caldicott.RecordNotFollowed: {vocabulary.EventTypeDissentRecorded, creating},
	caldicott.LinkIncident:      {vocabulary.EventTypeIncidentLinked, changing},
	caldicott.LinkRisk:          {vocabulary.EventTypeRiskLinked, changing},
	caldicott.Attach:            {vocabulary.EventTypeRequestUpdated, changing},

	caldicott.InviteReviewer: {vocabulary.EventTypeReassigned, changing},
	caldicott.DecideReview:   {vocabulary.EventTypeReviewDecided, changing},
	caldicott.AnswerDissent:  {vocabulary.EventTypeDissentRecorded, changing},
	caldicott.UpdateIncident: {vocabulary.EventTypeIncidentLinked, changing},
	caldicott.EraseDocument:  {vocabulary.EventTypeRetentionDisposed, deleting},

	caldicott.Activate:     {vocabulary.EventTypeAuthorisationActivated, running},
	caldicott.Expire:       {vocabulary.EventTypeAuthorisationExpired, running},
	caldicott.FallDue:      {vocabulary.EventTypeSlaBreached, running},
	caldicott.Trip:         {vocabulary.EventTypeConflictDetected, running},
	caldicott.Supersede:    {vocabulary.EventTypeAuthorisationRenewed, running},
	caldicott.Remind:       {vocabulary.EventTypeReminderSent, running},
	caldicott.Escalate:     {vocabulary.EventTypeSlaBreached, running},
	caldicott.ScanDocument: {vocabulary.EventTypeRequestUpdated, running},
	caldicott.DrawSample:   {vocabulary.EventTypeReviewRequested, running},

	caldicott.Suspend:         {vocabulary.EventTypeAuthorisationSuspended, changing},
	caldicott.Reinstate:       {vocabulary.EventTypeAuthorisationActivated, changing},
	caldicott.Revoke:          {vocabulary.EventTypeAuthorisationRevoked, changing},
	caldicott.Complete:        {vocabulary.EventTypeDestructionConfirmed, changing},
	caldicott.Vary:            {vocabulary.EventTypeAuthorisationReviewed, changing},
	caldicott.Renew:           {vocabulary.EventTypeAuthorisationRenewed, creating},
	caldicott.RecordSupport:   {vocabulary.EventTypeAuthorisationReviewed, changing},
	caldicott.SubmitEvidence:  {vocabulary.EventTypeConditionEvidenced, changing},
	caldicott.AcceptEvidence:  {vocabulary.EventTypeConditionSatisfied, changing},
	caldicott.RejectEvidence:  {vocabulary.EventTypeConditionEvidenced, changing},
	caldicott.WaiveCondition:  {vocabulary.EventTypeConditionWaived, changing},
	caldicott.BreachCondition: {vocabulary.EventTypeConditionBreached, changing},

	caldicott.Enrol:                {vocabulary.EventTypeRoleGranted, creating},
	caldicott.AmendPerson:          {vocabulary.EventTypeConfigChanged, changing},
	caldicott.Appoint:              {vocabulary.EventTypeAppointmentRecorded, creating},
	caldicott.ConfirmAppointment:   {vocabulary.EventTypeRoleGranted, changing},
	caldicott.EndAppointment:       {vocabulary.EventTypeRoleRevoked, changing},
	caldicott.Delegate:             {vocabulary.EventTypeDelegationGranted, creating},
	caldicott.AcceptDelegation:     {vocabulary.EventTypeDelegationGranted, changing},
	caldicott.RevokeDelegation:     {vocabulary.EventTypeDelegationRevoked, changing},
	caldicott.RegisterOrganisation: {vocabulary.EventTypeConfigChanged, creating},
	caldicott.AmendOrganisation:    {vocabulary.EventTypeConfigChanged, changing},
	caldicott.RegisterAsset:        {vocabulary.EventTypeConfigChanged, creating},
	caldicott.AmendAsset:           {vocabulary.EventTypeConfigChanged, changing},
	caldicott.RecordAssurance:      {vocabulary.EventTypeConfigChanged, creating},
	caldicott.Roster:               {vocabulary.EventTypeRoleGranted, creating},
	caldicott.EndShift:             {vocabulary.EventTypeRoleRevoked, changing},
	caldicott.JudgeSample:          {vocabulary.EventTypeReviewDecided, creating},
	caldicott.ReviewStandingRule:   {vocabulary.EventTypeConfigChanged, changing},
	caldicott.Prefer:               {vocabulary.EventTypeConfigChanged, changing},
	caldicott.ResendNotice:         {vocabulary.EventTypeReminderSent, changing},

	caldicott.ProposeErasure:  {vocabulary.EventTypeConfigChanged, creating},
	caldicott.ConfirmErasure:  {vocabulary.EventTypeConfigChanged, changing},
	caldicott.RefuseErasure:   {vocabulary.EventTypeConfigChanged, changing},
	caldicott.Hold:            {vocabulary.EventTypeConfigChanged, creating},
	caldicott.ReleaseHold:     {vocabulary.EventTypeConfigChanged, changing},
	caldicott.ProposeDisposal: {vocabulary.EventTypeConfigChanged, creating},
	caldicott.Dispose:         {vocabulary.EventTypeConfigChanged, changing},
	caldicott.RefuseDisposal:  {vocabulary.EventTypeConfigChanged, changing},

	caldicott.View:           {vocabulary.EventTypeRecordViewed, reading},
	caldicott.ViewComments:   {vocabulary.EventTypeRecordViewed, reading},
	caldicott.LookUp:         {vocabulary.EventTypeRecordViewed, reading},
	caldicott.LookUpSamples:  {vocabulary.EventTypeRecordViewed, reading},
	caldicott.SearchLog:      {vocabulary.EventTypeLogQueried, querying},
	caldicott.ExportLog:      {vocabulary.EventTypeLogExported, exporting},
	caldicott.ExportEvidence: {vocabulary.EventTypeLogExported, exporting},
	caldicott.ReviewControls: {vocabulary.EventTypeLogQueried, querying},
	caldicott.TraceControls:  {vocabulary.EventTypeLogQueried, querying},
	caldicott.LookUpErasures: {vocabulary.EventTypeRecordViewed, reading},

	caldicott.Viewed:       {vocabulary.EventTypeRecordViewed, reading},
	caldicott.Searched:     {vocabulary.EventTypeLogQueried, querying},
	caldicott.Exported:     {vocabulary.EventTypeLogExported, exporting},
	caldicott.GuardFired:   {vocabulary.EventTypeIdentifierGuardTriggered, running},
	caldicott.PolicyLoaded: {vocabulary.EventTypeConfigChanged, running},
	caldicott.Migrated:     {vocabulary.EventTypeConfigChanged, running},
	caldicott.Bootstrapped: {vocabulary.EventTypeConfigChanged, creating},
	caldicott.Verified:     {vocabulary.EventTypeChainVerified, running},
	caldicott.Attested:     {vocabulary.EventTypeConfigChanged, running},
	caldicott.KeyNoted:     {vocabulary.EventTypeConfigChanged, running},
	caldicott.Erased:       {vocabulary.EventTypeRetentionDisposed, changing},
	caldicott.Disposed:     {vocabulary.EventTypeRetentionDisposed, changing},
	caldicott.SignIn:       {vocabulary.EventTypeSignIn, signingIn},
}

package caldicott

import "github.com/caldicott/caldicott/internal/caldicott/vocabulary"

// State is where a request stands.
type State = vocabulary.State

// Short names for the states, which the map below reads better with.
const (
	drafting  = vocabulary.StateDraft
	submitted = vocabulary.StateSubmitted
	triage    = vocabulary.StateTriage
	awaiting  = vocabulary.StateAwaitingInformation
	consulted = vocabulary.StateInConsultation
	ready     = vocabulary.StateReadyForDecision
	reviewing = vocabulary.StateInReview
	decided   = vocabulary.StateDecided
	emergency = vocabulary.StateEmergencyRecorded
	ratifying = vocabulary.StateAwaitingRatification
	withdrawn = vocabulary.StateWithdrawn
	closed    = vocabulary.StateClosed
	unborn    = State("")
)

// workflow is every step a request can take. What is not here cannot happen; what is here may still be refused by its
// guard (guards.go). Who may take a step is written in policy/policy.csv.
var workflow = map[State]map[Action]State{
	unborn: {
		Draft:           drafting,
		RecordEmergency: emergency,
	},
	drafting: {
		Amend:        drafting,
		Submit:       submitted,
		Withdraw:     withdrawn,
		Comment:      drafting,
		Disclose:     drafting,
		LinkRisk:     drafting,
		LinkIncident: drafting,
		Attach:       drafting,
	},
	submitted: {
		Triage:       triage,
		Withdraw:     withdrawn,
		Comment:      submitted,
		Disclose:     submitted,
		LinkRisk:     submitted,
		LinkIncident: submitted,
		Attach:       submitted,
	},
	triage: {
		Ask:          awaiting,
		Consult:      consulted,
		Advise:       triage,
		PutForward:   ready,
		SetAside:     decided,
		Withdraw:     withdrawn,
		Comment:      triage,
		Disclose:     triage,
		LinkRisk:     triage,
		LinkIncident: triage,
		Attach:       triage,
	},
	awaiting: {
		Answer:       triage,
		Withdraw:     withdrawn,
		Comment:      awaiting,
		Disclose:     awaiting,
		LinkRisk:     awaiting,
		LinkIncident: awaiting,
		Attach:       awaiting,
	},
	consulted: {
		Ask:          awaiting,
		Consult:      consulted,
		Advise:       consulted,
		Waive:        consulted,
		PutForward:   ready,
		Withdraw:     withdrawn,
		Comment:      consulted,
		Disclose:     consulted,
		LinkRisk:     consulted,
		LinkIncident: consulted,
		Attach:       consulted,
	},
	ready: {
		Consult:      ready,
		Advise:       ready,
		Waive:        ready,
		Open:         reviewing,
		Withdraw:     withdrawn,
		Comment:      ready,
		Disclose:     ready,
		LinkRisk:     ready,
		LinkIncident: ready,
		Attach:       ready,
	},
	reviewing: {
		Ask:          awaiting,
		Consult:      reviewing,
		Advise:       reviewing,
		Waive:        reviewing,
		HandBack:     ready,
		Decide:       decided,
		Withdraw:     withdrawn,
		Comment:      reviewing,
		Disclose:     reviewing,
		LinkRisk:     reviewing,
		LinkIncident: reviewing,
		Attach:       reviewing,
	},
	decided: {
		Consult:           decided,
		Advise:            decided,
		Waive:             decided,
		Resubmit:          submitted,
		Close:             closed,
		Comment:           decided,
		Disclose:          decided,
		LinkRisk:          decided,
		LinkIncident:      decided,
		Attach:            decided,
		RequestReview:     decided,
		RecordDissent:     decided,
		RecordNotFollowed: decided,
	},
	emergency: {
		SeekRatification: ratifying,
		Comment:          emergency,
		Disclose:         emergency,
		LinkRisk:         emergency,
		LinkIncident:     emergency,
		Attach:           emergency,
	},
	ratifying: {
		Consult:      ratifying,
		Advise:       ratifying,
		Waive:        ratifying,
		Open:         reviewing,
		Comment:      ratifying,
		Disclose:     ratifying,
		LinkRisk:     ratifying,
		LinkIncident: ratifying,
		Attach:       ratifying,
	},
	withdrawn: {
		Comment:      withdrawn,
		Disclose:     withdrawn,
		LinkRisk:     withdrawn,
		LinkIncident: withdrawn,
	},
	closed: {
		Comment:           closed,
		Disclose:          closed,
		LinkRisk:          closed,
		LinkIncident:      closed,
		RequestReview:     closed,
		RecordDissent:     closed,
		RecordNotFollowed: closed,
	},
}

// Next says where the deed leads from the state, and false where the map has no such step.
func Next(from State, a Action) (State, bool) {
	to, ok := workflow[from][a]
	return to, ok
}

// States are all states of a request, in the order of the vocabulary.
func States() []State {
	return []State{drafting, submitted, triage, awaiting, consulted, ready, reviewing, decided, emergency, ratifying, withdrawn, closed}
}

package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// ProposingErasure names the entries of the trail whose words are to go.
type ProposingErasure struct {
	Entries []int64                  `json:"entries" validate:"required,min=1,max=100,dive,min=1,max=9007199254740991"`
	Ground  vocabulary.ErasureGround `json:"ground" validate:"required,code=erasure_ground"`
	Reason  string                   `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// ConfirmingErasure is the second person's word on an erasure or a disposal. It has nothing to say.
type ConfirmingErasure struct{ Confirming }

// RefusingErasure leaves the words where they are.
type RefusingErasure struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// Holding keeps a request, or without one everything of the organisation, from being erased.
type Holding struct {
	Request string                `json:"request,omitempty" validate:"omitempty,id"`
	Ground  vocabulary.HoldGround `json:"ground" validate:"required,code=hold_ground"`
	Reason  string                `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// ReleasingHold ends a hold.
type ReleasingHold struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// ErasureView is a proposal to erase words, and what became of it.
type ErasureView struct {
	ID        string                   `json:"id"`
	OrgCode   string                   `json:"org_code"`
	Request   string                   `json:"request,omitempty"`
	Entries   []int64                  `json:"entries"`
	Ground    vocabulary.ErasureGround `json:"ground"`
	Reason    string                   `json:"reason"`
	By        string                   `json:"by"`
	At        time.Time                `json:"at"`
	State     vocabulary.ErasureState  `json:"state"`
	EndedBy   string                   `json:"ended_by,omitempty"`
	EndReason string                   `json:"end_reason,omitempty"`
	EndedAt   time.Time                `json:"ended_at,omitzero"`
	Erased    []ErasedView             `json:"erased"`
	Revision  int                      `json:"revision"`
}

// ErasedView says of an entry when its words were erased, and by which entry that is recorded.
type ErasedView struct {
	Entry     int64     `json:"entry"`
	ErasureBy int64     `json:"erasure_entry"`
	At        time.Time `json:"at"`
}

// Erasures are all of an organisation, oldest first.
type Erasures struct {
	Items []ErasureView `json:"items"`
}

// HoldView is a legal hold; it is in force while it has no end.
type HoldView struct {
	ID        string                `json:"id"`
	OrgCode   string                `json:"org_code"`
	Request   string                `json:"request,omitempty"`
	Ground    vocabulary.HoldGround `json:"ground"`
	Reason    string                `json:"reason"`
	By        string                `json:"by"`
	At        time.Time             `json:"at"`
	EndedBy   string                `json:"ended_by,omitempty"`
	EndReason string                `json:"end_reason,omitempty"`
	EndedAt   time.Time             `json:"ended_at,omitzero"`
	Revision  int                   `json:"revision"`
}

// Holds are all of an organisation, oldest first.
type Holds struct {
	Items []HoldView `json:"items"`
}

// ProposingDisposal names the kind of request of which everything is to go that has been kept long enough.
type ProposingDisposal struct {
	Kind   vocabulary.Kind `json:"kind" validate:"required,code=request_kind"`
	Reason string          `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// RefusingDisposal keeps everything.
type RefusingDisposal struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// DisposalView is a proposal to dispose of what has been kept long enough; with Certificate, it is what was done.
type DisposalView struct {
	ID          string                   `json:"id"`
	OrgCode     string                   `json:"org_code"`
	Kind        vocabulary.Kind          `json:"kind"`
	Before      time.Time                `json:"before"`
	Authority   string                   `json:"authority"`
	Requests    int                      `json:"requests"`
	Count       int                      `json:"count"`
	First       int64                    `json:"first"`
	Last        int64                    `json:"last"`
	Digest      string                   `json:"digest"`
	Reason      string                   `json:"reason"`
	By          string                   `json:"by"`
	At          time.Time                `json:"at"`
	State       vocabulary.DisposalState `json:"state"`
	EndedBy     string                   `json:"ended_by,omitempty"`
	EndReason   string                   `json:"end_reason,omitempty"`
	EndedAt     time.Time                `json:"ended_at,omitzero"`
	Certificate int64                    `json:"certificate_entry,omitzero"`
	Revision    int                      `json:"revision"`
}

// Disposals are all of an organisation, oldest first.
type Disposals struct {
	Items []DisposalView `json:"items"`
}

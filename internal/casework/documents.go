package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Upload is a file as it came, with what it was found to be.
type Upload struct {
	Name      string
	MediaType string
	Type      vocabulary.DocumentType
	Content   []byte
}

// errNoVault is the answer where nobody has set up a place for documents.
func errNoVault() error {
	return caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "No place is set up for documents.")
}

// Attach keeps a file and adds it to the request. The bytes are kept first: a deed that then fails leaves sealed bytes that
// nothing names, which are erased again; a deed that is on record never lacks its bytes.
func (s *Service) Attach(ctx context.Context, call Call, request string, up Upload) (Result, error) {
	if s.Vault == nil {
		return Result{}, errNoVault()
	}
	sum := sha256.Sum256(up.Content)
	deed := caldicott.Attaching{
		ID: s.NewID(), Unscanned: !s.Scans,
		Filed: caldicott.Filed{
			Name: up.Name, MediaType: up.MediaType, Size: int64(len(up.Content)), SHA256: hex.EncodeToString(sum[:]), Type: up.Type,
		},
	}
	if _, err := s.Look(ctx, call.By, Target{caldicott.Requests, request}); err != nil { // nobody else's bytes are kept at all
		return Result{}, err
	}
	if err := s.Vault.Keep(ctx, deed.ID, up.Content); err != nil {
		return Result{}, unkept(err)
	}
	result, err := s.Do(ctx, call, Target{caldicott.Requests, request}, deed)
	if err != nil || result.Before != nil {
		if gone := s.Vault.Erase(context.WithoutCancel(ctx), deed.ID); gone != nil {
			err = errors.Join(err, unkept(gone))
		}
	}
	return result, err
}

func unkept(err error) error {
	return &caldicott.Error{
		Kind: caldicott.Unavailable, Code: caldicott.CodeUnavailable, Message: "The place for documents does not answer; please try again.", Err: err,
	}
}

// Fetch reads a document for somebody who may see its request. What waits for the scanner, or was found infected, is not
// given out; what was erased is gone.
func (s *Service) Fetch(ctx context.Context, by caldicott.Actor, id string) (caldicott.Document, []byte, error) {
	r, err := s.see(ctx, by, Target{caldicott.Documents, id}, caldicott.View)
	if err != nil {
		return caldicott.Document{}, nil, err
	}
	d, ok := r.Case.Document(id)
	if !ok || d.State == vocabulary.DocumentStateErased {
		return caldicott.Document{}, nil, notFound()
	}
	if d.State != vocabulary.DocumentStateClean {
		return caldicott.Document{}, nil, caldicott.Errorf(caldicott.Conflict, caldicott.CodeState, "The document is %s; it is not given out.", d.State)
	}
	if s.Vault == nil {
		return caldicott.Document{}, nil, errNoVault()
	}
	content, err := s.Vault.Fetch(ctx, id)
	if err != nil {
		return caldicott.Document{}, nil, unkept(err)
	}
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != d.SHA256 {
		return caldicott.Document{}, nil, errors.New("a document's bytes are not those that were attached")
	}
	return d, content, nil
}

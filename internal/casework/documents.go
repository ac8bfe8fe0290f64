package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Upload is a file as it came.
type Upload struct {
	Name    string
	Type    vocabulary.DocumentType
	Content []byte
}

// Files tells what a file is, and how its name is written where it is given out.
type Files interface {
	// Inspect gives a name fit to be kept and the media type, by content; or the code of why the file is not taken.
	Inspect(name string, content []byte) (clean, mediaType, refused string)
	// Disposition is the header Content-Disposition that has a browser save the file under its name.
	Disposition(name string) string
}

// Papers is what a store tells of documents besides their cases.
type Papers interface {
	// WaitingDocuments lists those of which the scanner has not said anything yet.
	WaitingDocuments(ctx context.Context) ([]string, error)
	// StrayDocuments lists those whose bytes are kept, though no deed has named them since before that instant, or one has
	// erased them.
	StrayDocuments(ctx context.Context, before time.Time) ([]string, error)
}

// refusals say why a file is not taken, by the codes that Files gives.
var refusals = map[string]string{
	"NAME":           "has no name that it could be kept under",
	"EMPTY":          "is empty",
	"NOT_ALLOWED":    "is of a kind that is not taken: send PDF, PNG, JPEG, TIFF, plain text, CSV, mail, Word, Excel, PowerPoint or OpenDocument",
	"NAME_DISAGREES": "has a name that says another kind than its content",
	"MACROS":         "holds macros; send it without them",
	"ENCRYPTED":      "is locked, so that nobody could check it; send it unlocked",
	"MALFORMED":      "is damaged, or more than one kind of file at once",
}

// papers is what the store tells of documents, where a place is set up for them.
func (s *Service) papers() (Papers, error) {
	papers, ok := s.Store.(Papers)
	if s.Vault == nil || s.Files == nil || !ok {
		return nil, caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "No place is set up for documents.")
	}
	return papers, nil
}

// Attach keeps a file and adds it to the request. The bytes are kept first: a deed that then fails leaves sealed bytes that
// nothing names, which are erased again; a deed that is on record never lacks its bytes.
func (s *Service) Attach(ctx context.Context, call Call, request string, up Upload) (Result, error) {
	if _, err := s.papers(); err != nil {
		return Result{}, err
	}
	target := Target{caldicott.Requests, request}
	if _, err := s.Look(ctx, call.By, target); err != nil { // nobody else's bytes are kept at all
		return Result{}, err
	}
	deed := s.attaching(&call, up)
	if len(call.Invalid) > 0 {
		return s.Do(ctx, call, target, deed) // refused in its turn, whoever asks
	}
	if err := s.Vault.Keep(ctx, deed.ID, up.Content); err != nil {
		return Result{}, unkept(err)
	}
	result, err := s.Do(ctx, call, target, deed)
	if result.Before != nil || undone(err) {
		s.forget(ctx, deed.ID)
	}
	return result, err
}

// attaching is the deed; what is wrong with the file goes into the call.
func (s *Service) attaching(call *Call, up Upload) caldicott.Attaching {
	name, mediaType, refused := s.Files.Inspect(up.Name, up.Content)
	if refused != "" {
		message, known := refusals[refused]
		if !known {
			message = "is not taken"
		}
		call.Invalid = append(call.Invalid, caldicott.FieldError{Field: "file", Code: caldicott.CodeField, Message: message})
		name = up.Name
	}
	sum := sha256.Sum256(up.Content)
	return caldicott.Attaching{
		ID: s.NewID(), Unscanned: !s.Scans,
		Filed: caldicott.Filed{
			Name: name, MediaType: mediaType, Size: int64(len(up.Content)), SHA256: hex.EncodeToString(sum[:]), Type: up.Type,
		},
	}
}

// undone says whether it is certain that a deed is not on record. Where the database went away in the middle, it is not: the
// bytes stay, and if nothing names them the sweep erases them.
func undone(err error) bool {
	kind := caldicott.KindOf(err)
	return err != nil && kind != caldicott.Internal && kind != caldicott.Unavailable
}

// forget erases bytes that nothing names, or no longer, whether or not the caller is still there.
func (s *Service) forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	_ = s.Vault.Erase(ctx, id) //nolint:errcheck // the sweep tries again, and reports it
}

func unkept(err error) error {
	return &caldicott.Error{
		Kind: caldicott.Unavailable, Code: caldicott.CodeUnavailable, Message: "The place for documents does not answer; please try again.", Err: err,
	}
}

// Fetch reads a document for somebody who may see its request. What waits for the scanner, or was found infected, is not
// given out, and that somebody asked for it is on the record; what was erased is gone. The reading is on the record before
// anything is returned.
func (s *Service) Fetch(ctx context.Context, by caldicott.Actor, id string) (caldicott.Document, []byte, error) {
	if _, err := s.papers(); err != nil {
		return caldicott.Document{}, nil, err
	}
	target := Target{caldicott.Documents, id}
	r, err := s.look(ctx, by, target, caldicott.View)
	if err != nil {
		return caldicott.Document{}, nil, err
	}
	d, ok := r.Case.Document(id)
	if !ok || d.State == vocabulary.DocumentStateErased {
		return caldicott.Document{}, nil, notFound()
	}
	if d.State != vocabulary.DocumentStateClean {
		return caldicott.Document{}, nil, s.withhold(ctx, r, d)
	}
	content, err := s.Vault.Fetch(ctx, id)
	if err != nil {
		return caldicott.Document{}, nil, unkept(err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != d.SHA256 {
		return caldicott.Document{}, nil, fmt.Errorf("document %s: its bytes are not those that were attached", id)
	}
	return d, content, s.seen(ctx, r, target, caldicott.View, r.At)
}

// withhold refuses a document that is not clean.
func (s *Service) withhold(ctx context.Context, r Result, d caldicott.Document) error {
	e := s.access(r.By, r.Case.Request, caldicott.View, caldicott.OutcomeRefused, caldicott.CodeState, r.At)
	e.Subject = d.ID
	return s.record(ctx, caldicott.Errorf(caldicott.Conflict, caldicott.CodeState, "The document is %s; it is not given out.", d.State), e)
}

// EraseDocument destroys a document: the deed first, then its bytes. Where those cannot be reached, the deed stands and the
// sweep destroys them; until then nobody is given them.
func (s *Service) EraseDocument(ctx context.Context, call Call, id string, deed caldicott.ErasingDocument) (Result, error) {
	if _, err := s.papers(); err != nil {
		return Result{}, err
	}
	result, err := s.Do(ctx, call, Target{caldicott.Documents, id}, deed)
	if err == nil {
		s.forget(ctx, id)
	}
	return result, err
}

// mostFailures is how many documents may fail before the scanner is taken to be away.
const mostFailures = 5

// ScanWaiting asks the scanner about every document that waits for it, and records what it says. A scanner that is away
// leaves them waiting. They come in no order, so that some which can never be scanned do not stand in front of the others.
func (s *Service) ScanWaiting(ctx context.Context, scan func(ctx context.Context, content []byte) (clean bool, err error)) error {
	papers, err := s.papers()
	if err != nil {
		return err
	}
	ids, err := papers.WaitingDocuments(ctx)
	if err != nil {
		return err
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	var failed []error
	for _, id := range ids {
		if err := s.scan(ctx, id, scan); err != nil {
			failed = append(failed, fmt.Errorf("document %s: %w", id, err))
		}
		if len(failed) == mostFailures || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

func (s *Service) scan(ctx context.Context, id string, scan func(context.Context, []byte) (bool, error)) error {
	content, err := s.Vault.Fetch(ctx, id)
	if err != nil {
		return err
	}
	clean, err := scan(ctx, content)
	if err != nil {
		return err
	}
	result := vocabulary.ScanResultInfected
	if clean {
		result = vocabulary.ScanResultClean
	}
	return s.scanned(ctx, id, result)
}

// scanned records what the scanner said of a document, if that still waits for it.
func (s *Service) scanned(ctx context.Context, id string, result vocabulary.ScanResult) error {
	request, err := s.Store.CaseOf(ctx, caldicott.Documents, id)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		c, err := tx.LockCase(ctx, request)
		if err != nil {
			return err
		}
		if d, ok := c.Document(id); !ok || d.State != vocabulary.DocumentStateWaiting {
			return nil
		}
		at := s.Now()
		if last := c.Done[len(c.Done)-1].At; at.Before(last) {
			at = last
		}
		if err := s.catchUp(ctx, tx, &c, at); err != nil {
			return err
		}
		t := &caldicott.Turn{House: s.House, Now: at, Case: &c, NewID: s.NewID}
		t.Scanned(id, result)
		if err := s.keepChange(ctx, tx, t); err != nil {
			return err
		}
		return s.plan(ctx, tx, &c, at)
	})
}

// strayAfter is longer than any upload takes.
const strayAfter = 24 * time.Hour

// SweepDocuments erases what was left where a process died: bytes whose deed never came to be, and bytes of a document that
// was erased.
func (s *Service) SweepDocuments(ctx context.Context) error {
	papers, err := s.papers()
	if err != nil {
		return err
	}
	ids, err := papers.StrayDocuments(ctx, s.Now().Add(-strayAfter))
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		if err := s.Vault.Erase(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("document %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

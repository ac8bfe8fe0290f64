package notary

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Desk is where signatures are stored, and what is signed is read.
type Desk interface {
	// Newest is the last checkpoint, zero before the first. What it gives is durable.
	Newest(ctx context.Context) (merkle.Tree, error)
	// Tiles reads places of the tree.
	Tiles(ctx context.Context, places []merkle.Place) ([][]byte, error)
	// Signed are the ids of the keys that have signed that checkpoint.
	Signed(ctx context.Context, size int64) ([]string, error)
	// Sign stores a signature. One that is there already is no error.
	Sign(ctx context.Context, size int64, keyID, line string) error
	// Spans is what was last said of each key of the service's own, by verifier key.
	Spans(ctx context.Context) (map[string]Span, error)
	// Say says something of a key.
	Say(ctx context.Context, verifier string, span Span) error
}

// Roles of the service's own keys: what they sign.
const (
	LogRole     = "log"
	ReceiptRole = "receipt"
)

// Span is what a key signs, from which size of the log on, and before which; To is nil while it is in use.
type Span struct {
	Role string // one of the roles, or witness
	From int64
	To   *int64
}

func (s Span) holds(size int64) bool { return size >= s.From && (s.To == nil || size < *s.To) }

// Memory is what the signer remembers by itself, out of reach of whoever rules the database.
type Memory interface {
	Recall() (signed string, err error) // the last signed note; empty before the first
	Remember(signed string) error       // durable when it returns
}

// Noted puts on record what is said of a key, named by its name and hash.
type Noted func(ctx context.Context, key string, span Span) error

// Signer signs the newest checkpoint, if it extends the last one that it signed.
type Signer struct {
	Origin string // the log's name, the first line of every checkpoint
	Keys   []Key  // all of them sign
	Desk   Desk
	Memory Memory
	// Noted puts on record that a key begins to sign the log, or ends; nil where nobody keeps a record.
	Noted Noted

	mu      sync.Mutex
	stopped error // an alarm, for good
}

// Sign signs what is newest. The note is remembered before it is stored: if the two are parted by a crash, the signer knows
// more than the database and not less, and gives the same bytes again. After an alarm it does nothing any more.
func (s *Signer) Sign(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		return s.stopped
	}
	err := s.sign(ctx)
	if _, is := Alarmed(err); is {
		s.stopped = err
	}
	return err
}

// Stopped is the alarm that stopped it, or nil.
func (s *Signer) Stopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

func (s *Signer) sign(ctx context.Context) error {
	newest, err := s.Desk.Newest(ctx)
	if err != nil || newest.Size == 0 {
		return err
	}
	keys, err := s.current(ctx, newest.Size)
	if err != nil || len(keys) == 0 {
		return err
	}
	c := merkle.Checkpoint{Origin: s.Origin, Tree: newest}
	if err := s.extends(ctx, c); err != nil {
		return err
	}
	lines := make([]string, len(keys))
	for i, k := range keys {
		if lines[i], err = line(k, c.Text()); err != nil {
			return err
		}
	}
	if err := s.Memory.Remember(Note(c.Text(), lines)); err != nil {
		return fmt.Errorf("remember what is signed: %w", err)
	}
	for i, k := range keys {
		if err := s.Desk.Sign(ctx, newest.Size, keyID(k), lines[i]); err != nil {
			return err
		}
	}
	return nil
}

// current are the keys that sign at that size and have not yet; those that are new are put on the list.
func (s *Signer) current(ctx context.Context, size int64) ([]Key, error) {
	signed, err := s.Desk.Signed(ctx, size)
	if err != nil {
		return nil, err
	}
	spans, err := s.Desk.Spans(ctx)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, id := range signed {
		have[id] = true
	}
	var keys []Key
	usable := false
	for _, k := range s.Keys {
		span, known := spans[k.Verifier()]
		if !known {
			span = Span{Role: LogRole, From: size}
			if err := say(ctx, s.Desk, s.Noted, keyID(k), k.Verifier(), span); err != nil {
				return nil, err
			}
		}
		if !span.holds(size) {
			continue
		}
		usable = true
		if !have[keyID(k)] {
			keys = append(keys, k)
		}
	}
	if !usable {
		return nil, alarmf(AlarmKey, "none of %d keys may sign a log of %d leaves", len(s.Keys), size)
	}
	return keys, nil
}

// Retire ends the span of a key, of the log or of receipts, at the log's size as it is: it signs no more, here or elsewhere.
func (s *Signer) Retire(ctx context.Context, verifier string) error {
	newest, err := s.Desk.Newest(ctx)
	if err != nil {
		return err
	}
	spans, err := s.Desk.Spans(ctx)
	if err != nil {
		return err
	}
	span, known := spans[verifier]
	if !known || span.To != nil {
		return fmt.Errorf("key %q is not in use", verifier)
	}
	key, err := note.NewVerifier(verifier)
	if err != nil {
		return fmt.Errorf("key %q: %w", verifier, err)
	}
	end := max(newest.Size+1, span.From)
	return say(ctx, s.Desk, s.Noted, keyID(key), verifier, Span{Role: span.Role, From: span.From, To: &end})
}

// Introduce says of keys that sign receipts that they do, from the log's size as it is; of those that it was said of, nothing.
func Introduce(ctx context.Context, desk Desk, noted Noted, keys []Key) error {
	newest, err := desk.Newest(ctx)
	if err != nil {
		return err
	}
	spans, err := desk.Spans(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, known := spans[k.Verifier()]; known {
			continue
		}
		if err := say(ctx, desk, noted, keyID(k), k.Verifier(), Span{Role: ReceiptRole, From: newest.Size}); err != nil {
			return err
		}
	}
	return nil
}

// say puts a word on a key on record, and then on the list of keys: what is on the list has an entry.
func say(ctx context.Context, desk Desk, noted Noted, id, verifier string, span Span) error {
	if noted != nil {
		if err := noted(ctx, id, span); err != nil {
			return err
		}
	}
	return desk.Say(ctx, verifier, span)
}

// extends holds the checkpoint against what was signed last. It is what stands between a log that was put back, or
// rebuilt, and a signature on it.
func (s *Signer) extends(ctx context.Context, c merkle.Checkpoint) error {
	signed, err := s.Memory.Recall()
	if err != nil {
		return fmt.Errorf("recall what was signed: %w", err)
	}
	if signed == "" {
		return nil
	}
	old, err := s.read(signed)
	if err != nil {
		return fmt.Errorf("recall what was signed: %w", err)
	}
	if old.Origin != c.Origin {
		return alarmf(AlarmFork, "the last signed log is %q, this one is %q", old.Origin, c.Origin)
	}
	if old.Size > c.Size {
		return alarmf(AlarmFork, "a log of %d leaves was signed, this one has %d", old.Size, c.Size)
	}
	path, err := merkle.Consistency(c.Tree, old.Size, func(p []merkle.Place) ([][]byte, error) { return s.Desk.Tiles(ctx, p) })
	if errors.Is(err, merkle.ErrTree) {
		return alarmf(AlarmTree, "size %d: %v", c.Size, err)
	}
	if err != nil {
		return err
	}
	if err := merkle.CheckConsistency(path, old.Tree, c.Tree); err != nil {
		return alarmf(AlarmFork, "the log of %d leaves does not begin as the signed one of %d: %v", c.Size, old.Size, err)
	}
	return nil
}

// read opens the remembered note without believing it more than its text: whoever can write the file could as well take it
// away. A key that has since been retired must not make it unreadable.
func (s *Signer) read(signed string) (merkle.Checkpoint, error) {
	text, signatures, found := strings.Cut(signed, "\n\n")
	if !found || !strings.HasPrefix(signatures, "— ") {
		return merkle.Checkpoint{}, errors.New("it is no signed note")
	}
	return merkle.ParseCheckpoint(text + "\n")
}

// Verifiers reads verifier keys, for whoever opens notes.
func Verifiers(keys ...string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, fmt.Errorf("verifier key %q: %w", k, err)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}

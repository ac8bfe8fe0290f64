package notary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/witness"
)

// Signed is the log as it is pushed; of a Shelf that is never behind what was signed.
type Signed interface {
	LastSigned(ctx context.Context) (merkle.Tree, []string, error)
	Tiles(ctx context.Context, places []merkle.Place) ([][]byte, error)
}

// Cosignatures is where cosignatures are stored. Witnesses go by the ids of their keys.
type Cosignatures interface {
	// Cosigned is the largest checkpoint that each of them has cosigned, where it has one.
	Cosigned(ctx context.Context, witnesses []string) (map[string]Cosigned, error)
	// Public is the largest size that so many of them have cosigned; 0 for none.
	Public(ctx context.Context, witnesses []string, quorum int) (int64, error)
	// Cosign stores a line. One that is there already is no error.
	Cosign(ctx context.Context, size int64, witness, line string) error
	// Introduce puts a witness's verifier key on the list of keys, if it is not there.
	Introduce(ctx context.Context, verifier string, size int64) error
}

// Cosigned is a checkpoint's size, and when the cosignature came.
type Cosigned struct {
	Size int64
	At   time.Time
}

// Witness is one that checkpoints are pushed to.
type Witness struct {
	Name   string // for people
	Key    string // verifier key
	Client witness.Client
}

func (w Witness) id() string { return keyID(w.Client.Verifier) }

// ParseWitnesses reads a JSON list of {"name", "url", "vkey"}. Errors say which is wrong, and never what stands there.
func ParseWitnesses(r io.Reader) ([]Witness, error) {
	var list []struct{ Name, URL, VKey string }
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return nil, errors.New("it is no JSON list of name, url and vkey")
	}
	var witnesses []Witness
	seen := map[string]bool{}
	for i, one := range list {
		verifier, err := witness.NewVerifier(one.VKey)
		if err != nil {
			return nil, fmt.Errorf("witness %d: vkey: %w", i+1, err)
		}
		u, err := url.Parse(one.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("witness %d: url is not one of https:// or http://", i+1)
		}
		w := Witness{Name: one.Name, Key: one.VKey, Client: witness.Client{URL: one.URL, Verifier: verifier}}
		if one.Name == "" || seen[one.Name] || seen[w.id()] {
			return nil, fmt.Errorf("witness %d: name or vkey is missing or there twice", i+1)
		}
		seen[one.Name], seen[w.id()] = true, true
		witnesses = append(witnesses, w)
	}
	return witnesses, nil
}

// Pauses of a witness that fails: the first, doubled with each further failure up to the longest.
const (
	firstPause   = 2 * time.Second
	longestPause = 5 * time.Minute
)

// Publisher pushes what is signed to the witnesses. All are given the same checkpoint at once, so that they can agree on it.
type Publisher struct {
	Origin    string
	Log       Signed
	Store     Cosignatures
	Witnesses []Witness
	Quorum    int // how many must cosign a checkpoint; zero: more than half
	Clock     func() time.Time

	mu   sync.Mutex
	seen map[string]seen // by the witness's id; what this process has heard from it
}

// seen is how it goes with a witness.
type seen struct {
	confirmed int64 // the size that it cosigned last
	failures  int
	until     time.Time // nothing is pushed before
	err       error     // of the last push
}

// Publish pushes the newest signed checkpoint to each witness that has not cosigned it, and returns when all have answered
// or run out of time. What the database says of cosignatures only spares a question: each witness is asked at least once
// by every process, so that forged ones keep nobody from noticing. A witness that fails is left alone for a while; one that
// raised an alarm, until the service begins anew: it may be the witness that lies, so the others are asked all the same.
func (p *Publisher) Publish(ctx context.Context) error {
	have, err := p.Store.Cosigned(ctx, p.ids()) // first: what is cosigned was signed before
	if err != nil {
		return err
	}
	tree, lines, err := p.Log.LastSigned(ctx)
	if err != nil || tree.Size == 0 {
		return err
	}
	signed := Note(merkle.Checkpoint{Origin: p.Origin, Tree: tree}.Text(), lines)
	failed := make([]error, len(p.Witnesses))
	var all sync.WaitGroup
	for i, w := range p.Witnesses {
		due, alarm := p.due(w.id(), tree.Size)
		if !due {
			failed[i] = w.wrap(alarm)
			continue
		}
		all.Go(func() {
			err := p.push(ctx, w, tree, signed, have[w.id()].Size)
			if ctx.Err() == nil { // what we broke off is not the witness's fault
				p.remember(w.id(), tree.Size, err)
			}
			failed[i] = w.wrap(err)
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

func (w Witness) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("witness %s: %w", w.Name, err)
}

func (p *Publisher) ids() []string {
	ids := make([]string, len(p.Witnesses))
	for i, w := range p.Witnesses {
		ids[i] = w.id()
	}
	return ids
}

// due says whether a witness is to be asked. An alarm comes back every time.
func (p *Publisher) due(id string, size int64) (due bool, alarm error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.seen[id]
	if _, is := Alarmed(w.err); is {
		return false, w.err
	}
	return w.confirmed != size && !p.Clock().Before(w.until), nil
}

// remember keeps how it went.
func (p *Publisher) remember(id string, size int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[string]seen{}
	}
	w := p.seen[id]
	if err == nil {
		p.seen[id] = seen{confirmed: size}
		return
	}
	pause := min(firstPause<<min(w.failures, 16), longestPause)
	p.seen[id] = seen{w.confirmed, w.failures + 1, p.Clock().Add(pause), err}
}

// push submits from the size that the witness confirmed last, or from the one that it says. Another replica may be pushing
// at the same time, so it may have to be asked more than once.
func (p *Publisher) push(ctx context.Context, w Witness, tree merkle.Tree, signed string, from int64) error {
	for range 3 {
		if from > tree.Size {
			return p.overtaken(ctx, from)
		}
		path, err := merkle.Consistency(tree, from, func(places []merkle.Place) ([][]byte, error) { return p.Log.Tiles(ctx, places) })
		if errors.Is(err, merkle.ErrTree) {
			return alarmf(AlarmTree, "size %d: %v", tree.Size, err)
		}
		if err != nil {
			return err
		}
		line, err := w.Client.Add(ctx, merkle.Submission{Old: from, Path: path, Note: signed})
		if err == nil {
			return p.store(ctx, w, tree.Size, line)
		}
		refusal, refused := errors.AsType[*witness.Refusal](err)
		switch {
		case !refused:
			return err
		case refusal.Status == http.StatusUnprocessableEntity, refusal.Status == http.StatusConflict && from == tree.Size && (refusal.Known < 0 || refusal.Known == from):
			return alarmf(AlarmFork, "the witness has cosigned another log of %d leaves than this one began as", from)
		case refusal.Known < 0 || refusal.Known == from:
			return err
		}
		from = refusal.Known
	}
	return errors.New("the witness says another size each time")
}

// store stores a cosignature; whose it is, once in the life of a process.
func (p *Publisher) store(ctx context.Context, w Witness, size int64, line string) error {
	p.mu.Lock()
	first := p.seen[w.id()].confirmed == 0
	p.mu.Unlock()
	if first {
		if err := p.Store.Introduce(ctx, w.Key, size); err != nil {
			return err
		}
	}
	return p.Store.Cosign(ctx, size, w.id(), line)
}

// overtaken is where a witness knows more than was to be pushed: either another replica was quicker, or the log has lost
// what it had.
func (p *Publisher) overtaken(ctx context.Context, known int64) error {
	now, _, err := p.Log.LastSigned(ctx)
	if err != nil || now.Size >= known {
		return err
	}
	return alarmf(AlarmRollback, "a log of %d leaves was cosigned, this one has %d", known, now.Size)
}

// Publicity is how far the witnesses have come.
type Publicity struct {
	Size      int64 // newest signed checkpoint
	Public    int64 // largest that the quorum has cosigned
	Quorum    int   // how many that takes
	Witnesses []WitnessState
}

// WitnessState is how far one of them has come.
type WitnessState struct {
	Name   string
	Size   int64 // largest that it has cosigned; 0 for none
	At     time.Time
	Behind int64  // leaves that are signed and it has not seen
	Fault  string // why it did not answer this process last time: an alarm's name, or one of the Faults; empty for none
}

// Faults of a witness.
const (
	FaultSilent  = "no answer" // it cannot be reached, or what it says cannot be read
	FaultRefused = "refused"   // it does not know the log or its key, or has a fault of its own
)

// State says how far the witnesses have come.
func (p *Publisher) State(ctx context.Context) (Publicity, error) {
	have, err := p.Store.Cosigned(ctx, p.ids())
	if err != nil {
		return Publicity{}, err
	}
	s := Publicity{Quorum: p.quorum()}
	if s.Public, err = p.Public(ctx); err != nil {
		return Publicity{}, err
	}
	tree, _, err := p.Log.LastSigned(ctx)
	if err != nil {
		return Publicity{}, err
	}
	s.Size = tree.Size
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.Witnesses {
		c := have[w.id()]
		s.Witnesses = append(s.Witnesses, WitnessState{w.Name, c.Size, c.At, tree.Size - c.Size, fault(p.seen[w.id()].err)})
	}
	slices.SortFunc(s.Witnesses, func(a, b WitnessState) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// Public is the largest size that the quorum has cosigned; 0 for none.
func (p *Publisher) Public(ctx context.Context) (int64, error) {
	return p.Store.Public(ctx, p.ids(), p.quorum())
}

func (p *Publisher) quorum() int {
	if p.Quorum > 0 {
		return p.Quorum
	}
	return len(p.Witnesses)/2 + 1
}

func fault(err error) string {
	alarm, is := Alarmed(err)
	_, refused := errors.AsType[*witness.Refusal](err)
	switch {
	case err == nil:
		return ""
	case is:
		return alarm.Name
	case refused:
		return FaultRefused
	}
	return FaultSilent
}

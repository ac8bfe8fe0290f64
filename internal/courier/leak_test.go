package courier_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/rehearse"
)

// TestNoNoticeOfAnyRehearsalHoldsAWordOfItsRequest plays every written case, has a real courier send everything that was told
// to a real relay and a real receiver, and looks for the case's own words in what arrived.
func TestNoNoticeOfAnyRehearsalHoldsAWordOfItsRequest(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../testdata/rehearsals/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range append(paths, "../../testdata/scenarios.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			overheard(t, rehearsal(t, path))
		})
	}
}

// overheard plays the cases of a file and reads everything that was told in them.
func overheard(t *testing.T, f rehearse.File) {
	t.Helper()
	h, post, told, read := housetest.New(t), newPost(t), 0, 0
	words := map[string][]string{} // of the case, by the id of a notice
	for _, c := range f.Cases {
		own, ear := wordsOf(t, f, c), &ear{stage: h.DB}
		p := rehearse.Player{House: h.House, Policy: h.Policy, NewID: house.NewID}
		if _, err := p.Play(t.Context(), f, c, ear); err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
		told += len(ear.told)
		alike := map[string]bool{} // what several people are told is the same but for its id
		for _, n := range ear.told {
			if alike[codesOf(n)] {
				continue
			}
			alike[codesOf(n)], words[n.ID] = true, own
			if leaf := found(own, codesOf(n)); leaf != "" {
				t.Errorf("%s: the notice %s holds %q", c.ID, n.Event, leaf)
			}
			post.take([]caldicott.Notice{n})
		}
	}
	for _, m := range post.send() {
		read++
		own := words[m.id]
		if leaf := found(own, m.text); leaf != "" {
			t.Errorf("what was sent holds %q: %s", leaf, m.text)
		}
		if len(own) < 20 || found(own, m.text+" "+own[len(own)/2]) == "" {
			t.Fatalf("the search would not find a word: %d", len(own))
		}
	}
	t.Logf("%d cases, %d notices, %d of them different, %d mails and webhooks", len(f.Cases), told, len(words), read)
	steps := slices.ContainsFunc(f.Cases, func(c rehearse.Case) bool { return len(c.Steps) > 0 })
	if steps && told == 0 || read != 2*len(words) {
		t.Error("not everything was sent and read")
	}
}

func rehearsal(t *testing.T, path string) rehearse.File {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := rehearse.Read(r)
	if err != nil {
		t.Fatal(path, err)
	}
	return f
}

// ear is a stage on which everything that is told is heard.
type ear struct {
	stage rehearse.Rehearser
	told  []caldicott.Notice
}

func (e *ear) Rehearse(ctx context.Context, f func(caldicott.Store) error) error {
	return e.stage.Rehearse(ctx, func(s caldicott.Store) error { return f(eared{s, e}) })
}

type eared struct {
	caldicott.Store
	ear *ear
}

// InTx hears what was told in a transaction that came to its end.
func (s eared) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	var told []caldicott.Notice
	err := s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		told = nil
		return f(earedTx{tx, &told})
	})
	if err == nil {
		s.ear.told = append(s.ear.told, told...)
	}
	return err
}

type earedTx struct {
	caldicott.Tx
	told *[]caldicott.Notice
}

func (t earedTx) Tell(ctx context.Context, notices []caldicott.Notice) error {
	*t.told = append(*t.told, notices...)
	return t.Tx.Tell(ctx, notices)
}

// codesOf is everything in a notice that is not the id of a person.
func codesOf(n caldicott.Notice) string {
	return strings.Join([]string{
		string(n.Event), string(n.Wanted), n.OrganisationID, n.RequestID, n.Reference, n.State, n.Subject,
		n.Due.Format(time.RFC3339), n.At.Format(time.RFC3339), n.Fault,
	}, "\n")
}

// wordsOf are the texts of at least eight characters in the content, in the deeds and in the names of the file's people and
// organisations; codes of the vocabulary and dates are not texts.
func wordsOf(t *testing.T, f rehearse.File, c rehearse.Case) []string {
	t.Helper()
	codes := map[string]bool{}
	for _, l := range vocabulary.Lists() {
		for _, e := range l.Entries {
			codes[e.Code] = true
		}
	}
	var words []string
	add := func(s string) {
		_, noDay := time.Parse(time.DateOnly, s)
		_, noInstant := time.Parse(time.RFC3339, s)
		if len(s) >= 8 && !codes[s] && noDay != nil && noInstant != nil {
			words = append(words, plain(s))
		}
	}
	for _, a := range f.Actors {
		add(a.UserID)
		add(a.Name)
		add(a.JobTitle)
	}
	for _, o := range f.Organisations {
		add(o.Name)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.Content, &members); err != nil {
		t.Fatal(c.ID, err)
	}
	for _, frame := range []string{"id", "submitted_at", "setup", "steps", "expected"} { // the rest is the content
		delete(members, frame)
	}
	texts := slices.Collect(maps.Values(members))
	for _, s := range c.Steps {
		texts = append(append(texts, s.Patch), slices.Collect(maps.Values(s.Body))...)
	}
	for _, raw := range texts {
		var value any
		if len(raw) == 0 {
			continue
		}
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(c.ID, err)
		}
		leaves(value, add)
	}
	return words
}

func leaves(value any, add func(string)) {
	switch v := value.(type) {
	case string:
		add(v)
	case []any:
		for _, x := range v {
			leaves(x, add)
		}
	case map[string]any:
		for _, x := range v {
			leaves(x, add)
		}
	}
}

// plain lets no line break hide a word.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

// found gives the first of the words that the text holds.
func found(words []string, text string) string {
	text = plain(text)
	for _, w := range words {
		if strings.Contains(text, w) {
			return w
		}
	}
	return ""
}

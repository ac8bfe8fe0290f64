package anchor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/anchor"
	"github.com/caldicott/caldicott/internal/merkle"
)

// shelf is a Store in memory.
type shelf struct {
	kinds []string
	at    []time.Time
	size  []int64
	now   func() time.Time
}

func (s *shelf) Anchored(_ context.Context, size int64, since time.Time) (made []string, _ error) {
	for i, kind := range s.kinds {
		if !s.at[i].Before(since) || s.size[i] == size {
			made = append(made, kind)
		}
	}
	return made, nil
}

func (s *shelf) Anchor(_ context.Context, size int64, kind string, _ []byte) error {
	s.kinds, s.at, s.size = append(s.kinds, kind), append(s.at, s.now()), append(s.size, size)
	return nil
}

var errRelay = errors.New("the relay is away")

// Each anchor once a day; one that fails keeps no other, and is tried again.
func TestEachDayHasEachAnchorOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store, folder := &shelf{now: clock}, t.TempDir()
	away, mailed := true, 0
	size := int64(0)
	d := anchor.Daily{
		Newest: func(context.Context) (merkle.Tree, string, error) { return merkle.Tree{Size: size}, signed, nil },
		Store:  store, Clock: clock,
		Anchors: []anchor.Anchor{anchor.Mail(func(_ context.Context, day time.Time, of int64, note string) error {
			if mailed++; away {
				return errRelay
			}
			if of != size || note != signed || !day.Equal(now.Truncate(24*time.Hour)) {
				t.Errorf("%v %d %s", day, of, note)
			}
			return nil
		}), anchor.Folder(folder)},
	}
	if err := d.Run(t.Context()); err != nil || mailed > 0 {
		t.Errorf("nothing is signed, and %v", err)
	}
	size = 7
	if err := d.Run(t.Context()); !errors.Is(err, errRelay) || !slices.Equal(store.kinds, []string{anchor.KindFile}) {
		t.Errorf("%v %v", err, store.kinds)
	}
	away = false
	for range 2 {
		if err := d.Run(t.Context()); err != nil || mailed != 2 {
			t.Errorf("%v, mailed %d times", err, mailed)
		}
	}
	now = now.Add(2 * time.Hour) // the next day, and the log has not grown
	if err := d.Run(t.Context()); err != nil || mailed != 2 {
		t.Errorf("%v, mailed %d times", err, mailed)
	}
	size = 9
	if err := d.Run(t.Context()); err != nil || mailed != 3 {
		t.Errorf("%v, mailed %d times", err, mailed)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 2 || filepath.Base(files[0]) != "2026-11-22-7.checkpoint" || filepath.Base(files[1]) != "2026-11-23-9.checkpoint" {
		t.Errorf("%v %v", files, err)
	}
}

// A crash may part the file from the record of it, and cosignatures may have come meanwhile; what somebody else has written
// is left alone, and said.
func TestAFileThatIsThereIsNeverWrittenOver(t *testing.T) {
	t.Parallel()
	folder := anchor.Folder(t.TempDir())
	c := checkpoint()
	name, err := folder.Make(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Note += "— witness AAAAAAAA\n"
	if again, err := folder.Make(t.Context(), c); err != nil || string(again) != string(name) {
		t.Errorf("%s %v", again, err)
	}
	c.Note = strings.Replace(c.Note, "CsUY", "DsUY", 1)
	if _, err := folder.Make(t.Context(), c); err == nil {
		t.Error("another checkpoint of that size is no error")
	}
	if b, err := os.ReadFile(filepath.Join(string(folder), string(name))); err != nil || string(b) != signed {
		t.Errorf("%v %s", err, b)
	}
	if _, err := anchor.Folder(filepath.Join(string(folder), "away")).Make(t.Context(), c); err == nil {
		t.Error("a share that is away is no error")
	}
}

package casework_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// slowly does a deed whose answer tells the mark, and begins the other while the deed's transaction is still open: it ends
// once the other has come to its end, or stands before a lock.
func (s *stage) slowly(db *sqlx.DB, c caldicott.Case, other func() error) (mine, others error) {
	s.t.Helper()
	ended := make(chan error, 1)
	encode := func(casework.Result) (caldicott.GivenAnswer, error) {
		begun := make(chan error, 1)
		go func() { begun <- other() }()
		for waits := 0; waits == 0; {
			select {
			case err := <-begun:
				ended <- err
				return caldicott.GivenAnswer{Status: 200, Body: []byte(`"` + mark + `"`)}, nil
			case <-time.After(10 * time.Millisecond):
			}
			waits = count(s.t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		}
		go func() { ended <- <-begun }()
		return caldicott.GivenAnswer{Status: 200, Body: []byte(`"` + mark + `"`)}, nil
	}
	call := casework.Call{By: s.people["u-officer"], Retry: &casework.Retry{Key: "slowly", Digest: [32]byte{1}, Encode: encode}}
	_, mine = s.service.Do(s.ctx, call, target(c), caldicott.Commenting{Text: "Begun before."})
	return mine, <-ended
}

// An answer that is kept for whoever asks again holds the words of the case: one that was under way while they were erased
// goes with them.
func TestNoAnswerThatWasUnderWayKeepsWhatWasErased(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, db := s.telling(), s.superuser()
	var said int64
	if err := db.Get(&said, `SELECT min(entry_id) FROM casework.comments`); err != nil {
		t.Fatal(err)
	}
	x, err := s.propose("u-dpo", said)
	if err != nil {
		t.Fatal(whole(err))
	}
	mine, others := s.slowly(db, sc.c, func() error {
		_, err := s.confirm("u-guardian", x)
		return err
	})
	if mine != nil || others != nil {
		t.Fatal(whole(mine), whole(others))
	}
	if n := count(t, db, `SELECT count(*) FROM casework.answers_given WHERE position($1 IN convert_from(body, 'UTF8')) > 0`, mark); n != 0 {
		t.Errorf("%d answers that are kept tell what was erased", n)
	}
}

// Something was done to the request at the last moment: its time of keeping begins anew.
func TestARequestThatADeedIsUnderWayOnIsNotDisposedOf(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, db := s.withdrawn(), s.superuser()
	s.seal()
	s.clock.Put(monday.AddDate(9, 0, 0))
	x, err := s.proposeDisposal("u-lead")
	if err != nil {
		t.Fatal(whole(err))
	}
	mine, others := s.slowly(db, sc.c, func() error {
		_, err := s.dispose("u-dpo", x)
		return err
	})
	if mine != nil || code(others) != caldicott.CodeState {
		t.Errorf("the deed: %v, the disposal: %v", whole(mine), whole(others))
	}
	if n := count(t, db, `SELECT count(*) FROM audit.disposals`); n != 0 {
		t.Errorf("%d entries were disposed of", n)
	}
}

func TestOfManyConfirmationsAtOnceOneErases(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	sc, db := s.telling(), s.superuser()
	entries := s.entriesOf(db, sc.c)
	x, err := s.propose("u-dpo", entries...)
	if err != nil {
		t.Fatal(whole(err))
	}
	done := 0
	for _, err := range allAtOnce(8, func(int) error {
		_, err := s.confirm("u-guardian", x)
		return err
	}) {
		switch {
		case err == nil:
			done++
		case code(err) != caldicott.CodeState:
			t.Errorf("a confirmation too many was answered %v", whole(err))
		}
	}
	if n := count(t, db, `SELECT count(*) FROM audit.entries WHERE action = 'erased'`); done != 1 || n != len(entries) {
		t.Errorf("%d confirmed, and of %d entries %d erasures are on record", done, len(entries), n)
	}
	s.verified()
}

// Whichever comes first counts: nothing is erased after a hold, and a hold that came too late finds all of it gone.
func TestAHoldPlacedWhileSomebodyConfirmsComesBeforeOrAfter(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	db := s.superuser()
	for range 6 {
		sc := s.telling()
		x, err := s.propose("u-dpo", s.entriesOf(db, sc.c)...)
		if err != nil {
			t.Fatal(whole(err))
		}
		errs := allAtOnce(2, func(i int) error {
			if i == 0 {
				_, err := s.hold("u-guardian", sc.c.Request.ID)
				return err
			}
			_, err := s.confirm("u-guardian", x)
			return err
		})
		const after = `
			SELECT count(*) FROM audit.entries e WHERE e.action = 'erased' AND e.request_id = $1
				AND e.id > (SELECT id FROM audit.entries WHERE action = 'hold' AND outcome = 'done' AND request_id = $1)`
		if errs[0] != nil || errs[1] != nil && code(errs[1]) != caldicott.CodeHold || count(t, db, after, sc.c.Request.ID) != 0 {
			t.Errorf("the hold: %v, the erasure: %v", whole(errs[0]), whole(errs[1]))
		}
	}
}

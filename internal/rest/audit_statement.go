package rest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// stated are the parameters by which a statement may narrow: members of the entry itself, so that whoever has the entries
// can count them again.
var stated = []param{actor, about, action, ended, rule, subject, stream, acting, digest}

// stateAbsence signs how many entries of a kind were sealed between two times: 0 says that there was none.
//
// What it proves: that the holder of the receipts' key said so, about a stretch of the log that two checkpoints fix once and for
// all. Whoever has the entries of that stretch can count them again, and if the number is another the note convicts the
// signer. It is no proof by itself that the number is right. Where it was asked who acted, in which capacity, on what or under
// which policy, it says beside that how many entries were disposed of that may have been among them. The stretch is that of the checkpoints around the times: all
// that was sealed after the last one before from, up to the first one after to; at its edges it may hold what was recorded a
// moment before or after. It counts what its caller may see, and says of which organisations that is.
func (s *service) stateAbsence(w http.ResponseWriter, r *http.Request) error {
	given, err := ask(r, append(slices.Clone(stated), since, until, purpose)...)
	if err != nil {
		return err
	}
	asked, question, err := given.ofLog()
	if err != nil {
		return err
	}
	for _, p := range []param{since, until} {
		if _, err := given.need(p); err != nil {
			return err
		}
	}
	grant, err := s.grant(r, caldicott.ExportLog, &asked)
	if err != nil {
		return err
	}
	if s.Speaks == nil {
		return caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "This service has no key to sign statements with.")
	}
	stretch, err := s.Trail.Stretch(r.Context(), asked)
	if err != nil {
		return err
	}
	if !stretch.Reached {
		return caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "The log is not sealed as far as that yet; please try again.")
	}
	at := s.Work.Now()
	note, err := s.Speaks.State(s.statement(asked, question, stretch, at))
	if err != nil {
		return err
	}
	if err := s.Work.LogStated(r.Context(), grant, question, stretch.Count, stretch.From.Size, stretch.To.Size); err != nil {
		return err
	}
	return shown(api.Statement{Count: stretch.Count, Disposed: stretch.Disposed, FromSize: stretch.From.Size, ToSize: stretch.To.Size, At: at, Note: note}, 0).write(w)
}

// statement is the text that is signed, a line for each thing. Its first line is no log's name and its second no number, so
// that nobody can take it for a checkpoint.
func (s *service) statement(asked LogAsked, q casework.LogQuestion, x LogStretch, at time.Time) string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%s %v\n", name, value) }
	mark := func(name string, m LogMark) {
		line(name, fmt.Sprintf("%d %s", m.Size, base64.StdEncoding.EncodeToString(m.Root[:])))
	}
	b.WriteString(s.Speaks.Origin() + "/statement/v1\n")
	line("log", s.Speaks.Origin())
	line("from", instant(asked.From))
	line("to", instant(asked.To))
	mark("after", x.From)
	mark("until", x.To)
	for _, organisation := range slices.Sorted(slices.Values(asked.Organisations)) {
		line("organisation", organisation)
	}
	if asked.Own {
		line("organisation", "none")
	}
	for _, p := range stated {
		if v, ok := q.Filter[p.name]; ok {
			line("where", p.name+" "+v)
		}
	}
	line("count", x.Count)
	line("disposed", x.Disposed)
	line("at", instant(at))
	return b.String()
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

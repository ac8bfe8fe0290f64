package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// reckon holds everything that is left against everything that was promised. All replicas have ended.
func (t *trial) reckon(ctx context.Context) error {
	b, err := t.ledger.open(ctx)
	if err != nil {
		return err
	}
	reckonDeeds(&b, t.promises.deeds, t.findings.add)
	reckonTellings(&b, t.findings.add)
	arrived := t.arrived.all()
	reckonNotices(&b, arrived, t.findings.add)
	for request := range b.requesters {
		if err := t.reckonPlan(ctx, request); err != nil {
			return err
		}
	}
	if err := t.reckonJobs(ctx); err != nil {
		return err
	}
	t.verify(ctx)
	t.sum(&b, arrived)
	return t.readLogs()
}

// sum counts.
func (t *trial) sum(b *books, arrived map[delivery]arrival) {
	r, p := &t.report, t.promises
	r.Deeds, r.Cases, r.Retries, r.Busy, r.Again = len(p.deeds), p.cases, p.retries, p.busy, p.again
	for _, d := range b.deeds {
		if d.Actor == "" {
			r.Kept++
		}
	}
	r.Notices = map[string]int{}
	for _, n := range b.notices {
		r.Notices[n.Status]++
	}
	for _, a := range arrived {
		r.Redelivered += max(0, a.times-1)
	}
	for _, d := range p.deeds {
		if a, kept := b.answers[d.who+" "+d.key]; kept && a.At.Before(d.got.put) {
			r.Unheard++
		}
	}
	r.Refused = t.arrived.refused
}

// The tasks of a request, each in one line, and when the keeper is to look at it again.
const tasksOf = `
	SELECT concat_ws('|', name, subject, COALESCE(person, ''), array_to_string(roles, ','), array_to_string(excluded, ','), limited_by,
		COALESCE(to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), ''))
	FROM casework.tasks WHERE request_id = $1`

const agendaOf = `
	SELECT COALESCE((SELECT to_char(next_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') FROM casework.agenda
		WHERE request_id = $1 AND next_at < 'infinity'), '')`

// inUTC is how both write an instant.
const inUTC = "2006-01-02T15:04:05.000000"

// reckonPlan holds what waits on a request, and when the keeper will look at it again, against what follows from the case.
// What was written followed from it when the last deed was done.
func (t *trial) reckonPlan(ctx context.Context, request string) error {
	c, err := t.town.db.ReadCase(ctx, request)
	if err != nil {
		return err
	}
	var tasks []string
	var next string
	if err := errors.Join(t.ledger.SelectContext(ctx, &tasks, tasksOf, request), t.ledger.GetContext(ctx, &next, agendaOf, request)); err != nil {
		return err
	}
	kept := plan(tasks, next)
	var follow []string
	for _, at := range []time.Time{c.Done[len(c.Done)-1].At, time.Now()} {
		follow = append(follow, t.follow(&c, at))
	}
	if !slices.Contains(follow, kept) {
		t.findings.add("request %s (%s): kept is\n%s\nand there should be\n%s", request, c.Request.State, kept, follow[1])
	}
	return nil
}

// follow works out what waits on the case at an instant, and when something is next to be recorded.
func (t *trial) follow(c *caldicott.Case, at time.Time) string {
	h := t.town.furnished.House
	var tasks []string
	for _, x := range h.Tasks(c, at) {
		var roles []string
		for _, r := range x.Roles {
			roles = append(roles, string(r))
		}
		tasks = append(tasks, strings.Join([]string{
			string(x.Name), x.Subject, x.Person, strings.Join(roles, ","), strings.Join(x.Not, ","), string(x.Limit), written(x.Due),
		}, "|"))
	}
	next := ""
	if agenda := h.Agenda(c, at); len(agenda) > 0 {
		next = written(agenda[0].At)
	}
	return plan(tasks, next)
}

func written(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Round(time.Microsecond).Format(inUTC)
}

func plan(tasks []string, next string) string {
	slices.Sort(tasks)
	return strings.Join(append(tasks, "next "+next), "\n")
}

// reckonJobs looks for a job that nobody could take up: held though everybody has ended, failing, or put off too far.
func (t *trial) reckonJobs(ctx context.Context) error {
	const free = `SELECT name FROM casework.jobs FOR UPDATE SKIP LOCKED`
	const rows = `
		SELECT name, failures, finished_at IS NOT NULL AS finished, next_at > clock_timestamp() + interval '61 minutes' AS far
		FROM casework.jobs ORDER BY name`
	var taken []string
	if err := t.ledger.SelectContext(ctx, &taken, free); err != nil {
		return err
	}
	var jobs []struct {
		Name     string `db:"name"`
		Failures int    `db:"failures"`
		Finished bool   `db:"finished"`
		Far      bool   `db:"far"`
	}
	if err := t.ledger.SelectContext(ctx, &jobs, rows); err != nil {
		return err
	}
	for _, j := range jobs {
		if held := !slices.Contains(taken, j.Name); held || j.Failures > 0 || !j.Finished || j.Far {
			t.findings.add("job %s is stuck: held %t, %d failures, finished %t, put off %t", j.Name, held, j.Failures, j.Finished, j.Far)
		}
	}
	for _, name := range []string{"keep", "deliver", "digest", "offices", "sample", "sweep"} {
		if !slices.Contains(taken, name) {
			t.findings.add("job %s was never done", name)
		}
	}
	return nil
}

// verify has the service's own verifier read the trail, with the reader's login alone.
func (t *trial) verify(ctx context.Context) {
	cmd := exec.CommandContext(ctx, t.town.binary, "audit", "verify") //nolint:gosec // built by us
	cmd.Env = append(foreign(os.Environ()), "CALDICOTT_READER_URL="+t.town.reader)
	cmd.SysProcAttr = attributes()
	said, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	t.report.Audit = lines[len(lines)-1] // what comes before are notes and findings
	if err != nil {
		t.findings.add("audit verify: %v: %s", err, said)
	}
}

// readLogs counts what the replicas called errors. A line is lost where a replica was killed in the middle of it; what is
// no line of the log at all is a crash or a race.
func (t *trial) readLogs() error {
	t.report.Errors = map[string]int{}
	for _, r := range t.fleet.replicas {
		b, err := os.ReadFile(r.logFile())
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(b))
		lines.Buffer(nil, len(b)+1)
		for lines.Scan() {
			t.readLine(lines.Bytes())
		}
	}
	return nil
}

func (t *trial) readLine(line []byte) {
	var said struct{ Level, Msg, Error, Cause, Job string }
	if json.Unmarshal(line, &said) != nil {
		for _, sign := range []string{"panic: ", "fatal error: ", "DATA RACE"} {
			if strings.Contains(string(line), sign) {
				t.findings.add("a replica said: %s", line)
			}
		}
		return
	}
	if said.Level != "ERROR" && said.Level != "WARN" {
		return
	}
	what := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s", said.Level, said.Msg, said.Job, said.Error, said.Cause)), " ")
	t.report.Errors[what]++
	if said.Msg == "panic" || strings.Contains(said.Msg, "panicked") {
		t.findings.add("a replica panicked: %s", line)
	}
}

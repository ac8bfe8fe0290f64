package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/pgembed"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rehearse"
)

// rehearseCommand replays cases: an information governance lead's own, too, before the policy is changed.
type rehearseCommand struct {
	Files   []string `arg:"" help:"Rehearsal files (testdata/scenarios.json shows the format)."`
	JSON    bool     `name:"json" help:"Print the reports for programs."`
	Workers int      `default:"0" help:"Cases at a time; 0 means as many as there are processors."`
}

// fileReport is what became of one file.
type fileReport struct {
	File  string            `json:"file"`
	Guard []string          `json:"identifier_guard"`
	Cases []rehearse.Report `json:"cases"`
}

func (r fileReport) differences() int {
	n := len(r.Guard)
	for _, c := range r.Cases {
		n += len(c.Differences)
	}
	return n
}

// Run plays every case on a scratch database that nothing outlives, and exits 1 on any difference.
func (c *rehearseCommand) Run(t *tools) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	furnished, err := house.Furnish(config.Closures)
	if err != nil {
		return err
	}
	if c.Workers == 0 {
		c.Workers = runtime.NumCPU()
	}
	stages, clear, err := scratch(t, config, furnished, c.Workers)
	if err != nil {
		return err
	}
	player := rehearse.Player{House: furnished.House, Policy: furnished.Policy, NewID: house.NewID}
	reports, err := c.play(t.ctx, player, stages)
	if err := errors.Join(err, clear()); err != nil {
		return err
	}
	return c.print(t, reports)
}

// play plays all cases of all files, each worker on a stage of its own; the reports keep the files' order.
func (c *rehearseCommand) play(ctx context.Context, player rehearse.Player, stages []*postgres.DB) ([]fileReport, error) {
	type job struct {
		file rehearse.File
		i    int
		into *rehearse.Report
	}
	jobs := make(chan job)
	failures := make([]error, len(stages))
	var workers sync.WaitGroup
	for n, stage := range stages {
		workers.Go(func() {
			for j := range jobs {
				report, err := player.Play(ctx, j.file, j.file.Cases[j.i], stage)
				*j.into = report
				if err != nil && failures[n] == nil {
					failures[n] = fmt.Errorf("case %s: %w", j.file.Cases[j.i].ID, err)
				}
			}
		})
	}
	reports := make([]fileReport, len(c.Files))
	var unreadable error
	for i, path := range c.Files {
		f, err := readRehearsals(path)
		if err != nil {
			unreadable = err
			break
		}
		reports[i] = fileReport{File: path, Guard: player.CheckGuard(f), Cases: make([]rehearse.Report, len(f.Cases))}
		for k := range f.Cases {
			jobs <- job{f, k, &reports[i].Cases[k]}
		}
	}
	close(jobs)
	workers.Wait()
	return reports, errors.Join(append(failures, unreadable)...)
}

func readRehearsals(path string) (rehearse.File, error) {
	r, err := os.Open(path)
	if err != nil {
		return rehearse.File{}, err
	}
	defer r.Close() //nolint:errcheck // read only
	f, err := rehearse.Read(r)
	if err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (c *rehearseCommand) print(t *tools, reports []fileReport) error {
	differences := 0
	for _, r := range reports {
		differences += r.differences()
	}
	if c.JSON {
		e := json.NewEncoder(t.out)
		e.SetIndent("", " ")
		if err := e.Encode(reports); err != nil {
			return err
		}
	} else {
		printReports(t, reports)
	}
	if differences > 0 {
		return exit(exitFault)
	}
	return nil
}

func printReports(t *tools, reports []fileReport) {
	cases, differ := 0, 0
	for _, r := range reports {
		for _, d := range r.Guard {
			fmt.Fprintf(t.out, "%s: %s\n", r.File, d)
		}
		for _, c := range r.Cases {
			verdict := "as written"
			if len(c.Differences) > 0 {
				differ++
				verdict = fmt.Sprintf("differs in %d", len(c.Differences))
			}
			cases++
			fmt.Fprintf(t.out, "%s: %s: %d steps, %s\n", r.File, c.Case, c.Steps, verdict)
			for _, d := range c.Differences {
				fmt.Fprintf(t.out, "  differs: %s\n", d)
			}
		}
	}
	fmt.Fprintf(t.out, "%d cases, %d differ\n", cases, differ)
}

// scratch brings up a throw-away server with one migrated database a worker, and says how to take it all away.
func scratch(t *tools, config Config, furnished house.Furnished, workers int) ([]*postgres.DB, func() error, error) {
	embedded := config.Embedded
	embedded.DataDir, embedded.Port, embedded.Log = "", 0, t.log
	server, err := pgembed.Start(t.ctx, embedded)
	if err != nil {
		return nil, nil, err
	}
	var stages []*postgres.DB
	clear := func() error {
		var errs []error
		for _, s := range stages {
			errs = append(errs, s.Close())
		}
		return errors.Join(append(errs, server.Stop())...)
	}
	for n := range workers {
		stage, err := scratchDatabase(t.ctx, server, furnished, fmt.Sprintf("scratch%d", n))
		if err != nil {
			return nil, nil, errors.Join(err, clear())
		}
		stages = append(stages, stage)
	}
	return stages, clear, nil
}

func scratchDatabase(ctx context.Context, server *pgembed.Server, furnished house.Furnished, name string) (*postgres.DB, error) {
	if err := postgres.CreateDatabase(ctx, server.URL("postgres"), name, ""); err != nil {
		return nil, err
	}
	application := as(server.URL(name), "scratch_app", "scratch")
	login, err := postgres.LoginOf(application, postgres.GroupApplication)
	if err != nil {
		return nil, err
	}
	if _, err := postgres.Migrate(ctx, server.URL(name), furnished.Migrations, []postgres.Login{login}); err != nil {
		return nil, err
	}
	return postgres.Open(postgres.Settings{
		URL: application, Application: "caldicott rehearse", Connections: 2, StatementTimeout: time.Minute,
	}, house.Scribe)
}

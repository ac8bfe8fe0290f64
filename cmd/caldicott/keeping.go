package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/courier"
	"github.com/caldicott/caldicott/internal/jobs"
	"github.com/caldicott/caldicott/internal/postgres"
)

// How often each job is done. What is told wakes the courier at once; the period is for what was missed.
const (
	keepEvery    = time.Second
	deliverEvery = 2 * time.Second
	digestEvery  = time.Minute
	scanEvery    = 5 * time.Second
	sweepEvery   = time.Hour
	officesEvery = time.Hour
	sampleEvery  = time.Hour
)

// keep does what is done again and again until the context ends, in turn with the other replicas. It has connections of its
// own: each job that runs holds one.
func keep(ctx context.Context, c Config, o outside, work *casework.Service, db *postgres.DB, notary *notaryOffice, log *slog.Logger) error {
	settings := postgres.Settings{
		URL: c.DatabaseURL, Application: "caldicott keeper", Connections: 9, StatementTimeout: c.StatementTimeout, Log: log,
	}
	turns, err := postgres.Open(settings, nil)
	if err != nil {
		return err
	}
	told, err := postgres.Listen(ctx, settings, postgres.Noticed)
	if err != nil {
		return errors.Join(err, turns.Close())
	}
	post := &courier.Courier{
		Queue: db, Hooks: o.hooks, Endpoints: o.endpoints, Link: c.link, Clock: time.Now, Log: log,
	}
	if o.mail != nil {
		post.Mail = *o.mail
	}
	list := []jobs.Job{
		{Name: "keep", Every: keepEvery, Run: func(ctx context.Context) error { _, err := work.Keep(ctx); return err }},
		{Name: "deliver", Every: deliverEvery, Run: post.Deliver, Wake: told},
		{Name: "digest", Every: digestEvery, Run: post.Digest},
		{Name: "offices", Every: officesEvery, Run: work.RemindOffices},
		{Name: "sample", Every: sampleEvery, Run: work.DrawSamples},
	}
	if o.vault != nil {
		list = append(list, jobs.Job{Name: "sweep", Every: sweepEvery, Run: work.SweepDocuments})
	}
	if o.scanner != nil {
		list = append(list, jobs.Job{Name: "scan", Every: scanEvery, Run: func(ctx context.Context) error { return work.ScanWaiting(ctx, o.scan) }})
	}
	list = append(list, notary.inTurn(work)...)
	free := jobs.Runner{Jobs: notary.always(work), Turns: &jobs.Free{}, Log: log}
	sealed := make(chan error, 1)
	go func() { sealed <- free.Run(ctx) }()
	err = jobs.Runner{Jobs: list, Turns: turns, Log: log}.Run(ctx)
	return errors.Join(err, <-sealed, turns.Close())
}

// link is where people find a request.
func (c Config) link(requestID string) string {
	base := c.PublicURL
	if base == "" {
		base = "http://" + c.Address
	}
	if requestID == "" {
		return base
	}
	return strings.TrimSuffix(base, "/") + "/api/v1/requests/" + requestID
}

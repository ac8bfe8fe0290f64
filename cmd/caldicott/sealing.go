package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/jobs"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/notify"
	"github.com/caldicott/caldicott/internal/postgres"
)

// How often the log is looked at. Sealing and signing are done by every replica that can, whenever it looks (jobs.Free).
const (
	sealEvery     = 120 * time.Millisecond
	signEvery     = 300 * time.Millisecond
	attestEvery   = time.Hour
	sweepLogEvery = 24 * time.Hour
	publishEvery  = 2 * time.Second
	anchorEvery   = 10 * time.Minute
)

// notaryOffice is what this replica can do for the log. It can always prove what is in it, with the reader's login; it seals
// where it has the sealer's, and signs where it has a key too.
type notaryOffice struct {
	reader *sqlx.DB
	proofs notary.Proofs
	sealer *notary.Sealer // nil without the login
	signer *notary.Signer // nil without a key
	db     *sqlx.DB       // the sealer's
	// publisher pushes to the witnesses, with the sealer's login, or only knows how far they are; nil where there are none.
	publisher *notary.Publisher
}

func openNotary(c Config, reader *sqlx.DB) (*notaryOffice, error) {
	o := &notaryOffice{reader: reader, proofs: notary.Proofs{Origin: c.LogOrigin, Shelf: notarydb.Shelf{DB: reader}}}
	seen, err := publisher(c, c.LogOrigin, reader)
	if err != nil {
		return nil, err
	}
	if o.publisher = seen; seen != nil {
		o.proofs.Public = seen.Public
	}
	if c.SealerURL == "" {
		if c.LogKeys != "" {
			return nil, errors.New("CALDICOTT_LOG_KEYS sign nothing without CALDICOTT_SEALER_URL")
		}
		return o, nil
	}
	keys, err := logKeys(c)
	if err != nil {
		return nil, err
	}
	o.db, err = postgres.OpenReader(postgres.Settings{
		URL: c.SealerURL, Application: "caldicott notary", Connections: 3, StatementTimeout: c.StatementTimeout,
	})
	if err != nil {
		return nil, err
	}
	o.sealer = &notary.Sealer{Book: notarydb.Book{DB: o.db}}
	if len(keys) > 0 {
		o.signer = &notary.Signer{
			Origin: c.LogOrigin, Keys: keys, Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: o.db}}, Memory: notary.File(c.LogMemory),
		}
	}
	if o.publisher, err = publisher(c, c.LogOrigin, o.db); err != nil {
		return nil, errors.Join(err, o.db.Close())
	}
	return o, nil
}

// logKeys reads the keys. A C2SP client expects the log's key under the log's name.
func logKeys(c Config) ([]notary.Key, error) {
	if c.LogKeys == "" {
		return nil, nil
	}
	keys, err := notary.ParseKeys(strings.NewReader(c.LogKeys))
	if err != nil {
		return nil, fmt.Errorf("CALDICOTT_LOG_KEYS: %w", err)
	}
	for _, k := range keys {
		if k.Name() != c.LogOrigin {
			return nil, errors.New("CALDICOTT_LOG_KEYS: every key must bear the name of CALDICOTT_LOG_ORIGIN")
		}
	}
	return keys, nil
}

func (o *notaryOffice) close() error {
	if o == nil || o.db == nil {
		return nil
	}
	return o.db.Close()
}

// attest puts the definition of the schemas on record: a trigger that somebody takes away is then in the log itself.
func (o *notaryOffice) attest(ctx context.Context, work *casework.Service) error {
	return notary.Attest(ctx, notarydb.Catalogue{DB: o.reader}, work.Attested)
}

// always are the jobs of every replica, which do not wait for a turn.
func (o *notaryOffice) always(work *casework.Service) []jobs.Job {
	var list []jobs.Job
	if o.sealer != nil {
		list = append(list, jobs.Job{Name: "seal", Every: sealEvery, Run: o.sealer.Seal})
	}
	if o.signer != nil {
		o.signer.Noted = noted(work)
		list = append(list, jobs.Job{Name: "sign", Every: signEvery, Run: o.signer.Sign})
	}
	return list
}

// inTurn are the jobs of one replica at a time. What leaves the house is pushed and anchored by those that have the sealer's
// login, as they store what comes back.
func (o *notaryOffice) inTurn(c Config, work *casework.Service, mail *notify.Mail) ([]jobs.Job, error) {
	list := []jobs.Job{{Name: "attest", Every: attestEvery, Run: func(ctx context.Context) error { return o.attest(ctx, work) }}}
	if o.sealer == nil {
		return list, nil
	}
	list = append(list, jobs.Job{Name: "sweep_log", Every: sweepLogEvery, Run: o.sealer.Sweep})
	if o.publisher != nil {
		list = append(list, jobs.Job{Name: "publish", Every: publishEvery, Run: o.publisher.Publish})
	}
	daily, err := anchoring(c, c.LogOrigin, o.db, mail)
	if daily != nil {
		list = append(list, jobs.Job{Name: "anchor", Every: anchorEvery, Run: daily.Run})
	}
	return list, err
}

// alarm is why this replica has stopped sealing or signing; "" while it has not.
func (o *notaryOffice) alarm() string {
	var said []string
	if o.sealer != nil {
		said = append(said, alarmOf(o.sealer.Stopped())...)
	}
	if o.signer != nil {
		said = append(said, alarmOf(o.signer.Stopped())...)
	}
	return strings.Join(said, "; ")
}

func alarmOf(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

// noted puts on record what is said of a key.
func noted(work *casework.Service) notary.Noted {
	return func(ctx context.Context, key string, span notary.Span) error {
		return work.KeyNoted(ctx, key, span.From, span.To)
	}
}

// introduce puts the keys of receipts on the list of keys, under the sealer's login: a replica without it leaves that to others.
func (o *notaryOffice) introduce(ctx context.Context, work *casework.Service, keys []notary.Key) error {
	if o.db == nil {
		return nil
	}
	return notary.Introduce(ctx, notarydb.Desk{Shelf: notarydb.Shelf{DB: o.db}}, noted(work), keys)
}

// witnessed says how far the witnesses are; nil where there are none.
func (o *notaryOffice) witnessed() func(context.Context) (notary.Publicity, error) {
	if o.publisher == nil {
		return nil
	}
	return o.publisher.State
}

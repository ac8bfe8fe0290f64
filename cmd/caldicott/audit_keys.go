package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/postgres"
)

// keygenCommand makes a key that signs the log or its receipts.
type keygenCommand struct {
	Name string `arg:"" help:"Name of the key. That of the log's key is CALDICOTT_LOG_ORIGIN; that of the receipts' is the same with /receipt."`
	Out  string `required:"" placeholder:"FILE" help:"File for the secret, made anew or added to; nobody else may read it."`
}

// Run adds the secret to its file, and prints the verifier key, which is for everybody.
func (c *keygenCommand) Run(t *tools) error {
	secret, verifier, err := notary.GenerateKey(c.Name)
	if err != nil {
		return err
	}
	return keepKey(t, c.Out, os.O_APPEND, secret, verifier)
}

// keepKey writes a secret where nobody else reads it, and prints the verifier key. how says what becomes of a file that is there.
func keepKey(t *tools, file string, how int, secret, verifier string) error {
	f, err := os.OpenFile(file, how|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, secret)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, verifier)
	return err
}

// retireCommand ends a key: what a rotation ends with.
type retireCommand struct {
	Key string `arg:"" help:"The verifier key, as keygen printed it: the log's, or one of receipts."`
}

// Run says in the log's list of keys, and on record, that the key signs no more. Take it out of the file of keys afterwards.
func (c *retireCommand) Run(t *tools) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	if config.SealerURL == "" || config.DatabaseURL == "" {
		return errors.New("audit retire-key needs CALDICOTT_SEALER_URL and CALDICOTT_DATABASE_URL")
	}
	db, err := postgres.OpenReader(postgres.Settings{
		URL: config.SealerURL, Application: "caldicott retire-key", Connections: 2, StatementTimeout: config.StatementTimeout,
	})
	if err != nil {
		return err
	}
	signer := notary.Signer{Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: db}}}
	err = atWork(t, config, func(work *casework.Service) error {
		signer.Noted = noted(work)
		return signer.Retire(t.ctx, c.Key)
	})
	return errors.Join(err, db.Close())
}

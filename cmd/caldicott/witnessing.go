package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/anchor"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/notify"
)

// publisher pushes what is signed to the witnesses, under the sealer's login; nil where there is no witness.
func publisher(c Config, origin string, sealer *sqlx.DB) (*notary.Publisher, error) {
	if c.Witnesses == "" {
		return nil, nil
	}
	witnesses, err := notary.ParseWitnesses(strings.NewReader(c.Witnesses))
	if err != nil {
		return nil, fmt.Errorf("settings: CALDICOTT_WITNESSES: %w", err)
	}
	if c.WitnessQuorum > len(witnesses) {
		return nil, fmt.Errorf("settings: CALDICOTT_WITNESS_QUORUM is more than %d witnesses can give", len(witnesses))
	}
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: sealer}}
	return &notary.Publisher{Origin: origin, Log: desk, Store: desk, Witnesses: witnesses, Quorum: c.WitnessQuorum, Clock: time.Now}, nil
}

// anchoring makes the anchors of each day's checkpoint, under the sealer's login; nil where none is wanted.
func anchoring(c Config, origin string, sealer *sqlx.DB, mail *notify.Mail) (*anchor.Daily, error) {
	anchors, err := anchors(c, mail)
	if err != nil || len(anchors) == 0 {
		return nil, err
	}
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: sealer}}
	proofs := notary.Proofs{Origin: origin, Shelf: desk}
	newest := func(ctx context.Context) (merkle.Tree, string, error) {
		tree, signed, err := proofs.Checkpoint(ctx)
		if errors.Is(err, notary.ErrUnsigned) { // a new house has nothing yet
			return merkle.Tree{}, "", nil
		}
		return tree, signed, err
	}
	return &anchor.Daily{Newest: newest, Store: desk, Anchors: anchors, Clock: time.Now}, nil
}

// anchors are those that the settings name.
func anchors(c Config, mail *notify.Mail) (list []anchor.Anchor, err error) {
	if c.TSAURL != "" {
		authority := anchor.Authority{URL: c.TSAURL}
		if authority.Roots, err = roots(c.TSACA); err != nil {
			return nil, fmt.Errorf("settings: CALDICOTT_TSA_CA: %w", err)
		}
		list = append(list, authority)
	}
	if c.AnchorDir != "" {
		list = append(list, anchor.Folder(c.AnchorDir))
	}
	if c.AnchorMail == "" {
		return list, nil
	}
	if mail == nil {
		return nil, errors.New("settings: CALDICOTT_ANCHOR_MAIL needs CALDICOTT_MAIL_URL")
	}
	return append(list, anchor.Mail(func(ctx context.Context, day time.Time, size int64, note string) error {
		return mail.SendCheckpoint(ctx, c.AnchorMail, day, size, note)
	})), nil
}

// roots reads certificates; nil where no file is named.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in it")
	}
	return pool, nil
}

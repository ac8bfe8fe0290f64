package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/clamd"
	"github.com/caldicott/caldicott/internal/notify"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/vault"
)

// most is the largest document that a scanner is given, in bytes.
const most = 32 << 20

// outside is what the service reaches besides its database, as the settings have it.
type outside struct {
	endpoints []notify.Endpoint
	mail      *notify.Mail
	hooks     notify.Webhook
	vault     *vault.Vault
	scanner   *clamd.Scanner
}

// reach reads the settings of everything outside. An error names the setting, never what it holds.
func reach(c Config, db *postgres.DB) (outside, error) {
	var o outside
	var err error
	if c.Webhooks != "" {
		if o.endpoints, err = notify.ParseEndpoints(strings.NewReader(c.Webhooks)); err != nil {
			return o, fmt.Errorf("settings: CALDICOTT_WEBHOOKS: %w", err)
		}
	}
	for _, network := range c.WebhookNetworks {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return o, errors.New("settings: CALDICOTT_WEBHOOK_NETWORKS holds what is no network")
		}
		o.hooks.AllowPrivate = append(o.hooks.AllowPrivate, prefix)
	}
	if c.MailURL != "" {
		mail, err := notify.ParseMailURL(c.MailURL)
		if err != nil {
			return o, fmt.Errorf("settings: CALDICOTT_MAIL_URL: %w", err)
		}
		mail.From = c.MailFrom
		o.mail = &mail
	}
	if c.Scanner != "" {
		scanner, err := clamd.Parse(c.Scanner)
		if err != nil {
			return o, fmt.Errorf("settings: CALDICOTT_CLAMD: %w", err)
		}
		scanner.MaxSize = most
		o.scanner = &scanner
	}
	o.vault, err = documents(c, db)
	return o, err
}

// documents is where the bytes of documents are kept; nil where there is no key to seal them with.
func documents(c Config, db *postgres.DB) (*vault.Vault, error) {
	if c.DocumentKeys == "" {
		return nil, nil
	}
	keys, err := vault.ParseKeys(strings.NewReader(c.DocumentKeys))
	if err != nil {
		return nil, fmt.Errorf("settings: CALDICOTT_DOCUMENT_KEYS: %w", err)
	}
	blobs := postgres.Blobs{DB: db, Absent: vault.ErrAbsent}
	if c.S3Endpoint != "" {
		blobs.Elsewhere, err = vault.OpenS3(vault.S3Config{
			Endpoint: c.S3Endpoint, Bucket: c.S3Bucket, Region: c.S3Region, AccessKey: c.S3AccessKey, SecretKey: c.S3SecretKey, Insecure: c.S3Insecure,
		})
	}
	return &vault.Vault{Store: blobs, Keys: keys}, err
}

// furnish gives casework what it needs of the outside.
func (o outside) furnish(work *casework.Service) {
	work.Endpoints = map[string][]string{}
	for _, e := range o.endpoints {
		work.Endpoints[e.Organisation] = append(work.Endpoints[e.Organisation], e.Name)
	}
	if o.vault != nil {
		work.Vault, work.Files = *o.vault, vault.Files{}
	}
	work.Scans = o.scanner != nil
}

// scan asks the scanner about a document.
func (o outside) scan(ctx context.Context, content []byte) (clean bool, err error) {
	verdict, err := o.scanner.Scan(ctx, bytes.NewReader(content))
	return verdict.Clean, err
}

// documentsCommand is about the keys of documents.
type documentsCommand struct {
	Key keyCommand `cmd:"" help:"Print a new key line for CALDICOTT_DOCUMENT_KEYS_FILE."`
}

// keyCommand makes a key.
type keyCommand struct {
	Name string `arg:"" help:"What the key is called: it stands beside every document that it seals."`
}

// Run prints the line, which belongs in a file that nobody else reads.
func (c *keyCommand) Run(t *tools) error {
	line, err := vault.GenerateKey(c.Name, nil)
	if err != nil {
		return err
	}
	_, err = io.WriteString(t.out, line+"\n")
	return err
}

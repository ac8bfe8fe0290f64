package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caldicott/caldicott/internal/pgembed"
	"github.com/caldicott/caldicott/internal/postgres"
)

// The demonstration's database and its four logins.
const (
	demoDatabase = "caldicott"
	demoOwner    = "caldicott_owner"
	demoApp      = "caldicott_service"
	demoReader   = "caldicott_audit"
	demoSealer   = "caldicott_notary"
	demoLogins   = 4
)

// runningFile is where a demonstration writes how its database is reached (0600), for other commands in the same folder.
const runningFile = "demonstration.env"

// dataDirectory is where the demonstration keeps its data.
func dataDirectory(c Config) string {
	if c.Embedded.DataDir != "" {
		return c.Embedded.DataDir
	}
	return "data"
}

// bringUp starts the embedded server on the kept data, with owner, application, reader and sealer as four roles, and gives the
// settings that reach it.
func bringUp(ctx context.Context, t *tools, c Config) (*pgembed.Server, Config, error) {
	embedded := c.Embedded
	embedded.DataDir, embedded.Log = dataDirectory(c), t.log
	server, err := pgembed.Start(ctx, embedded)
	if errors.Is(err, pgembed.ErrUnreachable) && c.Embedded.DataDir == "" {
		// As root in a closed home the server's account cannot come here: the data goes where it can.
		embedded.DataDir, err = openPlace(err)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(embedded.DataDir), 0o755)
		}
		if err == nil {
			server, err = pgembed.Start(ctx, embedded)
		}
	}
	if err != nil {
		return nil, c, err
	}
	c.Embedded.DataDir = embedded.DataDir
	if c, err = logins(ctx, server, c); err != nil {
		return nil, c, errors.Join(err, server.Stop())
	}
	return server, c, nil
}

// openPlace names a folder of root's own that every account may pass through, one for each checkout.
func openPlace(why error) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", errors.Join(why, err)
	}
	sum := sha256.Sum256([]byte(here))
	return filepath.Join("/var/lib/caldicott", hex.EncodeToString(sum[:6])), nil
}

// logins makes the four roles, with passwords that outlive a restart, and the database.
func logins(ctx context.Context, server *pgembed.Server, c Config) (Config, error) {
	passwords, err := demoPasswords(filepath.Join(c.Embedded.DataDir, "logins"))
	if err != nil {
		return c, err
	}
	if err := postgres.CreateOwner(ctx, server.URL("postgres"), demoOwner, passwords[0]); err != nil {
		return c, err
	}
	if err := postgres.CreateDatabase(ctx, server.URL("postgres"), demoDatabase, demoOwner); err != nil {
		return c, err
	}
	at := server.URL(demoDatabase)
	c.OwnerURL, c.DatabaseURL = as(at, demoOwner, passwords[0]), as(at, demoApp, passwords[1])
	c.ReaderURL, c.SealerURL = as(at, demoReader, passwords[2]), as(at, demoSealer, passwords[3])
	running := fmt.Sprintf("CALDICOTT_DATABASE_URL=%s\nCALDICOTT_READER_URL=%s\nCALDICOTT_SUPERUSER_URL=%s\n", c.DatabaseURL, c.ReaderURL, at)
	return c, os.WriteFile(filepath.Join(c.Embedded.DataDir, runningFile), []byte(running), 0o600)
}

// demoPasswords reads the four passwords, and makes those that are not there yet.
func demoPasswords(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	words := strings.Fields(string(b))
	switch {
	case len(words) == demoLogins:
		return words, nil
	case len(words) > demoLogins:
		return nil, fmt.Errorf("%s holds more than %d passwords", path, demoLogins)
	}
	for len(words) < demoLogins {
		words = append(words, rand.Text())
	}
	return words, os.WriteFile(path, []byte(strings.Join(words, "\n")+"\n"), 0o600)
}

// orEmbedded takes the settings of a demonstration that runs here, where no database is configured.
func orEmbedded(_ *tools, c Config) (Config, error) {
	if c.DatabaseURL != "" || c.ReaderURL != "" {
		return c, nil
	}
	places := []string{dataDirectory(c)}
	if other, err := openPlace(nil); err == nil && c.Embedded.DataDir == "" && os.Geteuid() == 0 {
		places = append(places, other)
	}
	for _, place := range places {
		b, err := os.ReadFile(filepath.Join(place, runningFile))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, err
		}
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch name {
			case "CALDICOTT_DATABASE_URL":
				c.DatabaseURL = value
			case "CALDICOTT_READER_URL":
				c.ReaderURL = value
			}
		}
		return c, nil
	}
	return c, nil
}

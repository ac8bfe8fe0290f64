package housetest

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

// LogOrigin is the name of the logs of tests, and of their keys.
const LogOrigin = "trust.example/caldicott"

// Office seals and signs a log whenever a test says so, under the sealer's login.
type Office struct {
	Sealer notary.Sealer
	Signer notary.Signer
	Key    notary.Key
}

// NewOffice opens an office in a database, with a key of its own.
func NewOffice(t testing.TB, d pgtest.Database) *Office {
	t.Helper()
	return OfficeOf(t, d, LogKey(t, LogOrigin))
}

// OfficeOf opens an office that signs with that key.
func OfficeOf(t testing.TB, d pgtest.Database, key notary.Key) *Office {
	t.Helper()
	db, err := postgres.OpenReader(postgres.Settings{URL: SealerURL(d), Application: "notary", Connections: 2, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &Office{
		Sealer: notary.Sealer{Book: notarydb.Book{DB: db}},
		Signer: notary.Signer{
			Origin: LogOrigin, Keys: []notary.Key{key}, Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: db}},
			Memory: notary.File(filepath.Join(t.TempDir(), "signed")),
		},
		Key: key,
	}
}

// Seal seals and signs whatever waits.
func (o *Office) Seal(t testing.TB) {
	t.Helper()
	if err := errors.Join(o.Sealer.Seal(t.Context()), o.Signer.Sign(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// LogKey makes a key of that name.
func LogKey(t testing.TB, name string) notary.Key {
	t.Helper()
	secret, _, err := notary.GenerateKey(name)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

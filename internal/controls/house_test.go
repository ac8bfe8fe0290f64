package controls_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/controls"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func reader(t testing.TB, h *housetest.House) *sqlx.DB {
	t.Helper()
	db, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(h.Database), Application: "controls", Connections: 2, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestEmptyHouse(t *testing.T) {
	h := housetest.New(t)
	h.Enrol(t)
	b := controls.Book{DB: reader(t, h), Patience: time.Minute}
	list, err := controls.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		asked := caldicott.ControlAsked{Organisation: "0199a002-7c11-7b2f-8d90-1e2f3a4b5c6d", From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
		r, err := b.Control(t.Context(), c.N, asked)
		if err != nil {
			t.Error(err)
			continue
		}
		j, _ := json.Marshal(r)
		t.Log(string(j))
		if _, err := b.ControlRows(t.Context(), c.N, asked, caldicott.ControlPage{Limit: 10}); err != nil {
			t.Error(err)
		}
	}
}

// Package house furnishes the house: rules, tables, policy and calendar, read once from what was built in.
package house

import (
	"fmt"
	"io/fs"

	"github.com/google/uuid"

	assets "github.com/caldicott/caldicott"
	"github.com/caldicott/caldicott/internal/access"
	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/calendar"
	"github.com/caldicott/caldicott/internal/evidence"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/textfold"
)

// Furnished is everything that does not change while the service runs.
type Furnished struct {
	House      *caldicott.House
	Policy     *access.Policy
	Evidence   evidence.Profiles
	Migrations fs.FS
	Contract   []byte
}

// Furnish reads the policy folder and checks that this machine knows Europe/London. Closures are local days off.
func Furnish(closures []string) (Furnished, error) {
	if _, err := caldicott.StartOfDay("2026-01-01"); err != nil {
		return Furnished{}, err
	}
	days, err := calendar.New(closures)
	if err != nil {
		return Furnished{}, err
	}
	folder, err := fs.Sub(assets.FS, "policy")
	if err != nil {
		return Furnished{}, fmt.Errorf("policy: %w", err)
	}
	policy, err := access.Load(folder)
	if err != nil {
		return Furnished{}, err
	}
	h, err := tables(folder)
	if err != nil {
		return Furnished{}, err
	}
	profiles, err := profilesOf(folder)
	if err != nil {
		return Furnished{}, err
	}
	h.Calendar = days
	h.Rules = caldicott.Rulebook{Guard: caldicott.Guard{Fold: textfold.NFKC}, Index: vocabulary.NewIndex()}
	migrations, err := fs.Sub(assets.FS, "migrations")
	if err != nil {
		return Furnished{}, fmt.Errorf("migrations: %w", err)
	}
	contract, err := assets.FS.ReadFile("openapi.yaml")
	if err != nil {
		return Furnished{}, fmt.Errorf("contract: %w", err)
	}
	return Furnished{House: h, Policy: policy, Evidence: profiles, Migrations: migrations, Contract: contract}, nil
}

func tables(folder fs.FS) (*caldicott.House, error) {
	consultees, err := folder.Open("consultees.csv")
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	defer consultees.Close() //nolint:errcheck // read only
	targets, err := folder.Open("targets.csv")
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	defer targets.Close() //nolint:errcheck // read only
	clocks, err := folder.Open("clocks.csv")
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	defer clocks.Close() //nolint:errcheck // read only
	retention, err := folder.Open("retention.csv")
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	defer retention.Close() //nolint:errcheck // read only
	h := &caldicott.House{}
	if h.Consultees, err = caldicott.ParseConsultees(consultees); err != nil {
		return nil, err
	}
	if h.Targets, err = caldicott.ParseTargets(targets); err != nil {
		return nil, err
	}
	if h.Clocks, err = caldicott.ParseClocks(clocks); err != nil {
		return nil, err
	}
	if h.Retention, err = caldicott.ParseSchedule(retention); err != nil {
		return nil, err
	}
	return h, nil
}

// profilesOf reads what an evidence pack shows to whom.
func profilesOf(folder fs.FS) (evidence.Profiles, error) {
	lines, err := folder.Open("evidence.csv")
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	defer lines.Close() //nolint:errcheck // read only
	return evidence.ParseProfiles(lines)
}

// NewID gives a fresh UUIDv7.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Scribe writes the house's events in the trail's form.
func Scribe(e caldicott.Event, seq int, prev [32]byte) (postgres.Entry, error) {
	w, err := audit.Write(e, seq, prev)
	return postgres.Entry{Canon: w.Canon, Salt: w.Salt, Body: w.Body, Leaf: w.Leaf}, err
}

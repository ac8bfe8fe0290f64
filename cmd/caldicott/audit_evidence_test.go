package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/postgres"
)

// sealing seals and signs the log in the background, as a service does; what ends it says whether it could.
func sealing(t *testing.T, environ []string) (stop func() error) {
	t.Helper()
	config, err := load(environ)
	if err != nil {
		t.Fatal(err)
	}
	office, err := openNotary(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			if err = office.sealer.Seal(t.Context()); err == nil {
				err = office.signer.Sign(t.Context())
			}
		}
		ended <- errors.Join(err, office.close())
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

func TestAnOperatorWritesEvidenceInTheNameOfSomebodyWhoMay(t *testing.T) {
	t.Parallel()
	h := housetest.New(t)
	h.Clock.Put(time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond))
	h.Enrol(t)
	by, err := h.DB.ActorByUserID(t.Context(), "u-req-research")
	if err != nil {
		t.Fatal(err)
	}
	result, err := h.Service.Begin(t.Context(), casework.Call{By: by}, caldicott.Drafting{Content: caldicott.Content{Title: "Kidney cohort", Kind: vocabulary.KindResearch, PurposeCategory: vocabulary.PurposeResearch, Urgency: vocabulary.UrgencyRoutine}})
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := notary.GenerateKey("trust.example/caldicott")
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{
		"CALDICOTT_DATABASE_URL=" + housetest.AppURL(h.Database), "CALDICOTT_READER_URL=" + housetest.ReaderURL(h.Database),
		"CALDICOTT_SEALER_URL=" + housetest.SealerURL(h.Database), "CALDICOTT_LOG_ORIGIN=trust.example/caldicott", "CALDICOTT_LOG_KEYS=" + secret,
		"CALDICOTT_LOG_MEMORY=" + filepath.Join(t.TempDir(), "signed"),
	}
	stop := sealing(t, environ)
	folder := filepath.Join(t.TempDir(), "pack")
	ask := func(what ...string) said {
		return do(t, environ, append([]string{"audit", "evidence", "--purpose", "EXTERNAL_AUDIT", "--to", folder}, what...)...)
	}
	request := result.Case.Request.ID
	for name, what := range map[string][]string{
		"POLICY":      {"--request", request, "--profile", "ICO", "--by", "u-req-research"},
		"u-nobody":    {"--request", request, "--profile", "ICO", "--by", "u-nobody"},
		"profile":     {"--request", request, "--profile", "MOON", "--by", "u-auditor"},
		"log_purpose": {"--request", request, "--profile", "ICO", "--by", "u-auditor", "--purpose", "CURIOSITY"},
		"from":        {"--profile", "ICO", "--by", "u-auditor"},
	} {
		if s := ask(what...); s.code == 0 || !strings.Contains(s.err, name) {
			t.Errorf("%s: exit %d, said %q", name, s.code, s.err)
		}
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refusal wrote something: %v", err)
	}
	s := ask("--request", request, "--profile", "ICO", "--by", "u-auditor")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if s.code != 0 {
		t.Fatalf("exit %d, said %q", s.code, s.err)
	}
	if s := ask("--request", request, "--profile", "ICO", "--by", "u-auditor"); s.code == 0 || !strings.Contains(s.err, "exists") {
		t.Errorf("a second pack in the same place: exit %d, said %q", s.code, s.err)
	}
	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	if err != nil || !strings.Contains(string(page), "Kidney cohort") || !strings.Contains(string(page), "✓ proved") || strings.Contains(string(page), "not sealed yet</td>") {
		t.Errorf("%v: the page is %d bytes", err, len(page))
	}
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(h.Database), Application: "look", Connections: 1, StatementTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var facts []string
	if err := reader.Select(&facts, `SELECT CAST(convert_from(canon, 'UTF8') AS jsonb) ->> 'facts' FROM audit.entries WHERE action = 'exported' ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	if len(facts) < 2 || !strings.Contains(facts[0], `"through": "command"`) || !strings.Contains(facts[1], `"stage": "sent"`) {
		t.Errorf("on record are %q", facts)
	}
}

package housetest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/witness"
)

// Witness is one that somebody else runs. Folder is what it keeps.
type Witness struct {
	notary.Witness
	Folder string
	Server *httptest.Server
}

// NewWitness has a witness serve the log whose verifier key is given. In front of it may stand something; nil for nothing.
func NewWitness(t testing.TB, name, logKey string, front func(http.Handler) http.Handler) Witness {
	t.Helper()
	secret, verifier, err := witness.GenerateKey(name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := witness.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := witness.ParseLogs(strings.NewReader("log " + logKey))
	if err != nil {
		t.Fatal(err)
	}
	w := Witness{Folder: t.TempDir()}
	folder, err := witness.OpenFolder(w.Folder)
	if err != nil {
		t.Fatal(err)
	}
	handler := witness.Handler(&witness.Witness{Key: key, Logs: logs, Store: folder, Clock: time.Now}, slog.New(slog.DiscardHandler))
	if front != nil {
		handler = front(handler)
	}
	w.Server = httptest.NewServer(handler)
	t.Cleanup(func() {
		w.Server.Close()
		_ = folder.Close()
	})
	list, err := notary.ParseWitnesses(strings.NewReader(fmt.Sprintf(`[{"name": %q, "url": %q, "vkey": %q}]`, name, w.Server.URL, verifier)))
	if err != nil {
		t.Fatal(err)
	}
	w.Witness = list[0]
	return w
}

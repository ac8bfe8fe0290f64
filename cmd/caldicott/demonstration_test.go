package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// watched is an output that says when some words have come.
type watched struct {
	mu    sync.Mutex
	all   bytes.Buffer
	words string
	came  chan struct{}
}

func watch(words string) *watched { return &watched{words: words, came: make(chan struct{})} }

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.all.String(), w.words)
	n, err := w.all.Write(p)
	if !before && strings.Contains(w.all.String(), w.words) {
		close(w.came)
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// freeAddress is one that nobody listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// openFolder is a folder that the database's own account may pass through, where the tests run as root.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "caldicott-demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// demo runs the demonstration until it is told to stop.
func demo(t *testing.T, environ []string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, errs := watch("Ctrl-C"), watch("never")
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--demonstration", "../../deploy/demonstration.json"}, environ, out, errs)
	}()
	select {
	case <-out.came:
	case code := <-ended:
		cancel()
		t.Fatalf("ended with %d: %s", code, errs)
	case <-time.After(time.Minute):
		cancel()
		t.Fatalf("did not come up: %s", errs)
	}
	return func() {
		t.Helper()
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("stopped with %d: %s", code, errs)
		}
	}
}

func get(t *testing.T, address, path, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestTheDemonstrationComesUpKeepsItsDataAndStopsInGoodOrder(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	data := openFolder(t)
	environ := append(os.Environ(), "CALDICOTT_ADDRESS="+address, "CALDICOTT_DEMONSTRATION_ISSUER="+freeAddress(t), "CALDICOTT_PG_DATA="+data)
	stop := demo(t, environ)
	token := do(t, environ, "token", "u-guardian")
	if token.code != 0 {
		t.Fatalf("token: exit %d, said %q", token.code, token.err)
	}
	if status, body := get(t, address, "/me", strings.TrimSpace(token.out)); status != http.StatusOK || !strings.Contains(body, "CALDICOTT_GUARDIAN") {
		t.Errorf("the guardian is answered %d %s", status, body)
	}
	if status, _ := get(t, address, "/me", "nonsense"); status != http.StatusUnauthorized {
		t.Errorf("a stranger's nonsense is answered %d", status)
	}
	if _, keys := get(t, address, "/audit/keys", strings.TrimSpace(token.out)); strings.Count(keys, `"role":"receipt"`) != 1 {
		t.Errorf("the key of receipts is not on the list: %s", keys)
	}
	if s := do(t, environ, "token", "u-nobody"); s.code == 0 {
		t.Error("a token was made for nobody")
	}
	deeds := verifiedDeeds(t, environ, filepath.Join(data, "keys"))
	stop()
	stop = demo(t, environ)
	defer stop()
	if status, _ := get(t, address, "/me", strings.TrimSpace(token.out)); status != http.StatusOK {
		t.Errorf("after a restart the token is answered %d", status)
	}
	if again := verifiedDeeds(t, environ, filepath.Join(data, "keys")); again != deeds {
		t.Errorf("%d deeds were done before the restart, and %d after it: somebody was enrolled twice", deeds, again)
	}
}

// verifiedDeeds verifies the trail by the keys that the demonstration gives away, and says how many deeds it has: entries in
// chains. Others come by themselves. Until the first checkpoint is signed it cannot be told.
func verifiedDeeds(t *testing.T, environ []string, keys string) int {
	t.Helper()
	s := do(t, environ, "audit", "verify", "--keys", keys)
	for s.code == exitUnknown && t.Context().Err() == nil { // not signed yet, or sealed late after a slow restart
		s = do(t, environ, "audit", "verify", "--keys", keys)
	}
	var entries, deeds int
	summary := s.out[max(0, strings.Index(s.out, "The trail")):] // behind the notes
	if _, err := fmt.Sscanf(summary, "The trail holds: %d entries read, %d in", &entries, &deeds); err != nil || s.code != 0 {
		t.Fatalf("verify: exit %d, said %q %q", s.code, s.out, s.err)
	}
	return deeds
}

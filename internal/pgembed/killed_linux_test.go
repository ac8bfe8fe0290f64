package pgembed

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// helperSetting makes this test binary a service that keeps its data in the
// directory given, prints its URL and goes on until it is killed.
const helperSetting = "PGEMBED_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperSetting); dir != "" {
		s, err := Start(context.Background(), keeping(dir))
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(s.URL("postgres"))
		<-s.Done()
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestAKilledServiceTakesItsServerAlongAndLosesNoRows(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	service, url := serve(t, dir)
	db := connect(t, url)
	do(t, db, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 1000) n")
	session, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	ended := make(chan error, 1)
	go func() { // what only the server's end can end
		_, err := session.ExecContext(context.WithoutCancel(t.Context()), "SELECT pg_sleep(600)")
		ended <- err
	}()
	killed := time.Now()
	if err := service.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Logf("the session ended %s after the kill: %v", time.Since(killed).Round(time.Millisecond), err)
	case <-time.After(10 * time.Second):
		t.Fatal("the server outlives its service")
	}
	if err := service.Wait(); err == nil {
		t.Error("the service ended well, though it was killed")
	}
	again := begin(t, keeping(dir)) // at once: it waits for the predecessor
	t.Logf("a new server answered %s after the kill", time.Since(killed).Round(time.Millisecond))
	if got := ask(t, connect(t, again.URL("postgres")), "SELECT count(*) FROM kept"); got != "1000" {
		t.Errorf("%s of 1000 rows are left", got)
	}
	stop(t, again)
}

// serve runs a service in a process of its own and answers its server's URL.
func serve(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	service := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this very program
	service.Env = append(os.Environ(), helperSetting+"="+dir)
	out, err := service.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(said, "postgres://") {
		t.Fatalf("the service said %q, %v", said, err)
	}
	return service, strings.TrimSpace(said)
}

// listener is a log that tells when it has heard a word.
type listener struct {
	word  string
	heard chan struct{}
	once  sync.Once
}

func (l *listener) Write(line []byte) (int, error) {
	if strings.Contains(string(line), l.word) {
		l.once.Do(func() { close(l.heard) })
	}
	return len(line), nil
}

func TestAStartWaitsForAPredecessorThatIsStillClosing(t *testing.T) {
	t.Parallel()
	c := keeping(filepath.Join(openDir(t), "data"))
	first := begin(t, c)
	// As if its service had died: the lock is free, the server still there.
	if err := first.cluster.close(); err != nil {
		t.Fatal(err)
	}
	l := &listener{word: "postmaster.pid", heard: make(chan struct{})}
	c.Log = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		<-l.heard
		first.process.halt(syscall.SIGINT)
	}()
	stop(t, begin(t, c))
}

//go:build unix

package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lib/pq"
)

// unset reads the environment as if it named no server.
func unset(name string) string {
	if name == setting {
		return ""
	}
	return os.Getenv(name)
}

// given reads an environment that names a server; no command here uses it.
func given(string) string { return "postgres://postgres@127.0.0.1:1/postgres" }

func TestTheCommandsExitCodeIsOurs(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--", "true"}, 0},
		{[]string{"sh", "-c", "exit 7"}, 7},
		{[]string{"sh", "-c", "kill -KILL $$"}, 128 + 9},
		{[]string{"--", "/no/such/command"}, notFound},
		{[]string{"--"}, misused},
		{nil, misused},
	} {
		var said bytes.Buffer
		if got := run(c.args, given, io.Discard, &said); got != c.want {
			t.Errorf("%q ends with %d, not %d: %s", c.args, got, c.want, &said)
		}
	}
}

func TestTheCommandHasAServerThatGoesWithIt(t *testing.T) {
	var out, said bytes.Buffer
	if code := run([]string{"--", "sh", "-c", "echo $" + setting + "; exit 3"}, unset, &out, &said); code != 3 {
		t.Fatalf("ended with %d: %s", code, &said)
	}
	connector, err := pq.NewConnector(strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatalf("the command was given %q: %v", &out, err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if db.PingContext(t.Context()) == nil {
		t.Error("the server outlives the command")
	}
}

func TestASignalReachesEverythingTheCommandHasStarted(t *testing.T) {
	out, in := io.Pipe()
	ended := make(chan int, 1)
	// The inner shell stands for a test binary beneath go test.
	go func() {
		ended <- run([]string{"sh", "-c", "sh -c 'trap \"echo told; exit\" TERM; echo ready; while :; do sleep 0.1; done' & wait; wait"}, given, in, io.Discard)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it said %q, %v", lines.Text(), lines.Err())
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "told" {
		t.Errorf("the inner shell said %q, %v", lines.Text(), lines.Err())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if code := <-ended; code != 128+15 {
		t.Errorf("ended with %d", code)
	}
}

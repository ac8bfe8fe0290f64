//go:build unix

// Command run gives one throwaway PostgreSQL server to a whole run of tests:
//
//	go run ./internal/pgtest/run -- go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/caldicott/caldicott/internal/pgembed"
)

// setting is the one that pgtest reads.
const setting = "TEST_DATABASE_URL"

// Exit codes of our own, as a shell gives them.
const (
	misused   = 2
	failed    = 125
	notFound  = 127
	bySignals = 128
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// run runs the command with a server, and answers the command's exit code.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(stderr, "usage: run -- command [argument ...]")
		return misused
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // running what it is told is its purpose; signals end it
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if getenv(setting) == "" {
		server, err := startServer(getenv, signals)
		if err != nil {
			fmt.Fprintln(stderr, "no server for the tests:", err)
			return failed
		}
		defer func() {
			if err := server.Stop(); err != nil {
				fmt.Fprintln(stderr, "stop the server of the tests:", err)
			}
		}()
		cmd.Env = append(os.Environ(), setting+"="+server.URL("postgres"))
	}
	return wait(cmd, signals, stderr)
}

// startServer starts the server, giving up at the first signal.
func startServer(getenv func(string) string, signals <-chan os.Signal) (*pgembed.Server, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	started, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case sig := <-signals:
			cancel(fmt.Errorf("ended by %s", sig))
		case <-started:
		}
	}()
	c := pgembed.FromEnv(getenv)
	c.DataDir = ""
	server, err := pgembed.Start(ctx, c)
	close(started)
	<-watched // or a signal of this very moment would be lost
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), server.Stop())
	}
	return server, err
}

// wait runs the command in a process group of its own, so that a signal
// reaches it, and what it has started, once: through us.
func wait(cmd *exec.Cmd, signals <-chan os.Signal, stderr io.Writer) int {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, err)
		return notFound
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			if number, ok := sig.(syscall.Signal); ok {
				// It fails only when the group has ended, which done will say.
				_ = syscall.Kill(-cmd.Process.Pid, number)
			}
		case err := <-done:
			return exitCode(err, stderr)
		}
	}
}

// exitCode is the command's own, or 128 and the signal that ended it.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		fmt.Fprintln(stderr, err)
		return failed
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return bySignals + int(status.Signal())
	}
	return exit.ExitCode()
}

package pgembed

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one run of the server.
type process struct {
	cmd  *exec.Cmd
	said *journal
	done chan struct{} // closed when it has ended, after err is set
	err  error
}

// startProcess starts the server and answers while it is still waking up.
func startProcess(cmd *exec.Cmd, log *slog.Logger) (*process, error) {
	p := &process{cmd: cmd, said: newJournal(log), done: make(chan struct{})}
	cmd.Stderr = p.said
	cmd.WaitDelay = 5 * time.Second // for a backend that outlives its server and holds the log
	started := make(chan error, 1)
	go onOwnThread(func() {
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("start the server: %w", err)
			return
		}
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	})
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// await waits until the server says that it is ready.
func (p *process) await(ctx context.Context) error {
	select {
	case <-p.said.ready:
		return nil
	case <-p.done:
		return fmt.Errorf("the server would not start: %s", p.said)
	case <-ctx.Done():
		p.halt(syscall.SIGQUIT)
		return fmt.Errorf("wait for the server to be ready: %w: %s", ctx.Err(), p.said)
	}
}

// halt ends the server: with SIGINT its sessions are ended and the data put
// in order, with SIGQUIT it drops everything. It insists where it must, and
// answers whether the data was put in order.
func (p *process) halt(first syscall.Signal) bool {
	const patience = 30 * time.Second
	for _, sig := range []syscall.Signal{first, syscall.SIGQUIT, syscall.SIGKILL} {
		if err := p.cmd.Process.Signal(sig); err != nil {
			break // it has ended already
		}
		select {
		case <-p.done:
			return sig == first && p.err == nil
		case <-time.After(patience):
		}
	}
	<-p.done
	return false
}

// readyLine is what every version says, in the C locale, when it may be used.
const readyLine = "database system is ready to accept connections"

// journal hears what the server says. A pipe rather than a file, so that
// readiness is heard and not polled for, and no log grows unseen.
type journal struct {
	log   *slog.Logger
	ready chan struct{}

	mu    sync.Mutex
	open  bool   // not ready yet
	rest  string // of a line not ended yet
	lines []string
}

func newJournal(log *slog.Logger) *journal {
	return &journal{log: log, ready: make(chan struct{}), open: true}
}

// Write takes what the server says. It never fails, or the server would stall.
func (j *journal) Write(text []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := strings.Split(j.rest+string(text), "\n")
	j.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		j.hear(line)
	}
	return len(text), nil
}

func (j *journal) hear(line string) {
	const kept = 12
	j.log.Debug("postgres", "said", line)
	j.lines = append(j.lines, line)
	if len(j.lines) > kept {
		j.lines = j.lines[1:]
	}
	if j.open && strings.Contains(line, readyLine) {
		j.open = false
		close(j.ready)
	}
}

// String is the last that the server said.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(append(j.lines[:len(j.lines):len(j.lines)], j.rest), "\n")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// replica is one of the service's processes, over all its lives.
type replica struct {
	number   int
	town     *town
	key      string // that documents are sealed with
	findings *findings

	mu      sync.Mutex
	process *process // nil before the first life
}

// process is one life.
type process struct {
	cmd     *exec.Cmd
	address string
	ready   bool          // it has answered
	killed  bool          // by us
	asked   bool          // by us, to end in good order
	ended   chan struct{} // closed at its end, after err is set
	err     error
}

// How long a replica may take to answer, and to end in good order.
const (
	startWithin = 30 * time.Second
	stopWithin  = 30 * time.Second
)

// errTaken says that somebody else had the port by the time the replica asked for it.
var errTaken = errors.New("the port was taken")

// start begins a life, and returns when the replica answers or was killed before it could.
func (r *replica) start(ctx context.Context) error {
	for {
		p, err := r.launch(ctx)
		if err != nil {
			return err
		}
		err = r.await(ctx, p)
		if !errors.Is(err, errTaken) {
			return err
		}
	}
}

// launch starts the process on a free port. A thread of its own starts it and waits for it: the kernel would end it with
// the thread.
func (r *replica) launch(ctx context.Context) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), r.town.binary, "serve") //nolint:gosec // built by us
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = r.environment(address), log, log, attributes()
	p := &process{cmd: cmd, address: address, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close() //nolint:errcheck // the replica writes it, not we
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			r.watch(p)
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("replica %d: %w", r.number, err)
	}
	r.mu.Lock()
	r.process = p
	r.mu.Unlock()
	return p, nil
}

func (r *replica) logFile() string {
	return filepath.Join(r.town.folder, fmt.Sprintf("replica-%d.log", r.number))
}

// environment is the settings of a life.
func (r *replica) environment(address string) []string {
	return append(foreign(os.Environ()),
		"CALDICOTT_ADDRESS="+address,
		"CALDICOTT_DATABASE_URL="+r.town.apps[r.number],
		"CALDICOTT_READER_URL="+r.town.reader,
		"CALDICOTT_CONNECTIONS=8",
		"CALDICOTT_OIDC_ISSUER="+r.town.signIn.URL(),
		"CALDICOTT_PUBLIC_URL=http://caldicott.example",
		"CALDICOTT_MAIL_URL="+r.town.relay.url,
		"CALDICOTT_MAIL_FROM="+sender,
		"CALDICOTT_WEBHOOKS="+r.town.receiver.config,
		"CALDICOTT_WEBHOOK_NETWORKS=127.0.0.0/8",
		"CALDICOTT_DOCUMENT_KEYS="+r.key,
	)
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// await returns when the process answers, or when it was killed before that.
func (r *replica) await(ctx context.Context, p *process) error {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	limit := time.After(startWithin)
	for {
		if answers(ctx, &client, p.address) {
			r.mu.Lock()
			p.ready = true
			r.mu.Unlock()
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return r.beforeItAnswered(p)
		case <-limit:
			return fmt.Errorf("replica %d did not answer within %s", r.number, startWithin)
		case <-time.After(15 * time.Millisecond):
		}
	}
}

// beforeItAnswered says why a process ended before it answered; nil where that was meant.
func (r *replica) beforeItAnswered(p *process) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.killed || p.asked {
		return nil
	}
	said := lastLines(r.logFile())
	if strings.Contains(said, "address already in use") {
		return errTaken
	}
	return fmt.Errorf("replica %d ended before it answered: %w: %s", r.number, p.err, said)
}

// watch tells of a replica that answered and has ended by itself. One that was about to be killed counts too: it was quicker.
func (r *replica) watch(p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.ready && !p.asked && (!p.killed || p.cmd.ProcessState.Exited()) {
		r.findings.add("replica %d ended by itself: %v: %s", r.number, p.err, lastLines(r.logFile()))
	}
}

func answers(ctx context.Context, client *http.Client, address string) bool {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	a, err := client.Do(q)
	if err != nil {
		return false
	}
	return a.Body.Close() == nil && a.StatusCode == http.StatusOK
}

// alive gives the life that has not ended, if there is one.
func (r *replica) alive() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return nil
	}
	select {
	case <-r.process.ended:
		return nil
	default:
		return r.process
	}
}

// serving gives the address of a replica that answers.
func (r *replica) serving() (string, bool) {
	p := r.alive()
	if p == nil {
		return "", false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.address, p.ready
}

// kill ends the replica as a power cut would; false where it was not alive.
func (r *replica) kill() bool {
	p := r.alive()
	if p == nil {
		return false
	}
	r.mu.Lock()
	p.killed = true
	r.mu.Unlock()
	if p.cmd.Process.Kill() != nil {
		return false // it has just ended by itself, which watch tells
	}
	<-p.ended
	return true
}

// stop asks the replica to end in good order, and says how it did not.
func (r *replica) stop() error {
	p := r.alive()
	if p == nil {
		return nil
	}
	r.mu.Lock()
	p.asked = true
	r.mu.Unlock()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("replica %d: %w", r.number, err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		r.kill()
		return fmt.Errorf("replica %d did not end within %s of being asked: %s", r.number, stopWithin, lastLines(r.logFile()))
	}
	if p.err != nil {
		return fmt.Errorf("replica %d did not end in good order: %w: %s", r.number, p.err, lastLines(r.logFile()))
	}
	return nil
}

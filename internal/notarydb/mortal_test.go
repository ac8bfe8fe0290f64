package notarydb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/postgres"
)

// errDied is how a sealer's life ends in this process.
var errDied = errors.New("it died")

// mortal is a book that whoever writes in it may leave at any moment: before and after each thing that it does, and
// between the commit and hearing of it.
type mortal struct {
	notary.Book
	now func() error // not nil: it dies here
}

// seldom dies about once in so many moments.
func seldom(n int) func() error {
	return func() error {
		if rand.IntN(n) == 0 {
			return errDied
		}
		return nil
	}
}

func (m mortal) Alone(ctx context.Context, f func(notary.Page) error) (alone bool, err error) {
	if err := m.now(); err != nil {
		return false, err
	}
	if alone, err = m.Book.Alone(ctx, func(p notary.Page) error { return f(frail{p, m.now}) }); err == nil {
		err = m.now()
	}
	return alone, err
}

// frail is a page of a mortal's book.
type frail struct {
	notary.Page
	now func() error
}

func (f frail) at(do func() error) error {
	if err := f.now(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return f.now()
}

func (f frail) Head(ctx context.Context) (h notary.Head, err error) {
	err = f.at(func() (err error) { h, err = f.Page.Head(ctx); return err })
	return h, err
}

func (f frail) Tile(ctx context.Context, place merkle.Place) (b []byte, err error) {
	err = f.at(func() (err error) { b, err = f.Page.Tile(ctx, place); return err })
	return b, err
}

func (f frail) Look(ctx context.Context, since uint64, limit int) (l notary.Look, err error) {
	err = f.at(func() (err error) { l, err = f.Page.Look(ctx, since, limit); return err })
	return l, err
}

func (f frail) Entries(ctx context.Context, ids []int64, do func(int64, []byte, []byte) error) error {
	return f.at(func() error { return f.Page.Entries(ctx, ids, do) })
}

func (f frail) Write(ctx context.Context, b notary.Batch) error {
	return f.at(func() error { return f.Page.Write(ctx, b) })
}

// These make this test's binary a replica that seals and signs until it is killed.
const (
	replicaSetting = "NOTARYDB_TEST_REPLICA" // the sealer's URL
	memorySetting  = "NOTARYDB_TEST_MEMORY"  // where it remembers what it signed
	everySealing   = 100 * time.Millisecond
)

// startReplica starts such a process, with the key on its standard input, and returns when it has looked once.
func (h house) startReplica(ctx context.Context, url, memory, secret string) (*exec.Cmd, error) {
	c := exec.CommandContext(ctx, os.Args[0]) //nolint:gosec // this very program
	c.Env = append(os.Environ(), replicaSetting+"="+url, memorySetting+"="+memory)
	c.Stdin = strings.NewReader(secret)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, c.Process.Kill(), c.Wait())
	}
	return c, nil
}

// exitAlarm is how a replica ends by itself.
const exitAlarm = 3

func serveReplica() int {
	keys, err := notary.ParseKeys(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "replica:", err)
		return exitAlarm
	}
	db, err := postgres.OpenReader(postgres.Settings{URL: os.Getenv(replicaSetting), Application: "sealer", Connections: 2, StatementTimeout: time.Minute})
	if err != nil {
		fmt.Fprintln(os.Stderr, "replica:", err)
		return exitAlarm
	}
	sealer := &notary.Sealer{Book: notarydb.Book{DB: db}}
	signer := &notary.Signer{Origin: origin, Keys: keys, Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: db}}, Memory: notary.File(os.Getenv(memorySetting))}
	for n := 0; ; n++ {
		sealed := sealer.Seal(context.Background())
		for _, err := range []error{sealed, signer.Sign(context.Background())} {
			if _, is := notary.Alarmed(err); is {
				fmt.Fprintln(os.Stderr, "replica:", err)
				return exitAlarm
			}
		}
		if sealed != nil {
			sealer = &notary.Sealer{Book: notarydb.Book{DB: db}}
		}
		if n == 0 {
			fmt.Println("sealing")
		}
		time.Sleep(everySealing)
	}
}

// killReplicas keeps a replica running, and kills it again and again.
func (h house) killReplicas(ctx context.Context, t *testing.T, url, memory, secret string) (kills int) {
	for ctx.Err() == nil {
		c, err := h.startReplica(context.WithoutCancel(ctx), url, memory, secret)
		if err != nil {
			t.Error(err)
			return kills
		}
		pause(ctx, time.Duration(rand.IntN(1500))*time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Errorf("the replica ended by itself: %v", err)
		}
		if _ = c.Wait(); c.ProcessState.ExitCode() == exitAlarm {
			t.Error("a replica was alarmed")
		}
		kills++
	}
	return kills
}

// pause waits, but not beyond the end.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

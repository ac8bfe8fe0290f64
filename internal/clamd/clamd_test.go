package clamd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// fake is a scanner that follows a script: it hears a conversation, and says what it was told to say.
func fake(t *testing.T, script func(net.Conn)) Scanner {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			script(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return Scanner{Network: "tcp", Address: listener.Addr().String(), Timeout: 5 * time.Second}
}

// hear reads a whole INSTREAM conversation and gives the pieces; it fails where the protocol is not kept.
func hear(conn net.Conn) ([][]byte, error) {
	command := make([]byte, len("zINSTREAM\x00"))
	if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zINSTREAM\x00" {
		return nil, errors.Join(err, errors.New("no INSTREAM: "+string(command)))
	}
	var pieces [][]byte
	for {
		var size uint32
		if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
			return pieces, err
		}
		if size == 0 {
			return pieces, nil
		}
		piece := make([]byte, size)
		if _, err := io.ReadFull(conn, piece); err != nil {
			return pieces, err
		}
		pieces = append(pieces, piece)
	}
}

// replies is a fake that hears all of the content, whatever it is, and says one thing.
func replies(t *testing.T, reply string) Scanner {
	t.Helper()
	return fake(t, func(conn net.Conn) {
		if _, err := hear(conn); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(conn, reply)
	})
}

func TestContentIsSentWholeInPiecesTheScannerTakes(t *testing.T) {
	t.Parallel()
	heard := make(chan [][]byte, 1)
	s := fake(t, func(conn net.Conn) {
		pieces, err := hear(conn)
		if err != nil {
			t.Error(err)
		}
		heard <- pieces
		_, _ = io.WriteString(conn, "stream: OK\x00")
	})
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7} {
		content := bytes.Repeat([]byte("abc"), size/3+1)[:size]
		for _, r := range []io.Reader{bytes.NewReader(content), iotest.HalfReader(bytes.NewReader(content)), iotest.DataErrReader(bytes.NewReader(content))} {
			verdict, err := s.Scan(t.Context(), r)
			if err != nil || verdict != (Verdict{Clean: true}) {
				t.Fatalf("%d bytes: %v %v", size, verdict, err)
			}
			pieces := <-heard
			if !bytes.Equal(slices.Concat(pieces...), content) {
				t.Errorf("%d bytes arrived otherwise", size)
			}
			if slices.ContainsFunc(pieces, func(p []byte) bool { return len(p) > 64<<10 }) {
				t.Errorf("%d bytes: a piece of more than 64 KiB", size)
			}
		}
	}
}

func TestOnlyAWholeAndUnderstoodReplyIsAVerdict(t *testing.T) {
	t.Parallel()
	for reply, verdict := range map[string]Verdict{
		"stream: OK\x00":                             {Clean: true},
		"stream: Win.Test.EICAR_HDB-1 FOUND\x00":     {Signature: "Win.Test.EICAR_HDB-1"},
		"stream: Eicar(44d88612:68) FOUND\x00":       {Signature: "Eicar(44d88612:68)"},
		"stream: OK FOUND\x00":                       {Signature: "OK"},
		"stream: Heuristics.Encrypted.PDF FOUND\x00": {Signature: "Heuristics.Encrypted.PDF"},
		"stream: a\nb\xff FOUND\x00":                 {Signature: "a?b?"},
		"":                                           {},
		"\x00":                                       {},
		"stream: OK":                                 {},
		"stream: OK\n":                               {},
		"stream: OK\n\x00":                           {},
		"stream: OK \x00":                            {},
		"stream:OK\x00":                              {},
		"OK\x00":                                     {},
		"stream: ok\x00":                             {},
		"1: stream: OK\x00":                          {},
		"stream: OK\x00stream: OK\x00":               {},
		"stream: OK\x00x":                            {},
		"stream: \x00":                               {},
		"stream:  FOUND\x00":                         {},
		"FOUND\x00":                                  {},
		"UNKNOWN COMMAND\x00":                        {},
		"COMMAND READ TIMED OUT\x00":                 {},
		"stream: Can't allocate memory ERROR\x00":    {},
		"stream: lstat() failed: no such file. ERROR\x00": {},
		"PONG\x00":                          {},
		strings.Repeat("x", 1<<20) + "\x00": {},
	} {
		got, err := replies(t, reply).Scan(t.Context(), strings.NewReader("content"))
		if got != verdict || (err == nil) != (verdict != Verdict{}) {
			t.Errorf("%.60q: %v, %v", reply, got, err)
		}
	}
}

func TestContentTheScannerFindsTooLargeIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	const reply = "INSTREAM size limit exceeded. ERROR\x00"
	if _, err := replies(t, reply).Scan(t.Context(), strings.NewReader("x")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("at the end: %v", err)
	}
	// In the middle of the content the scanner says so and hangs up. Over TCP its words may be lost with the connection,
	// so here it is a socket.
	dir := t.TempDir()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, said := range []string{reply, "stream: OK\x00", "stream: Virus FOUND\x00", "stream: O", ""} {
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 100))
			_, _ = io.WriteString(conn, said)
			conn.Close()
		}()
		s := Scanner{Network: "unix", Address: listener.Addr().String()}
		verdict, err := s.Scan(t.Context(), io.LimitReader(endless{}, 16<<20))
		if err == nil || verdict != (Verdict{}) || errors.Is(err, ErrTooLarge) != (said == reply) {
			t.Errorf("hung up after %q: %v %v", said, verdict, err)
		}
	}
}

// endless gives bytes without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestMoreThanTheHouseAllowsIsNeverSentToItsEnd(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := fake(t, func(conn net.Conn) {
		_, err := hear(conn)
		ended <- err
	})
	s.MaxSize = 100
	if verdict, err := s.Scan(t.Context(), endless{}); !errors.Is(err, ErrTooLarge) || verdict.Clean {
		t.Errorf("%v %v", verdict, err)
	}
	if err := <-ended; err == nil {
		t.Error("the scanner was told that this is all")
	}
	s = replies(t, "stream: OK\x00")
	s.MaxSize = 100
	if verdict, err := s.Scan(t.Context(), io.LimitReader(endless{}, 100)); err != nil || !verdict.Clean {
		t.Errorf("just as much: %v %v", verdict, err)
	}
}

func TestContentThatCannotBeReadToItsEndIsNotJudged(t *testing.T) {
	t.Parallel()
	for _, broken := range []error{errors.New("the disk is gone"), io.ErrUnexpectedEOF} {
		ended := make(chan error, 1)
		s := fake(t, func(conn net.Conn) {
			_, err := hear(conn)
			ended <- err
			_, _ = io.WriteString(conn, "stream: OK\x00")
		})
		content := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
		if verdict, err := s.Scan(t.Context(), content); !errors.Is(err, broken) || verdict.Clean {
			t.Errorf("%v: %v %v", broken, verdict, err)
		}
		if err := <-ended; err == nil {
			t.Errorf("%v: the scanner was told that half is all", broken)
		}
	}
}

func TestAScannerThatIsSilentIsLeft(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := fake(t, func(net.Conn) { <-release })
	t.Cleanup(func() { close(release) })
	s.Timeout = 50 * time.Millisecond
	if _, err := s.Scan(t.Context(), strings.NewReader("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("its own timeout: %v", err)
	}
	s.Timeout = 0
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Scan(ctx, endless{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Ping(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before it began: %v", err)
	}
}

func TestAScannerThatIsAwayIsAnError(t *testing.T) {
	t.Parallel()
	for _, s := range []Scanner{{Network: "unix", Address: filepath.Join(t.TempDir(), "none")}, {}, {Network: "tcp", Address: "nowhere"}} {
		if verdict, err := s.Scan(t.Context(), strings.NewReader("x")); err == nil || verdict.Clean {
			t.Errorf("%+v: %v", s, verdict)
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Errorf("%+v answered", s)
		}
	}
}

func TestAPingIsAnsweredByPong(t *testing.T) {
	t.Parallel()
	for reply, ready := range map[string]bool{"PONG\x00": true, "PONG": false, "PONG\n\x00": false, "": false, "stream: OK\x00": false} {
		s := fake(t, func(conn net.Conn) {
			command := make([]byte, len("zPING\x00"))
			if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zPING\x00" {
				t.Errorf("%q %v", command, err)
			}
			_, _ = io.WriteString(conn, reply)
		})
		if err := s.Ping(t.Context()); (err == nil) != ready {
			t.Errorf("%q: %v", reply, err)
		}
	}
}

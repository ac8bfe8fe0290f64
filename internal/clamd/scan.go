package clamd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode"
)

const (
	chunkSize = 64 << 10 // bytes: the most sent in one piece
	replySize = 4 << 10  // bytes: more is no reply
)

// Verdict is what the scanner found. Signature is the name of the virus, and empty where the content is clean. The zero
// Verdict is not clean.
type Verdict struct {
	Clean     bool
	Signature string
}

// Scan has the scanner read content to its end. Only a whole answer about all of it is a verdict; everything else (a limit,
// a broken connection, a reply that is not understood) is an error, and the content counts as not scanned.
func (s Scanner) Scan(ctx context.Context, content io.Reader) (Verdict, error) {
	reply, err := s.ask(ctx, func(conn net.Conn) error { return s.send(conn, content) })
	if err != nil {
		return Verdict{}, fmt.Errorf("scan for viruses: %w", err)
	}
	verdict, err := parse(reply)
	if err != nil {
		return Verdict{}, fmt.Errorf("scan for viruses: %w", err)
	}
	return verdict, nil
}

// send writes the command and then the content: each piece after its length, and a length of zero at the end. That end is
// not written unless all of the content was, or the scanner would judge a part of it.
func (s Scanner) send(conn net.Conn, content io.Reader) error {
	if err := write(conn, []byte("zINSTREAM\x00")); err != nil {
		return err
	}
	piece := make([]byte, 4+chunkSize)
	for sent := int64(0); ; {
		n, err := content.Read(piece[4:])
		if sent += int64(n); s.MaxSize > 0 && sent > s.MaxSize {
			return ErrTooLarge
		}
		if n > 0 {
			binary.BigEndian.PutUint32(piece, uint32(n))
			if err := write(conn, piece[:4+n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return write(conn, []byte{0, 0, 0, 0})
		}
		if err != nil {
			return fmt.Errorf("read the content: %w", err)
		}
	}
}

// write sends bytes, and where it cannot, looks for the reason in what the scanner said before it hung up on us, as it does
// in the middle of content that is too large. Whatever it said, a failure stays a failure.
func write(conn net.Conn, b []byte) error {
	_, failure := conn.Write(b)
	if failure == nil {
		return nil
	}
	failure = fmt.Errorf("speak to the scanner: %w", failure)
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return failure
	}
	reply, err := readReply(conn)
	if err != nil {
		return failure
	}
	if _, err := parse(reply); err != nil {
		return err
	}
	return failure
}

// readReply reads one reply to its zero byte. A reply that ends otherwise was cut off, and one that goes on is none.
func readReply(conn io.Reader) (string, error) {
	r := bufio.NewReaderSize(conn, replySize)
	line, err := r.ReadSlice(0)
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("the scanner's reply is longer than %d bytes", replySize)
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("the scanner hung up in the middle of its reply (%q): %w", brief(string(line)), io.ErrUnexpectedEOF)
	case err != nil:
		return "", fmt.Errorf("read the scanner's reply: %w", err)
	case r.Buffered() > 0:
		return "", errors.New("the scanner replied more than once")
	}
	return string(line[:len(line)-1]), nil
}

// parse reads the reply to a scan:
//
//	stream: OK
//	stream: Win.Test.EICAR_HDB-1 FOUND
//	INSTREAM size limit exceeded. ERROR
func parse(reply string) (Verdict, error) {
	if reply == "stream: OK" {
		return Verdict{Clean: true}, nil
	}
	if reply == "INSTREAM size limit exceeded. ERROR" {
		return Verdict{}, ErrTooLarge
	}
	found, about := strings.CutPrefix(reply, "stream: ")
	signature, virus := strings.CutSuffix(found, " FOUND")
	if !about || !virus || signature == "" {
		return Verdict{}, fmt.Errorf("the scanner's reply is not understood: %q", brief(reply))
	}
	return Verdict{Signature: printable(signature)}, nil
}

// printable makes a signature fit to be kept and shown, whatever a database of signatures may call its own.
func printable(signature string) string {
	return brief(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, signature))
}

// brief cuts text to what a person would read.
func brief(text string) string {
	const most = 200 // runes
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// Package clamd asks a virus scanner, in clamd's protocol.
package clamd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"time"
)

// ErrTooLarge is the answer for content larger than the Scanner's MaxSize or the daemon's own StreamMaxLength; compare with
// errors.Is. Such content has not been scanned.
var ErrTooLarge = errors.New("the content is larger than the virus scanner takes")

// patience is how long one conversation may take where the Scanner does not say: as long as clamd itself gives a scan.
const patience = 2 * time.Minute

// Scanner is where a clamd listens, and what is asked of it at most. It keeps no connection: each question is one.
//
// The daemon calls clean what it could not look into, unless its settings forbid that, as they must:
//
//	AlertExceedsMax yes
//	AlertEncryptedArchive yes
//	AlertEncryptedDoc yes
//	MaxScanSize no larger than MaxFileSize, at which it would cut short what is in a ZIP without a word
//	StreamMaxLength no smaller than MaxSize
type Scanner struct {
	// Network and Address are "tcp" and host:port, or "unix" and a path.
	Network, Address string
	// Timeout is for one conversation from beginning to end; zero is two minutes.
	Timeout time.Duration
	// MaxSize is the most bytes that are sent; zero leaves it to the daemon.
	MaxSize int64
}

// Parse reads where a scanner is:
//
//	tcp://127.0.0.1:3310
//	unix:///run/clamav/clamd.ctl
//
// clamd has no passwords and no encryption, so there is nothing else an address could hold.
func Parse(address string) (Scanner, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Scanner{}, errors.New("the address of the virus scanner is not a URL")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return Scanner{}, errors.New("the address of the virus scanner is a place and nothing more")
	}
	switch {
	case u.Scheme == "tcp" && u.Hostname() != "" && u.Port() != "" && u.Path == "":
		return Scanner{Network: "tcp", Address: u.Host}, nil
	case u.Scheme == "unix" && u.Host == "" && path.IsAbs(u.Path):
		return Scanner{Network: "unix", Address: u.Path}, nil
	}
	return Scanner{}, errors.New("the address of the virus scanner is tcp://host:port or unix:///path")
}

// Ping answers whether the scanner is there and ready.
func (s Scanner) Ping(ctx context.Context) error {
	reply, err := s.ask(ctx, func(conn net.Conn) error { return write(conn, []byte("zPING\x00")) })
	if err != nil {
		return fmt.Errorf("ping the virus scanner: %w", err)
	}
	if reply != "PONG" {
		return fmt.Errorf("ping the virus scanner: it answered %q", brief(reply))
	}
	return nil
}

// ask holds one conversation: it connects, has say speak, and gives the one reply.
func (s Scanner) ask(ctx context.Context, say func(net.Conn) error) (string, error) {
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = patience
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reply, err := s.converse(ctx, say)
	if err != nil && ctx.Err() != nil {
		return "", ctx.Err() // the reason why the connection was closed under whoever used it
	}
	return reply, err
}

func (s Scanner) converse(ctx context.Context, say func(net.Conn) error) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, s.Network, s.Address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := say(conn); err != nil {
		return "", err
	}
	return readReply(conn)
}

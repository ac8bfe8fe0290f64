package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// sender is whom the mail comes from. Its domain ends every Message-ID.
const sender = "no-reply" + mailed

// relay is a mail relay on this machine that keeps what it is given.
type relay struct {
	server *smtp.Server
	url    string
	ended  chan error
}

// openRelay listens, in clear and on loopback only.
func openRelay(ctx context.Context, arrived *arrivals) (*relay, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{arrived: arrived}, nil }))
	server.Domain, server.ReadTimeout, server.WriteTimeout = "relay.example", time.Minute, time.Minute
	server.ErrorLog = silent{} // senders that are killed break off: that is what this is for
	r := &relay{server: server, url: "smtp+plain://" + listener.Addr().String(), ended: make(chan error, 1)}
	go func() { r.ended <- server.Serve(listener) }()
	return r, nil
}

// Close ends the relay.
func (r *relay) Close() error {
	err := r.server.Close()
	if ended := <-r.ended; !errors.Is(ended, smtp.ErrServerClosed) && !errors.Is(ended, net.ErrClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// session is one sender's call.
type session struct {
	arrived *arrivals
	to      string
}

// The sender is not looked at; every recipient is ours.
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt keeps for whom the mail is.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

// later is a refusal for now.
var later = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}

// Data takes a mail. Once it is whole it counts, whether or not the sender lives to hear so.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	how := s.arrived.treat()
	s.note(raw, !how.refuse)
	if how.refuse {
		return later
	}
	time.Sleep(how.linger)
	return nil
}

// note writes the mail down under its Message-ID.
func (s *session) note(raw []byte, taken bool) {
	letter, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		s.arrived.findings.add("a mail cannot be read: %v", err)
		return
	}
	id, ok := strings.CutSuffix(strings.Trim(letter.Header.Get("Message-ID"), "<>"), mailed)
	person, known := strings.CutSuffix(s.to, mailed)
	if !ok || !known {
		s.arrived.findings.add("a mail to %s has the Message-ID %q", s.to, letter.Header.Get("Message-ID"))
		return
	}
	s.arrived.note(id, person, raw, taken)
}

// Reset begins the next mail.
func (s *session) Reset() { s.to = "" }

// Logout ends the call.
func (s *session) Logout() error { return nil }

package notify

import (
	"context"
	"crypto/tls"
	"net"

	gomail "github.com/wneessen/go-mail"
)

// client makes go-mail speak to the relay.
func (m Mail) client(open gomail.DialContextFunc) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(m.Port),
		gomail.WithTimeout(2 * m.timeout()), // the context's end comes before and says why
		gomail.WithTLSConfig(m.tlsConfig()),
		gomail.WithDialContextFunc(open),
		gomail.WithoutSMTPUTF8(), // all is ASCII; asking for more may make the next relay refuse it
		gomail.WithoutNoop(),
		gomail.WithoutRset(),
	}
	switch m.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.HELO != "" {
		options = append(options, gomail.WithHELO(m.HELO))
	}
	if m.User != "" {
		options = append(options, gomail.WithUsername(m.User), gomail.WithPassword(m.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(m.Host, options...)
}

// line is a connection to the relay. go-mail leaves it open when the relay is refused before the first message, and does
// not see when the context of a conversation ends; so we open and close it ourselves.
type line struct {
	relay Mail
	conn  net.Conn
	stop  func() bool
}

// opener dials the relay, with TLS from the first byte where that is its mode, and hangs up when the context ends. In clear
// it reaches loopback only, whatever the host's name leads to.
func (l *line) opener(until context.Context) gomail.DialContextFunc {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := net.Dialer{}
		if l.relay.TLS == NoTLS {
			dialer.Control = onlyLoopback
		}
		conn, err := dialer.DialContext(ctx, "tcp", l.relay.address())
		if err != nil {
			return nil, err
		}
		l.conn, l.stop = conn, context.AfterFunc(until, func() {
			_ = conn.Close() // whoever is reading gets the error
		})
		if l.relay.TLS != ImplicitTLS {
			return conn, nil
		}
		private := tls.Client(conn, l.relay.tlsConfig())
		if err := private.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return private, nil
	}
}

// close hangs up.
func (l *line) close() {
	if l.conn != nil {
		l.stop()
		_ = l.conn.Close() // for the second time, where all went well
	}
}

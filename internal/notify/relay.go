package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// TLSMode is how the line to a mail relay is kept private.
type TLSMode int

// Nothing is opportunistic: a relay that does not offer what is configured is refused.
const (
	StartTLS    TLSMode = iota // mandatory STARTTLS, before anything is said
	ImplicitTLS                // TLS from the first byte
	NoTLS                      // in clear, to this machine only, and without a password
)

// Mail sends notices through a mail relay. A literal:
//
//	notify.Mail{Host: "relay.example.nhs.uk", Port: 587, User: "caldicott", Password: "…", From: "Caldicott service <no-reply@example.nhs.uk>"}
//
// It keeps no connection; many goroutines may use it at once.
type Mail struct {
	Host     string // the certificate must be for it
	Port     int
	User     string // "": the relay is not signed in to
	Password string `json:"-"`
	TLS      TLSMode
	From     string         // an address, with or without a name
	HELO     string         // how we call ourselves; "": the machine's own name
	Roots    *x509.CertPool // who may vouch for the relay; nil: those that the system trusts
	Timeout  time.Duration  // of one whole attempt; zero: 30 seconds
}

// mailTimeout is how long an attempt may take where nobody said.
const mailTimeout = 30 * time.Second

// String names the relay without its password, however a Mail is printed.
func (m Mail) String() string { return "mail relay " + m.address() }

// GoString is String.
func (m Mail) GoString() string { return m.String() }

// kinds of relay, by the scheme of their URL.
var kinds = map[string]struct {
	mode TLSMode
	port int
}{
	"smtp":       {StartTLS, 587},
	"smtps":      {ImplicitTLS, 465},
	"smtp+plain": {NoTLS, 25},
}

// What is wrong with a relay. None repeats what was given, which may hold the password.
var (
	errScheme   = errors.New("mail: the URL is not one of smtp://, smtps:// and smtp+plain://")
	errMailURL  = errors.New("mail: the URL has more or less than a user, a password, a host and a port")
	errHost     = errors.New("mail: the host or the port is malformed")
	errUser     = errors.New("mail: the user or the password is missing or malformed")
	errMode     = errors.New("mail: the mode of TLS is unknown")
	errLoopback = errors.New("mail: without TLS only a loopback host may be used")
	errClear    = errors.New("mail: a password is not sent without TLS")
)

// ParseMailURL reads a relay: smtp://user:password@host:587 is mandatory STARTTLS, smtps://host:465 implicit TLS,
// smtp+plain://127.0.0.1:25 in clear on loopback. The ports shown may be left out. From and the rest are for the caller
// to fill in. Errors never repeat the URL.
func ParseMailURL(raw string) (Mail, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Mail{}, errMailURL // its own words repeat the URL
	}
	kind, known := kinds[u.Scheme]
	if !known {
		return Mail{}, errScheme
	}
	if u.Opaque != "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return Mail{}, errMailURL
	}
	m := Mail{Host: u.Hostname(), Port: kind.port, TLS: kind.mode, User: u.User.Username()}
	m.Password, _ = u.User.Password()
	if u.User != nil && m.User == "" {
		return Mail{}, errUser
	}
	if port := u.Port(); port != "" {
		if m.Port, err = strconv.Atoi(port); err != nil {
			return Mail{}, errHost
		}
	}
	if err := m.check(); err != nil {
		return Mail{}, err
	}
	return m, nil
}

// check refuses a relay that must not be spoken to, whoever made the Mail.
func (m Mail) check() error {
	control := func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) }
	switch {
	case !hostForm(m.Host) || m.Port < 1 || m.Port > 65535 || m.HELO != "" && !hostForm(m.HELO):
		return errHost
	case (m.User == "") != (m.Password == "") || control(m.User) || control(m.Password):
		return errUser
	case m.TLS != StartTLS && m.TLS != ImplicitTLS && m.TLS != NoTLS:
		return errMode
	case m.TLS == NoTLS && !loopbackHost(m.Host):
		return errLoopback
	case m.TLS == NoTLS && m.User != "":
		return errClear
	}
	return nil
}

// address is the relay's, with brackets where the host has colons.
func (m Mail) address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// timeout of one attempt.
func (m Mail) timeout() time.Duration {
	if m.Timeout > 0 {
		return m.Timeout
	}
	return mailTimeout
}

// tlsConfig is the same for both ways to begin TLS: the certificate must be for the host.
func (m Mail) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: m.Host, RootCAs: m.Roots, MinVersion: tls.VersionTLS12}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// hostForm says whether it is a host's name or number.
func hostForm(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" || nameForm.MatchString(host)
}

// loopbackHost says whether the host is this machine by its name. What the name really leads to is asked again when the
// line is opened.
func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

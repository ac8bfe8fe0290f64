package notify

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// Send mails one notice to one reader, whose address is ASCII. An error is Permanent where the relay refused the reader
// or the message for good; every other may be retried, with the same Message-ID.
func (m Mail) Send(ctx context.Context, to string, msg Message) error {
	if err := msg.check(); err != nil {
		return err
	}
	l, err := msg.letter()
	if err != nil {
		return err
	}
	return m.post(ctx, to, l)
}

// SendDigest mails all notices of a London day ("2026-11-03") in one message, the soonest due first. The id, of letters,
// digits, - and _, makes the Message-ID and is the same over every retry. Errors are as Send's.
func (m Mail) SendDigest(ctx context.Context, to string, id string, day string, msgs []Message) error {
	l, err := digest(id, day, msgs)
	if err != nil {
		return err
	}
	return m.post(ctx, to, l)
}

// post sends a letter. What the relay has taken is sent, even if the line breaks before we have said goodbye: an error
// then would send it twice.
func (m Mail) post(ctx context.Context, to string, l letter) error {
	if err := m.check(); err != nil {
		return err
	}
	envelope, err := m.envelope(to, l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout())
	defer cancel()
	line := line{relay: m}
	defer line.close()
	client, err := m.client(line.opener(ctx))
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, envelope)
	if err == nil || envelope.IsDelivered() {
		return nil
	}
	return explain(ctx, err)
}

// envelope addresses a letter. go-mail writes the headers and encodes what needs it; nothing comes here that holds a line
// break.
func (m Mail) envelope(to string, l letter) (*gomail.Msg, error) {
	from, ok := mailbox(m.From)
	if !ok {
		return nil, errors.New("mail: the sender's address is malformed")
	}
	reader, ok := mailbox(to)
	if !ok {
		return nil, &failure{text: "mail: the reader's address is malformed", permanent: true}
	}
	envelope := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	envelope.FromMailAddress(from)
	envelope.ToMailAddress(&mail.Address{Address: reader.Address})
	envelope.Subject(l.subject)
	envelope.SetMessageIDWithValue(l.id + from.Address[strings.LastIndexByte(from.Address, '@'):])
	if !l.at.IsZero() {
		envelope.SetDateWithValue(l.at)
	}
	envelope.SetGenHeader("Auto-Submitted", "auto-generated")                   // RFC 3834: no automatic answers
	envelope.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "OOF, AutoReply") // the same for Exchange
	envelope.SetBodyString(gomail.TypeTextPlain, l.body)
	if l.file != "" {
		if err := envelope.AttachReader(l.file, strings.NewReader(l.content)); err != nil {
			return nil, fmt.Errorf("mail: attach: %w", err)
		}
	}
	return envelope, nil
}

// mailbox reads an address that may be written into an SMTP command as it is: ASCII, without quotes, spaces and brackets.
func mailbox(raw string) (*mail.Address, bool) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, false
	}
	a, err := mail.ParseAddress(raw)
	if err != nil || strings.ContainsAny(a.Address, " \"\\<>()[],;:") {
		return nil, false
	}
	return a, true
}

// explain makes a failure of what go-mail says, which would repeat the reader's address and the relay's words. Only a
// refusal of the reader or of the message is for good: greeting, TLS, sign-in and sender are for an operator to mend.
func explain(ctx context.Context, err error) error {
	sent, sending := errors.AsType[*gomail.SendError](err)
	answer, answered := errors.AsType[*textproto.Error](err)
	over := context.Cause(ctx)
	switch {
	case sending && sent.ErrorCode() != 0:
		code := sent.ErrorCode()
		return &failure{
			text:      strings.TrimSpace(fmt.Sprintf("mail: %s: the relay answered %d %s", sent.Reason, code, sent.EnhancedStatusCode())),
			permanent: code >= 500 && code != 530 && refused(sent.Reason), // 530: it wants us to sign in
			cause:     err,
		}
	case over != nil:
		return &failure{text: "mail: the relay had not taken the message in time: " + over.Error(), cause: over}
	case sending:
		return &failure{text: "mail: the line broke while " + sent.Reason.String(), cause: err}
	case answered:
		return &failure{text: fmt.Sprintf("mail: the relay answered %d before the message", answer.Code), cause: err}
	}
	return &failure{text: "mail: " + err.Error(), cause: err}
}

// refused says whether the relay judged the reader or the message.
func refused(reason gomail.SendErrReason) bool {
	return reason == gomail.ErrSMTPRcptTo || reason == gomail.ErrSMTPData || reason == gomail.ErrSMTPDataClose
}

package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxCanon = 65535     // what a C2SP entry bundle can hold
	maxCount = 999999999 // seq and version: nine digits
	maxMicro = 1<<53 - 1 // beyond it, JSON numbers are not exact
)

// Canon is the entry as it is hashed and kept: canonical JSON (RFC 8785), because its members are written in order and
// its strings hold nothing that would be escaped. These bytes are fixed for ever: v is 1.
func (e Entry) Canon() ([]byte, error) {
	w := canonWriter{buf: append(make([]byte, 0, 1024), '{')}
	w.optional("acting", e.Acting, isWords)
	w.text("action", e.Action, isCode)
	w.optional("actor", e.Actor, isUUID)
	w.optional("appointment", e.Appointment, isUUID)
	w.number("at", e.At.UnixMicro(), maxMicro)
	w.optional("delegation", e.Delegation, isUUID)
	w.bytes("detail", e.Detail[:], e.Detail != [32]byte{})
	w.optional("digest", e.Digest, isDigest)
	w.facts(e.Facts)
	w.optional("from", e.From, isCode)
	w.optional("line", e.Line, isWords)
	w.bytes("nonce", e.Nonce[:], true)
	w.optional("organisation", e.Organisation, isUUID)
	w.text("outcome", e.Outcome, isOutcome)
	w.optional("policy", e.Policy, isDigest)
	w.bytes("prev", e.Prev[:], e.Seq != 0)
	w.optional("request", e.Request, isUUID)
	w.optional("rule", e.Rule, isWords)
	if e.Seq != 0 {
		w.number("seq", int64(e.Seq), maxCount)
	}
	w.text("stream", e.Stream, isStream)
	w.optional("subject", e.Subject, isUUID)
	w.optional("to", e.To, isCode)
	w.number("v", 1, 1)
	if e.Version != 0 {
		w.number("version", int64(e.Version), maxCount)
	}
	canon := append(w.buf, '}')
	if len(canon) > maxCanon {
		w.failf("is too long: %d bytes", len(canon))
	}
	if err := errors.Join(w.err, e.coherent()); err != nil {
		return nil, err
	}
	return canon, nil
}

// coherent are the rules between members. The database holds them too.
func (e Entry) coherent() error {
	kind, id, _ := strings.Cut(e.Stream, ":")
	chain := kind == "request" || kind == "organisation"
	switch {
	case kind == "request" && id != e.Request, kind == "organisation" && id != e.Organisation:
		return fmt.Errorf("audit entry: stream %q is not that of the entry's %s", e.Stream, kind)
	case e.Seq == 0 && e.Prev != [32]byte{}:
		return errors.New("audit entry: prev belongs to a chain, and seq is missing")
	case e.Seq == 1 && e.Prev != [32]byte{}:
		return errors.New("audit entry: nothing comes before seq 1")
	case e.Seq != 0 && (!chain || e.Outcome != Done || isReading(e.Action)):
		return errors.New("audit entry: only deeds done on a request or an organisation are chained")
	case e.Nonce == [16]byte{}:
		return errors.New("audit entry: nonce is missing")
	case e.At.Nanosecond()%int(time.Microsecond) != 0:
		return errors.New("audit entry: at is finer than a microsecond")
	}
	return nil
}

// canonWriter appends members; the caller names them in order. Its first error stays.
type canonWriter struct {
	buf []byte
	err error
}

func (w *canonWriter) failf(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("audit entry: "+format, args...)
	}
}

func (w *canonWriter) name(name string) {
	if last := w.buf[len(w.buf)-1]; last != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

func (w *canonWriter) text(name, value string, is func(string) bool) {
	if !is(value) {
		w.failf("%s cannot be %q", name, value)
		return
	}
	w.name(name)
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, '"')
}

func (w *canonWriter) optional(name, value string, is func(string) bool) {
	if value != "" {
		w.text(name, value, is)
	}
}

func (w *canonWriter) number(name string, value, limit int64) {
	if value < 1 || value > limit {
		w.failf("%s cannot be %d", name, value)
		return
	}
	w.name(name)
	w.buf = strconv.AppendInt(w.buf, value, 10)
}

func (w *canonWriter) bytes(name string, value []byte, present bool) {
	if !present {
		return
	}
	w.name(name)
	w.buf = append(w.buf, '"')
	w.buf = hex.AppendEncode(w.buf, value)
	w.buf = append(w.buf, '"')
}

func (w *canonWriter) facts(facts map[string]string) {
	if len(facts) == 0 {
		return
	}
	w.name("facts")
	w.buf = append(w.buf, '{')
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		if !isCode(name) {
			w.failf("a fact cannot be called %q", name)
			return
		}
		w.text(name, facts[name], isWords)
	}
	w.buf = append(w.buf, '}')
}

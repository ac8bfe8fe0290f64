package clamd

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAnAddressIsAPlaceAndNothingMore(t *testing.T) {
	t.Parallel()
	for address, s := range map[string]Scanner{
		"tcp://127.0.0.1:3310":          {Network: "tcp", Address: "127.0.0.1:3310"},
		"tcp://clamd.internal:3310":     {Network: "tcp", Address: "clamd.internal:3310"},
		"tcp://[::1]:3310":              {Network: "tcp", Address: "[::1]:3310"},
		"unix:///run/clamav/clamd.ctl":  {Network: "unix", Address: "/run/clamav/clamd.ctl"},
		"unix:///run/with%20space/c":    {Network: "unix", Address: "/run/with space/c"},
		"":                              {},
		"127.0.0.1:3310":                {},
		"tcp://127.0.0.1":               {},
		"tcp://:3310":                   {},
		"tcp://127.0.0.1:3310/":         {},
		"tcp://127.0.0.1:3310?a=b":      {},
		"tcp://127.0.0.1:3310#a":        {},
		"tcp://ann:secret@h:3310":       {},
		"tcp://ann:secret@h:port":       {},
		"http://127.0.0.1:3310":         {},
		"unix://run/clamav/clamd.ctl":   {},
		"unix:run/clamd.ctl":            {},
		"unix://":                       {},
		"unix:///run/clamav/clamd.ctl?": {},
	} {
		got, err := Parse(address)
		if got != s || (err == nil) != (s != Scanner{}) {
			t.Errorf("%q: %+v, %v", address, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func FuzzOnlyOneReplyIsClean(f *testing.F) {
	for _, seed := range []string{"stream: OK\x00", "stream: OK", "stream: A FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00",
		"stream: OK\x00stream: A FOUND\x00", "stream: OK\n", "PONG\x00", "stream: \xff\x00 FOUND\x00", "stream: OK FOUND\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		var verdict Verdict
		reply, err := readReply(iotest.OneByteReader(bytes.NewReader(said)))
		if err == nil {
			verdict, err = parse(reply)
		}
		if verdict.Clean && (!bytes.HasPrefix(said, []byte("stream: OK\x00")) || err != nil || verdict.Signature != "") {
			t.Fatalf("%q is clean: %+v %v", said, verdict, err)
		}
		if err == nil && !verdict.Clean && (verdict.Signature == "" || strings.ContainsAny(verdict.Signature, "\x00\r\n")) {
			t.Fatalf("%q: %+v", said, verdict)
		}
		if err != nil && verdict != (Verdict{}) {
			t.Fatalf("%q: %+v and %v", said, verdict, err)
		}
	})
}

package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// members are an entry's, as JSON names them.
type members struct {
	Acting       string            `json:"acting"`
	Action       string            `json:"action"`
	Actor        string            `json:"actor"`
	Appointment  string            `json:"appointment"`
	At           int64             `json:"at"`
	Delegation   string            `json:"delegation"`
	Detail       string            `json:"detail"`
	Digest       string            `json:"digest"`
	Facts        map[string]string `json:"facts"`
	From         string            `json:"from"`
	Line         string            `json:"line"`
	Nonce        string            `json:"nonce"`
	Organisation string            `json:"organisation"`
	Outcome      string            `json:"outcome"`
	Policy       string            `json:"policy"`
	Prev         string            `json:"prev"`
	Request      string            `json:"request"`
	Rule         string            `json:"rule"`
	Seq          int               `json:"seq"`
	Stream       string            `json:"stream"`
	Subject      string            `json:"subject"`
	To           string            `json:"to"`
	V            int               `json:"v"`
	Version      int               `json:"version"`
}

// ParseEntry reads an entry back. What it accepts is what Canon would have written, byte for byte.
func ParseEntry(canon []byte) (Entry, error) {
	var m members
	if err := json.Unmarshal(canon, &m); err != nil {
		return Entry{}, fmt.Errorf("audit entry: %w", err)
	}
	e := Entry{
		Stream: m.Stream, Seq: m.Seq,
		Action: m.Action, Outcome: m.Outcome, Rule: m.Rule, At: time.UnixMicro(m.At).UTC(),
		Actor: m.Actor, Organisation: m.Organisation, Request: m.Request, Subject: m.Subject,
		From: m.From, To: m.To, Version: m.Version, Digest: m.Digest,
		Policy: m.Policy, Line: m.Line,
		Acting: m.Acting, Appointment: m.Appointment, Delegation: m.Delegation, Facts: m.Facts,
	}
	// A member that is missing or of another length fails the comparison below.
	copy(e.Prev[:], unhex(m.Prev))
	copy(e.Detail[:], unhex(m.Detail))
	copy(e.Nonce[:], unhex(m.Nonce))
	again, err := e.Canon()
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(again, canon) {
		return Entry{}, errors.New("audit entry: not in canonical form, or of another version")
	}
	return e, nil
}

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s)
	return b
}

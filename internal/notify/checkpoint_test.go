package notify_test

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notify"
)

const signed = "trust.example/caldicott\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— trust.example/caldicott AAAAAAAA\n— witness.example/w1 AAAAAAAA\n"

// The file arrives byte for byte, or no signature in it would verify.
func TestACheckpointArrivesAsItWasSigned(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{}, notify.StartTLS)
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	m := r.mail(notify.StartTLS)
	m.User, m.Password = user, password
	if err := m.SendCheckpoint(t.Context(), reader, day, 7, signed); err != nil {
		t.Fatal(err)
	}
	header, body := read(t, one(t, r).text)
	if !strings.HasPrefix(header.Get("Message-ID"), "<checkpoint-2026-11-22-7@") {
		t.Error(header)
	}
	_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatalf("no file: %v", err)
		}
		if part.FileName() != "2026-11-22-7.checkpoint" {
			continue
		}
		b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil || string(b) != signed {
			t.Errorf("%v\n%s", err, b)
		}
		return
	}
}

func TestNothingButACheckpointIsSentAsOne(t *testing.T) {
	t.Parallel()
	m := notify.Mail{Host: "127.0.0.1", Port: 1, TLS: notify.NoTLS, From: "a@example.nhs.uk"}
	for _, bad := range []string{
		"", "Dear all,\n", strings.Replace(signed, "7\n", "7\nMr Smith\n", 1), strings.Replace(signed, "\n\n", "\n", 1), signed + "Mr Smith\n",
		strings.Replace(signed, "AAAAAAAA", "Mr Smith", 1), strings.Replace(signed, "\n", "\r\n", 1), signed + strings.Repeat("— x AAAA\n", 1<<13),
	} {
		err := m.SendCheckpoint(t.Context(), reader, time.Now(), 7, bad)
		tells(t, err, "Smith")
		if err == nil || !strings.Contains(err.Error(), "not of its form") {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

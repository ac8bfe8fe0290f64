package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Client submits checkpoints to one witness.
type Client struct {
	URL      string        // the submission prefix
	Verifier note.Verifier // of NewVerifier
	Timeout  time.Duration // of one submission; zero: 5 seconds
}

const usualTimeout = 5 * time.Second

// direct refuses to be sent elsewhere: a submission is a POST.
var direct = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Add submits, and gives the witness's line once it verifies. An error is a Refusal where the witness has answered.
func (c Client) Add(ctx context.Context, s merkle.Submission) (line string, err error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = usualTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/add-checkpoint", strings.NewReader(s.Text()))
	if err != nil {
		return "", fmt.Errorf("submit to the witness: %w", err)
	}
	r.Header.Set("Content-Type", noteType)
	answered, err := direct.Do(r)
	if err != nil {
		if outer, is := errors.AsType[*url.Error](err); is {
			err = outer.Err // it would repeat the URL
		}
		return "", fmt.Errorf("submit to the witness: %w", err)
	}
	defer answered.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answered.Body, maxBody))
	if err != nil {
		return "", fmt.Errorf("the witness's answer: %w", err)
	}
	if answered.StatusCode != http.StatusOK {
		return "", refusalOf(answered, string(body))
	}
	return c.read(s.Note, string(body))
}

// refusalOf reads an answer without a cosignature. The witness's own words are passed over: they may be anything.
func refusalOf(answered *http.Response, body string) error {
	refusal := &Refusal{Status: answered.StatusCode, Known: -1, Text: http.StatusText(answered.StatusCode)}
	if answered.StatusCode == http.StatusConflict && answered.Header.Get("Content-Type") == sizeType {
		size, err := strconv.ParseInt(strings.TrimSuffix(body, "\n"), 10, 64)
		if err != nil || size < 0 {
			return errors.New("the witness's answer: it is no size")
		}
		refusal.Known = size
	}
	return refusal
}

// read finds the witness's line among those that it gave.
func (c Client) read(signed, lines string) (string, error) {
	text, _, _ := strings.Cut(signed, "\n\n")
	n, err := note.Open([]byte(text+"\n\n"+lines), note.VerifierList(c.Verifier))
	if err != nil {
		return "", fmt.Errorf("the witness's answer: %w", err)
	}
	if n.Text != text+"\n" {
		return "", errors.New("the witness's answer: it is more than signatures")
	}
	return "— " + n.Sigs[0].Name + " " + n.Sigs[0].Base64, nil
}

package rest

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/certificate"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// Deeds finds the entry of the trail under which a decision was made.
type Deeds interface {
	Decision(ctx context.Context, id string) (DeedRow, error)
}

// DeedRow is such an entry: its number, its place in the chain, what was done by whom (a person's id), and its bytes. Erased says
// that its words are gone; of what was disposed of there is only the number of its certificate.
type DeedRow struct {
	Entry         int64
	Stream        string
	Seq           int
	Action, Actor string
	Canon         []byte
	Erased        bool
	Disposed      int64
}

// certificate gives a decision as a document that anybody can check without the service: as JSON with the words, or as a
// file without them.
func (s *service) certificate(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	result, err := s.see(r, caldicott.Decisions)
	if err != nil {
		return err
	}
	decision, ok := result.Case.DecisionOf(result.Subject)
	if !ok {
		return gone()
	}
	if s.Speaks == nil {
		return caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "This service has no key to sign certificates with.")
	}
	document, err := s.certify(r.Context(), result, decision)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "text/plain") && !strings.Contains(accept, "application/json") {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(document.Text())) //nolint:errcheck // nobody is left to tell
		return nil
	}
	return shown(api.FromCertificate(document.Certificate, document.Entry, document.Proof, convertWords(document.Words)), 0).write(w)
}

func convertWords(words []certificate.Word) []api.CertifiedWord {
	list := make([]api.CertifiedWord, len(words))
	for i, w := range words {
		list[i] = api.CertifiedWord(w)
	}
	return list
}

// certify signs what was decided, and adds the entry and, once there is one, the proof.
func (s *service) certify(ctx context.Context, r casework.Result, d caldicott.Decision) (certificate.Document, error) {
	deed, err := s.Deeds.Decision(ctx, d.ID)
	if err != nil {
		return certificate.Document{}, err
	}
	if deed.Disposed != 0 {
		return certificate.Document{}, disposed(deed.Disposed)
	}
	lines, words, err := certified(r, d, deed)
	if err != nil {
		return certificate.Document{}, err
	}
	c, err := certificate.New(s.Speaks.Origin(), lines...)
	if err != nil {
		return certificate.Document{}, err
	}
	signed, err := s.Speaks.State(c.Text())
	if err != nil {
		return certificate.Document{}, err
	}
	document := certificate.Document{Certificate: signed, Entry: string(deed.Canon), Words: words}
	proof, err := s.Notary.Proofs.Entry(ctx, deed.Entry)
	switch {
	case errors.Is(err, notary.ErrUnsealed), errors.Is(err, notary.ErrUnsigned):
	case err != nil:
		return certificate.Document{}, err
	default:
		document.Proof = proof.Text()
	}
	return document, nil
}

// wordsErased stands where the digest of words would that were erased since.
const wordsErased = "erased"

// certified is what a certificate says of a decision: codes, dates and ids, and of the words their digests.
func certified(r casework.Result, d caldicott.Decision, deed DeedRow) ([]certificate.Line, []certificate.Word, error) {
	c, digest := &r.Case, r.Case.DecidedDigest(d.Version)
	var words []certificate.Word
	var failed error
	bound := func(of, text string) string {
		if text == "" {
			return ""
		}
		if deed.Erased {
			return wordsErased
		}
		word, err := certificate.NewWord(of, text)
		failed = errors.Join(failed, err)
		words = append(words, word)
		return word.Digest()
	}
	lines := []certificate.Line{
		{Name: "organisation", Value: c.Request.OrgCode}, {Name: "request", Value: c.Request.ID}, {Name: "reference", Value: c.Request.Reference},
		{Name: "decision", Value: d.ID}, {Name: "deed", Value: deed.Action}, {Name: "version", Value: strconv.Itoa(d.Version)},
		{Name: "digest", Value: hex.EncodeToString(digest[:])}, {Name: "outcome", Value: string(d.Outcome)},
		{Name: "decided-at", Value: d.At.Format(time.RFC3339Nano)}, {Name: "decided-by", Value: d.DecidedBy}, {Name: "person", Value: deed.Actor},
		{Name: "capacity", Value: string(d.ActingAs)}, {Name: "appointment", Value: d.Appointment}, {Name: "delegation", Value: d.Delegation},
		{Name: "rationale", Value: bound("rationale", d.Rationale)}, {Name: "review-date", Value: d.ReviewDate}, {Name: "expiry-date", Value: d.ExpiryDate},
		{Name: "entry", Value: deed.Stream + " " + strconv.Itoa(deed.Seq)}, {Name: "leaf", Value: merkle.Leaf(deed.Canon).String()},
		{Name: "issued-at", Value: r.At.Format(time.RFC3339Nano)},
	}
	lines = append(lines, lawLines(d.Law)...)
	for _, p := range slices.Sorted(maps.Keys(d.Principles)) {
		lines = append(lines, certificate.Line{Name: "principle", Value: string(p) + " " + string(d.Principles[p].Assessment)})
	}
	for _, f := range d.Findings {
		lines = append(lines, certificate.Line{Name: "finding", Value: string(f.Rule) + " " + string(f.Severity)})
	}
	for _, x := range c.Conditions {
		if x.Decision == d.ID {
			value := strings.Join([]string{x.Label, string(x.Type), cmp.Or(x.Due, "-"), bound(x.Label, x.Text)}, " ")
			lines = append(lines, certificate.Line{Name: "condition", Value: value})
		}
	}
	for _, referral := range d.ReferTo {
		lines = append(lines, certificate.Line{Name: "refer-to", Value: string(referral)})
	}
	for _, a := range c.Authorisations {
		if a.Decision == d.ID || a.ID == d.Authorisation {
			lines = append(lines, certificate.Line{Name: "authorisation", Value: a.ID + " " + string(c.AuthorisationState(a, r.At))})
		}
	}
	return lines, words, failed
}

func lawLines(law caldicott.Law) []certificate.Line {
	var lines []certificate.Line
	add := func(list, code string) {
		if code != "" {
			lines = append(lines, certificate.Line{Name: "lawful-basis", Value: list + " " + code})
		}
	}
	for _, code := range law.Art6 {
		add("art6", string(code))
	}
	for _, code := range law.Art9 {
		add("art9", string(code))
	}
	for _, code := range law.Sch1 {
		add("dpa_sch1", string(code))
	}
	add("cldc_basis", string(law.Basis))
	for _, code := range law.Powers {
		add("statutory_power", string(code))
	}
	return lines
}

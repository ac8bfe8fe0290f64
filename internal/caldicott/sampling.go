package caldicott

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Samplable is a decision that the guardian may be shown a sample of: one that was set aside at triage, or approved by the
// express way, which is straight from triage.
type Samplable struct {
	Decision  string             `json:"decision"`
	Request   string             `json:"request"`
	Reference string             `json:"reference"`
	Kind      vocabulary.Kind    `json:"kind"`
	Outcome   vocabulary.Outcome `json:"outcome"`
	DecidedBy string             `json:"decided_by"`
}

// Draw takes a share of the population, the least at any rate, in a way that anybody can repeat: the decisions whose
// SHA-256 over seed and id come first. The digest is over the ids of the whole population in order, so that nothing can be
// left out of it afterwards.
func (k Clocks) Draw(seed [32]byte, population []Samplable) (drawn []Samplable, digest string) {
	ids := make([]string, len(population))
	ranked := slices.Clone(population)
	for i, x := range population {
		ids[i] = x.Decision
	}
	slices.Sort(ids)
	sum := sha256.New()
	for _, id := range ids {
		sum.Write([]byte(id + "\n"))
	}
	rank := func(x Samplable) []byte {
		h := sha256.Sum256(append(seed[:], x.Decision...))
		return h[:]
	}
	slices.SortFunc(ranked, func(a, b Samplable) int { return bytes.Compare(rank(a), rank(b)) })
	n := max(k.SampleLeast, (len(ranked)*k.SampleShare+99)/100)
	return ranked[:min(n, len(ranked))], hex.EncodeToString(sum.Sum(nil))
}

// Quarter names the quarter of a Europe/London day ("2026-Q3") and gives its first instant and the one after its last.
func Quarter(day string) (name string, from, to time.Time, err error) {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "", from, to, fmt.Errorf("day: %w", err)
	}
	q := (int(d.Month()) - 1) / 3
	first := time.Date(d.Year(), time.Month(q*3+1), 1, 0, 0, 0, 0, time.UTC)
	if from, err = StartOfDay(first.Format(time.DateOnly)); err != nil {
		return "", from, to, err
	}
	to, err = StartOfDay(first.AddDate(0, 3, 0).Format(time.DateOnly))
	return fmt.Sprintf("%d-Q%d", d.Year(), q+1), from, to, err
}

// QuarterBefore is the quarter before the one that the day lies in.
func QuarterBefore(day string) (name string, from, to time.Time, err error) {
	_, this, _, err := Quarter(day)
	if err != nil {
		return "", from, to, err
	}
	return Quarter(Today(this.Add(-time.Hour)))
}

package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// judged is a row of another table than the trail's, with what was found. ok says that it was in order.
type judged[T any] struct {
	row   T
	found []Finding
	ok    bool
}

func (j *judged[T]) finding(f Finding) { j.found = append(j.found, f) }

// judgeAll has rows judged side by side, and taken in order.
func judgeAll[T any](v *verifier, read func(func(T) error) error, judge func(*judged[T]), take func(*judged[T])) error {
	return inOrder(v.Workers, atOnce, func(give func(judged[T]) error) error {
		return read(func(row T) error { return give(judged[T]{row: row}) })
	}, judge, func(j *judged[T]) error {
		for _, f := range j.found {
			v.found(f)
		}
		take(j)
		return nil
	})
}

func (v *verifier) details(ctx context.Context, src Source) error {
	return judgeAll(v, func(f func(Detail) error) error { return src.Details(ctx, f) }, v.detail, func(d *judged[Detail]) {
		if v.sum.Details++; d.row.Erased {
			v.sum.Erased++
		}
	})
}

// detail compares the words with the commitment of their entry, or looks for the entry that records their erasure.
func (v *verifier) detail(j *judged[Detail]) {
	d := &j.row
	f := Finding{Invariant: "detail", Entry: d.Entry}
	said, err := decode(d.Canon)
	switch {
	case d.Canon == nil && v.gone.has(d.Entry):
		if !d.Erased {
			f.Text = "was disposed of, and its words are still here"
		}
	case d.Canon == nil:
		f.Text = "is missing, and its detail is here"
	case err != nil:
		return // already reported with the entry
	case !d.Erased:
		got := commitment(d.Salt, d.Body)
		if want := string(said[sayDetail]); len(d.Salt) != 32 || got != want {
			f.Text, f.Want, f.Have = "commits to other words than its detail's", want, got
		}
	case d.ErasureCanon == nil && v.gone.has(d.Erasure): // what recorded the erasure was disposed of by certificate
	default:
		if !records(d.ErasureCanon, d.Entry) {
			f.Text = "lost its detail, and no entry records the erasure"
		}
	}
	if f.Text != "" {
		f.Stream, f.Seq = string(said[sayStream]), whole(said[saySeq])
		j.finding(f)
	}
}

// records says whether the canon records that the words of the entry were erased.
func records(canon []byte, entry int64) bool {
	erasure, err := decode(canon)
	named := fmt.Appendf(nil, `"entry":"%d"`, entry)
	return err == nil && string(erasure[sayAction]) == Erased && string(erasure[sayOutcome]) == Done && bytes.Contains(erasure[sayFacts], named)
}

// commitment is the verifier's own arithmetic, not Commit.
func commitment(salt, body []byte) string {
	sum := sha256.Sum256(slices.Concat([]byte("cg/detail/v1"), salt, body))
	return hex.EncodeToString(sum[:])
}

func (v *verifier) caseRows(ctx context.Context, src Source) error {
	err := judgeAll(v, func(f func(CaseRow) error) error { return src.CaseRows(ctx, f) }, v.caseRow, func(c *judged[CaseRow]) {
		if v.sum.CaseRows++; c.ok {
			v.rows.remove(c.row.Entry)
		}
	})
	if err == nil {
		v.rowless()
	}
	return err
}

// caseRow looks for the deed that wrote a row.
func (v *verifier) caseRow(j *judged[CaseRow]) {
	c := &j.row
	stream := caldicott.OrganisationStream(c.Organisation)
	if c.Request != "" {
		stream = caldicott.RequestStream(c.Request)
	}
	f := Finding{Invariant: "I1", Entry: c.Entry, Stream: stream}
	said, err := decode(c.Canon)
	switch {
	case c.Canon == nil && v.gone.has(c.Entry): // disposed of: there is nothing left to compare with
		j.ok = true
		return
	case c.Canon == nil:
		f.Text = "is not there"
	case err != nil:
		return // already reported with the entry
	case string(said[sayStream]) != stream || said[saySeq] == nil:
		f.Text = "belongs to " + string(said[sayStream])
	case string(said[sayOutcome]) != Done:
		f.Text = "is a refusal"
	default:
		j.ok = true
		i := slices.IndexFunc(c.Says, func(words string) bool { return !bytes.Contains(c.Canon, []byte(words)) })
		switch {
		case i >= 0:
			f.Invariant, f.Text = "I12", "does not say "+c.Says[i]
		case c.Body != nil && !holds(c.Body, c.Words):
			f.Invariant, f.Text = "detail", "commits to other words than the row's" // which words stays between the row and its readers
		default:
			return
		}
	}
	f.Seq, f.Text = whole(said[saySeq]), fmt.Sprintf("%s, and row %s of %s names it", f.Text, c.Row, c.Table)
	j.finding(f)
}

// holds says whether every word stands in the body, as JSON spells it.
func holds(body []byte, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool {
		var spelled bytes.Buffer
		e := json.NewEncoder(&spelled)
		e.SetEscapeHTML(false)
		return e.Encode(word) != nil || word != "" && !bytes.Contains(body, bytes.TrimSuffix(spelled.Bytes(), []byte("\n")))
	})
}

// rowless names the deeds that no row remembers.
func (v *verifier) rowless() {
	for id := range v.rows.all() {
		v.found(Finding{Invariant: "I2", Entry: id, Text: "records a deed that no case row names"})
	}
}

func (v *verifier) versions(ctx context.Context, src Source) error {
	return judgeAll(v, func(f func(Version) error) error { return src.Versions(ctx, f) }, v.version, func(*judged[Version]) { v.sum.Versions++ })
}

// version compares a version of the content with the digest that its deed recorded.
func (v *verifier) version(j *judged[Version]) {
	c := &j.row
	if c.Canon == nil && v.gone.has(c.Entry) { // disposed of: nothing is left to compare with
		return
	}
	sum := sha256.Sum256(c.Content)
	digest := hex.EncodeToString(sum[:])
	f := Finding{Invariant: "content", Entry: c.Entry, Stream: caldicott.RequestStream(c.Request)}
	said, err := decode(c.Canon)
	f.Seq = whole(said[saySeq])
	name := fmt.Sprintf("version %d of the content ", c.N)
	if c.Erased { // what its entry recorded is held against the digest that it kept
		if digest = hex.EncodeToString(c.Digest); !records(c.ErasureCanon, c.Entry) {
			f.Text = name + "lost its words, and no entry records the erasure"
			j.finding(f)
		}
	} else if !bytes.Equal(c.Digest, sum[:]) {
		f.Text, f.Want, f.Have = name+"has another digest", hex.EncodeToString(c.Digest), digest
		j.finding(f)
	}
	switch {
	case c.Canon == nil:
		f.Text, f.Want, f.Have = "is not there, and "+name+"names it", "", ""
	case err != nil:
		return // already reported with the entry
	case string(said[sayDigest]) != digest:
		f.Text, f.Want, f.Have = "recorded another digest for "+name, string(said[sayDigest]), digest
	case string(said[sayRequest]) != c.Request:
		f.Text, f.Want, f.Have = name+"belongs to another request", string(said[sayRequest]), c.Request
	default:
		return
	}
	j.finding(f)
}

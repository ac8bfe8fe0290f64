package rest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/certificate"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/receipt"
)

// documentOf is the certificate as its check reads it.
func documentOf(v api.CertificateView) certificate.Document {
	d := certificate.Document{Certificate: v.Certificate, Entry: v.Entry, Proof: v.Proof}
	for _, word := range v.Words {
		d.Words = append(d.Words, certificate.Word(word))
	}
	return d
}

// allKeys are those that an auditor has from elsewhere.
func (o office) allKeys(t *testing.T) audit.Keys {
	t.Helper()
	_, receipts := receiptKey()
	keys, err := audit.ParseKeys(strings.NewReader(o.Key.Verifier() + "\n" + receipts + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestADecisionIsCertifiedForWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	done := w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	var shown api.List[api.DecisionView]
	if err := json.Unmarshal(w.as(t, "u-guardian").get(path+"/decisions").is(200).body, &shown); err != nil {
		t.Fatal(err)
	}
	d := shown.Items[0]
	place := "/api/v1/decisions/" + d.ID + "/certificate"
	read := func() (v api.CertificateView) {
		t.Helper()
		if err := json.Unmarshal(w.as(t, "u-req-research").get(place).is(200).body, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := read(); v.Proof != "" {
		t.Error("proved before it was sealed")
	}
	o := w.office(t)
	o.Seal(t)
	v := read()
	c, err := certificate.Open(v.Certificate, receipt.Suffix, signatures())
	if err != nil {
		t.Fatal(err)
	}
	promised := receiptOf(t, done)
	for name, want := range map[string]string{
		"organisation": "TST01", "reference": d.Reference, "decision": d.ID, "deed": "decide", "outcome": string(d.Outcome), "decided-by": "u-guardian",
		"capacity": "CALDICOTT_GUARDIAN", "appointment": d.Appointment, "expiry-date": d.ExpiryDate, "leaf": promised.Leaf.String(),
	} {
		if got := c.Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	if merkle.Leaf([]byte(v.Entry)) != promised.Leaf {
		t.Error("the entry is not the one that was promised")
	}
	texts := map[string]string{}
	for _, word := range v.Words {
		texts[word.Of] = word.Text
		if !c.Bound(certificate.Word(word)) || strings.Contains(v.Certificate, word.Text) {
			t.Errorf("the words of %s", word.Of)
		}
	}
	if texts["rationale"] != d.Rationale || len(texts) != 1+len(d.Conditions) {
		t.Errorf("the words are of %v", texts)
	}
	if _, err := documentOf(v).Check(receipt.Suffix, o.allKeys(t)); err != nil {
		t.Error(err)
	}

	plain := func(r *http.Request) { r.Header.Set("Accept", "text/plain") }
	file := w.as(t, "u-req-research").get(place, plain).is(200)
	if !strings.HasPrefix(file.header.Get("Content-Type"), "text/plain") || strings.Contains(string(file.body), d.Rationale) {
		t.Errorf("%s: %s", file.header.Get("Content-Type"), file.body)
	}
	if again, err := certificate.Read(string(file.body)); err != nil || again.Entry != v.Entry || again.Proof == "" {
		t.Errorf("%+v %v", again, err)
	}

	w.as(t, "u-req-11").get(place).is(404)
	const viewed = `SELECT count(*) FROM audit.entries WHERE action = 'viewed' AND convert_from(canon, 'UTF8') LIKE '%' || $1 || '%' AND outcome = 'done'`
	if n := w.count(t, viewed, d.ID); n != 3 {
		t.Errorf("%d readings are on record", n)
	}
}

// What suspends an authorisation is a decision too, of which the deed has another name.
func TestADecisionOnAnAuthorisationIsCertified(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	guardian := w.as(t, "u-guardian")
	var list api.List[api.AuthorisationRow]
	if err := json.Unmarshal(guardian.get("/api/v1/authorisations").is(200).body, &list); err != nil {
		t.Fatal(err)
	}
	authorisation := "/api/v1/authorisations/" + list.Items[0].ID
	read := guardian.get(authorisation).is(200)
	guardian.post(authorisation+"/suspension", map[string]any{"reason": "Look-ups outside the caseload."}, match(read.etag())).is(200)
	var decisions api.List[api.DecisionView]
	if err := json.Unmarshal(guardian.get(path+"/decisions").is(200).body, &decisions); err != nil {
		t.Fatal(err)
	}
	certificateOf := func() (v api.CertificateView) {
		if err := json.Unmarshal(guardian.get("/api/v1/decisions/"+decisions.Items[1].ID+"/certificate").is(200).body, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	o := w.office(t)
	o.Seal(t)
	c, err := documentOf(certificateOf()).Check(receipt.Suffix, o.allKeys(t))
	if err != nil || c.Get("deed") != "suspend" || c.Get("authorisation") != list.Items[0].ID+" SUSPENDED" {
		t.Errorf("%+v %v", c, err)
	}
}

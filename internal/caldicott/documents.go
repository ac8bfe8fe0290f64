package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Filed is what is known of a stored document besides its bytes. SHA256 is hexadecimal, over the bytes as they came.
type Filed struct {
	Name      string                  `json:"name"`
	MediaType string                  `json:"media_type"`
	Size      int64                   `json:"size"` // bytes
	SHA256    string                  `json:"sha256"`
	Type      vocabulary.DocumentType `json:"type,omitempty"`
}

// Document is a stored document of a request. Once erased, its bytes are gone and its digest stays.
type Document struct {
	ID string
	Filed
	State vocabulary.DocumentState
	By    string
	At    time.Time
}

// Documents are all of the request, oldest first.
func (c *Case) Documents() []Document {
	var all []Document
	for _, d := range c.Done {
		if d.Deed == Attach && d.Details.Document != nil {
			all = append(all, Document{ID: d.ID, Filed: *d.Details.Document, State: vocabulary.DocumentStateWaiting, By: d.By, At: d.At})
			if d.Details.Scan == vocabulary.ScanResultClean {
				all[len(all)-1].State = vocabulary.DocumentStateClean
			}
			continue
		}
		i := slices.IndexFunc(all, func(x Document) bool { return x.ID == d.Subject })
		if i < 0 {
			continue
		}
		switch d.Deed {
		case EraseDocument:
			all[i].State = vocabulary.DocumentStateErased
		case ScanDocument:
			if all[i].State == vocabulary.DocumentStateWaiting {
				all[i].State = vocabulary.DocumentState(d.Details.Scan)
			}
		}
	}
	return all
}

// Document finds one by id.
func (c *Case) Document(id string) (Document, bool) {
	all := c.Documents()
	i := slices.IndexFunc(all, func(x Document) bool { return x.ID == id })
	if i < 0 {
		return Document{}, false
	}
	return all[i], true
}

// Attaching adds a document whose bytes are kept elsewhere under ID. Scanned says that no scanner is set up, so that nothing
// needs to wait for one.
type Attaching struct {
	ID        string
	Filed     Filed
	Unscanned bool
}

// ErasingDocument destroys a document's bytes; what is known of it stays.
type ErasingDocument struct{ Reason string }

func (Attaching) Action() Action       { return Attach }
func (ErasingDocument) Action() Action { return EraseDocument }

// Texts are the name of the file, which may hold an identifier as well as any text.
func (d Attaching) Texts() []Text { return []Text{{"name", d.Filed.Name}} }

// Texts are the reason.
func (d ErasingDocument) Texts() []Text { return []Text{{"reason", d.Reason}} }

func (d Attaching) do(t *Turn) error {
	t.require("name", d.Filed.Name)
	t.Change.Done.ID = d.ID
	t.Change.Done.Details.Document = &d.Filed
	if d.Unscanned {
		t.Change.Done.Details.Scan = vocabulary.ScanResultClean
	}
	return nil
}

func (d ErasingDocument) do(t *Turn) error {
	t.require("reason", d.Reason)
	t.Change.Done.Details.Reason = d.Reason
	return nil
}

// evidence refuses a document that is not this case's, or not fit to rest anything on.
func (t *Turn) evidence(field, id string) {
	if id == "" {
		return
	}
	x, ok := t.Case.Document(id)
	if !ok || x.State == vocabulary.DocumentStateErased || x.State == vocabulary.DocumentStateInfected {
		t.wrong(field, CodeField, "must name a document of this request that is there and clean")
	}
	t.Change.Done.Details.Evidence = id
}

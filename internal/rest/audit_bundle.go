package rest

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/merkle"
)

// LogSealed is an entry as the log has it. Canon is nil where it was disposed of; Organisation is "" where it is about none.
type LogSealed struct {
	Canon        []byte
	Organisation string
}

// purposeHeader says what a bundle is asked for. A C2SP client writes the path, and can be given headers only.
const purposeHeader = "Purpose"

// showBundle shows the entries beneath a tile as any C2SP client reads them, to somebody who may take all of them away. It
// goes on the record before anything is sent.
func (s *service) showBundle(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	place, ok := placeOf("0/" + chi.URLParam(r, "*"))
	if !ok {
		return caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such bundle.")
	}
	why := r.Header.Values(purposeHeader)
	if len(why) != 1 || !purpose.form(why[0]) {
		return unreadable(purposeHeader, purpose.must)
	}
	grant, err := s.Work.GrantLog(r.Context(), actorOf(r.Context()), caldicott.ExportLog)
	if err != nil {
		return err
	}
	if err := s.Notary.Proofs.Covers(r.Context(), place); err != nil {
		return unproved(err)
	}
	if r.Method == http.MethodHead { // nothing is taken, so nothing goes on record
		w.Header().Set("Content-Type", "application/octet-stream")
		return nil
	}
	entries, err := s.Trail.Bundle(r.Context(), place.Index*merkle.TileWidth, place.Width)
	if err != nil {
		return err
	}
	bundle, err := bundleFor(grant, entries)
	if err != nil {
		return err
	}
	question := casework.LogQuestion{Purpose: vocabulary.LogPurpose(why[0])}
	if err := s.Work.LogBundled(r.Context(), grant, question, place.Index, place.Width); err != nil {
		return err
	}
	logBytes(w, "application/octet-stream", bundle, "private, "+forEver)
	return nil
}

// disposed says that the bytes of an entry are gone.
func disposed(certificate int64) error {
	return caldicott.Errorf(caldicott.NotFound, caldicott.CodeDisposed, "The entry was disposed of under certificate %d when its time of keeping was over; its hash stays in the log.", certificate)
}

// bundleFor joins the entries, if all of them may be read: a bundle cannot leave any out.
func bundleFor(grant casework.LogGrant, entries []LogSealed) ([]byte, error) {
	var bundle []byte
	for _, e := range entries {
		if e.Organisation == "" && !grant.Own || e.Organisation != "" && !slices.Contains(grant.Organisations, e.Organisation) {
			return nil, caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such thing, or you may not see it.")
		}
		if e.Canon == nil {
			return nil, caldicott.Errorf(caldicott.NotFound, caldicott.CodeDisposed, "An entry of this bundle was disposed of by certificate; its hash is in the tile.")
		}
		var err error
		if bundle, err = merkle.AppendEntry(bundle, e.Canon); err != nil {
			return nil, err
		}
	}
	return bundle, nil
}

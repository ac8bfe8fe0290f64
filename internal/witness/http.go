package witness

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/internal/merkle"
)

const (
	maxBody  = 64 << 10 // bytes of a submission: 63 hashes and a note with a hundred signatures fit
	sizeType = "text/x.tlog.size"
	noteType = "text/plain; charset=utf-8"
)

// Handler serves the witness: POST /add-checkpoint, and GET /<LogID>/checkpoint with the last cosigned note.
func Handler(w *Witness, log *slog.Logger) http.Handler {
	byID := map[string]string{}
	for origin := range w.Logs {
		byID[LogID(origin)] = origin
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) { add(w, log, rw, r) })
	mux.HandleFunc("GET /{log}/checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		origin, known := byID[r.PathValue("log")]
		if !known {
			answer(rw, http.StatusNotFound, noteType, "this log is not known here\n")
			return
		}
		cosigned, err := w.Store.Load(origin)
		switch {
		case err != nil:
			fail(rw, log, origin, err)
		case cosigned == "":
			answer(rw, http.StatusNotFound, noteType, "nothing of this log was cosigned yet\n")
		default:
			answer(rw, http.StatusOK, noteType, cosigned)
		}
	})
	return mux
}

// add answers a submission.
func add(w *Witness, log *slog.Logger, rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		answer(rw, http.StatusBadRequest, noteType, "the body is cut off, or too large\n")
		return
	}
	s, err := merkle.ParseSubmission(string(body))
	if err != nil {
		answer(rw, http.StatusBadRequest, noteType, "the body is no submission\n")
		return
	}
	line, err := w.Add(s)
	if err == nil {
		answer(rw, http.StatusOK, noteType, line+"\n")
		return
	}
	origin, _, _ := strings.Cut(s.Note, "\n")
	refusal, refused := errors.AsType[*Refusal](err)
	if !refused {
		fail(rw, log, origin, err)
		return
	}
	if _, known := w.Logs[origin]; known { // what strangers send is not worth a line
		log.Warn("not cosigned", "log", origin, "status", refusal.Status, "old", s.Old, "known", refusal.Known, "error", err)
	}
	if refusal.Known >= 0 {
		answer(rw, refusal.Status, sizeType, strconv.FormatInt(refusal.Known, 10)+"\n")
		return
	}
	answer(rw, refusal.Status, noteType, refusal.Text+"\n")
}

func fail(rw http.ResponseWriter, log *slog.Logger, origin string, err error) {
	log.Error("the witness cannot remember", "log", origin, "error", err)
	answer(rw, http.StatusInternalServerError, noteType, "the witness has a fault\n")
}

func answer(rw http.ResponseWriter, status int, kind, body string) {
	rw.Header().Set("Content-Type", kind)
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, body) // who has gone does not hear it
}

package server

import (
	"encoding/json"
	"net/http"

	"github.com/caldicott/caldicott/api"
)

// healthy says that the process answers.
func (h *house) healthy(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, api.Health{Status: "ok"})
}

// ready says whether the service can do its work. Why it cannot is for the log.
func (h *house) ready(w http.ResponseWriter, r *http.Request) {
	check := api.ReadinessCheck{Name: "database", Ready: true}
	status := http.StatusOK
	if err := h.Ready(r.Context()); err != nil {
		h.Log.WarnContext(r.Context(), "not ready", "cause", err.Error())
		check.Ready, check.Detail = false, "The database is away or not migrated."
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	write(w, status, api.Readiness{Ready: check.Ready, Checks: []api.ReadinessCheck{check}})
}

// contract gives the contract as it was built in.
func (h *house) contract(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(h.Contract) //nolint:errcheck // nobody is left to tell
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errcheck // nobody is left to tell
}

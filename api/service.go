package api

// Health says that the process answers.
type Health struct {
	Status string `json:"status"`
}

// Readiness says whether the service can do its work, and what it looked at.
type Readiness struct {
	Ready  bool             `json:"ready"`
	Checks []ReadinessCheck `json:"checks"`
}

// ReadinessCheck is one thing without which the service cannot work.
type ReadinessCheck struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Detail string `json:"detail,omitempty"`
}

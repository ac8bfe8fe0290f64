package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Report is what was done to the service, and what differs from what it promised.
type Report struct {
	Seed  uint64
	Kills map[string]int // by what the moment was chosen by

	Cases, Deeds int // acknowledged
	Kept         int // recorded by the keeper
	Retries      int // questions sent again because no answer came
	Unheard      int // of those, deeds that were done all the same before the replica was killed
	Busy         int // of those, told that the first one was still under way
	Again        int // questions answered twice, to compare

	Notices     map[string]int // by status
	Redelivered int            // deliveries that came again
	Refused     int            // that a receiver refused or kept waiting
	Leases      int            // notices found in a dead sender's hands

	Errors map[string]int // what replicas logged as errors and warnings
	Audit  string
	Took   []phase
	Whole  time.Duration
	Folder string // where the logs are, if they were kept

	Differs []string
	More    int // differences that are not in the list
}

// Holds says whether everything promised is there.
func (r Report) Holds() bool { return len(r.Differs) == 0 }

// String is the summary, with what differs at the end.
func (r Report) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s "+format+"\n", append([]any{name}, args...)...)
	}
	line("kills", "%d (%s); seed %d", sum(r.Kills), counted(r.Kills), r.Seed)
	line("deeds", "%d acknowledged in %d cases, %d recorded by the keeper", r.Deeds, r.Cases, r.Kept)
	line("retries", "%d questions sent again for want of an answer (%d deeds were done all the same, %d still under way), %d asked twice and compared", r.Retries, r.Unheard, r.Busy, r.Again)
	line("notices", "%d (%s); %d redeliveries, %d refused or delayed, %d taken out of dead hands", sum(r.Notices), counted(r.Notices), r.Redelivered, r.Refused, r.Leases)
	line("log", "%s", counted(r.Errors))
	line("audit", "%s", r.Audit)
	line("seconds", "%.1f (%s)", r.Whole.Seconds(), durations(r.Took))
	if r.Folder != "" {
		line("kept", "%s", r.Folder)
	}
	if r.Holds() {
		line("verdict", "everything promised is there")
		return b.String()
	}
	line("verdict", "%d DIFFERENCES", len(r.Differs)+r.More)
	for _, d := range r.Differs {
		fmt.Fprintln(&b, "  differs:", d)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.More)
	}
	return b.String()
}

// mostDiffers is how many differences are told word by word: one fault is usually many.
const mostDiffers = 40

// findings collects what differs, from everywhere at once.
type findings struct {
	mu   sync.Mutex
	list []string
	more int
}

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) >= mostDiffers {
		f.more++
		return
	}
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// told gives what was found, and how much more there was.
func (f *findings) told() ([]string, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list), f.more
}

// counted writes a table in the order of its names.
func counted(table map[string]int) string {
	if len(table) == 0 {
		return "nothing"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, table[name]))
	}
	return strings.Join(parts, ", ")
}

// phase is how long a part of the run took.
type phase struct {
	name string
	took time.Duration
}

func durations(phases []phase) string {
	var parts []string
	for _, p := range phases {
		parts = append(parts, fmt.Sprintf("%s %.1f", p.name, p.took.Seconds()))
	}
	return strings.Join(parts, ", ")
}

func sum(table map[string]int) int {
	n := 0
	for _, x := range table {
		n += x
	}
	return n
}

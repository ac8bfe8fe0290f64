package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// reckonDeeds holds what was acknowledged against what is there: every promise is one deed, with the answer that was given,
// and there is no deed besides, but for what the keeper records, and that once.
func reckonDeeds(b *books, promised []deed, differs func(string, ...any)) {
	there := map[string][]string{}
	for _, d := range b.deeds {
		there[d.mark()] = append(there[d.mark()], d.ID)
	}
	for _, p := range promised {
		a, kept := b.answers[p.who+" "+p.key]
		if !kept {
			differs("%s by %s under %s was acknowledged, and there is no answer of it", p.deed, p.who, p.key)
			continue
		}
		if a.Status != p.got.status || a.ETag != p.got.etag || a.Location != p.got.location || !bytes.Equal(a.Body, p.got.body) || a.Request != p.request {
			differs("%s by %s under %s was answered otherwise than is kept", p.deed, p.who, p.key)
		}
		m := deedRow{Request: p.request, Deed: p.deed, Actor: p.who, At: a.At}.mark()
		if len(there[m]) != 1 {
			differs("%s by %s under %s was acknowledged, and is there %d times", p.deed, p.who, p.key, len(there[m]))
		}
		delete(there, m)
	}
	for m, ids := range there {
		if !strings.Contains(m, " by the keeper: ") {
			differs("%s was done %d times, and nobody was told so", m, len(ids))
		} else if len(ids) > 1 {
			differs("%s was recorded %d times", m, len(ids))
		}
	}
}

// mark tells a deed from every other: somebody does one thing at a time, and the keeper records each moment once.
func (d deedRow) mark() string {
	if d.Actor == "" {
		return fmt.Sprintf("%s on %s by the keeper: %s %s", d.Deed, d.Request, d.Subject, d.Moment)
	}
	return fmt.Sprintf("%s on %s by %s at %s", d.Deed, d.Request, d.Actor, d.At.UTC().Format(time.RFC3339Nano))
}

// reckonTellings holds the notices against the deeds: each deed is told to whom it must be, and nobody else.
func reckonTellings(b *books, differs func(string, ...any)) {
	wanted := map[string]bool{}
	for _, d := range b.deeds {
		keys := b.told(d)
		if len(keys) == 0 && !slices.Contains(silentDeeds, d.Deed) && !slices.Contains(midnight, d.Deed) {
			differs("%s: it is not known who must be told of it", d.mark())
		}
		for _, k := range keys {
			wanted[k] = true
		}
		if slices.Contains(midnight, d.Deed) {
			wanted[d.ID] = true
		}
	}
	for _, n := range b.notices {
		id, _, _ := strings.Cut(n.Key, "/")
		if !wanted[n.Key] && !wanted[id] {
			differs("notice %s (%s) is not known to be wanted", n.ID, n.Key)
		}
		delete(wanted, n.Key)
	}
	for k := range wanted {
		if strings.Contains(k, "/") {
			differs("notice %s is not there", k)
		}
	}
}

// reckonNotices holds what was sent against what arrived: who can be told was told at least once, under the notice's own id;
// who cannot is not bothered; and what arrived about one request came to each in the order in which it happened.
func reckonNotices(b *books, arrived map[delivery]arrival, differs func(string, ...any)) {
	known := map[delivery]bool{}
	last := map[[2]string]int{}
	for _, n := range b.notices {
		known[delivery{n.ID, n.to()}] = true
		came := arrived[delivery{n.ID, n.to()}]
		ok := came.times > 0
		switch {
		case n.Status == "SENT" && n.Reached && ok:
		case n.Status == "KEPT" && !n.Reached && !ok:
			continue
		default:
			differs("notice %s (%s) is %s after %d attempts %s, can be brought: %t, has arrived: %t", n.ID, n.Key, n.Status, n.Attempts, n.Fault, n.Reached, ok)
			continue
		}
		line := [2]string{n.Request, n.to()}
		if came.first < last[line] {
			differs("notice %s (%s) came before one that was written earlier", n.ID, n.Key)
		}
		last[line] = max(last[line], came.first)
	}
	for d := range arrived {
		if !known[d] {
			differs("a notice %s came to %s, and there is none such", d.notice, d.to)
		}
	}
}

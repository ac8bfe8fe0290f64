package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Difference is what changed between two versions of a request's content.
type Difference struct {
	From    int          `json:"from"`
	To      int          `json:"to"`
	Changes []ChangeView `json:"changes"`
}

// ChangeView is one field that changed. Before is absent where it was added, After where it was taken away.
type ChangeView struct {
	Path   string `json:"path"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// FromDifference compares two versions. Lists are compared by position, so that a path means the same in both; what was
// added or taken away is one change, however much is in it.
func FromDifference(from, to caldicott.Version) (Difference, error) {
	before, err := document(from.Content)
	if err != nil {
		return Difference{}, err
	}
	after, err := document(to.Content)
	if err != nil {
		return Difference{}, err
	}
	return Difference{From: from.N, To: to.N, Changes: compare([]ChangeView{}, "", before, after)}, nil
}

// document reads the content as plain JSON.
func document(c caldicott.Content) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(c.Bytes()))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("content as a document: %w", err)
	}
	return doc, nil
}

// compare adds the changes below the path.
func compare(changes []ChangeView, path string, before, after any) []ChangeView {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			return compareMembers(changes, path, b, a)
		}
	case []any:
		if a, ok := after.([]any); ok {
			return compareElements(changes, path, b, a)
		}
	}
	if !reflect.DeepEqual(before, after) {
		changes = append(changes, ChangeView{Path: path, Before: before, After: after})
	}
	return changes
}

func compareMembers(changes []ChangeView, path string, before, after map[string]any) []ChangeView {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		changes = compare(changes, member(path, name), before[name], after[name])
	}
	return changes
}

func compareElements(changes []ChangeView, path string, before, after []any) []ChangeView {
	at := func(list []any, i int) any {
		if i < len(list) {
			return list[i]
		}
		return nil
	}
	for i := range max(len(before), len(after)) {
		changes = compare(changes, element(path, i), at(before, i), at(after, i))
	}
	return changes
}

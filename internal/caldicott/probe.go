package caldicott

import "errors"

// Probe asks whether a deed would be possible, without doing it: what a page needs to know before it shows a button.
func Probe(a Action) Deed { return probe(a) }

type probe Action

func (p probe) Action() Action { return Action(p) }

func (probe) Texts() []Text { return nil }

func (probe) do(*Turn) error { return errors.New("a probe does nothing") }

package notary

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
)

// CheckProof holds a proof against the leaf and against a checkpoint that one of the keys has signed for that log.
func CheckProof(p merkle.Proof, origin string, leaf merkle.Hash, keys note.Verifiers) error {
	tree, err := OpenCheckpoint(p.Note, origin, keys)
	if err != nil {
		return err
	}
	return merkle.CheckInclusion(p.Path, tree, p.Index, leaf)
}

// OpenCheckpoint gives the tree of a signed checkpoint of that log.
func OpenCheckpoint(signed, origin string, keys note.Verifiers) (merkle.Tree, error) {
	opened, err := note.Open([]byte(signed), keys)
	if err != nil {
		return merkle.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := merkle.ParseCheckpoint(opened.Text)
	if err != nil {
		return merkle.Tree{}, err
	}
	if c.Origin != origin || opened.Sigs[0].Name != origin {
		return merkle.Tree{}, fmt.Errorf("checkpoint: it is not of the log %s", origin)
	}
	return c.Tree, nil
}

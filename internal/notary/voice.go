package notary

import (
	"context"
	"errors"
	"strings"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Voice is the log speaking for itself: its newest checkpoint, and statements that its keys sign.
type Voice struct {
	Proofs
	Keys []Key
}

// Origin is the log's name.
func (v Voice) Origin() string { return v.Proofs.Origin }

// Checkpoint is the newest signed checkpoint, as a note; "" and 0 before the first.
func (v Voice) Checkpoint(ctx context.Context) (size int64, signed string, err error) {
	tree, signed, err := v.Proofs.Checkpoint(ctx)
	if errors.Is(err, ErrUnsigned) {
		return 0, "", nil
	}
	return tree.Size, signed, err
}

// Sign signs a text, and gives the note. It must not be one that could be taken for a checkpoint: that is another promise,
// which only the Signer makes.
func (v Voice) Sign(text string) (string, error) {
	first, _, _ := strings.Cut(text, "\n")
	if _, err := merkle.ParseCheckpoint(text); err == nil || first == v.Proofs.Origin || !strings.HasSuffix(text, "\n") {
		return "", errors.New("sign: a statement ends a line, and begins as no checkpoint does")
	}
	if len(v.Keys) == 0 {
		return "", errors.New("sign: there is no key")
	}
	var lines []string
	for _, key := range v.Keys {
		signature, err := line(key, text)
		if err != nil {
			return "", err
		}
		lines = append(lines, signature)
	}
	return Note(text, lines), nil
}

package notary

import (
	"errors"
	"io/fs"
	"os"

	"github.com/caldicott/caldicott/internal/durable"
)

// File is a Memory in a file. Its folder must outlive the database.
type File string

// Recall reads the file; one that was never written says nothing.
func (f File) Recall() (string, error) {
	b, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// Remember puts the note on disk; a crash leaves the old one or the new one.
func (f File) Remember(signed string) error { return durable.Write(string(f), []byte(signed)) }

package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/caldicott/caldicott/internal/durable"
)

// Folder is a Store: a file for each log, and files of evidence beside it. One process at a time may have it.
type Folder struct {
	path string
	lock *os.File
}

// OpenFolder takes a folder that is there: one that was lost must not pass for one of a new witness.
func OpenFolder(path string) (*Folder, error) {
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := exclusive(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("another witness has %s: %w", path, err), lock.Close())
	}
	return &Folder{path, lock}, nil
}

// Close lets the folder go.
func (f *Folder) Close() error { return f.lock.Close() }

// LogID is the name of a log in files and URLs: the SHA-256 of its origin.
func LogID(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

func (f *Folder) file(origin, suffix string) string {
	return filepath.Join(f.path, LogID(origin)+suffix)
}

// Load reads a log's file; one that was never written says nothing.
func (f *Folder) Load(origin string) (string, error) {
	b, err := os.ReadFile(f.file(origin, ".checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil && len(b) == 0 {
		err = errors.New("the file is empty")
	}
	return string(b), err
}

// Save puts the note on disk.
func (f *Folder) Save(origin, cosigned string) error {
	return durable.Write(f.file(origin, ".checkpoint"), []byte(cosigned))
}

// Keep puts both notes on disk under a name of what the log has signed, so that only who has its key can fill the disk.
func (f *Folder) Keep(origin, known, other string) error {
	text, _, _ := strings.Cut(other, "\n\n")
	sum := sha256.Sum256([]byte(text))
	return durable.Write(f.file(origin, ".evidence-"+hex.EncodeToString(sum[:8])), []byte(known+"\n"+other))
}

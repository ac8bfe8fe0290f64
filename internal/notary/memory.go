package notary

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

// Remember writes beside the file and puts the new one in its place, so that a crash leaves the old one or the new one.
func (f File) Remember(signed string) error {
	folder := filepath.Dir(string(f))
	next, err := os.CreateTemp(folder, ".signed-*")
	if err != nil {
		return err
	}
	_, err = next.WriteString(signed)
	if err = errors.Join(err, next.Sync(), next.Close()); err == nil {
		err = os.Rename(next.Name(), string(f))
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

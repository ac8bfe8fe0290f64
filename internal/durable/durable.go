// Package durable writes files that a crash leaves whole: as they were, or as they are to be.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts content where path says, readable by its owner alone, and returns once it is on disk. It writes beside the file
// and puts the new one in its place.
func Write(path string, content []byte) error {
	folder := filepath.Dir(path)
	next, err := os.CreateTemp(folder, ".next-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(content)
	if err = errors.Join(err, next.Sync(), next.Close()); err == nil {
		err = os.Rename(next.Name(), path)
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

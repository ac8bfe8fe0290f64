package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// mostForeign is more than any file of an export holds, but for the index, which is read line by line: a bundle is 256 entries
// of 64 KiB. In bytes.
const mostForeign = 64 << 20

// foreign are the files of a directory that somebody else has made. No link leads out of it, and what is no file, or larger
// than any of an export, is not read: a pipe never ends.
type foreign struct{ fs.FS }

// fromOutside reads such a directory.
func fromOutside(dir string, read func(fs.FS) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	return errors.Join(read(foreign{root.FS()}), root.Close())
}

// Open opens a file of the directory.
func (f foreign) Open(name string) (fs.File, error) {
	about, err := fs.Stat(f.FS, name)
	switch {
	case err != nil:
		return nil, err
	case about.IsDir():
	case !about.Mode().IsRegular():
		return nil, fmt.Errorf("%s: it is no file", name)
	case about.Size() > mostForeign && name != "entries.ndjson":
		return nil, fmt.Errorf("%s: it is larger than any file of an export", name)
	}
	return f.FS.Open(name)
}

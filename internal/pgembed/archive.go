package pgembed

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// untar unpacks a gzipped tar archive into dir. Every name is resolved
// beneath dir by the kernel (os.Root), so neither ".." nor a link can lead
// outside; an archive that tries is refused as a whole.
func untar(archive io.Reader, dir string) error {
	unzipped, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("unzip the archive: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the directory to unpack into: %w", err)
	}
	defer root.Close()
	entries := tar.NewReader(unzipped)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("%w: %q leads out of the archive", ErrTampered, entry.Name)
		}
		switch entry.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(entry.Name, 0o755)
		case tar.TypeReg:
			err = writeEntry(root, entry, entries)
		default:
			err = fmt.Errorf("%w: %q is neither a file nor a directory", ErrTampered, entry.Name)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", entry.Name, err)
		}
	}
}

// writeEntry writes one file, readable by all, since another account may run
// it, and executable where the archive says so.
func writeEntry(root *os.Root, entry *tar.Header, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(entry.Name), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if entry.FileInfo().Mode()&0o111 != 0 {
		mode = 0o755
	}
	// A child forked meanwhile would inherit the open file, and a program that
	// is open for writing cannot be run.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := root.OpenFile(entry.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, content, entry.Size); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

package evidence

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Folder takes the files of a pack, one after the other.
type Folder interface {
	Add(name string, data []byte) error
	Close() error
}

// Zip is a folder that is written as it comes. The same files make the same bytes.
func Zip(w io.Writer) Folder { return zipped{zip.NewWriter(w)} }

type zipped struct{ *zip.Writer }

// aDay is the day that every file bears: the first that a zip can say. When a pack was made is in its manifest.
var aDay = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (z zipped) Add(name string, data []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: aDay})
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// Dir is a folder on disk. It must not exist yet, so that nothing of another pack stays in it.
func Dir(path string) (Folder, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return onDisk{root}, nil
}

type onDisk struct{ *os.Root }

func (d onDisk) Add(name string, data []byte) error {
	if err := d.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return d.WriteFile(name, data, 0o600)
}

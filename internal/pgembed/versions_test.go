package pgembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// portrait describes every file beneath dir, to see whether one was touched.
func portrait(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(path); err != nil { //nolint:gosec // the test's own files
				return err
			}
		}
		uid, gid, _ := owner(path)
		lines = append(lines, fmt.Sprintf("%s %v %d:%d %v %q", path, info.Mode(), uid, gid, info.ModTime(), content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// write writes a file with exactly the mode, whatever our umask.
func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // to be entered by another account
		t.Fatal(err)
	}
	// As in writeEntry: another test's child must not hold the file open.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestDataOfAnotherVersionIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	write(t, filepath.Join(dir, "cluster", "PG_VERSION"), "13\n", 0o600)
	write(t, filepath.Join(dir, "cluster", "base", "1"), "precious", 0o600)
	write(t, filepath.Join(dir, "password"), "secret\n", 0o600)
	before := portrait(t, filepath.Join(dir, "cluster"))
	c := keeping(dir)
	c.Sources = []string{} // nothing is to be fetched for it
	_, err := Start(t.Context(), c)
	if !errors.Is(err, ErrOtherVersion) {
		t.Fatalf("starting on data of PostgreSQL 13: %v", err)
	}
	for _, word := range []string{"needs PostgreSQL 13", "PG_BIN"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the refusal does not say %q: %v", word, err)
		}
	}
	if after := portrait(t, filepath.Join(dir, "cluster")); after != before {
		t.Errorf("the data was touched\nbefore:\n%s\nafter:\n%s", before, after)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "password")); err != nil || string(text) != "secret\n" { //nolint:gosec // the test's own file
		t.Errorf("the password was touched: %q %v", text, err)
	}
}

func TestAnotherServersOwnDataIsNotMovedInto(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	write(t, filepath.Join(dir, "PG_VERSION"), "15\n", 0o600)
	before := portrait(t, dir)
	if _, err := Start(t.Context(), keeping(dir)); err == nil || !strings.Contains(err.Error(), "another server's own") {
		t.Errorf("starting inside a data directory: %v", err)
	}
	if after := portrait(t, dir); after != before {
		t.Errorf("the directory was touched\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

func TestAVersionIsReadAsANumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"15.18": 15, "19beta1": 19, "/usr/lib/postgresql/9.6/bin": 9, "none": 0, "": 0} {
		if got := majorIn(text); got != want {
			t.Errorf("majorIn(%q) = %d, not %d", text, got, want)
		}
	}
}

package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/caldicott/caldicott/internal/durable"
)

func TestAFileIsReplacedWholeAndNothingIsLeftBeside(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	for _, content := range []string{"first, and longer", "second"} {
		if err := durable.Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Errorf("%q, %v", b, err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Write(filepath.Join(folder, "taken"), nil); err == nil {
		t.Error("a folder is replaced")
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
)

const (
	modelFile = "model.conf"
	linesFile = "policy.csv"
)

// digested are the files that change what the service does, in the order of their names. README.md and cases.csv
// change nothing.
var digested = []string{"clocks.csv", "consultees.csv", "evidence.csv", modelFile, linesFile, "retention.csv", "targets.csv"}

// digestOf is the SHA-256 of what sha256sum prints for those of the files that exist, so that an auditor needs no
// program of ours:
//
//	cd policy && sha256sum clocks.csv consultees.csv evidence.csv model.conf policy.csv retention.csv targets.csv | sha256sum
func digestOf(fsys fs.FS) (string, error) {
	all := sha256.New()
	for _, name := range digested {
		data, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("policy: %w", err)
		}
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(data), name)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

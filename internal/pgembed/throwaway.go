package pgembed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const throwawayPrefix = "caldicott-pg-"

// throwawayParent is where throwaway servers live: in memory where there is
// room, which makes cloning a database more than ten times faster.
func (c Config) throwawayParent() string {
	if c.Temp != "" {
		return c.Temp
	}
	if dir := memory(); dir != "" {
		return dir
	}
	return os.TempDir()
}

// makeThrowaway makes a directory for a server that will not be kept.
func makeThrowaway(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, throwawayPrefix)
	if err != nil {
		return "", fmt.Errorf("make a throwaway data directory: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the data inside is 0700
		return "", errors.Join(fmt.Errorf("open the throwaway data directory: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// sweepThrowaways removes what killed processes have left behind: directories
// that are ours, that nobody holds the lock of, and that are old enough not
// to belong to somebody just about to lock them.
func sweepThrowaways(parent string, now time.Time) {
	const settled = time.Minute
	dirs, _ := filepath.Glob(filepath.Join(parent, throwawayPrefix+"*")) // fails only on a malformed pattern
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		uid, _, known := owner(dir)
		if err != nil || !info.IsDir() || !known || uid != os.Geteuid() || now.Sub(info.ModTime()) < settled {
			continue
		}
		cl := &cluster{dir: dir}
		if cl.own() != nil {
			continue
		}
		// What cannot be removed today is tried again by the next start.
		_ = os.RemoveAll(dir)
		_ = cl.close()
	}
}

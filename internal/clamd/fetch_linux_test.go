package clamd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// errNotToBeHad is where no clamd is installed and none could be brought: the one reason to leave the real test out.
var errNotToBeHad = errors.New("no clamd is installed, and none could be fetched")

// program is a clamd and where its libraries are, "" for the machine's own.
type program struct{ path, libraries string }

func (p program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, args...) //nolint:gosec // probed below
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC"}
	if p.libraries != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+p.libraries)
	}
	return cmd
}

// runs says whether the program can be run on this machine.
func (p program) runs(ctx context.Context) error {
	if out, err := p.command(ctx, "--help").CombinedOutput(); err != nil {
		return fmt.Errorf("try %s: %w: %s", p.path, err, out)
	}
	return nil
}

// findClamd gives the clamd that is installed, or one fetched earlier, or fetches one. Nothing is installed: the packages
// are only unpacked, into the user's cache.
func findClamd(ctx context.Context) (program, error) {
	for _, installed := range []string{"/usr/sbin/clamd", "/usr/local/sbin/clamd", "/usr/bin/clamd"} {
		if p := (program{path: installed}); p.runs(ctx) == nil {
			return p, nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return program{}, fmt.Errorf("find the cache: %w", err)
	}
	home := filepath.Join(cache, "caldicott", "clamd-debian")
	if p := unpacked(home); p.runs(ctx) == nil {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := fetch(ctx, home); err != nil {
		return program{}, fmt.Errorf("%w: %w", errNotToBeHad, err)
	}
	p := unpacked(home)
	return p, p.runs(ctx)
}

// unpacked is the clamd of Debian's packages, unpacked in dir.
func unpacked(dir string) program {
	libraries, _ := filepath.Glob(filepath.Join(dir, "usr/lib/*-linux-gnu")) // fails only on a malformed pattern
	more, _ := filepath.Glob(filepath.Join(dir, "lib/*-linux-gnu"))
	return program{filepath.Join(dir, "usr/sbin/clamd"), strings.Join(append(libraries, more...), ":")}
}

// fetch downloads Debian's package, with those it needs and the machine lacks, and puts them in home when they are whole.
// apt keeps its lists and archives in a place of its own, so it needs no root and changes nothing; it checks the signatures.
func fetch(ctx context.Context, home string) error {
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(home), ".fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, dir := range []string{"lists/partial", "cache/archives/partial", "whole"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return err
		}
	}
	apt := []string{"-q", "-o", "Dir::State::Lists=" + filepath.Join(work, "lists"), "-o", "Dir::Cache=" + filepath.Join(work, "cache"),
		"-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=1"}
	if err := run(ctx, "apt-get", append(apt, "update")...); err != nil {
		return err
	}
	if err := run(ctx, "apt-get", append(apt, "install", "--yes", "--no-install-recommends", "--download-only", "--reinstall", "clamav-daemon")...); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(work, "cache/archives/*.deb"))
	if err != nil || len(packages) == 0 {
		return errors.Join(err, errors.New("apt downloaded no package"))
	}
	for _, file := range packages {
		if err := run(ctx, "dpkg-deb", "-x", file, filepath.Join(work, "whole")); err != nil {
			return err
		}
	}
	return keep(filepath.Join(work, "whole"), home)
}

// keep puts a whole copy in its place, of which a broken one is cleared. Another test that was faster is as good.
func keep(whole, home string) error {
	if err := os.RemoveAll(home); err != nil {
		return err
	}
	if err := os.Rename(whole, home); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func run(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil { //nolint:gosec // written in this file
		return fmt.Errorf("%s %s: %w: %s", name, args[0], err, out[max(0, len(out)-400):])
	}
	return nil
}

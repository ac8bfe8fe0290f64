package logdir_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const walkthrough = "../../docs/walkthrough/verify.md"

// tools are what the walk-through may use: a PATH of these alone is made for it.
var tools = []string{"sh", "sha256sum", "jq", "cut", "sed", "ls", "head", "tail", "seq", "od", "tr", "cat"}

// lines are the shell blocks of the walk-through, as they stand there.
func lines(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile(walkthrough)
	must(t, err)
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)\n```sh\n(.*?)```\n").FindAllStringSubmatch(string(doc), -1) {
		script.WriteString(block[1])
	}
	if script.Len() == 0 {
		t.Fatal("the walk-through has no shell in it")
	}
	return script.String()
}

// walk runs the walk-through's lines in a directory, with the tools it names and nothing else around it.
func walk(t *testing.T, dir, caldicott string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	for _, tool := range tools {
		at, err := exec.LookPath(tool)
		if err != nil {
			t.Skipf("%s is not installed, and the walk-through needs it", tool)
		}
		must(t, os.Symlink(at, filepath.Join(bin, tool)))
	}
	must(t, os.Symlink(caldicott, filepath.Join(bin, "caldicott")))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "sh"), "-eu")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, []string{"PATH=" + bin}, strings.NewReader(lines(t))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A person with the export, a public key and the walk-through verifies an entry; and where one byte of it is another, the
// same lines say so.
func TestThePersonWithAShellVerifiesAnEntry(t *testing.T) {
	t.Parallel()
	caldicott := program(t)
	for name, c := range map[string]struct {
		tamper func(*testing.T, string)
		code   int
		says   string
	}{
		"sound":           {func(*testing.T, string) {}, 0, "amend done"},
		"an entry":        {resum(replace("tile/entries/000", "amend", "amenx")), 2, "THE TRAIL DOES NOT HOLD"},
		"the entry asked": {resum(edit("tile/entries/000", func(b []byte) []byte { return []byte(strings.Replace(string(b), `amend","actor`, `refus","actor`, 2)) })), 1, "the log has"},
		"a bad copy":      {replace("tile/entries/000", "amend", "amenx"), 1, "tile/entries/000: FAILED"},
		"a forged key": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "../keys"), []byte(newBook(t, 1).verifier), 0o600))
		}, 3, "IT CANNOT BE TOLD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t, 600)
			old := b.sign(t, 300, 0)
			newest := b.sign(t, 600, 1)
			from, _ := b.export(t)
			dir := filepath.Dir(from)
			for file, text := range map[string]string{
				"keys": b.verifier + "\n", "kept": old.Signed, "sent.json": string(b.rows[299].Canon), "sent.tlog-proof": b.proof(t, 299, newest),
			} {
				must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
			}
			c.tamper(t, from)
			out, err := walk(t, dir, caldicott)
			code := 0
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != c.code || !strings.Contains(out, c.says) {
				t.Errorf("exit %d, want %d:\n%s", code, c.code, out)
			}
		})
	}
}

// resum tampers, and then writes the digests anew, as a forger would.
func resum(tamper func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		tamper(t, dir)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `cd "$0" && cut -c67- SHA256SUMS | xargs sha256sum > ../sums && mv ../sums SHA256SUMS &&
			old=$(jq -r .sha256sums manifest.json) && sed "s/$old/$(sha256sum SHA256SUMS | cut -c1-64)/" manifest.json > ../m && mv ../m manifest.json`, dir).CombinedOutput()
		if err != nil {
			t.Skipf("the digests cannot be written anew here: %v %s", err, out)
		}
	}
}

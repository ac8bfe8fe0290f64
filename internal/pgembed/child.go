package pgembed

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// onOwnThread runs f on a thread that lasts until f returns. The kernel ties
// a child's parent-death signal to the thread that forked it, and Go retires
// idle threads: without this, a healthy server would be shut down at random.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f()
	}()
	<-done
}

// command prepares one of the server's programs. Its environment is only
// what is written here, so that no PGPORT, PGDATA or locale of the person who
// starts us can reach it.
func (b binaries) command(ctx context.Context, who account, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, program), args...) //nolint:gosec // the directory was probed, or given by whoever runs us
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	if b.libraries != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+b.libraries)
	}
	cmd.Dir = dir
	cmd.SysProcAttr = who.attributes()
	return cmd
}

// run runs a program to its end and answers what it printed.
func (b binaries) run(ctx context.Context, who account, dir, program string, args ...string) (string, error) {
	var out []byte
	var err error
	onOwnThread(func() { out, err = b.command(ctx, who, dir, program, args...).CombinedOutput() })
	said := strings.TrimSpace(string(out))
	if err != nil {
		return said, fmt.Errorf("%s: %w: %s", program, err, said)
	}
	return said, nil
}

package pgembed

import "syscall"

// endWithParent asks the kernel to send the child SIGINT, PostgreSQL's fast
// and orderly shutdown, when the thread that started it ends: so a SIGKILL of
// the service leaves neither an orphan nor a torn database.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// memory is a file system in memory with room for a test run, or "". The
// 64 MB that containers are given by default are not enough.
func memory() string {
	const (
		dir    = "/dev/shm"
		tmpfs  = 0x01021994 // statfs(2)
		enough = 2 << 30
	)
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil || stat.Type != tmpfs {
		return ""
	}
	if stat.Bsize <= 0 || stat.Bavail < enough/uint64(stat.Bsize) {
		return ""
	}
	if syscall.Access(dir, 0x2 /* W_OK */) != nil {
		return ""
	}
	return dir
}

//go:build unix && !linux

package pgembed

import "syscall"

// endWithParent does nothing where the kernel makes no such promise: after a
// SIGKILL of the service the server lives on, and the next start says so.
func endWithParent(*syscall.SysProcAttr) {}

func memory() string { return "" }

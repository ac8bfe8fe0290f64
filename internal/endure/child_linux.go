package main

import "syscall"

// attributes put a replica into a process group of its own, so that a Ctrl-C meant for this program does not end it behind
// its back, and have the kernel end it when the thread that started it ends: nothing outlives this program.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

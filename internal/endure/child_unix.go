//go:build unix && !linux

package main

import "syscall"

// attributes put a replica into a process group of its own, so that a Ctrl-C meant for this program does not end it behind
// its back.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

//go:build !unix

package main

import "syscall"

// attributes of a replica's process: nothing particular here.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

//go:build !unix

package pgembed

import (
	"errors"
	"os"
	"syscall"
)

// supported is false where no server can be dropped, locked and stopped in
// the ways this package promises: there the caller brings its own database.
const supported = false

func (account) attributes() *syscall.SysProcAttr { return nil }

func owner(string) (uid, gid int, ok bool) { return 0, 0, false }

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func waitLock(*os.File) error { return errors.ErrUnsupported }

func memory() string { return "" }

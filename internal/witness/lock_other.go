//go:build !unix

package witness

import (
	"errors"
	"os"
)

// exclusive refuses: without a lock two witnesses could have one folder.
func exclusive(*os.File) error { return errors.ErrUnsupported }

package pgembed

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is who runs the server: the zero account is whoever we are.
type account struct {
	name     string
	uid, gid int
	other    bool // another than ourselves, so files must be handed over
}

// chooseAccount answers who runs the server on the given data. Only root has
// a choice: PostgreSQL refuses uid 0, so the child drops to another account.
// Data that exists decides by its owner, or the server would not open it.
func chooseAccount(name, data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	if uid, gid, ok := owner(data); ok && uid != 0 {
		return account{name: "uid " + strconv.Itoa(uid), uid: uid, gid: gid, other: true}, nil
	}
	names := []string{"postgres", "nobody"}
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		if a, err := lookUp(n); err == nil {
			return a, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL will not run as root, and this machine has no other account %q to run it: "+
		"name one in CALDICOTT_PG_ACCOUNT, or start as an ordinary user", names)
}

func lookUp(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, fmt.Errorf("look up account: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, fmt.Errorf("account %s: %w", name, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, fmt.Errorf("account %s: %w", name, err)
	}
	if uid == 0 {
		return account{}, errors.New("the account is root by another name")
	}
	return account{name: name, uid: uid, gid: gid, other: true}, nil
}

// give hands a file or directory to the account.
func (a account) give(path string) error {
	if !a.other {
		return nil
	}
	if err := os.Chown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("hand over to account %s: %w", a.name, err)
	}
	return nil
}

// barrier names the directory on the way to path that strangers may not
// enter, for an error a person can act on; "" when permissions show none.
func barrier(path string) string {
	closed := ""
	for dir := path; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			closed = fmt.Sprintf("%s is %#o", dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			return closed
		}
	}
}

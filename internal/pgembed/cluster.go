package pgembed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cluster is one server's data on disk:
//
//	DataDir/          0755, ours
//	DataDir/lock      held for as long as a process owns the data
//	DataDir/password  0600, ours: the superuser's password
//	DataDir/cluster/  0700, the account's: the server's own files
type cluster struct {
	dir   string
	who   account
	major int // of the data; 0 is none yet
	lock  *os.File
}

func (cl *cluster) data() string     { return filepath.Join(cl.dir, "cluster") }
func (cl *cluster) password() string { return filepath.Join(cl.dir, "password") }

// openCluster takes ownership of the data in dir, making the directory where
// there is none. It changes nothing in data that exists.
func openCluster(dir, accountName string) (*cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err == nil {
		return nil, fmt.Errorf("%s is another server's own data directory: name an empty one, or give that server's URL", dir)
	}
	cl := &cluster{dir: dir}
	if cl.who, err = chooseAccount(accountName, cl.data()); err != nil {
		return nil, err
	}
	if err := cl.makeDir(); err != nil {
		return nil, err
	}
	if err := cl.own(); err != nil {
		return nil, err
	}
	if cl.major, err = cl.version(); err != nil {
		return nil, errors.Join(err, cl.close())
	}
	return cl, nil
}

// makeDir makes the data directory. A strict umask must not close it to the
// account; one that a person made is left as they made it.
func (cl *cluster) makeDir() error {
	if _, err := os.Stat(cl.dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(cl.dir, 0o755); err != nil { //nolint:gosec // the data inside is 0700
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Chmod(cl.dir, 0o755); err != nil { //nolint:gosec // the data inside is 0700
		return fmt.Errorf("make the data directory: %w", err)
	}
	return nil
}

// own takes the lock that keeps a second instance away.
func (cl *cluster) own() error {
	lock, err := os.OpenFile(filepath.Join(cl.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock of the data directory (was it made by another account?): %w", err)
	}
	got, err := tryLock(lock)
	if err == nil && !got {
		err = fmt.Errorf("%w: another process runs a server on %s; stop it, or name another directory", ErrInUse, cl.dir)
	}
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	cl.lock = lock
	return nil
}

func (cl *cluster) close() error {
	if err := cl.lock.Close(); err != nil {
		return fmt.Errorf("release the data directory: %w", err)
	}
	return nil
}

// version answers the major version that made the data, 0 where there is none.
func (cl *cluster) version() (int, error) {
	text, err := os.ReadFile(filepath.Join(cl.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data (was it made by another account?): %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the data in %s: %w", cl.data(), err)
	}
	return major, nil
}

// reach proves that the account can enter the data directory, by having it
// run a program there: permissions on paper (ACLs, mounts) can say otherwise.
func (cl *cluster) reach(ctx context.Context, b binaries) error {
	_, err := b.run(ctx, cl.who, cl.dir, "postgres", "--version")
	if err == nil {
		return nil
	}
	if !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("try the server in the data directory: %w", err)
	}
	return fmt.Errorf("%w: PostgreSQL will not run as root, and %s may not enter %s (%s). Set CALDICOTT_PG_DATA to a directory "+
		"all whose parents others may enter, such as /var/lib/caldicott, or start as an ordinary user",
		ErrUnreachable, cl.who.name, cl.dir, barrier(cl.dir))
}

// initialise makes the data under another name and renames it when it is
// whole, so that a crash half-way leaves no data that looks ready.
func (cl *cluster) initialise(ctx context.Context, b binaries, throwaway bool) error {
	fresh := cl.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove a half-made cluster: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	if err := cl.who.give(fresh); err != nil {
		return err
	}
	if err := cl.initdb(ctx, b, fresh, throwaway); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, cl.data()); err != nil {
		return fmt.Errorf("keep the new cluster: %w", err)
	}
	return nil
}

// initdb makes a cluster whose superuser has a password nobody chose. The
// account reads it from a copy of its own, which goes at once: the lasting
// one stays ours, since many programs run as nobody.
func (cl *cluster) initdb(ctx context.Context, b binaries, dir string, throwaway bool) error {
	secret := rand.Text()
	if err := os.WriteFile(cl.password(), []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	note := dir + ".password"
	defer os.Remove(note)
	if err := os.WriteFile(note, []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("tell the server its password: %w", err)
	}
	if err := cl.who.give(note); err != nil {
		return err
	}
	args := []string{"-D", dir, "-U", superuser, "--pwfile=" + note, "-A", "scram-sha-256",
		"-E", "UTF8", "--locale=C", "--data-checksums"}
	if throwaway {
		args = append(args, "--no-sync")
	}
	if _, err := b.run(ctx, cl.who, cl.dir, "initdb", args...); err != nil {
		return fmt.Errorf("make a database cluster: %w", err)
	}
	return nil
}

// secret reads the superuser's password.
func (cl *cluster) secret() (string, error) {
	text, err := os.ReadFile(cl.password())
	if err != nil {
		return "", fmt.Errorf("read the server's password: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

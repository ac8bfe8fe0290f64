package pgembed

import "errors"

// The refusals a caller may want to tell apart. In each case the data is as
// it was before.
var (
	// ErrInUse: another process runs a server on the same data.
	ErrInUse = errors.New("the data directory is in use")
	// ErrOtherVersion: the data was made by another major version than any
	// server at hand.
	ErrOtherVersion = errors.New("the data belongs to another major version of PostgreSQL")
	// ErrUnreachable: we are root, and the account that must run the server
	// instead cannot enter the data directory.
	ErrUnreachable = errors.New("the data directory cannot be reached by the server's account")
	// ErrTampered: what was fetched is not what was pinned.
	ErrTampered = errors.New("the archive is not the pinned one")
)

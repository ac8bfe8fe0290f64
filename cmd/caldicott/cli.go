package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kong"
)

// Exit codes: what a script may rely on.
const (
	exitOK       = 0
	exitFault    = 1 // something went wrong, or a rehearsal differs
	exitTampered = 2 // the trail does not hold
	exitUnknown  = 3 // it could not be told
)

// commands is the command line.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Serve the API; with --demonstration, everything needed to try it, on this machine alone."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database's schema up to date, as its owner."`
	Bootstrap bootstrapCommand `cmd:"" help:"Begin an empty house: one organisation, two administrators, the guardian (owner's login)."`
	Token     tokenCommand     `cmd:"" help:"Print a token for a person of the demonstration."`
	Rehearse  rehearseCommand  `cmd:"" help:"Replay written cases on a scratch database and compare what comes out."`
	Audit     auditCommand     `cmd:"" help:"The trail and its sealed log: verify, take away, prove, explain; their keys and witnesses."`
	Documents documentsCommand `cmd:"" help:"Documents and their keys."`
	Config    configCommand    `cmd:"" help:"Print the settings in force, secrets hidden."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// tools is what every command is given.
type tools struct {
	ctx      context.Context //nolint:containedctx // lives for one command
	env      []string
	out, err io.Writer
	log      *slog.Logger
}

// exit is an error that has said all it has to say and only carries the code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run does one command and gives its exit code.
func run(ctx context.Context, args, environ []string, out, errs io.Writer) int {
	var c commands
	code := -1
	parser, err := kong.New(&c, kong.Name("caldicott"), kong.Description("The Caldicott Guardian request service."),
		kong.Writers(out, errs), kong.Exit(func(n int) { code = n }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(errs, "caldicott:", err)
		return exitFault
	}
	parsed, err := parser.Parse(args)
	if code >= 0 { // help was asked for
		return code
	}
	if err != nil {
		parser.FatalIfErrorf(err)
		return exitFault
	}
	t := &tools{ctx: ctx, env: environ, out: out, err: errs, log: slog.New(slog.NewJSONHandler(errs, nil))}
	err = parsed.Run(t)
	var coded exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		return int(coded)
	}
	fmt.Fprintln(errs, "caldicott:", err)
	return exitFault
}

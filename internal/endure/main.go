// Command endure kills the service with SIGKILL again and again while replicas of it work and clients do deeds, and then
// holds everything that is left against everything that was promised:
//
//	go run ./internal/endure -kills 100 -replicas 3
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // a bare machine has no time zones
)

// Options say how hard the service is treated.
type Options struct {
	Kills    int
	Replicas int
	Seed     uint64        // of everything that is left to chance; what the kernel leaves to chance is not in it
	Keep     bool          // leave the folder with the logs
	Gap      time.Duration // between kills, on average
}

// Exit codes.
const (
	exitDiffers = 1
	exitMisused = 2
	exitUnable  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command reads the flags, runs, and prints the verdict.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("endure", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var o Options
	flags.IntVar(&o.Kills, "kills", 100, "how often a replica is killed")
	flags.IntVar(&o.Replicas, "replicas", 3, "how many replicas there are")
	flags.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "what is left to chance")
	flags.BoolVar(&o.Keep, "keep", false, "keep the folder with the replicas' logs")
	flags.DurationVar(&o.Gap, "gap", time.Second, "between kills, on average")
	if err := flags.Parse(args); err != nil {
		return exitMisused
	}
	if o.Kills < 0 || o.Replicas < 1 || o.Gap <= 0 || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "endure: at least one replica, a number of kills and a gap between them are needed, and nothing else")
		return exitMisused
	}
	report, err := Endure(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "endure: it cannot be told what the service endures:", err)
		return exitUnable
	}
	fmt.Fprint(stdout, report)
	if !report.Holds() {
		return exitDiffers
	}
	return 0
}

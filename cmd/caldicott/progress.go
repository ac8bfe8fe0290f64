package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// progress draws a bar on the terminal, a few times a second; there is none where nobody looks.
func (t *tools) progress(what string) func(done, of int64) {
	to, ok := t.err.(*os.File)
	if !ok {
		return nil
	}
	if info, err := to.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	const width = 30
	started, drawn := time.Now(), time.Time{}
	return func(done, of int64) {
		if time.Since(drawn) < 100*time.Millisecond && done < of {
			return
		}
		drawn = time.Now()
		part := min(width, int(width*done/max(of, 1)))
		fmt.Fprintf(to, "\r%s [%s%s] %d of %d, %.0f a second ", what, strings.Repeat("#", part), strings.Repeat("-", width-part),
			done, of, float64(done)/time.Since(started).Seconds())
		if done >= of {
			fmt.Fprint(to, "\r\033[K")
		}
	}
}

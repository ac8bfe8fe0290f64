package notify

import "time"

// MaxAttempts is how often a notice is tried before it is given up. With Backoff's pauses between them the last attempt
// comes 16 hours after the first on average and 32 at most, so that a relay may be away for a night.
const MaxAttempts = 12

// The pause before the second attempt is at most firstPause; each further one may be pauseGrowth times as long, and none is
// longer than longestPause, which bounds Retry-After too.
const (
	firstPause   = 5 * time.Second
	pauseGrowth  = 4
	longestPause = 6 * time.Hour
)

// Backoff gives the pause after that many failed attempts (from 1): exponential with full jitter, which is any duration
// from zero up to 5 s, 20 s, 80 s and so on, at most six hours. It keeps those who failed together from coming back
// together. random gives numbers from 0 up to 1, as math/rand/v2's Float64 does.
func Backoff(attempt int, random func() float64) time.Duration {
	ceiling := firstPause
	for range max(attempt, 1) - 1 {
		if ceiling *= pauseGrowth; ceiling >= longestPause {
			ceiling = longestPause
			break
		}
	}
	return time.Duration(random() * float64(ceiling))
}

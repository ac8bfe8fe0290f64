// Package benchtest sets what is measured beside its reference, in one run and in turn, so that the ratio outlives the
// machine. Nothing here passes or fails by time.
package benchtest

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Size reads how large something is to be.
func Size(b *testing.B, setting string, usual int) int {
	b.Helper()
	given := os.Getenv(setting)
	if given == "" {
		return usual
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		b.Fatalf("%s is no number", setting)
	}
	return n
}

// Lasts is how long one arm of a comparison works.
func Lasts(b *testing.B) time.Duration {
	return time.Duration(Size(b, "CALDICOTT_BENCH_SECONDS", 2)) * time.Second
}

// Arm is one of several things that are compared.
type Arm struct {
	Name string
	Run  func() float64
}

// Compare runs the arms in turn, round after round, and reports the median of each in the unit, and the median of each
// round's ratio to the first arm, the reference.
func Compare(b *testing.B, unit string, rounds int, arms ...Arm) {
	b.Helper()
	values, ratios := make([][]float64, len(arms)), make([][]float64, len(arms))
	var foreign []float64
	for range rounds {
		foreign = append(foreign, Foreign())
		for i, a := range arms {
			values[i] = append(values[i], a.Run())
			ratios[i] = append(ratios[i], values[i][len(values[i])-1]/values[0][len(values[0])-1])
		}
	}
	for i, a := range arms {
		b.ReportMetric(Median(values[i]), a.Name+"-"+unit)
		if i > 0 {
			b.ReportMetric(Median(ratios[i]), a.Name+"-x")
		}
	}
	b.ReportMetric(Median(foreign), "foreign-cores")
	b.ReportMetric(0, "ns/op") // says nothing here
}

// Median is the value in the middle.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile is the value that so many do not exceed.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Milliseconds reports a quantile of durations.
func Milliseconds(b *testing.B, all []time.Duration, q float64, name string) {
	b.Helper()
	values := make([]float64, len(all))
	for i, d := range all {
		values[i] = float64(d) / float64(time.Millisecond)
	}
	b.ReportMetric(Quantile(values, q), name)
}

// Foreign is how many cores others keep busy while we do nothing, steal included; 0 where the system does not say.
func Foreign() float64 {
	busy, ok := jiffies()
	time.Sleep(300 * time.Millisecond)
	after, _ := jiffies()
	if !ok {
		return 0
	}
	const perSecond = 100
	return (after - busy) / perSecond / 0.3
}

func jiffies() (busy float64, ok bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(line) {
		const name, idle, waiting, guest = 0, 4, 5, 9
		if i == name || i == idle || i == waiting || i >= guest {
			continue
		}
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, false
		}
		busy += n
	}
	return busy, true
}

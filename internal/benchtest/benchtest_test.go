package benchtest_test

import (
	"testing"

	"github.com/caldicott/caldicott/internal/benchtest"
)

func TestAQuantileIsAValueThatWasSeen(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := benchtest.Quantile(values, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if values[0] != 5 || benchtest.Median(nil) != 0 {
		t.Error("the values were sorted where they stand, or nothing has a median")
	}
}

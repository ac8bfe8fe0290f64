package access

import (
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// busy is an officer of the trust who owns a condition on a request: more standings than most people have.
var busy = []caldicott.Standing{
	{Role: vocabulary.RoleRequester, Whose: caldicott.Assigned},
	{Role: vocabulary.RoleIgOfficer, Whose: caldicott.Organisation},
	{Role: vocabulary.RoleIao, Whose: caldicott.Assigned},
	{Role: vocabulary.RoleEmergencyApprover, Whose: caldicott.Organisation},
}

// BenchmarkMay prints how many times dearer it would be to ask Casbin each time (the goal is a hundred).
func BenchmarkMay(b *testing.B) {
	p := policy(b)
	var table, casbin float64
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.May(caldicott.Triage, busy)
		}
		table = float64(b.Elapsed()) / float64(b.N)
	})
	e, err := newEnforcer(read(b, modelFile), p.Lines())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("casbin", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, s := range busy {
				if _, _, err := ask(e, question{caldicott.Triage, s}); err != nil {
					b.Fatal(err)
				}
			}
		}
		casbin = float64(b.Elapsed()) / float64(b.N)
		b.ReportMetric(casbin/float64(len(busy)), "ns/EnforceEx")
		b.ReportMetric(casbin/table, "×table")
		b.ReportMetric(casbin/float64(len(busy))/table, "×table/EnforceEx")
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(folder); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAnAnswerTakesNoMemory(t *testing.T) {
	p := policy(t)
	if n := testing.AllocsPerRun(100, func() { p.May(caldicott.Triage, busy) }); n != 0 {
		t.Errorf("May allocates %v times", n)
	}
}

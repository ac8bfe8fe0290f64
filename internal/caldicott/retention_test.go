package caldicott_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func TestAKindWithoutALineIsKeptAsAllOthers(t *testing.T) {
	t.Parallel()
	s, err := caldicott.ParseSchedule(strings.NewReader("kind, years, authority\n*, 8, LOCAL\nRESEARCH, 20, CODE 2021\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Of(vocabulary.KindResearch) != (caldicott.Keeping{Years: 20, Authority: "CODE 2021"}) || s.Of(vocabulary.KindSafeguarding).Years != 8 {
		t.Errorf("%+v", s)
	}
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	if at := s.Of(vocabulary.KindResearch).Limit(now); !at.Equal(time.Date(2006, 11, 2, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("the limit is %s", at)
	}
}

func TestAScheduleThatSaysTooLittleOrTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"no line for others": "RESEARCH, 20, CODE", "no kind": "*, 8, LOCAL\nNOTHING, 3, LOCAL", "twice": "*, 8, LOCAL\n*, 9, LOCAL",
		"a kind twice": "*, 8, LOCAL\nRESEARCH, 20, CODE\nRESEARCH, 21, CODE", "no years": "*, soon, LOCAL", "none": "*, 0, LOCAL",
		"too many": "*, 101, LOCAL", "words": "*, 8, local habit",
	} {
		if _, err := caldicott.ParseSchedule(strings.NewReader("kind, years, authority\n" + lines + "\n")); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

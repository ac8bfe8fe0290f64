package access

import (
	"fmt"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/constant"
	"github.com/casbin/casbin/v2/model"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// askCasbin asks Casbin once about every role, deed and whose, and keeps the line that answered. Casbin stays the
// judge; that it is asked only here makes an answer cost 0.1 µs instead of 150, and keeps its enforcer, which does
// not bear concurrent change, out of everybody's reach.
func askCasbin(conf string, lines []Line) (map[question]Line, error) {
	e, err := newEnforcer(conf, lines)
	if err != nil {
		return nil, err
	}
	byText := make(map[string]Line, len(lines))
	for _, line := range lines {
		byText[line.String()] = line
	}
	verdicts := make(map[question]Line, len(lines))
	for _, q := range questions() {
		allowed, why, err := ask(e, q)
		if err != nil {
			return nil, err
		}
		line, found := byText[why]
		if allowed != (found && line.Ruling == allow) {
			return nil, fmt.Errorf("%s: the model cannot be right: Casbin answers %t to %v because of %q",
				modelFile, allowed, q, why)
		}
		if found {
			verdicts[q] = line
		}
	}
	return verdicts, everyLineCounts(lines, verdicts)
}

// ask puts one question to Casbin and writes the line that decided as policy.csv does, or nothing.
func ask(e *casbin.Enforcer, q question) (allowed bool, why string, err error) {
	allowed, words, err := e.EnforceEx(string(q.standing.Role), string(q.action), string(q.standing.Whose))
	if err != nil {
		return false, "", fmt.Errorf("%s: %w", modelFile, err)
	}
	if len(words) == 0 {
		return allowed, "", nil
	}
	return allowed, fmt.Sprintf("p, %s, %s, %s, %s", words[0], words[1], words[2], words[3]), nil
}

func newEnforcer(conf string, lines []Line) (*casbin.Enforcer, error) {
	m, err := model.NewModelFromString(conf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", modelFile, err)
	}
	// May lets a denial win over all standings; another effect in the model would promise something else.
	if effect := m["e"]["e"]; effect == nil || effect.Value != constant.AllowAndDenyEffect {
		return nil, fmt.Errorf("%s: the effect must be: some line allows and no line denies", modelFile)
	}
	for _, l := range lines {
		err := m.AddPolicy("p", "p", []string{string(l.Role), string(l.Action), string(l.Whose), l.Ruling})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place(), err)
		}
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", modelFile, err)
	}
	return e, nil
}

// questions are all that can be asked.
func questions() []question {
	var all []question
	for _, role := range roles() {
		for _, action := range caldicott.Actions() {
			for _, whose := range caldicott.Whoses() {
				all = append(all, question{action, caldicott.Standing{Role: role, Whose: whose}})
			}
		}
	}
	return all
}

// everyLineCounts refuses a model by which some line decides nothing, not even what it says itself.
func everyLineCounts(lines []Line, verdicts map[question]Line) error {
	for _, line := range lines {
		if verdicts[line.question()] != line {
			return fmt.Errorf("%s: by %s this line does not decide what it says", line.Place(), modelFile)
		}
	}
	return nil
}

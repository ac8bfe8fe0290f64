package caldicott

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAnErrorThatNobodyClassifiedSaysNothingOutside(t *testing.T) {
	t.Parallel()
	if KindOf(errors.New("x")) != Internal || CodeOf(errors.New("x")) != "" || KindOf(nil) != Internal {
		t.Error("an unclassified error has a kind")
	}
	e := Errorf(Conflict, CodeState, "The request is %s.", "CLOSED")
	wrapped := fmt.Errorf("more: %w", e)
	if KindOf(wrapped) != Conflict || CodeOf(wrapped) != CodeState || e.Error() != "STATE: The request is CLOSED." {
		t.Errorf("%v", wrapped)
	}
	e.Err = errors.New("for the log")
	if !errors.Is(wrapped, e.Err) || !strings.HasSuffix(e.Error(), "for the log") {
		t.Errorf("%v has lost its cause", wrapped)
	}
}

// lifecycle.md: "the first blocking rule (V001 …), CP, REQUIRED, FIELD, CONDITION; errors[] lists all".
func TestARefusalIsLedByTheCodeThatMattersMost(t *testing.T) {
	t.Parallel()
	order := []string{"V001", "V013", "V029", CodePrinciples, CodeRequired, CodeField, CodeCondition}
	for i := range order {
		var fields []FieldError
		for _, code := range slices.Backward(order[i:]) {
			fields = append(fields, FieldError{Field: "x", Code: code, Message: "says " + code})
		}
		e, ok := errors.AsType[*Error](Refuse(fields))
		if !ok || e.Kind != Invalid || e.Code != order[i] || e.Message != "says "+order[i] {
			t.Fatalf("%v is led by %v", fields, e)
		}
		var codes []string
		for _, f := range e.Fields {
			codes = append(codes, f.Code)
		}
		if !slices.Equal(codes, order[i:]) {
			t.Errorf("%q, want %q", codes, order[i:])
		}
	}
	same := []FieldError{{"b", CodeField, "1"}, {"a", CodeField, "2"}}
	if e, _ := errors.AsType[*Error](Refuse(same)); e.Fields[0].Field != "b" {
		t.Error("fields of one code have changed places")
	}
	if Refuse(nil) != nil {
		t.Error("nothing wrong is an error")
	}
}

func TestOnlyRulesOfTheHouseBringA422IntoTheTrail(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"V001": true, "V013": true, "V029": true, CodePrinciples: true, CodeRequired: false, CodeField: false,
		CodeKeyReused: false, CodeUnknownField: false, CodeUnreadable: false, "": false,
	} {
		if ByRule(code) != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
}

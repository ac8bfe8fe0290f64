package api

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Check holds a body against the forms of its members: codes, ids, days, sizes, and the few members without which it says
// nothing at all. What a deed must carry is the domain's own to say. A message never repeats what a field holds.
//
// Fields are named by their JSON path; those of a content by their path in the content, wherever in the body it stands,
// because findings and questions name them so.
func Check(body any) []caldicott.FieldError {
	err := validate().Struct(body)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok { // not a struct: a mistake of ours, and nothing unchecked may pass for checked
		return []caldicott.FieldError{{Code: caldicott.CodeField, Message: "cannot be checked"}}
	}
	return convert(wrong, func(w validator.FieldError) caldicott.FieldError {
		return caldicott.FieldError{Field: fieldOf(w), Code: codeOf(w), Message: messageOf(w)}
	})
}

// IsID says whether an id in a path has the form of one; any other names nothing.
func IsID(s string) bool { return idForm.MatchString(s) }

// IsInstant gives the instant that a parameter names; false where it has not the form of one.
func IsInstant(s string) (time.Time, bool) {
	if !instantForm.MatchString(s) || !isInstant(s) {
		return time.Time{}, false
	}
	return instantOf(s), true
}

var (
	idForm        = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	userIDForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	orgCodeForm   = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)
	mailForm      = regexp.MustCompile("^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*$")
	signInForm    = regexp.MustCompile(`^[ -~]{1,255}$`) // OpenID Connect: ASCII, 255 at most
	recipientForm = regexp.MustCompile(`^([A-Z0-9]{3,10}|[0-9]{1,3})$`)
	countryForm   = regexp.MustCompile(`^[A-Z]{2}$`)
	dayForm       = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	instantForm   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$`)
)

// earliest bounds days and instants below: an earlier one is a slip, and the database knows no year 0.
const earliest = "1900"

// validate is made once: it keeps what it learns of each struct.
var validate = sync.OnceValue(newValidator)

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(jsonName)
	index := vocabulary.NewIndex()
	forms := map[string]func(s, param string) bool{
		"code":     func(s, list string) bool { return index.Knows(list, s) },
		"filled":   func(s, _ string) bool { return strings.TrimSpace(s) != "" },
		"id":       func(s, _ string) bool { return idForm.MatchString(s) },
		"user_id":  func(s, _ string) bool { return userIDForm.MatchString(s) },
		"org_code": func(s, _ string) bool { return orgCodeForm.MatchString(s) },
		"sign_in":  func(s, _ string) bool { return signInForm.MatchString(s) },

		"mail_address": func(s, _ string) bool { return mailForm.MatchString(s) && len(s) <= 254 },
		"recipient":    func(s, _ string) bool { return recipientForm.MatchString(s) },
		"country":      func(s, _ string) bool { return countryForm.MatchString(s) },
		"date":         func(s, _ string) bool { return dayForm.MatchString(s) && isDay(s) },
		"instant":      func(s, _ string) bool { return instantForm.MatchString(s) && isInstant(s) },
	}
	for tag, holds := range forms {
		form := func(f validator.FieldLevel) bool {
			return f.Field().Kind() == reflect.String && holds(f.Field().String(), f.Param())
		}
		if err := v.RegisterValidation(tag, form); err != nil {
			panic(fmt.Sprintf("tag %s: %v", tag, err)) // only an empty or a reserved name is refused
		}
	}
	return v
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && s >= earliest
}

func isInstant(s string) bool {
	t, err := time.Parse(time.RFC3339, s)
	return err == nil && t.UTC().Format(time.RFC3339) >= earliest
}

// embedded marks, within validator's paths, a struct whose members are on the wire its parent's own.
const embedded = "~"

// jsonName names a member as the wire does.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" && f.Anonymous {
		return embedded
	}
	return name
}

// fieldOf turns "Answering.content.recipients[0].dspt_status" into "recipients[0].dspt_status".
func fieldOf(w validator.FieldError) string {
	_, path, _ := strings.Cut(w.Namespace(), ".")
	path = strings.ReplaceAll(path, embedded+".", "")
	return strings.TrimPrefix(path, "content.")
}

func codeOf(w validator.FieldError) string {
	if w.Tag() == "required" || w.Tag() == "filled" {
		return caldicott.CodeRequired
	}
	return caldicott.CodeField
}

// messageOfUnknown stands in for a tag that nobody has found words for.
const messageOfUnknown = "is not what the contract describes"

// messageOf says what a field must be.
func messageOf(w validator.FieldError) string {
	switch w.Tag() {
	case "required", "filled":
		return "must be given"
	case "max":
		return mostOf(w)
	case "min":
		return "must be " + w.Param() + " or more"
	case "code":
		return "must be a code of the list " + w.Param()
	case "id":
		return "must be an id, as the service gives them"
	case "user_id":
		return "must be a user id: small letters, digits and hyphens"
	case "org_code":
		return "must be an organisation's code: 3 to 10 capital letters and digits"
	case "mail_address":
		return "must be a mail address"
	case "sign_in":
		return "must be 255 characters of printable ASCII at most"
	case "recipient":
		return "must be an organisation's code, or a position in the version's list of recipients"
	case "country":
		return "must be a country's code of two capital letters, such as GB"
	case "date":
		return "must be a day that exists, such as 2026-09-07"
	case "instant":
		return "must be an instant, such as 2026-09-07T08:12:00Z"
	}
	return messageOfUnknown
}

func mostOf(w validator.FieldError) string {
	switch w.Kind() {
	case reflect.String:
		return "must be no longer than " + w.Param() + " characters"
	case reflect.Slice:
		return "must hold no more than " + w.Param()
	}
	return "must be " + w.Param() + " or less"
}

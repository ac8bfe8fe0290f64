package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/housetest"
)

// contract is openapi.yaml, read once.
var contract = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../../openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	return doc, nil
})

// checked holds every exchange against the contract: what was answered with 2xx must have been asked as it says, and
// every answer must be one that it describes.
func checked(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	routes := next.(chi.Routes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		asked := r.Clone(context.Background())
		asked.Body = io.NopCloser(bytes.NewReader(body))
		answered := httptest.NewRecorder()
		next.ServeHTTP(answered, r)
		if err := held(doc, routes, asked, answered); err != nil {
			t.Errorf("%s %s: %d is not what the contract says: %v", r.Method, r.URL.Path, answered.Code, err)
		}
		for name, values := range answered.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answered.Code)
		_, _ = w.Write(answered.Body.Bytes())
	})
}

// held holds one exchange against the contract.
func held(doc *openapi3.T, routes chi.Routes, asked *http.Request, answered *httptest.ResponseRecorder) error {
	found := chi.NewRouteContext()
	method := asked.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	pattern := routes.Find(found, method, asked.URL.Path)
	item := doc.Paths.Find(pattern)
	if pattern == "" || item == nil || item.GetOperation(method) == nil || answered.Code == http.StatusMethodNotAllowed {
		return problemOnly(answered)
	}
	params := map[string]string{}
	for i, name := range found.URLParams.Keys {
		params[name] = found.URLParams.Values[i]
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	input := &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: params, Options: options,
		Route: &routers.Route{Spec: doc, Path: pattern, PathItem: item, Method: method, Operation: item.GetOperation(method)},
	}
	if answered.Code < 300 {
		if err := openapi3filter.ValidateRequest(asked.Context(), input); err != nil {
			return fmt.Errorf("the question: %w", err)
		}
	}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answered.Code, Header: answered.Header(), Options: options,
	}
	output.SetBodyBytes(answered.Body.Bytes())
	if described := item.GetOperation(method).Responses.Status(answered.Code); answered.Code < 300 && described != nil {
		if promised, given := described.Value.Headers["Audit-Receipt"] != nil, answered.Header().Get("Audit-Receipt") != ""; promised != given {
			return fmt.Errorf("an Audit-Receipt: %t, not %t", given, promised)
		}
	}
	if answered.Code == http.StatusOK && pattern == "/openapi.yaml" || asked.Method == http.MethodHead {
		return nil
	}
	return openapi3filter.ValidateResponse(asked.Context(), output)
}

// problemOnly is for what is no operation: it must be a problem all the same.
func problemOnly(answered *httptest.ResponseRecorder) error {
	var p api.Problem
	if err := json.Unmarshal(answered.Body.Bytes(), &p); err != nil {
		return err
	}
	if kind := answered.Header().Get("Content-Type"); p.Status != answered.Code || kind != "application/problem+json" {
		return fmt.Errorf("%s with status %d", kind, p.Status)
	}
	return nil
}

func TestEveryRouteIsInTheContractAndBack(t *testing.T) {
	t.Parallel()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	var routed, written []string
	h := &housetest.House{Furnished: housetest.Furnished(t)}
	err = chi.Walk(stack(h, unopened(h), nil, quiet()).(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routed = append(routed, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			written = append(written, method+" "+path)
		}
	}
	for _, route := range routed {
		if !slices.Contains(written, route) {
			t.Errorf("%s is not in the contract", route)
		}
	}
	for _, operation := range written {
		if !slices.Contains(routed, operation) {
			t.Errorf("%s has no route", operation)
		}
	}
}

// The contract says who may call what; the policy decides it.
func TestTheRolesOfTheContractAreThePolicys(t *testing.T) {
	t.Parallel()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{}
	for _, l := range housetest.Furnished(t).Policy.Lines() {
		role := string(l.Role)
		if l.Ruling == "allow" && !slices.Contains(allowed[string(l.Action)], role) {
			allowed[string(l.Action)] = append(allowed[string(l.Action)], role)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			action, ok := operation.Extensions["x-action"].(string)
			if !ok {
				action = operation.OperationID
			}
			roles := rolesOf(operation)
			if !slices.Contains(caldicott.Actions(), caldicott.Action(action)) {
				if slices.ContainsFunc(roles, func(r string) bool { return r != "REQUESTER" }) {
					t.Errorf("%s %s is for %v, but the policy does not know %s", method, path, roles, action)
				}
				continue
			}
			slices.Sort(roles)
			slices.Sort(allowed[action])
			if !slices.Equal(roles, allowed[action]) {
				t.Errorf("%s %s is for %v, but the policy allows %s to %v", method, path, roles, action, allowed[action])
			}
		}
	}
}

func rolesOf(o *openapi3.Operation) []string {
	list, _ := o.Extensions["x-roles"].([]any)
	var roles []string
	for _, role := range list {
		roles = append(roles, fmt.Sprint(role))
	}
	return roles
}

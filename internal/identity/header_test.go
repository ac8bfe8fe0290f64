package identity_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/identity"
)

func TestABearerTokenIsTakenFromOneStrictHeader(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		token   string
		want    identity.Reason
	}{
		"a token":                 {[]string{"Bearer a.b-c_d~e+f/g=="}, "a.b-c_d~e+f/g==", ""},
		"the scheme in any case":  {[]string{"bEARER abc"}, "abc", ""},
		"two spaces":              {[]string{"Bearer  abc"}, "abc", ""},
		"no header":               {nil, "", identity.Missing},
		"two headers":             {[]string{"Bearer abc", "Bearer abc"}, "", identity.Malformed},
		"an empty header":         {[]string{""}, "", identity.Malformed},
		"no token":                {[]string{"Bearer"}, "", identity.Malformed},
		"a blank token":           {[]string{"Bearer "}, "", identity.Malformed},
		"padding alone":           {[]string{"Bearer =="}, "", identity.Malformed},
		"padding within":          {[]string{"Bearer a=b"}, "", identity.Malformed},
		"another scheme":          {[]string{"Basic YTpi"}, "", identity.Malformed},
		"a scheme that begins so": {[]string{"BearerX abc"}, "", identity.Malformed},
		"a token alone":           {[]string{"abc"}, "", identity.Malformed},
		"a tab":                   {[]string{"Bearer\tabc"}, "", identity.Malformed},
		"two tokens":              {[]string{"Bearer abc def"}, "", identity.Malformed},
		"two in one header":       {[]string{"Bearer abc, Bearer def"}, "", identity.Malformed},
		"a trailing space":        {[]string{"Bearer abc "}, "", identity.Malformed},
		"a quoted token":          {[]string{`Bearer "abc"`}, "", identity.Malformed},
		"letters beyond ASCII":    {[]string{"Bearer аbc"}, "", identity.Malformed},
		"a huge token":            {[]string{"Bearer " + strings.Repeat("a", 8<<10+1)}, "", identity.TooLong},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := identity.FromHeader(&http.Request{Header: http.Header{"Authorization": c.headers}})
			var why identity.Reason
			errors.As(err, &why)
			if got != c.token || why != c.want || (err != nil) != errors.Is(err, identity.ErrToken) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func FuzzNothingInventedIsAccepted(f *testing.F) {
	h := newHouse(f)
	v := h.verifier(f)
	good := h.token(f, nil)
	for _, seed := range []string{
		"", "Bearer", "Bearer a.b.c", "Bearer e30.e30.", "Basic YTpi", "Bearer " + tampered(good),
		"Bearer " + none("none", []byte(`{"sub":"amina"}`)), "Bearer " + jsonForm(good),
		"Bearer " + good[:len(good)-1], "Bearer " + good + "=", "Bearer ..", "Bearer " + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := identity.FromHeader(&http.Request{Header: http.Header{"Authorization": {header}}})
		if err != nil {
			token = header // the verifier must stand without the header's help
		}
		got, err := v.Verify(t.Context(), token)
		if err == nil && !sameButForSpareBits(token, good) {
			t.Fatalf("%v was accepted for an invented token", got)
		}
		if err != nil && !errors.Is(err, identity.ErrToken) {
			t.Fatalf("an invented token was somebody else's trouble: %v", err)
		}
	})
}

// sameButForSpareBits allows for the last letter of a signature, in base64url,
// having bits that stand for nothing: several spellings, one signature.
func sameButForSpareBits(a, b string) bool {
	return len(a) == len(b) && a[:len(a)-1] == b[:len(b)-1]
}

package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/identity"
	jose "github.com/go-jose/go-jose/v4"
)

func TestATokenIsJudgedByItsClaims(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	at := func(name string, d time.Duration) func(map[string]any) {
		return func(c map[string]any) { c[name] = h.clock().Add(d).Unix() }
	}
	put := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	drop := func(name string) func(map[string]any) {
		return func(c map[string]any) { delete(c, name) }
	}
	const accepted = identity.Reason("")
	for name, c := range map[string]struct {
		spoil func(map[string]any)
		want  identity.Reason
	}{
		"a good token":                         {nil, accepted},
		"one of several audiences":             {put("aud", []string{"other", audience}), accepted},
		"roles and unknown claims are ignored": {put("roles", []string{"guardian"}), accepted},
		"a claim that differs in case only":    {put("email", "x"), accepted},
		"another audience":                     {put("aud", "other"), identity.Audience},
		"an audience we only begin with":       {put("aud", audience+"-test"), identity.Audience},
		"no audience":                          {drop("aud"), identity.Audience},
		"an audience of numbers":               {put("aud", []int{1}), identity.Claims},
		"another issuer":                       {put("iss", "https://elsewhere.example"), identity.Issuer},
		"our issuer with a slash":              {put("iss", h.URL+"/"), identity.Issuer},
		"no issuer":                            {drop("iss"), identity.Issuer},
		"expired within the skew":              {at("exp", -59*time.Second), accepted},
		"expired beyond the skew":              {at("exp", -61*time.Second), identity.Expired},
		"no expiry":                            {drop("exp"), identity.Claims},
		"an expiry of null":                    {put("exp", nil), identity.Claims},
		"an expiry in words":                   {put("exp", "tomorrow"), identity.Claims},
		"an expiry that overflows":             {put("exp", 1e300), identity.Claims},
		"not before, within the skew":          {at("nbf", 59*time.Second), accepted},
		"not before, beyond the skew":          {at("nbf", 61*time.Second), identity.NotYet},
		"issued ahead, within the skew":        {at("iat", 59*time.Second), accepted},
		"issued ahead, beyond the skew":        {at("iat", 61*time.Second), identity.Future},
		"no instant of issue":                  {drop("iat"), identity.Claims},
		"no subject":                           {drop("sub"), identity.NoSubject},
		"a subject of spaces":                  {put("sub", "  "), identity.NoSubject},
		"a subject with a space in front":      {put("sub", " amina"), identity.NoSubject},
		"a subject with a line break":          {put("sub", "amina\nbayo"), identity.NoSubject},
		"a subject with a NUL":                 {put("sub", "amina\x00"), identity.NoSubject},
		"a subject in look-alike letters":      {put("sub", "аmina"), identity.NoSubject},
		"a subject of 256 letters":             {put("sub", strings.Repeat("a", 256)), identity.NoSubject},
		"a subject that is a number":           {put("sub", 7), identity.Claims},
		"a logout token":                       {put("events", map[string]any{}), identity.Kind},
		"claims kept elsewhere":                {put("_claim_names", map[string]string{"sub": "x"}), identity.Claims},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), h.token(t, c.spoil))
			if c.want == accepted {
				mustAccept(t, got, err, h)
				return
			}
			mustRefuse(t, got, err, c.want)
			if strings.Contains(err.Error(), "amina") || strings.Contains(err.Error(), "elsewhere") {
				t.Errorf("the error tells what the token said: %v", err)
			}
		})
	}
}

func TestASubjectIsNotTakenFromANameThatDiffersInCase(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	body, err := json.Marshal(h.said(nil))
	if err != nil {
		t.Fatal(err)
	}
	open := strings.TrimSuffix(string(body), "}")
	got, err := v.Verify(t.Context(), sign(t, jose.ES256, h.keys[0], "JWT", []byte(open+`,"SUB":"bayo"}`)))
	mustRefuse(t, got, err, identity.Claims)
	got, err = v.Verify(t.Context(), sign(t, jose.ES256, h.keys[0], "JWT", []byte(open+`,"sub":"bayo"}`)))
	mustRefuse(t, got, err, identity.Claims)
}

func TestOnlyTheIssuersSignatureCounts(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	good := h.token(t, nil)
	body, err := json.Marshal(h.said(nil))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	known := jose.JSONWebKey{Key: stranger, KeyID: "first"}
	unknown := jose.JSONWebKey{Key: stranger, KeyID: "stranger's"}
	for name, c := range map[string]struct {
		token string
		want  identity.Reason
	}{
		"alg none":                          {none("none", body), identity.Algorithm},
		"alg None":                          {none("None", body), identity.Algorithm},
		"no alg":                            {none("", body), identity.Algorithm},
		"HS256 with the public key as PEM":  {shared(t, publicPEM(t, h), body), identity.Algorithm},
		"HS256 with the public key as JSON": {shared(t, publicJSON(t, h), body), identity.Algorithm},
		"a stranger's key under our kid":    {sign(t, jose.ES256, known, "JWT", body), identity.Signature},
		"a stranger's key under its own":    {sign(t, jose.ES256, unknown, "JWT", body), identity.Signature},
		"a stranger's key without a kid":    {sign(t, jose.ES256, stranger, "JWT", body), identity.Signature},
		"a stranger's key brought along":    {embedded(t, stranger, body), identity.Signature},
		"a tampered payload":                {tampered(good), identity.Signature},
		"no signature":                      {good[:strings.LastIndex(good, ".")+1], identity.Signature},
		"a signature cut off":               {good[:strings.LastIndex(good, ".")], identity.Malformed},
		"a fourth part":                     {good + ".e30", identity.Malformed},
		"JSON serialisation":                {jsonForm(good), identity.Malformed},
		"an access token":                   {sign(t, jose.ES256, h.keys[0], "at+jwt", body), ""},
		"a token without a type":            {sign(t, jose.ES256, h.keys[0], "", body), ""},
		"a token typed for logging out":     {sign(t, jose.ES256, h.keys[0], "logout+jwt", body), identity.Kind},
		"a payload that is not JSON":        {sign(t, jose.ES256, h.keys[0], "JWT", []byte("hello")), identity.Claims},
		"a payload that is a list":          {sign(t, jose.ES256, h.keys[0], "JWT", []byte("[]")), identity.Claims},
		"a huge token":                      {strings.Repeat("a", 1<<20), identity.TooLong},
		"spaces within":                     {strings.Replace(good, ".", " .", 1), identity.Malformed},
		"nothing":                           {"", identity.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), c.token)
			if c.want == "" {
				mustAccept(t, got, err, h)
				return
			}
			mustRefuse(t, got, err, c.want)
		})
	}
}

func TestAVerifierIsNotBuiltOnAnAddressAnyoneCouldAnswerFor(t *testing.T) {
	for name, c := range map[string]struct {
		config identity.Config
		sound  bool
	}{
		"https":                {identity.Config{Issuer: "https://issuer.example/realm", Audience: "a"}, true},
		"http on loopback":     {identity.Config{Issuer: "http://127.0.0.1:9", Audience: "a"}, true},
		"http on localhost":    {identity.Config{Issuer: "http://localhost:9", Audience: "a"}, true},
		"http on loopback six": {identity.Config{Issuer: "http://[::1]:9", Audience: "a"}, true},
		"http elsewhere":       {identity.Config{Issuer: "http://issuer.example", Audience: "a"}, false},
		"http that looks near": {identity.Config{Issuer: "http://127.0.0.1.example", Audience: "a"}, false},
		"no issuer":            {identity.Config{Audience: "a"}, false},
		"not a URL":            {identity.Config{Issuer: "issuer", Audience: "a"}, false},
		"with a password":      {identity.Config{Issuer: "https://a:b@issuer.example", Audience: "a"}, false},
		"with a query":         {identity.Config{Issuer: "https://issuer.example?a=b", Audience: "a"}, false},
		"no audience":          {identity.Config{Issuer: "https://issuer.example"}, false},
		"a skew too wide":      {identity.Config{Issuer: "https://issuer.example", Audience: "a", Skew: time.Hour}, false},
		"a skew below nothing": {identity.Config{Issuer: "https://issuer.example", Audience: "a", Skew: -1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := identity.New(c.config); (err == nil) != c.sound {
				t.Errorf("got %v", err)
			}
		})
	}
}

func none(alg string, body []byte) string {
	head := `{"alg":"` + alg + `","typ":"JWT"}`
	return base64.RawURLEncoding.EncodeToString([]byte(head)) + "." +
		base64.RawURLEncoding.EncodeToString(body) + "."
}

func shared(t *testing.T, secret, body []byte) string {
	return sign(t, jose.HS256, jose.JSONWebKey{Key: secret, KeyID: "first"}, "JWT", body)
}

func publicPEM(t *testing.T, h *house) []byte {
	der, err := x509.MarshalPKIXPublicKey(h.keys[0].Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func publicJSON(t *testing.T, h *house) []byte {
	b, err := h.keys[0].Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// embedded carries its own public key in its header, as RFC 7515 allows.
func embedded(t *testing.T, key *ecdsa.PrivateKey, body []byte) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tampered makes the token speak for somebody else and keeps its signature.
func tampered(token string) string {
	p := strings.Split(token, ".")
	body, _ := base64.RawURLEncoding.DecodeString(p[1])
	p[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), "amina", "bayo", 1)))
	return strings.Join(p, ".")
}

func jsonForm(token string) string {
	p := strings.Split(token, ".")
	return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
}

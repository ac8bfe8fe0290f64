package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

const (
	bucket    = "caldicott-documents"
	accessKey = "AKTHEACCESSKEY"
	secretKey = "the-secret-key-itself"
)

// serve starts handler and opens a store on it.
func serve(t *testing.T, handler http.Handler) *S3 {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s, err := OpenS3(S3Config{
		Endpoint: strings.TrimPrefix(server.URL, "http://"), Bucket: bucket, Region: "eu-west-2",
		AccessKey: accessKey, SecretKey: secretKey, Insecure: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// s3 is a store on a real S3-speaking server with an empty bucket.
func s3(t *testing.T, options ...gofakes3.Option) (*S3, *s3mem.Backend) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return serve(t, gofakes3.New(backend, options...).Server()), backend
}

func TestAnObjectIsKeptOverwrittenAndDeleted(t *testing.T) {
	t.Parallel()
	s, backend := s3(t)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "d1"); !errors.Is(err, ErrAbsent) {
		t.Errorf("before anything was kept: %v", err)
	}
	for _, sealed := range [][]byte{[]byte("first"), bytes.Repeat([]byte("second"), 1<<20), {1}} {
		if err := s.Put(t.Context(), "d1", sealed); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), "d1"); err != nil || !bytes.Equal(got, sealed) {
			t.Errorf("%d bytes came back as %d: %v", len(sealed), len(got), err)
		}
	}
	if object, err := backend.HeadObject(bucket, "documents/d1"); err != nil || object.Size != 1 {
		t.Errorf("the object's key is not documents/d1: %v %v", object, err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), "d1"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), "d1"); !errors.Is(err, ErrAbsent) {
			t.Errorf("after it was deleted: %v", err)
		}
	}
}

func TestOnlyTheDocumentItselfIsDeleted(t *testing.T) {
	t.Parallel()
	s, _ := s3(t)
	for _, id := range []string{"d", "d1", "d1-2"} {
		if err := s.Put(t.Context(), id, []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), "d1"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"d", "d1-2"} {
		if got, err := s.Get(t.Context(), id); err != nil || string(got) != id {
			t.Errorf("%s went with another: %q %v", id, got, err)
		}
	}
}

func TestNoOlderVersionOutlivesADeletion(t *testing.T) {
	t.Parallel()
	s, backend := s3(t)
	if err := backend.SetVersioningConfiguration(bucket, gofakes3.VersioningConfiguration{Status: gofakes3.VersioningEnabled}); err != nil {
		t.Fatal(err)
	}
	for _, sealed := range []string{"first", "second", "third"} {
		if err := s.Put(t.Context(), "d1", []byte(sealed)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), "d1"); err != nil {
		t.Fatal(err)
	}
	left, err := backend.ListBucketVersions(bucket, nil, &gofakes3.ListBucketVersionsPage{MaxKeys: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range left.Versions {
		t.Errorf("left behind: %T %s", version, version.GetVersionID())
	}
}

func TestAStoreWithoutVersionsDeletesAllTheSame(t *testing.T) {
	t.Parallel()
	s, _ := s3(t, gofakes3.WithoutVersioning())
	if err := s.Put(t.Context(), "d1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "d1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "d1"); !errors.Is(err, ErrAbsent) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestAVaultOnARealStoreKeepsADocument(t *testing.T) {
	t.Parallel()
	s, _ := s3(t)
	v := Vault{Store: s, Keys: keys(t, lineA)}
	if err := v.Keep(t.Context(), "d1", []byte("the minutes")); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Fetch(t.Context(), "d1"); err != nil || string(got) != "the minutes" {
		t.Errorf("fetched %q, %v", got, err)
	}
	if err := v.Erase(t.Context(), "d1"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Fetch(t.Context(), "d1"); !errors.Is(err, ErrAbsent) {
		t.Errorf("after erasure: %v", err)
	}
}

func TestAMissingBucketIsNotAnAbsentDocument(t *testing.T) {
	t.Parallel()
	s := serve(t, gofakes3.New(s3mem.New()).Server())
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no bucket "+bucket) {
		t.Errorf("ready: %v", err)
	}
	if _, err := s.Get(t.Context(), "d1"); err == nil || errors.Is(err, ErrAbsent) {
		t.Errorf("get: %v", err)
	}
	if err := s.Put(t.Context(), "d1", nil); err == nil {
		t.Error("put: no error")
	}
	if err := s.Delete(t.Context(), "d1"); err == nil {
		t.Error("delete: no error, so an erasure would be recorded that never was")
	}
}

func TestAStoreThatHangsIsLeftWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet && !r.URL.Query().Has("versions") {
			w.Header().Set("Content-Length", "10")
			w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
			fmt.Fprint(w, "half")
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	t.Cleanup(func() { close(release) })
	for deed, do := range deeds(s) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", deed, err)
		}
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if err := do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled before it began: %v", deed, err)
		}
	}
}

// deeds are everything that speaks to the store.
func deeds(s *S3) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"ready":  s.Ready,
		"put":    func(ctx context.Context) error { return s.Put(ctx, "d1", []byte("x")) },
		"get":    func(ctx context.Context) error { _, err := s.Get(ctx, "d1"); return err },
		"delete": func(ctx context.Context) error { return s.Delete(ctx, "d1") },
	}
}

func TestNoErrorRepeatsCredentialsOrTheStoresOwnWords(t *testing.T) {
	t.Parallel()
	var answer atomic.Value
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, answer.Load().(string), accessKey, r.Header.Get("Authorization"))
	}))
	for _, said := range []string{
		"<Error><Code>%s</Code><Message>%s</Message></Error>",
		"<Error><Code>InvalidAccessKeyId</Code><Message>%s %s</Message></Error>",
		"not XML at all: %s %s",
	} {
		answer.Store(said)
		for deed, do := range deeds(s) {
			err := do(t.Context())
			if err == nil {
				t.Errorf("%s: no error", deed)
				continue
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, accessKey) || strings.Contains(text, secretKey) {
				t.Errorf("%s: %s", deed, text)
			}
		}
	}
}

func TestAStoreThatIsAwayIsAnErrorWithoutCredentials(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s, err := OpenS3(S3Config{
		Endpoint: strings.TrimPrefix(server.URL, "http://"), Bucket: bucket, Region: "eu-west-2",
		AccessKey: accessKey, SecretKey: secretKey, Insecure: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "d1"); err == nil || errors.Is(err, ErrAbsent) || strings.Contains(err.Error(), accessKey) {
		t.Errorf("%v", err)
	}
}

func TestASettingThatWouldLeakOrCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	good := S3Config{Endpoint: "127.0.0.1:9000", Bucket: bucket, AccessKey: accessKey, SecretKey: secretKey, Insecure: true}
	for endpoint, allowed := range map[string]bool{
		"127.0.0.1:9000": true, "localhost": true, "[::1]:9000": true, "127.9.9.9": true,
		"10.0.0.1:9000": false, "store.example": false, "localhost.example:9000": false, "0.0.0.0:9000": false,
	} {
		c := good
		c.Endpoint = endpoint
		if _, err := OpenS3(c); (err == nil) != allowed {
			t.Errorf("plain HTTP to %s: %v", endpoint, err)
		}
	}
	for why, spoil := range map[string]func(*S3Config){
		"a scheme":      func(c *S3Config) { c.Endpoint = "http://127.0.0.1:9000" },
		"credentials":   func(c *S3Config) { c.Endpoint = accessKey + ":" + secretKey + "@127.0.0.1" },
		"no endpoint":   func(c *S3Config) { c.Endpoint = "" },
		"no bucket":     func(c *S3Config) { c.Bucket = "" },
		"no access key": func(c *S3Config) { c.AccessKey = "" },
		"no secret":     func(c *S3Config) { c.SecretKey = "" },
	} {
		c := good
		spoil(&c)
		if _, err := OpenS3(c); err == nil || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestAnObjectNoDocumentCouldBeIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(1<<40))
	}))
	if _, err := s.Get(t.Context(), "d1"); err == nil || !strings.Contains(err.Error(), "is no document") {
		t.Errorf("%v", err)
	}
}

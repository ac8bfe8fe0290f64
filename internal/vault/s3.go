package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// prefix comes before the id in an object's key.
	prefix = "documents/"
	// largest is the most bytes of one object: nobody's document is so big, and a foreign object in the bucket must not
	// fill the memory.
	largest = 256 << 20
	// attempts for one request, with a pause of up to a second between them; the library's own default is ten.
	attempts = 3
)

var errTooLarge = fmt.Errorf("an object of more than %d bytes is no document", largest)

// S3Config says where an S3-compatible store is. Printed or written as JSON, it keeps its credentials to itself.
//
//	vault.S3Config{Endpoint: "s3.eu-west-2.amazonaws.com", Bucket: "caldicott-documents", Region: "eu-west-2", …}
type S3Config struct {
	// Endpoint is host or host:port, without a scheme.
	Endpoint string
	Bucket   string
	// Region of the bucket; where it is empty, the store is asked.
	Region    string
	AccessKey string `json:"-"`
	SecretKey string `json:"-"`
	// Insecure speaks plain HTTP, and is refused unless the endpoint is this machine's own loopback.
	Insecure bool
}

// Format prints where the store is, whatever the verb.
func (c S3Config) Format(to fmt.State, _ rune) {
	fmt.Fprintf(to, "bucket %s at %s", c.Bucket, c.Endpoint)
}

func (c S3Config) check() error {
	switch {
	case c.Endpoint == "" || strings.ContainsAny(c.Endpoint, "/@?# "):
		return errors.New("the endpoint of the store is host or host:port, without a scheme or credentials")
	case c.Bucket == "":
		return errors.New("the store needs the name of a bucket")
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("the store needs an access key and a secret key")
	case c.Insecure && !loopback(c.Endpoint):
		return errors.New("plain HTTP is for a store on this machine alone; any other is reached by HTTPS")
	}
	return nil
}

// loopback says whether an endpoint is certain to be this machine.
func loopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = strings.Trim(endpoint, "[]") // no port
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// S3 is a Store in a bucket of any S3-compatible store, one object a document: documents/<id>. Its account must be allowed
// to get, put, delete and list there (a store that may not list answers "forbidden" for an absent object), and to list and
// delete versions where the bucket keeps them. Its errors never contain credentials, nor words the store has chosen.
type S3 struct {
	core   *minio.Core
	bucket string
}

var _ Store = (*S3)(nil)

// OpenS3 prepares a store without speaking to it; Ready does that.
func OpenS3(cfg S3Config) (*S3, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	core, err := minio.NewCore(cfg.Endpoint, &minio.Options{
		Creds:      credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:     !cfg.Insecure,
		Region:     cfg.Region,
		MaxRetries: attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("the endpoint of the store: %w", err)
	}
	return &S3{core: core, bucket: cfg.Bucket}, nil
}

// Ready answers whether the store can be reached and has the bucket.
func (s *S3) Ready(ctx context.Context) error {
	there, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil {
		return explain(err)
	}
	if !there {
		return fmt.Errorf("the store has no bucket %s", s.bucket)
	}
	return nil
}

// Put keeps the sealed bytes, all or none of them, in one request.
func (s *S3) Put(ctx context.Context, id string, sealed []byte) error {
	if err := checkID(id); err != nil {
		return err
	}
	if len(sealed) > largest {
		return errTooLarge
	}
	digest := sha256.Sum256(sealed)
	_, err := s.core.PutObject(ctx, s.bucket, prefix+id, bytes.NewReader(sealed), int64(len(sealed)), "",
		hex.EncodeToString(digest[:]), minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return explain(err)
}

// Get gives the sealed bytes, or ErrAbsent.
func (s *S3) Get(ctx context.Context, id string) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	body, info, _, err := s.core.GetObject(ctx, s.bucket, prefix+id, minio.GetObjectOptions{})
	if err != nil {
		return nil, explain(err)
	}
	defer body.Close()
	if info.Size > largest {
		return nil, errTooLarge
	}
	sealed, err := io.ReadAll(io.LimitReader(body, largest+1)) // the store may not have said how much is coming
	if err != nil {
		return nil, explain(err)
	}
	if len(sealed) > largest {
		return nil, errTooLarge
	}
	return sealed, nil
}

// Delete removes the object with every version the bucket has kept of it, since one that stayed could still be opened.
func (s *S3) Delete(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	versions, err := s.versions(ctx, prefix+id)
	if err != nil {
		return explain(err)
	}
	for _, version := range versions {
		err := explain(s.core.RemoveObject(ctx, s.bucket, prefix+id, minio.RemoveObjectOptions{VersionID: version}))
		if err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
	}
	return nil
}

// versions lists what is kept under a key; "" is the object of a store that has no versions.
func (s *S3) versions(ctx context.Context, key string) ([]string, error) {
	var versions []string
	listed := s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true})
	for object := range listed {
		if unsupported(object.Err) {
			return []string{""}, nil
		}
		if object.Err != nil {
			return nil, object.Err
		}
		if object.Key == key { // and not one whose id merely begins with ours
			versions = append(versions, object.VersionID)
		}
	}
	// A context that ends stops the library's list without a word, and half a list must not look like a whole one.
	return versions, ctx.Err()
}

// unsupported says whether the store has never heard of versions.
func unsupported(err error) bool {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && (answer.StatusCode == http.StatusNotImplemented || answer.Code == "NotImplemented")
}

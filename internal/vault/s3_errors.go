package vault

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/minio/minio-go/v7"
)

// codes are the answers of a store that help whoever runs it. Anything else it says may repeat what it was sent, such as
// the access key, and so is not repeated.
var codes = []string{
	"AccessDenied", "AuthorizationHeaderMalformed", "InternalError", "InvalidAccessKeyId", "InvalidBucketName",
	"MethodNotAllowed", "NoSuchBucket", "NotImplemented", "PermanentRedirect", "RequestTimeTooSkewed", "RequestTimeout",
	"ServiceUnavailable", "SignatureDoesNotMatch", "SlowDown",
}

// explain turns what the library reports into an error of ours. A context that has ended stays recognisable.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok {
		if answer.Code == "NoSuchKey" || answer.Code == "NoSuchVersion" {
			return ErrAbsent
		}
		code := "a reason not known here"
		if slices.Contains(codes, answer.Code) {
			code = answer.Code
		}
		return fmt.Errorf("the store refused: %s (status %d)", code, answer.StatusCode)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address
	}
	return fmt.Errorf("reach the store: %w", err)
}

package rest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// MaxFile is the size of the largest file that is attached, MaxUpload that of a form with one: what the server must let
// through. Every other body is held to MaxBody here.
const (
	MaxFile   = 25 << 20
	MaxUpload = MaxFile + MaxBody
)

// document shows what is known of the document that something was done to.
func (s *service) document(r casework.Result) (answer, error) {
	d, ok := r.Case.Document(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	view := api.FromDocument(&r.Case, d)
	return shown(view, view.Revision), nil
}

// handle does a deed on a document and answers with what it shows.
func handle(w http.ResponseWriter, call casework.Call, show shows, deed func(casework.Call) (casework.Result, error)) error {
	return do(w, show, func(encode func(casework.Result) (caldicott.GivenAnswer, error)) (casework.Result, casework.Given, error) {
		if call.Retry != nil {
			call.Retry.Encode = encode
		}
		result, err := deed(call)
		return result, result.Given, err
	})
}

// attach keeps a file and adds it to a request.
func (s *service) attach(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := formOf(w, r)
	if err != nil {
		return err
	}
	call, err := f.call(r)
	if err != nil {
		return err
	}
	return handle(w, call, added(s.document, "/documents/"), func(call casework.Call) (casework.Result, error) {
		return s.Work.Attach(r.Context(), call, id, casework.Upload{Name: f.said.File, Type: f.said.Type, Content: f.content})
	})
}

// eraseDocument destroys a document.
func (s *service) eraseDocument(w http.ResponseWriter, r *http.Request) error {
	call, body, err := read[api.ErasingDocument](w, r)
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	return handle(w, call, s.document, func(call casework.Call) (casework.Result, error) {
		return s.Work.EraseDocument(r.Context(), call, id, caldicott.ErasingDocument{Reason: body.Reason})
	})
}

// shownAsIs are the media types that a browser runs nothing of; whatever else is attached is sent as mere bytes.
var shownAsIs = []string{"application/pdf", "image/png", "image/jpeg", "image/tiff"}

// fetchDocument sends a document's bytes, to be saved: no browser shows them in this service's place, or takes them for
// something else. They never change, hence the ETag.
func (s *service) fetchDocument(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	d, content, err := s.Work.Fetch(r.Context(), actorOf(r.Context()), id)
	if err != nil {
		return err
	}
	kind := "application/octet-stream"
	if slices.Contains(shownAsIs, d.MediaType) {
		kind = d.MediaType
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", s.Work.Files.Disposition(d.Name))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("Content-Type", kind)
	h.Set("ETag", api.ETag(1))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(content) //nolint:errcheck // nobody is left to tell
	return nil
}

// form is the parts of a form that brings a file.
type form struct {
	said    api.Attaching
	content []byte
}

// formOf reads a form, in memory alone and strictly: every part is one of the contract's and comes once, whatever its order.
func formOf(w http.ResponseWriter, r *http.Request) (form, error) {
	boundary, ok := boundaryOf(r.Header)
	if !ok {
		return form{}, caldicott.Errorf(caldicott.NotJSON, api.CodeNotJSON, "Send multipart/form-data.")
	}
	var end ending
	body := io.TeeReader(http.MaxBytesReader(w, r.Body, MaxUpload), &end)
	parts := multipart.NewReader(body, boundary)
	var f form
	seen := map[string]bool{}
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return f, whole(body, &end, boundary)
		}
		if err != nil {
			return form{}, cutOff(err)
		}
		name := part.FormName()
		if seen[name] {
			return form{}, unreadable(name, "comes twice")
		}
		if err := f.take(name, part); err != nil {
			return form{}, err
		}
		seen[name] = true
	}
}

// ending is the last that was read: enough for the longest boundary (RFC 2046: 70 characters) and what stands around it.
type ending []byte

func (e *ending) Write(p []byte) (int, error) {
	const most = 80
	last := append(*e, p[max(0, len(p)-most):]...)
	*e = last[max(0, len(last)-most):]
	return len(p), nil
}

// whole refuses a form that does not end with its last boundary. The library alone would take one that was cut off between
// two headers for one with fewer parts.
func whole(rest io.Reader, end *ending, boundary string) error {
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return cutOff(err)
	}
	if !bytes.HasSuffix(bytes.TrimRight(*end, "\r\n"), []byte("--"+boundary+"--")) {
		return cutOff(io.ErrUnexpectedEOF)
	}
	return nil
}

// boundaryOf is what stands between the parts of a form; false where the headers describe something else.
func boundaryOf(h http.Header) (string, bool) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	encoding := h.Get("Content-Encoding")
	return params["boundary"], err == nil && kind == "multipart/form-data" && params["boundary"] != "" &&
		len(h.Values("Content-Type")) == 1 && (encoding == "" || strings.EqualFold(encoding, "identity"))
}

// take reads one part.
func (f *form) take(name string, part *multipart.Part) error {
	if !plainly(part) {
		return unreadable(sayable(name), "must be sent as it is, without a transfer encoding")
	}
	var err error
	var text []byte
	switch name {
	case "file":
		if f.said.File = part.FileName(); f.said.File == "" {
			return unreadable(name, "must be a file with a name")
		}
		f.content, err = partOf(part, MaxFile, "The file is too large: 25 MiB is the most.")
	case "type":
		text, err = partOf(part, MaxBody, "The form is too large.")
		f.said.Type = vocabulary.DocumentType(text)
	case "not_identifiers":
		text, err = partOf(part, MaxBody, "The form is too large.")
		f.said.NotIdentifiers = string(text)
	default:
		return unknownPart(name)
	}
	return err
}

// plainly says whether a part is sent as it is (RFC 7578, 4.7).
func plainly(part *multipart.Part) bool {
	encoding := strings.ToLower(part.Header.Get("Content-Transfer-Encoding"))
	return slices.Contains([]string{"", "binary", "8bit", "7bit"}, encoding)
}

// partOf reads a part that has no more than so many bytes.
func partOf(part io.Reader, most int64, tooLarge string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(part, most+1))
	if err != nil {
		return nil, cutOff(err)
	}
	if int64(len(content)) > most {
		return nil, caldicott.Errorf(caldicott.TooLarge, api.CodeTooLarge, "%s", tooLarge)
	}
	return content, nil
}

// cutOff refuses a form that is too large, or did not arrive whole.
func cutOff(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return caldicott.Errorf(caldicott.TooLarge, api.CodeTooLarge, "The form is too large: its file may have 25 MiB at most.")
	}
	return caldicott.Errorf(caldicott.Unreadable, caldicott.CodeUnreadable, "The form cannot be read to its end.") // no cause: it quotes
}

// sayable is the name of a part, where it looks like one. Others are not repeated: they may be anything.
func sayable(name string) string {
	if aName.MatchString(name) {
		return name
	}
	return "(unnamed)"
}

func unknownPart(name string) error {
	name = sayable(name)
	return &caldicott.Error{
		Kind: caldicott.Unreadable, Code: caldicott.CodeUnknownField, Message: "The form cannot be read: " + name + " is not a part of the contract.",
		Fields: []caldicott.FieldError{{Field: name, Code: caldicott.CodeUnknownField, Message: "is not a part of the contract"}},
	}
}

// call is the wish that the form expresses. Under an Idempotency-Key the same parts are the same question, whatever stands
// between them.
func (f form) call(r *http.Request) (casework.Call, error) {
	confirmed, wrong, err := f.said.Confirmed()
	if err != nil {
		return casework.Call{}, err
	}
	call := casework.Call{By: actorOf(r.Context()), Invalid: append(api.Check(f.said), wrong...), Confirmed: confirmed}
	call.Retry, err = retryOf(r, fmt.Appendf(nil, "%q %x %q %q", f.said.File, sha256.Sum256(f.content), f.said.Type, f.said.NotIdentifiers))
	return call, err
}

package vault

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// The kinds of file the vault takes, by media type.
const (
	typePDF   = "application/pdf"
	typePNG   = "image/png"
	typeJPEG  = "image/jpeg"
	typeTIFF  = "image/tiff"
	typePlain = "text/plain"
	typeCSV   = "text/csv"
	typeEmail = "message/rfc822"
	typeDOCX  = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	typeXLSX  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typePPTX  = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	typeODT   = "application/vnd.oasis.opendocument.text"
	typeODS   = "application/vnd.oasis.opendocument.spreadsheet"
)

// extensions are what the name of each kind may end in, in small letters. What is not here is not taken.
var extensions = map[string][]string{
	typePDF:   {".pdf"},
	typePNG:   {".png"},
	typeJPEG:  {".jpg", ".jpeg"},
	typeTIFF:  {".tif", ".tiff"},
	typePlain: {".txt"},
	typeCSV:   {".csv"},
	typeEmail: {".eml"},
	typeDOCX:  {".docx"},
	typeXLSX:  {".xlsx"},
	typePPTX:  {".pptx"},
	typeODT:   {".odt"},
	typeODS:   {".ods"},
}

// Why a file is refused. The codes are stable: they are shown, counted and translated elsewhere.
const (
	ReasonEmpty         = "EMPTY"          // no bytes at all
	ReasonNotAllowed    = "NOT_ALLOWED"    // a kind that is not on the list
	ReasonNameDisagrees = "NAME_DISAGREES" // the name says another kind than the content
	ReasonMacros        = "MACROS"         // an office file with a program inside
	ReasonEncrypted     = "ENCRYPTED"      // locked, so that no scanner could look inside
	ReasonMalformed     = "MALFORMED"      // begins like a kind on the list, and is broken, or two kinds at once
)

// Refused is the error of a file that is not taken; Reason is one of the codes above.
type Refused struct{ Reason string }

// Error gives the code, never the file's name or content.
func (r Refused) Error() string { return "the file is not accepted: " + r.Reason }

// Kind says what a file is, by its content, and refuses (Refused) what is not on the list or whose name says otherwise.
// Only text needs the name to tell it from a table or an e-mail: all three are text. Kind says nothing about size, and
// looks for no virus; what is inside an e-mail or a PDF is the scanner's to judge.
func Kind(name string, content []byte) (string, error) {
	if len(content) == 0 {
		return "", Refused{ReasonEmpty}
	}
	extension := strings.ToLower(path.Ext(name))
	found, reason := recognise(extension, content)
	if reason != "" {
		return "", Refused{reason}
	}
	if !slices.Contains(extensions[found], extension) {
		return "", Refused{ReasonNameDisagrees}
	}
	return found, nil
}

// recognise looks at how the content begins, and hands it to whoever knows that kind. The reason is "" for a good one.
func recognise(extension string, content []byte) (found, reason string) {
	switch {
	case bytes.HasPrefix(content, []byte(fileMark)):
		return openPackage(content)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "", oldOffice(content)
	case twoAtOnce(content):
		return "", ReasonMalformed
	}
	for _, known := range []struct {
		start, mediaType string
		check            func([]byte) string
	}{
		{"%PDF-", typePDF, checkPDF},
		{"\x89PNG\r\n\x1a\n", typePNG, checkPNG},
		{"\xff\xd8\xff", typeJPEG, checkJPEG},
		{"II*\x00", typeTIFF, checkTIFF},
		{"MM\x00*", typeTIFF, checkTIFF},
	} {
		if bytes.HasPrefix(content, []byte(known.start)) {
			return known.mediaType, known.check(content)
		}
	}
	return text(extension, content)
}

// twoAtOnce finds a file that another program would read as another kind: a PDF may begin anywhere in the first 1,024
// bytes, and a ZIP is read from its end, so both can hide behind a picture.
func twoAtOnce(content []byte) bool {
	const pdfWithin, zipWithin = 1024, 1<<16 + endSize
	if bytes.Index(content[:min(len(content), pdfWithin)], []byte("%PDF-")) > 0 {
		return true
	}
	tail := content[max(0, len(content)-zipWithin):]
	return bytes.Contains(tail, []byte(endMark)) && bytes.Contains(content, []byte(entryMark))
}

// oldOffice tells an office file that is locked with a password, which Office wraps in its old format, from the old
// formats themselves; neither is taken.
func oldOffice(content []byte) string {
	const stream = "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"
	if bytes.Contains(content, []byte(stream)) {
		return ReasonEncrypted
	}
	return ReasonNotAllowed
}

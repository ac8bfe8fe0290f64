package vault

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// mainParts are the content types of the part that makes a package a document, a workbook or a presentation. Templates,
// slide shows and everything macro-enabled have others.
var mainParts = map[string]string{
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml":   typeDOCX,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml":         typeXLSX,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml": typePPTX,
}

// openXML says which of Office's formats a package is, by what it says of its own parts: a macro can be kept under any
// name, but not under any content type.
func (a archive) openXML() (found, reason string) {
	if a.active() {
		return "", ReasonMacros
	}
	part, ok := a.read("[content_types].xml")
	if !ok {
		return "", ReasonMalformed
	}
	var types struct {
		Default []struct {
			ContentType string `xml:",attr"`
		}
		Override []struct {
			PartName    string `xml:",attr"`
			ContentType string `xml:",attr"`
		}
	}
	if err := xml.Unmarshal(part, &types); err != nil {
		return "", ReasonMalformed
	}
	for _, d := range types.Default {
		if macro(d.ContentType) {
			return "", ReasonMacros
		}
	}
	var mains []string
	for _, o := range types.Override {
		if macro(o.ContentType) {
			return "", ReasonMacros
		}
		kind, main := mainParts[strings.ToLower(o.ContentType)]
		if _, there := a[strings.ToLower(strings.TrimPrefix(o.PartName, "/"))]; main && there {
			mains = append(mains, kind)
		}
	}
	return a.onlyMain(mains)
}

// onlyMain wants exactly one main part, and the relations that lead to it.
func (a archive) onlyMain(mains []string) (found, reason string) {
	_, led := a["_rels/.rels"]
	switch {
	case !led || len(mains) > 1:
		return "", ReasonMalformed
	case len(mains) == 0:
		return "", ReasonNotAllowed
	default:
		return mains[0], ""
	}
}

// macro says whether a content type is that of a program or of a file that carries one.
func macro(contentType string) bool {
	contentType = strings.ToLower(contentType)
	return slices.ContainsFunc([]string{"macroenabled", "vbaproject", "vbadata", "activex", "macrosheet"},
		func(word string) bool { return strings.Contains(contentType, word) })
}

// active finds programs by where they are kept: Visual Basic, controls, the macro sheets of old Excel, embedded files that
// say in their name that they carry macros, and LibreOffice's own libraries.
func (a archive) active() bool {
	macroFiles := []string{".docm", ".dotm", ".xlsm", ".xltm", ".xlam", ".pptm", ".potm", ".ppsm", ".ppam", ".sldm"}
	for name := range a {
		switch {
		case strings.HasPrefix(path.Base(name), "vbaproject"), slices.Contains(macroFiles, path.Ext(name)),
			strings.Contains(name, "/activex/"), strings.HasPrefix(name, "xl/macrosheets/"):
			return true
		case strings.HasSuffix(name, "/"): // an empty folder
		case strings.HasPrefix(name, "basic/"), strings.HasPrefix(name, "scripts/"):
			return true
		}
	}
	return false
}

// openDocument says which of OpenDocument's formats a package is. The standard puts the part "mimetype" first and
// uncompressed, so that it stands at the same place in every file.
func (a archive) openDocument(content []byte) (found, reason string) {
	const firstName = 30 // where a ZIP has the name of its first entry
	part, ok := a.read("mimetype")
	if !ok || !bytes.HasPrefix(content[firstName:], append([]byte("mimetype"), part...)) {
		return "", ReasonMalformed
	}
	found = string(part)
	if found != typeODT && found != typeODS {
		return "", ReasonNotAllowed
	}
	if a.active() {
		return "", ReasonMacros
	}
	manifest, ok := a.read("meta-inf/manifest.xml")
	if !ok {
		return "", ReasonMalformed
	}
	if reason := checkManifest(manifest); reason != "" {
		return "", reason
	}
	if _, ok := a["content.xml"]; !ok {
		return "", ReasonMalformed
	}
	return found, ""
}

// checkManifest looks for a part that is locked: OpenDocument encrypts inside the ZIP, which itself looks open.
func checkManifest(manifest []byte) string {
	tokens := xml.NewDecoder(bytes.NewReader(manifest))
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			return ReasonMalformed
		}
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "encryption-data" {
			return ReasonEncrypted
		}
	}
}

package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// want says what Kind should answer: a media type, or a reason in capitals.
func want(t *testing.T, why, name string, content []byte, answer string) {
	t.Helper()
	found, err := Kind(name, content)
	if refused, ok := errors.AsType[Refused](err); ok {
		found += refused.Reason
	} else if err != nil {
		t.Errorf("%s: an error that is no refusal: %v", why, err)
	}
	if found != answer {
		t.Errorf("%s (%s): %s, want %s", why, name, found, answer)
	}
}

func TestEachKindOnTheListIsTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, mediaType string }{
		"a.pdf":              {pdfFile, typePDF},
		"SCAN.PDF":           {strings.Replace(pdfFile, "1.7", "2.0", 1), typePDF},
		"a.png":              {string(pngFile(t)), typePNG},
		"a.jpg":              {string(jpegFile(t)), typeJPEG},
		"two pictures.jpeg":  {string(jpegFile(t)) + "\x00\x00" + string(jpegFile(t)), typeJPEG},
		"a.tif":              {string(tiffFile(binary.LittleEndian, 0)), typeTIFF},
		"a.TIFF":             {string(tiffFile(binary.BigEndian, 0)), typeTIFF},
		"a.txt":              {"Ward 7 – café\r\n\tbed 3\n", typePlain},
		"bom.txt":            {"\ufeffWard 7", typePlain},
		"guidance.txt":       {"BMA guidance is no bitmap; MZ is no program; 1 < 2", typePlain},
		"as JSON.txt":        {`{"id": 1}`, typePlain},
		"saved e-mail.txt":   {"From: Ann\nDate: today\n\nHello", typePlain},
		"a.csv":              {"id,name\n1,\"a, b\"\n", typeCSV},
		"a.eml":              {emailFile, typeEmail},
		"a.docx":             {string(word(t)), typeDOCX},
		"a.b.docx":           {string(word(t, part{"word/embeddings/Microsoft_Excel_Sheet.xlsx", "…"}, part{"word/", ""})), typeDOCX},
		"a.xlsx":             {string(pack(t, contentTypes("/xl/workbook.xml", excelMain), part{"_rels/.rels", ""}, part{"xl/workbook.xml", ""})), typeXLSX},
		"a.pptx":             {string(pack(t, contentTypes("/ppt/p.xml", powerPointMain), part{"_rels/.rels", ""}, part{"ppt/p.xml", ""})), typePPTX},
		"a.odt":              {string(open(t, typeODT)), typeODT},
		"an empty Basic.odt": {string(open(t, typeODT, part{"Basic/", ""})), typeODT},
		"a.ods":              {string(open(t, typeODS)), typeODS},
	} {
		want(t, "taken", name, []byte(c.content), c.mediaType)
	}
}

// The samples were written by other people's programs.
func TestFilesOfRealProgramsAreTaken(t *testing.T) {
	t.Parallel()
	samples, err := filepath.Glob("testdata/kinds/*")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, name := range samples {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := Kind(name, content); err != nil || !slices.Contains(extensions[found], filepath.Ext(name)) {
			t.Errorf("%s: %s %v", name, found, err)
		}
	}
}

func TestAKindThatIsNotOnTheListIsRefusedWhateverItsName(t *testing.T) {
	t.Parallel()
	for why, content := range map[string]string{
		"HTML":              "  <!DOCTYPE html><html></html>",
		"HTML by its tag":   "\ufeff\n<p>hello</p>",
		"SVG":               `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
		"SVG as XML":        `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`,
		"PHP":               "<?php system($_GET['c']);",
		"a template":        "<% Response.Write 1 %>",
		"a shell script":    "#!/bin/sh\nrm -rf /",
		"PostScript":        "%!PS-Adobe-3.0\n",
		"RTF":               `{\rtf1\ansi hello}`,
		"a Windows program": "MZ\x90\x00\x03\x00\x00\x00",
		"a Linux program":   "\x7fELF\x02\x01\x01\x00",
		"a GIF":             "GIF89a\x01\x00\x01\x00\x00\x00\x00;",
		"old Word":          "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00",
		"a plain ZIP":       string(pack(t, part{"readme.txt", "hello"})),
		"a Java program":    string(pack(t, part{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0"}, part{"A.class", "\xca\xfe\xba\xbe"})),
		"an e-book":         string(open(t, "application/epub+zip")),
		"a template of ODT": string(open(t, typeODT+"-template")),
		"a slide show": string(pack(t, contentTypes("/p.xml", strings.Replace(powerPointMain, "presentation.main", "slideshow.main", 1)),
			part{"_rels/.rels", ""}, part{"p.xml", ""})),
		"bytes": "a\x00b",
		"DEL":   "a\x7fb",
	} {
		for _, name := range []string{"a.txt", "a.csv", "a.pdf", "a.docx", "a.png", "a.html", "a.eml", "a", ""} {
			want(t, why, name, []byte(content), ReasonNotAllowed)
		}
	}
}

func TestANameThatSaysAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.docx", "a.txt", "a.pdf.exe", "a.pdf.", "a", "", ".", "pdf", "a.pdf/", "a.pdf\x00.txt"} {
		want(t, "a PDF", name, []byte(pdfFile), ReasonNameDisagrees)
	}
	for _, name := range []string{"a.js", "a.ps1", "a.bat", "a.html", "a.eml", "a.pdf", "a.tsv"} {
		want(t, "plain text", name, []byte("Write-Host hello"), ReasonNameDisagrees)
	}
	want(t, "Word by the name of Excel", "a.xlsx", word(t), ReasonNameDisagrees)
	want(t, "Word by the name of a macro document", "a.docm", word(t), ReasonNameDisagrees)
	want(t, "a sheet by the name of a text", "a.odt", open(t, typeODS), ReasonNameDisagrees)
}

func TestNothingIsNoFile(t *testing.T) {
	t.Parallel()
	want(t, "nothing", "a.txt", nil, ReasonEmpty)
	want(t, "nothing", "a.exe", []byte{}, ReasonEmpty)
}

func TestAPictureOrPDFThatIsBrokenOrTwoThingsAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	zipped := string(word(t))
	picture, photo, fax := string(pngFile(t)), string(jpegFile(t)), string(tiffFile(binary.LittleEndian, 0))
	script := "<script>alert(1)</script>"
	for why, c := range map[string]struct{ name, content string }{
		"a PDF behind a line":          {"a.pdf", "\n" + pdfFile},
		"a PDF behind text":            {"a.txt", "hello " + pdfFile},
		"a PDF of no version":          {"a.pdf", strings.Replace(pdfFile, "1.7", "x.7", 1)},
		"a PDF without an end":         {"a.pdf", strings.TrimSuffix(pdfFile, "%%EOF\n")},
		"a PDF with something behind":  {"a.pdf", pdfFile + script},
		"a PDF that is a ZIP":          {"a.pdf", pdfFile + zipped},
		"a PDF around a ZIP":           {"a.pdf", pdfFile + zipped + "%%EOF\n"},
		"a PNG with something behind":  {"a.png", picture + script},
		"a PNG that is a ZIP":          {"a.png", picture + zipped},
		"a PNG cut off":                {"a.png", picture[:len(picture)-1]},
		"a PNG with a wrong sum":       {"a.png", picture[:30] + "\xff" + picture[31:]},
		"the signature of a PNG":       {"a.png", picture[:8]},
		"a PNG with an endless chunk":  {"a.png", picture[:8] + "\xff\xff\xff\xffIHDR0000000000000000"},
		"a PNG that is a PDF":          {"a.png", picture[:41] + pdfFile},
		"a JPEG with something behind": {"a.jpg", photo + script},
		"a JPEG that is a ZIP":         {"a.jpg", photo + zipped},
		"a JPEG cut off":               {"a.jpg", photo[:len(photo)-2]},
		"a JPEG of nothing":            {"a.jpg", "\xff\xd8\xff\xd9"},
		"a JPEG with a PDF inside":     {"a.jpg", photo[:2] + "\xff\xfe\x00\x0a%PDF-1.7" + photo[2:]},
		"a JPEG with a short segment":  {"a.jpg", "\xff\xd8\xff\xe0\x00\x00"},
		"a TIFF that is a ZIP":         {"a.tif", fax + zipped},
		"a TIFF without a page":        {"a.tif", "II*\x00\x00\x00\x00\x00"},
		"a TIFF with a page too far":   {"a.tif", "II*\x00\xff\xff\xff\xff"},
		"a TIFF that bites its tail":   {"a.tif", string(tiffFile(binary.BigEndian, 8))},
		"a TIFF cut off":               {"a.tif", fax[:len(fax)-1]},
		"a TIFF of four bytes":         {"a.tif", "MM\x00*"},
	} {
		want(t, why, c.name, []byte(c.content), ReasonMalformed)
	}
}

func TestTextInAnEncodingNobodyCanTellIsRefused(t *testing.T) {
	t.Parallel()
	for why, content := range map[string]string{
		"Latin-1":         "caf\xe9",
		"UTF-16":          "\xff\xfeh\x00i\x00",
		"UTF-16, swapped": "\xfe\xff\x00h\x00i",
		"decoded wrongly": "it\u0092s",
	} {
		want(t, why, "a.txt", []byte(content), ReasonMalformed)
		want(t, why, "a.csv", []byte(content), ReasonMalformed)
	}
}

func TestAnEmailHasASenderAndAHeader(t *testing.T) {
	t.Parallel()
	for why, c := range map[string]struct{ content, answer string }{
		"no sender":      {"Date: today\r\n\r\nx", ReasonNameDisagrees},
		"a sender alone": {"From: Ann\r\n\r\nx", ReasonNameDisagrees},
		"a mailbox":      {"From ann@example.org Mon Jan  2\nFrom: Ann\nDate: x\n\nx", ReasonNameDisagrees},
		"a web page":     {"<html>", ReasonNotAllowed},
		"binary":         {emailFile + "\x00", ReasonNotAllowed},
		"a ZIP behind":   {emailFile + string(word(t)), ReasonMalformed},
	} {
		want(t, why, "a.eml", []byte(c.content), c.answer)
	}
}

func TestALockedPDFIsRefused(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"/Encrypt 2 0 R", "/Encrypt<</Filter/Standard>>", "/Encrypt\n2 0 R"} {
		want(t, entry, "a.pdf", []byte(strings.Replace(pdfFile, "/Root", entry+"/Root", 1)), ReasonEncrypted)
	}
	for _, entry := range []string{"/EncryptMetadata false", "/Encrypted"} {
		want(t, entry, "a.pdf", []byte(strings.Replace(pdfFile, "/Root", entry+"/Root", 1)), typePDF)
	}
	want(t, "a locked document of Office", "a.docx", slices.Concat([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 512),
		bytes.Join(bytes.SplitAfter([]byte("EncryptedPackage"), nil), []byte{0}), []byte{0}), ReasonEncrypted)
}

func FuzzKindAnswersOrRefuses(f *testing.F) {
	for _, seed := range []string{pdfFile, emailFile, string(pngFile(f)), string(jpegFile(f)), string(word(f)), string(open(f, typeODT)),
		string(tiffFile(binary.LittleEndian, 0)), string(tiffFile(binary.BigEndian, 8)), "a,b\n", "<html>", "PK\x03\x04", "\xff\xd8\xff"} {
		for _, extension := range []string{".pdf", ".eml", ".png", ".jpg", ".docx", ".odt", ".tif", ".csv"} {
			f.Add("a"+extension, []byte(seed))
		}
	}
	reasons := []string{ReasonEmpty, ReasonNotAllowed, ReasonNameDisagrees, ReasonMacros, ReasonEncrypted, ReasonMalformed}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		before := bytes.Clone(content)
		found, err := Kind(name, content)
		if !bytes.Equal(before, content) {
			t.Fatal("Kind changed what it was given")
		}
		if err == nil {
			if !slices.Contains(extensions[found], strings.ToLower(filepath.Ext(name))) {
				t.Fatalf("%q is %s", name, found)
			}
			return
		}
		if refused, ok := errors.AsType[Refused](err); !ok || found != "" || !slices.Contains(reasons, refused.Reason) {
			t.Fatalf("%s, %v", found, err)
		}
	})
}

package vault

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
)

// part is one entry of a package a test makes.
type part struct{ name, text string }

// pack makes a ZIP; the part "mimetype" is stored without further fields, as OpenDocument wants it, and so is an empty one.
func pack(t testing.TB, parts ...part) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range parts {
		var entry io.Writer
		var err error
		if p.name == "mimetype" || p.text == "" {
			size := uint64(len(p.text))
			entry, err = w.CreateRaw(&zip.FileHeader{Name: p.name, CRC32: crc32.ChecksumIEEE([]byte(p.text)),
				CompressedSize64: size, UncompressedSize64: size})
		} else {
			entry, err = w.Create(p.name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(entry, p.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Content types of the main parts.
const (
	wordMain       = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
	excelMain      = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
	powerPointMain = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
)

// contentTypes is the part of an Office package that says what the others are: pairs of a part's name and its type.
func contentTypes(pairs ...string) part {
	var out strings.Builder
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>`)
	for i := 0; i+1 < len(pairs); i += 2 {
		out.WriteString(`<Override PartName="` + pairs[i] + `" ContentType="` + pairs[i+1] + `"/>`)
	}
	out.WriteString(`</Types>`)
	return part{"[Content_Types].xml", out.String()}
}

// word is a small document of Word, with further parts.
func word(t testing.TB, more ...part) []byte {
	t.Helper()
	return pack(t, append([]part{
		contentTypes("/word/document.xml", wordMain), {"_rels/.rels", "<Relationships/>"}, {"word/document.xml", "<document/>"},
	}, more...)...)
}

// open is a small OpenDocument, with further parts.
func open(t testing.TB, mediaType string, more ...part) []byte {
	t.Helper()
	return pack(t, append([]part{
		{"mimetype", mediaType}, {"content.xml", "<content/>"}, {"META-INF/manifest.xml", "<manifest/>"},
	}, more...)...)
}

func pngFile(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jpegFile(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 9, 9)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tiffFile is one page with a width and a height and no picture; next is where the page after it begins, 0 for none.
func tiffFile(order binary.AppendByteOrder, next uint32) []byte {
	out := []byte("MM\x00*")
	if order == binary.LittleEndian {
		out = []byte("II*\x00")
	}
	out = order.AppendUint32(out, 8)
	out = order.AppendUint16(out, 2)
	for _, tag := range []uint16{256, 257} {
		out = order.AppendUint16(out, tag)
		out = order.AppendUint16(out, 3)
		out = order.AppendUint32(out, 1)
		out = order.AppendUint32(out, 9)
	}
	return order.AppendUint32(out, next)
}

const (
	pdfFile   = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n15\n%%EOF\n"
	emailFile = "Received: from a by b\r\nFrom: Ann <ann@example.org>\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\n" +
		"Subject: caf\xe9\r\n\r\nLatin-1 is \xe0 la mode.\r\n"
)

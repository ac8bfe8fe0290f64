package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestAnOfficeFileWithAProgramInsideIsRefused(t *testing.T) {
	t.Parallel()
	macroType := strings.Replace(wordMain, "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main",
		"application/vnd.ms-word.document.macroEnabled.main", 1)
	for why, content := range map[string][]byte{
		"Visual Basic":              word(t, part{"word/vbaProject.bin", "x"}),
		"Visual Basic, in capitals": word(t, part{"WORD/VBAPROJECT.BIN", "x"}),
		"its signature":             word(t, part{"word/vbaProjectSignature.bin", "x"}),
		"a control":                 word(t, part{"word/activeX/activeX1.bin", "x"}),
		"a macro sheet":             word(t, part{"xl/macrosheets/sheet1.xml", "x"}),
		"an embedded macro file":    word(t, part{"word/embeddings/Budget.XLSM", "x"}),
		"a macro document renamed":  pack(t, contentTypes("/word/document.xml", macroType), part{"_rels/.rels", ""}, part{"word/document.xml", ""}),
		"Visual Basic by another name": pack(t, contentTypes("/word/document.xml", wordMain, "/word/media/image1.png", "application/vnd.ms-office.vbaProject"),
			part{"_rels/.rels", ""}, part{"word/document.xml", ""}, part{"word/media/image1.png", "x"}),
		"Visual Basic by its extension": pack(t, part{"[Content_Types].xml", `<Types><Default Extension="png" ContentType="application/vnd.ms-office.&#118;baProject"/></Types>`}),
	} {
		want(t, why, "a.docx", content, ReasonMacros)
	}
	for _, more := range []part{{"Basic/Standard/Module1.xml", "x"}, {"Scripts/python/a.py", "x"}} {
		want(t, more.name, "a.odt", open(t, typeODT, more), ReasonMacros)
	}
}

func TestALockedPackageIsRefused(t *testing.T) {
	t.Parallel()
	locked := word(t)
	for _, mark := range []string{"PK\x01\x02", "PK\x03\x04"} { // the flags are at 8 in the directory's entry, at 6 in the other
		at := bytes.LastIndex(locked, []byte(mark))
		locked[at+6+2*strings.Index("\x03\x01", mark[2:3])] |= 1
	}
	want(t, "an entry locked by ZIP", "a.docx", locked, ReasonEncrypted)
	manifest := `<m:manifest xmlns:m="urn:m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>`
	want(t, "a part locked by OpenDocument", "a.odt", pack(t, part{"mimetype", typeODT}, part{"content.xml", "?"},
		part{"META-INF/manifest.xml", manifest}), ReasonEncrypted)
	want(t, "an OpenDocument locked as a whole", "a.odt", pack(t, part{"mimetype", typeODT}, part{"encrypted-package", "?"},
		part{"META-INF/manifest.xml", manifest}), ReasonEncrypted)
}

func TestAPackageThatIsBrokenOrReadInTwoWaysIsRefused(t *testing.T) {
	t.Parallel()
	good := string(word(t))
	types, rels, main := contentTypes("/word/document.xml", wordMain), part{"_rels/.rels", ""}, part{"word/document.xml", ""}
	for why, content := range map[string]string{
		"the mark alone":              "PK\x03\x04",
		"something behind":            good + "x",
		"another package behind":      good + good,
		"a comment":                   good[:len(good)-2] + "\x01\x00x",
		"something in front":          "PK\x03\x04" + strings.Repeat("\x00", 60) + good,
		"cut off":                     good[:len(good)-30],
		"a part twice":                string(word(t, part{"word/document.xml", ""})),
		"a part twice, in capitals":   string(word(t, part{"WORD/document.xml", ""})),
		"a way out":                   string(word(t, part{"../../etc/cron.d/x", ""})),
		"an absolute name":            string(word(t, part{"/etc/passwd", ""})),
		"a name for Windows":          string(word(t, part{`word\a.xml`, ""})),
		"types that are no XML":       string(pack(t, part{"[Content_Types].xml", "<Types"}, rels, main)),
		"types in another encoding":   string(pack(t, part{"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-16"?><Types/>`}, rels, main)),
		"types without an end":        string(pack(t, part{"[Content_Types].xml", "<Types>" + strings.Repeat(" ", mostOfAPart)}, rels, main)),
		"two main parts":              string(pack(t, contentTypes("/word/document.xml", wordMain, "/x.xml", excelMain), rels, main, part{"x.xml", ""})),
		"nothing that leads to it":    string(pack(t, types, main)),
		"Office and OpenDocument":     string(word(t, part{"mimetype", typeODT})),
		"OpenDocument in disorder":    string(pack(t, part{"content.xml", ""}, part{"mimetype", typeODT}, part{"META-INF/manifest.xml", "<m/>"})),
		"OpenDocument, no manifest":   string(pack(t, part{"mimetype", typeODT}, part{"content.xml", ""})),
		"OpenDocument, bad manifest":  string(pack(t, part{"mimetype", typeODT}, part{"content.xml", ""}, part{"META-INF/manifest.xml", "<m"})),
		"OpenDocument, no content":    string(pack(t, part{"mimetype", typeODT}, part{"META-INF/manifest.xml", "<m/>"})),
		"an entry of two names":       strings.Replace(good, "word/document.xml", "word/vbaProject!!", 1),
		"something between":           between(good),
		"a method nobody has need of": strings.ReplaceAll(good, "\x08\x00\x08\x00", "\x08\x00\x0e\x00"),
	} {
		want(t, why, "a.docx", []byte(content), ReasonMalformed)
	}
	want(t, "a main part that is not there", "a.docx", pack(t, types, rels), ReasonNotAllowed)
}

// between hides something in front of the directory and has the end say where the directory now is.
func between(good string) string {
	const hidden = "<html>hidden in the middle of the file</html>"
	at := strings.Index(good, entryMark)
	content := []byte(good[:at] + hidden + good[at:])
	binary.LittleEndian.PutUint32(content[len(content)-6:], uint32(at+len(hidden)))
	return string(content)
}

// Not parallel, since it counts what the whole process allocates.
func TestABombIsRefusedBeforeItIsInflated(t *testing.T) {
	// Zeros in the place of the types, an entry that declares far more than it holds, a directory of very many entries,
	// and one of entries that share their bytes.
	zeros := strings.Repeat("\x00", 16<<20)
	bombs := map[string][]byte{
		"the types": pack(t, part{"[Content_Types].xml", zeros}),
		"a lie":     declare(word(t, part{"word/media/a.xml", "x"}), 1<<31),
	}
	var many []part
	for i := range mostEntries {
		many = append(many, part{fmt.Sprintf("word/%d.xml", i), ""})
	}
	bombs["many entries"] = word(t, many...)
	bombs["overlap"] = overlap(word(t))
	for why, bomb := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		want(t, why, "a.docx", bomb, ReasonMalformed)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
			t.Errorf("%s: %d bytes were used", why, used)
		}
	}
}

// declare has the last entry of a package say that it inflates to size bytes.
func declare(content []byte, size uint32) []byte {
	binary.LittleEndian.PutUint32(content[bytes.LastIndex(content, []byte(entryMark))+24:], size)
	return content
}

// overlap points every entry of the directory at the bytes of the first.
func overlap(content []byte) []byte {
	for at := 0; ; at += 46 {
		next := bytes.Index(content[at:], []byte(entryMark))
		if next < 0 {
			return content
		}
		at += next
		binary.LittleEndian.PutUint32(content[at+42:], 0)
	}
}

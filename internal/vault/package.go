package vault

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Marks and sizes of the ZIP format.
const (
	fileMark  = "PK\x03\x04" // in front of each entry's bytes
	entryMark = "PK\x01\x02" // of each entry of the directory
	endMark   = "PK\x05\x06" // of the directory's end
	endSize   = 22           // of that end, without a comment
)

// What a package may hold. The sizes are those it declares: nothing is inflated to find out, but for three small parts.
const (
	mostEntries  = 10_000
	mostInflated = 512 << 20 // bytes, all entries together
	mostOfAPart  = 4 << 20   // bytes of the part that says what the package is
)

// archive is the directory of a ZIP that has been found sound; names are in small letters, as Office compares them.
type archive map[string]*zip.File

// openPackage says which office format a ZIP is.
func openPackage(content []byte) (found, reason string) {
	parts, reason := unpack(content)
	if reason != "" {
		return "", reason
	}
	_, office := parts["[content_types].xml"]
	_, open := parts["mimetype"]
	switch {
	case office && open:
		return "", ReasonMalformed
	case office:
		return parts.openXML()
	case open:
		return parts.openDocument(content)
	default:
		return "", ReasonNotAllowed
	}
}

// unpack reads the directory, and refuses what two programs could read in two ways, what is locked, and what would burst.
func unpack(content []byte) (archive, string) {
	if !wholeZIP(content) || bytes.Count(content, []byte(entryMark)) > mostEntries {
		return nil, ReasonMalformed
	}
	reader, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil || len(reader.File) == 0 {
		return nil, ReasonMalformed
	}
	parts := archive{}
	var inflated uint64
	for _, f := range reader.File {
		if reason := checkEntry(f); reason != "" {
			return nil, reason
		}
		name := strings.ToLower(f.Name)
		if _, twice := parts[name]; twice {
			return nil, ReasonMalformed
		}
		parts[name] = f
		inflated += f.UncompressedSize64
		if inflated > mostInflated {
			return nil, ReasonMalformed
		}
	}
	if !tight(reader.File, content) {
		return nil, ReasonMalformed
	}
	return parts, ""
}

// wholeZIP says whether the file ends where its directory does, so that nothing is appended and there is one directory.
func wholeZIP(content []byte) bool {
	end := len(content) - endSize
	if end <= 0 || bytes.LastIndex(content, []byte(endMark)) != end || binary.LittleEndian.Uint16(content[end+20:]) != 0 {
		return false
	}
	return directory(content)+uint64(binary.LittleEndian.Uint32(content[end+12:])) == uint64(end)
}

// directory is where the directory of a whole ZIP begins.
func directory(content []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(content[len(content)-endSize+16:]))
}

// checkEntry looks at one entry's own declarations.
func checkEntry(f *zip.File) string {
	const locked = 1<<0 | 1<<6 | 1<<13 // by any of the three methods there have been
	switch {
	case f.Flags&locked != 0:
		return ReasonEncrypted
	case f.Method != zip.Store && f.Method != zip.Deflate,
		f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64,
		f.UncompressedSize64 > mostInflated,
		!fs.ValidPath(strings.TrimSuffix(f.Name, "/")),
		strings.ContainsFunc(f.Name, func(r rune) bool { return r < ' ' || r == '\\' }):
		return ReasonMalformed
	}
	return ""
}

// tight says whether the entries stand one behind the other from the file's first byte to the directory, with nothing
// hidden between them and no two sharing bytes, as they do in a bomb that is all overlap.
func tight(files []*zip.File, content []byte) bool {
	const header, descriptor = 30, 24 // bytes: in front of an entry's name, and the most that may follow its bytes
	type stretch struct {
		name     string
		from, to uint64
	}
	var taken []stretch
	for _, f := range files {
		offset, err := f.DataOffset()
		if err != nil || f.CompressedSize64 > uint64(len(content)) {
			return false
		}
		taken = append(taken, stretch{f.Name, uint64(offset), uint64(offset) + f.CompressedSize64})
	}
	slices.SortFunc(taken, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	at, end := uint64(0), directory(content)
	for _, s := range taken {
		gap := bytes.Index(content[at:min(end, at+descriptor+4)], []byte(fileMark))
		if gap < 0 || at+uint64(gap)+header > end {
			return false
		}
		local := content[at+uint64(gap):]
		name, extra := uint64(binary.LittleEndian.Uint16(local[26:])), uint64(binary.LittleEndian.Uint16(local[28:]))
		if at+uint64(gap)+header+name+extra != s.from || s.to > end || string(local[header:header+name]) != s.name {
			return false
		}
		at = s.to
	}
	return end-at <= descriptor
}

// read inflates one part, never more of it than it may have.
func (a archive) read(name string) ([]byte, bool) {
	f, ok := a[name]
	if !ok {
		return nil, false
	}
	r, err := f.Open()
	if err != nil {
		return nil, false
	}
	defer r.Close()
	part, err := io.ReadAll(io.LimitReader(r, mostOfAPart+1))
	return part, err == nil && len(part) <= mostOfAPart
}

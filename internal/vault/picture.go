package vault

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// checkPNG walks the chunks: a header first, every sum right, and the end mark where the file ends.
func checkPNG(content []byte) string {
	const signature, frame = 8, 12 // a chunk's length, name and sum
	rest := content[signature:]
	for first := true; len(rest) >= frame; first = false {
		size := binary.BigEndian.Uint32(rest)
		if uint64(size) > uint64(len(rest)-frame) {
			break
		}
		name, sum := string(rest[4:8]), rest[8+size:]
		if first != (name == "IHDR") || crc32.ChecksumIEEE(rest[4:8+size]) != binary.BigEndian.Uint32(sum) {
			break
		}
		rest = sum[4:]
		if name == "IEND" {
			if size == 0 && len(rest) == 0 {
				return ""
			}
			break
		}
	}
	return ReasonMalformed
}

// checkJPEG walks one picture or several: cameras put further ones, smaller or brighter, behind the first. Nothing else
// may come after a picture but zeros.
func checkJPEG(content []byte) string {
	for rest := content; ; {
		size := jpegSize(rest)
		if size == 0 {
			return ReasonMalformed
		}
		rest = bytes.TrimLeft(rest[size:], "\x00")
		if len(rest) == 0 {
			return ""
		}
	}
}

// jpegSize walks the segments of the picture at the start of b and answers how long it is, 0 where it is none.
func jpegSize(b []byte) int {
	if !bytes.HasPrefix(b, []byte{0xff, 0xd8}) {
		return 0
	}
	scanned := false
	for i := 2; i+1 < len(b) && b[i] == 0xff; {
		switch mark := b[i+1]; {
		case mark == 0xff: // padding
			i++
		case mark == 0xd9: // the end
			if !scanned {
				return 0
			}
			return i + 2
		case mark == 0x01 || 0xd0 <= mark && mark <= 0xd7: // marks without a body
			i += 2
		case i+4 > len(b):
			return 0
		default:
			i += 2 + max(2, int(binary.BigEndian.Uint16(b[i+2:])))
			if mark == 0xda {
				scanned = true
				i = skipScan(b, i)
			}
		}
	}
	return 0
}

// skipScan passes over a picture's coded data, in which 0xff is followed by 0 or by a restart mark.
func skipScan(b []byte, i int) int {
	for ; i+1 < len(b); i++ {
		if next := b[i+1]; b[i] == 0xff && next != 0 && (next < 0xd0 || next > 0xd7) {
			return i
		}
	}
	return len(b)
}

// checkTIFF follows the chain of pages: each a table of entries inside the file, with a width and a height.
func checkTIFF(content []byte) string {
	const mostPages, entrySize, width, height = 4096, 12, 256, 257
	var order binary.ByteOrder = binary.LittleEndian
	if content[0] == 'M' {
		order = binary.BigEndian
	}
	if len(content) < 8 {
		return ReasonMalformed
	}
	at := uint64(order.Uint32(content[4:]))
	for page := 0; at != 0; page++ {
		if page == mostPages || at < 8 || at+2 > uint64(len(content)) {
			return ReasonMalformed // too many pages, such as a chain that bites its tail
		}
		size := entrySize * uint64(order.Uint16(content[at:]))
		if at+2+size+4 > uint64(len(content)) {
			return ReasonMalformed
		}
		table, found := content[at+2:at+2+size], 0
		for ; len(table) > 0; table = table[entrySize:] {
			if tag := order.Uint16(table); tag == width || tag == height {
				found++
			}
		}
		if found != 2 {
			return ReasonMalformed
		}
		at = uint64(order.Uint32(content[at+2+size:]))
	}
	if order.Uint32(content[4:]) == 0 {
		return ReasonMalformed
	}
	return ""
}

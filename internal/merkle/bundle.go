package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxEntry is how many bytes an entry of a bundle may have (c2sp.org/tlog-tiles).
const MaxEntry = 1<<16 - 1

// AppendEntry adds an entry to a bundle: its length in two bytes, the higher first, and then itself.
func AppendEntry(bundle, canon []byte) ([]byte, error) {
	if len(canon) == 0 || len(canon) > MaxEntry {
		return nil, fmt.Errorf("an entry of %d bytes fits in no bundle", len(canon))
	}
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(canon))), canon...), nil
}

// ParseBundle reads the entries of a bundle, up to TileWidth of them. They share the bundle's memory.
func ParseBundle(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(entries) == TileWidth {
			return nil, errors.New("the bundle ends in the middle, or holds too much")
		}
		n := int(binary.BigEndian.Uint16(bundle))
		if n == 0 || len(bundle)-2 < n {
			return nil, errors.New("an entry of the bundle is not whole")
		}
		entries, bundle = append(entries, bundle[2:2+n:2+n]), bundle[2+n:]
	}
	return entries, nil
}

package audit

import (
	"golang.org/x/mod/sumdb/tlog"
)

// A tile is 256 hashes side by side: eight levels of the tree.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// peaks are the roots of the perfect trees that a log is made of, the largest first: all that is needed to know its root.
type peaks struct {
	size   int64
	hashes []tlog.Hash
	full   func(level int, root tlog.Hash) // told of each tile that is full; may be nil
}

// add puts a perfect tree of 2^height leaves to the right of the others.
func (p *peaks) add(h tlog.Hash, height int) {
	at := p.size
	p.size += 1 << height
	for ; at>>height&1 == 1; height++ {
		last := len(p.hashes) - 1
		h, p.hashes = tlog.NodeHash(p.hashes[last], h), p.hashes[:last]
		if level := (height + 1) / tileHeight; p.full != nil && (height+1)%tileHeight == 0 {
			p.full(level-1, h)
		}
	}
	p.hashes = append(p.hashes, h)
}

// tree is the log's size and root as the leaves make them.
func (p *peaks) tree() tlog.Tree {
	if len(p.hashes) == 0 {
		return tlog.Tree{Hash: emptyRoot}
	}
	last := len(p.hashes) - 1
	root := p.hashes[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(p.hashes[i], root)
	}
	return tlog.Tree{N: p.size, Hash: root}
}

// rootOf is the root of a full tile. It uses the memory that it is given.
func rootOf(hashes []tlog.Hash) tlog.Hash {
	for ; len(hashes) > 1; hashes = hashes[:len(hashes)/2] {
		for i := range len(hashes) / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0]
}

// split reads hashes that stand one after the other, up to a tile of them.
func split(joined []byte) []tlog.Hash {
	hashes := make([]tlog.Hash, len(joined)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], joined[i*tlog.HashSize:])
	}
	return hashes
}

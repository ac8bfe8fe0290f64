package audit

import (
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// set is a set of ids: one bit for each where they are dense, and no more than a page where somebody forged a far one.
type set map[int64]*[128]uint64

func (s *set) add(id int64) {
	if *s == nil {
		*s = set{}
	}
	page := (*s)[id>>13]
	if page == nil {
		page = new([128]uint64)
		(*s)[id>>13] = page
	}
	page[id>>6&127] |= 1 << (id & 63)
}

func (s set) remove(id int64) {
	if page := s[id>>13]; page != nil {
		page[id>>6&127] &^= 1 << (id & 63)
	}
}

func (s set) has(id int64) bool {
	page := s[id>>13]
	return page != nil && page[id>>6&127]>>(id&63)&1 == 1
}

// all are the members, in order.
func (s set) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, p := range slices.Sorted(maps.Keys(s)) {
			for i, word := range s[p] {
				for ; word != 0; word &= word - 1 {
					if !yield(p<<13 | int64(i)<<6 | int64(bits.TrailingZeros64(word))) {
						return
					}
				}
			}
		}
	}
}

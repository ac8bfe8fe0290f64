// Package vocabulary holds every coded list of the service, each code with the dates between which it is in force.
package vocabulary

//go:generate go run ./generate

// An Entry is one code of a list: {"6_1_EA", "Recognised legitimate interest", "", "2026-02-05", ""}.
// ValidTo is empty while the code has no end; both days belong to the validity.
type Entry struct {
	Code, Label, Note, ValidFrom, ValidTo string
}

// A List is one named set of codes, in the order in which people should see them.
type List struct {
	Name    string
	Entries []Entry
}

// Lists gives every list, in the order of the source file.
func Lists() []List { return lists() }

// Codes gives the codes of one list, such as "role", in its order, as the type that stands for them; none where there is
// no such list.
func Codes[T ~string](list string) []T {
	var codes []T
	for _, l := range lists() {
		if l.Name != list {
			continue
		}
		for _, e := range l.Entries {
			codes = append(codes, T(e.Code))
		}
	}
	return codes
}

// An Index answers quickly whether a code is known and when it is in force.
type Index map[string]map[string]Entry

// NewIndex builds the index once; keep it.
func NewIndex() Index {
	index := Index{}
	for _, list := range lists() {
		entries := make(map[string]Entry, len(list.Entries))
		for _, e := range list.Entries {
			entries[e.Code] = e
		}
		index[list.Name] = entries
	}
	return index
}

// Knows says whether the list has the code at any date.
func (x Index) Knows(list, code string) bool {
	_, ok := x[list][code]
	return ok
}

// InForce says whether the list has the code and the day (2026-02-05) lies within its validity.
func (x Index) InForce(list, code, day string) bool {
	e, ok := x[list][code]
	return ok && e.ValidFrom <= day && (e.ValidTo == "" || day <= e.ValidTo)
}

package audit

// Members are the names of all that an entry may say, in the order in which it says it.
func Members() []string {
	names := make([]string, len(grammar))
	for i, m := range grammar {
		names[i] = m.name
	}
	return names
}

// ReadMembers puts the value of each member of an entry, as it is written there, in its place among Members; nil for one
// that is absent. They are parts of canon, which must have the form of an entry.
func ReadMembers(canon []byte, values [][]byte) error {
	said, err := decode(canon)
	copy(values, said[:])
	return err
}

// CheckForm says what is wrong with the form of an entry.
func CheckForm(canon []byte) error {
	_, err := decode(canon)
	return err
}

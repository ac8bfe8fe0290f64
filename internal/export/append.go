package export

import "encoding/json"

// appendName writes ,"name":"value" where there is a value. What user ids, codes and references are made of needs no escape;
// anything else gets one.
func appendName(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			escaped, _ := json.Marshal(value) //nolint:errcheck // a string
			return append(b, escaped...)
		}
	}
	return append(append(append(b, '"'), value...), '"')
}

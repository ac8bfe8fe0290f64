package notary

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
)

// Catalogue reads the definition of the schemas as lines of text, the same for the same definition.
type Catalogue interface {
	Definition(ctx context.Context) ([]string, error)
}

// Attest hashes the definition of the schemas and hands digest and number of lines to record, which puts them into the
// trail: at every start and every hour. The lines are ordered here, as a database's order depends on its locale, and each
// says its length, so that no two definitions are one text.
func Attest(ctx context.Context, c Catalogue, record func(ctx context.Context, digest string, lines int) error) error {
	lines, err := c.Definition(ctx)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return fmt.Errorf("attest: the schemas have no definition")
	}
	return record(ctx, digestOf(lines), len(lines))
}

func digestOf(lines []string) string {
	slices.Sort(lines)
	h := sha256.New()
	for _, line := range lines {
		h.Write([]byte(strconv.Itoa(len(line)) + " " + line + "\n")) // a hash takes all
	}
	return hex.EncodeToString(h.Sum(nil))
}

package merkle

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Checkpoint is what a log's keys and witnesses sign (c2sp.org/tlog-checkpoint): whose log, how large, which root.
//
//	merkle.Checkpoint{Origin: "trust.example/caldicott", Tree: merkle.Tree{Size: 7, Root: root}}
type Checkpoint struct {
	Origin string
	Tree
}

var (
	errCheckpoint = errors.New("no checkpoint")
	errProof      = errors.New("no proof")
)

// Text is the body of the signed note.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint reads the body of a signed note, and takes nothing but what Text writes: extension lines are no use
// here, and two spellings of one checkpoint would be two signatures.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" {
		return Checkpoint{}, errCheckpoint
	}
	size, err := parseCount(lines[1])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	c := Checkpoint{Origin: lines[0], Tree: Tree{Size: size, Root: root}}
	if c.Text() != text {
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// Proof is a proof that can be checked offline (c2sp.org/tlog-proof): where the entry stands, the path from it to the root,
// and the signed checkpoint that has this root.
type Proof struct {
	Index int64
	Path  []Hash
	Note  string // the signed checkpoint
}

const proofHeader = "c2sp.org/tlog-proof@v1"

// maxPath is more than any path is long.
const maxPath = 63

// Text is the proof as it is given away.
func (p Proof) Text() string {
	var b strings.Builder
	b.WriteString(proofHeader + "\nindex " + strconv.FormatInt(p.Index, 10) + "\n")
	writePath(&b, p.Path)
	b.WriteString("\n" + p.Note)
	return b.String()
}

// ParseProof reads a proof. A line of extra data, which proves nothing, is passed over; all else must be as Text writes it.
func ParseProof(text string) (Proof, error) {
	head, note, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != proofHeader {
		return Proof{}, errProof
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if _, err := base64.StdEncoding.DecodeString(lines[0][len("extra "):]); err != nil {
			return Proof{}, fmt.Errorf("%w: %w", errProof, err)
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines) > maxPath+1 || !strings.HasPrefix(lines[0], "index ") {
		return Proof{}, errProof
	}
	p := Proof{Note: note}
	var err error
	if p.Index, err = parseCount(lines[0][len("index "):]); err != nil {
		return Proof{}, fmt.Errorf("%w: %w", errProof, err)
	}
	if p.Path, err = parsePath(lines[1:]); err != nil {
		return Proof{}, fmt.Errorf("%w: %w", errProof, err)
	}
	return p, nil
}

// parseCount takes a number as it is written: no sign, no zero in front.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%q is no count", s)
	}
	return n, nil
}

func parseHash(s string) (Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(Hash{}) || base64.StdEncoding.EncodeToString(b) != s {
		return Hash{}, fmt.Errorf("%q is no hash", s)
	}
	return Hash(b), nil
}

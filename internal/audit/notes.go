package audit

import (
	"bufio"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors of whoever checks signatures.
var (
	// ErrUnknownKey says that nobody whose key was given has signed: it cannot be told who did.
	ErrUnknownKey = errors.New("no signature is by a key that was given")
	// ErrForged says that something proves what it should not, or does not prove what it should.
	ErrForged = errors.New("it does not hold")
)

var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// Keys are the public keys that an auditor has from elsewhere, by which alone signatures are believed.
type Keys struct {
	list      []note.Verifier // of logs: they sign checkpoints
	receipts  []note.Verifier // they sign receipts, certificates and statements, and no checkpoint
	spans     map[string]Span
	witnesses []string // keys that cosign: they stand in the same file, and vouch for nothing by themselves
}

// Span is from which size of the log on a key signs, and before which; To is 0 while it is in use.
type Span struct{ From, To int64 }

func (s Span) holds(size int64) bool { return size >= s.From && (s.To == 0 || size < s.To) }

// ParseKeys reads verifier keys of signed notes, one a line; # begins a comment. Behind a key may stand the first size of
// the log that it signs, and the first that it signs no more. Keys of receipts and of witnesses may stand in the same file:
// whoever has one of those cannot make a checkpoint that is believed.
func ParseKeys(r io.Reader) (Keys, error) {
	k := Keys{spans: map[string]Span{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if cosigns(fields[0]) {
			k.witnesses = append(k.witnesses, fields[0])
			continue
		}
		v, err := note.NewVerifier(fields[0])
		if err != nil {
			return Keys{}, fmt.Errorf("line %d of the keys: %w", n, err)
		}
		if strings.HasSuffix(v.Name(), receiptSuffix) {
			k.receipts = append(k.receipts, v)
			continue
		}
		span, err := parseSpan(fields[1:])
		if err != nil {
			return Keys{}, fmt.Errorf("line %d of the keys: %w", n, err)
		}
		k.list, k.spans[keyID(v)] = append(k.list, v), span
	}
	if err := lines.Err(); err != nil {
		return Keys{}, fmt.Errorf("keys: %w", err)
	}
	if len(k.list) == 0 {
		return Keys{}, errors.New("keys: there is none of a log")
	}
	return k, nil
}

// receiptSuffix is how the name of a key ends that signs receipts: it is with every replica of the service, and the log's is not.
const receiptSuffix = "/receipt"

// cosigns says whether that is the verifier key of a witness (c2sp.org/tlog-cosignature): Ed25519 over a time and a text.
func cosigns(vkey string) bool {
	const kind = 4
	name, rest, _ := strings.Cut(vkey, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != kind {
		return false
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return id == hex.EncodeToString(sum[:4])
}

func parseSpan(fields []string) (s Span, err error) {
	for i, to := range []*int64{&s.From, &s.To} {
		if i < len(fields) && err == nil {
			*to, err = parseCount(fields[i])
		}
	}
	if len(fields) > 2 {
		err = fmt.Errorf("%q is more than a key and its span", fields[2])
	}
	return s, err
}

// Given reports whether there are keys.
func (k Keys) Given() bool { return len(k.list) > 0 }

// Receipts are the keys of receipts, for whoever opens what they sign: receipts, certificates and statements.
func (k Keys) Receipts() note.Verifiers { return note.VerifierList(k.receipts...) }

func keyID(v note.Verifier) string { return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash()) }

// signers opens a signed checkpoint and gives the keys that have signed it. A wrong signature by a key that was given is
// ErrForged, and no signature by any of them ErrUnknownKey.
func (k Keys) signers(signed string) ([]string, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(k.list...))
	switch {
	case errors.As(err, new(*note.UnverifiedNoteError)):
		return nil, ErrUnknownKey
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	var ids []string
	for _, s := range opened.Sigs {
		ids = append(ids, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	return ids, nil
}

// Note is a signed checkpoint as it was read, whoever signed it.
type Note struct {
	Origin string
	tlog.Tree
	Signed string // the whole of it
}

// ParseNote reads a signed checkpoint (c2sp.org/tlog-checkpoint) without looking at its signatures.
func ParseNote(signed string) (Note, error) {
	end := strings.LastIndex(signed, "\n\n") // where x/mod takes the signatures to begin
	lines := strings.Split(signed[:max(end, 0)], "\n")
	if len(lines) < 3 || slices.Contains(lines, "") {
		return Note{}, errors.New("it is no signed checkpoint")
	}
	size, err := parseCount(lines[1])
	if err != nil {
		return Note{}, fmt.Errorf("checkpoint: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Note{}, fmt.Errorf("checkpoint: %w", err)
	}
	return Note{Origin: lines[0], Tree: tlog.Tree{N: size, Hash: root}, Signed: signed}, nil
}

// checkpointText is the body of a signed checkpoint.
func checkpointText(origin string, t tlog.Tree) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash)
}

// Proof is a proof of one entry (c2sp.org/tlog-proof): where it stands, the path to the root, and the signed checkpoint.
type Proof struct {
	Index int64
	Path  tlog.RecordProof
	Note
	Signers []string // the keys among those given that have signed the checkpoint
}

// ParseProof reads a proof without believing it.
func ParseProof(text string) (Proof, error) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return Proof{}, errors.New("it is no proof")
	}
	lines = slices.DeleteFunc(lines[1:], func(l string) bool { return strings.HasPrefix(l, "extra ") })
	if len(lines) == 0 || len(lines) > 64 || !strings.HasPrefix(lines[0], "index ") {
		return Proof{}, errors.New("it is no proof")
	}
	index, err := parseCount(strings.TrimPrefix(lines[0], "index "))
	if err != nil {
		return Proof{}, fmt.Errorf("proof: %w", err)
	}
	p := Proof{Index: index}
	for _, l := range lines[1:] {
		h, err := parseHash(l)
		if err != nil {
			return Proof{}, fmt.Errorf("proof: %w", err)
		}
		p.Path = append(p.Path, h)
	}
	p.Note, err = ParseNote(signed)
	return p, err
}

// CheckProof verifies that the entry is in the signed log: its bytes are canonical, the path leads from them to the root,
// and the checkpoint that has this root is signed. Without keys the signature is not looked at. ErrForged says that it is
// not so, ErrUnknownKey that it cannot be told.
func CheckProof(text string, canon []byte, keys Keys) (Proof, error) {
	if _, err := decode(canon); err != nil {
		return Proof{}, fmt.Errorf("%w: not a canonical entry: %w", ErrForged, err)
	}
	return checkSigned(text, leafOf(canon), keys)
}

// checkSigned is CheckLeaf, and holds the checkpoint to the keys where there are any.
func checkSigned(text string, leaf tlog.Hash, keys Keys) (Proof, error) {
	p, err := CheckLeaf(text, leaf)
	if err == nil && keys.Given() {
		p.Signers, err = keys.check(p.Note)
	}
	return p, err
}

// CheckLeaf verifies that the path of a proof leads from the leaf to the root of its checkpoint. Whose the checkpoint is it
// does not look at.
func CheckLeaf(text string, leaf tlog.Hash) (Proof, error) {
	p, err := ParseProof(text)
	if err != nil {
		return p, err
	}
	if p.Index >= p.N {
		return p, fmt.Errorf("%w: leaf %d of a log of %d", ErrForged, p.Index, p.N)
	}
	if err := tlog.CheckRecord(p.Path, p.N, p.Hash, p.Index, leaf); err != nil {
		return p, fmt.Errorf("%w: leaf %s at %d is not in the log of %d with root %s: %w", ErrForged, leaf, p.Index, p.N, p.Hash, err)
	}
	return p, nil
}

// OfLog verifies that a checkpoint is of that log, and signed by a key of the log's own name. ErrForged says that it is not so,
// ErrUnknownKey that it cannot be told.
func (k Keys) OfLog(n Note, origin string) error {
	if n.Origin != origin {
		return fmt.Errorf("%w: the checkpoint is of the log %q, and not of %q", ErrForged, n.Origin, origin)
	}
	ids, err := k.check(n)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, origin+"+") }) {
		return ErrUnknownKey
	}
	return nil
}

// Proof is CheckProof with what the auditor brought along: the checkpoint must satisfy the policy too.
func (a Auditor) Proof(text string, canon []byte) (Proof, error) {
	p, err := CheckProof(text, canon, a.Keys)
	if err == nil {
		err = a.public(p.Signed)
	}
	return p, err
}

// public asks the policy, if there is one. A signature that does not verify though its key is known is ErrForged; that
// somebody has not signed is not.
func (a Auditor) public(signed string) error {
	if a.Policy == nil {
		return nil
	}
	err := a.Policy(signed)
	if errors.As(err, new(*note.InvalidSignatureError)) {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	return err
}

// check opens a note and holds its signers to their spans.
func (k Keys) check(n Note) ([]string, error) {
	ids, err := k.signers(n.Signed)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if s := k.spans[id]; !s.holds(n.N) {
			return nil, fmt.Errorf("%w: key %s signs from %d to %d, and has signed %d", ErrForged, id, s.From, s.To, n.N)
		}
	}
	return ids, nil
}

// leafOf is the verifier's own arithmetic, not LeafHash.
func leafOf(canon []byte) tlog.Hash {
	room := make([]byte, 1, 1024) // most entries fit, and it never leaves the stack
	return sha256.Sum256(append(room, canon...))
}

// parseCount takes a number as it is written: no sign, no zero in front.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%q is no count", s)
	}
	return n, nil
}

func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%q is no hash", s)
	}
	return tlog.Hash(b), nil
}

// OriginOf is the log's name in the text that a line of a note signs: what was given, or else the name of the line's key.
func OriginOf(given, line string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
	return cmp.Or(given, name)
}

package notary

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints. One in a file is a line of ParseKeys; a key that never leaves its service (a KMS or an HSM) needs
// these four methods. Signing the same bytes twice must give the same signature, as Ed25519 does: what was signed just
// before a crash is signed again after it.
type Key interface {
	note.Signer       // Name, KeyHash, Sign
	Verifier() string // the verifier key: name+hash+public key, as auditors are given it
}

// GenerateKey makes a key. The first line goes into the file of keys, the second to whoever verifies.
func GenerateKey(name string) (secret, verifier string, err error) {
	return note.GenerateKey(rand.Reader, name)
}

// ParseKeys reads a file of keys, one a line; empty lines and lines that begin with # are passed over. Every key in it signs:
// during a rotation, the old one and the new one. Errors say the line, and never what stands there.
func ParseKeys(r io.Reader) ([]Key, error) {
	var keys []Key
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the keys: %w", n, err)
		}
		if seen[key.vkey] {
			return nil, fmt.Errorf("line %d of the keys: it is there twice", n)
		}
		seen[key.vkey] = true
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("keys: there is none")
	}
	return keys, nil
}

// fileKey is a key whose secret is in memory.
type fileKey struct {
	note.Signer
	vkey string
}

// Verifier is the public half.
func (k fileKey) Verifier() string { return k.vkey }

var errKey = errors.New("it is no Ed25519 signing key of a note")

func parseKey(line string) (fileKey, error) {
	signer, err := note.NewSigner(line)
	if err != nil {
		return fileKey{}, errKey
	}
	parts := strings.SplitN(line, "+", 5) // PRIVATE+KEY+name+hash+secret
	secret, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(secret) != 1+ed25519.SeedSize {
		return fileKey{}, errKey
	}
	public, _ := ed25519.NewKeyFromSeed(secret[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return fileKey{}, errKey
	}
	return fileKey{signer, vkey}, nil
}

// keyID is the name and hash of a key: what a signature is stored under.
func keyID(k interface {
	Name() string
	KeyHash() uint32
}) string {
	return fmt.Sprintf("%s+%08x", k.Name(), k.KeyHash())
}

// line is a key's line of a signed note.
func line(k note.Signer, text string) (string, error) {
	signature, err := k.Sign([]byte(text))
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", keyID(k), err)
	}
	signed := append([]byte{byte(k.KeyHash() >> 24), byte(k.KeyHash() >> 16), byte(k.KeyHash() >> 8), byte(k.KeyHash())}, signature...)
	return "— " + k.Name() + " " + base64.StdEncoding.EncodeToString(signed), nil
}

// Note is a signed note: the text, an empty line and the signatures.
func Note(text string, lines []string) string { return text + "\n" + strings.Join(lines, "\n") + "\n" }

package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// Kinds of Ed25519 keys, as verifier keys say them (c2sp.org/signed-note).
const (
	kindNote        = 0x01 // signs a note's text: a log
	kindCosignature = 0x04 // cosignature/v1: signs the time and the text, a witness
)

const private = "PRIVATE+KEY+"

var (
	errKey      = errors.New("it is no key of a witness")
	errVerifier = errors.New("it is no Ed25519 verifier key")
)

// Key is a witness's secret key.
type Key struct {
	name   string
	secret ed25519.PrivateKey
}

// GenerateKey makes a key. The first line is the witness's key file, the second goes to logs and verifiers.
func GenerateKey(name string) (secret, verifier string, err error) {
	if !validName(name) {
		return "", "", errors.New("a witness's name is not empty and has no space and no plus")
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	k := Key{name, key}
	return private + encode(name, k.KeyHash(), key.Seed()), k.Verifier(), nil
}

// ParseKey reads the first line of GenerateKey. Errors never repeat it.
func ParseKey(line string) (Key, error) {
	rest, found := strings.CutPrefix(strings.TrimSpace(line), private)
	name, hash, seed, err := decode(rest, kindCosignature)
	if !found || err != nil {
		return Key{}, errKey
	}
	k := Key{name, ed25519.NewKeyFromSeed(seed)}
	if k.KeyHash() != hash {
		return Key{}, errKey
	}
	return k, nil
}

func (k Key) public() ed25519.PublicKey {
	public, _ := k.secret.Public().(ed25519.PublicKey)
	return public
}

// Name is the witness's, which stands in its lines.
func (k Key) Name() string { return k.name }

// KeyHash is the key's, which stands in its lines.
func (k Key) KeyHash() uint32 { return keyHash(k.name, kindCosignature, k.public()) }

// Verifier is the public half, for logs and verifiers.
func (k Key) Verifier() string { return encode(k.name, k.KeyHash(), k.public()) }

// at is the key at an instant, as a signer of notes.
func (k Key) at(now time.Time) note.Signer { return stamp{k, now} }

type stamp struct {
	Key
	now time.Time
}

// Sign signs time and text (c2sp.org/tlog-cosignature).
func (s stamp) Sign(text []byte) ([]byte, error) {
	seconds := s.now.Unix()
	if seconds < 0 {
		return nil, errors.New("cosign: the clock stands before 1970")
	}
	return append(binary.BigEndian.AppendUint64(nil, uint64(seconds)), ed25519.Sign(s.secret, message(uint64(seconds), text))...), nil
}

func message(seconds uint64, text []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(seconds, 10)+"\n"), text...)
}

// verifier is a witness's public key.
type verifier struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

// NewVerifier reads a witness's verifier key, for whoever opens notes.
func NewVerifier(vkey string) (note.Verifier, error) {
	name, hash, public, err := decode(vkey, kindCosignature)
	if err != nil {
		return nil, err
	}
	if keyHash(name, kindCosignature, public) != hash {
		return nil, errVerifier
	}
	return verifier{name, hash, public}, nil
}

func (v verifier) Name() string    { return v.name }
func (v verifier) KeyHash() uint32 { return v.hash }

// Verify checks a cosignature.
func (v verifier) Verify(text, signature []byte) bool {
	const stamped = 8
	if len(signature) != stamped+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(signature)
	return seconds < 1<<63 && ed25519.Verify(v.public, message(seconds, text), signature[stamped:])
}

// encode writes a key as name+hash+kind and bytes.
func encode(name string, hash uint32, key []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{kindCosignature}, key...)))
}

// decode reads what encode writes, and the keys of logs, whose kind is another.
func decode(text string, kind byte) (name string, hash uint32, key []byte, err error) {
	name, rest, _ := strings.Cut(text, "+")
	hex, encoded, _ := strings.Cut(rest, "+")
	n, hashErr := strconv.ParseUint(hex, 16, 32)
	key, keyErr := base64.StdEncoding.DecodeString(encoded)
	if !validName(name) || len(hex) != 8 || hashErr != nil || keyErr != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != kind {
		return "", 0, nil, errVerifier
	}
	return name, uint32(n), key[1:], nil
}

// keyHash is the key's id in the lines of notes.
func keyHash(name string, kind byte, public []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(rune(kind))), public...))
	return binary.BigEndian.Uint32(sum[:])
}

// validName says whether a note can carry the name.
func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsSpace) && !strings.Contains(name, "+")
}

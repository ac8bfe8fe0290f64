package vault

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	keySize = 32 // bytes: AES-256
	// nameSize is the longest name of a key. A key in base64 is longer, so one that has slipped into the place of a name
	// is refused rather than written in clear into every envelope.
	nameSize = 32
)

// Keys are the keys of a vault: the first seals, all of them open. To rotate, put a fresh line above the others; a line
// may go when nothing is left that it sealed. However Keys are printed, only the names are.
type Keys struct{ all []key }

// key is a key made ready for use; its bytes are not kept beside its name.
type key struct {
	name  string
	block cipher.Block
}

// ParseKeys reads a file of keys, one a line, the one that seals first:
//
//	# spring 2026
//	2026-04 mB1p2f…44 characters of base64…=
//	2025-10 Xq0c9d…
//
// Empty lines and lines that begin with # are skipped. An error names the line and what is wrong there, never what it holds.
func ParseKeys(r io.Reader) (Keys, error) {
	var keys Keys
	seen := map[string]int{}
	lines := bufio.NewScanner(r)
	n := 0
	for lines.Scan() {
		n++
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		k, err := parseKey(fields, seen, n)
		if err != nil {
			return Keys{}, fmt.Errorf("keys of the vault: line %d: %w", n, err)
		}
		keys.all = append(keys.all, k)
	}
	if err := lines.Err(); err != nil {
		return Keys{}, fmt.Errorf("keys of the vault: after line %d: %w", n, err)
	}
	if len(keys.all) == 0 {
		return Keys{}, errors.New("keys of the vault: there is none")
	}
	return keys, nil
}

// parseKey reads one line. seen holds names and keys of the lines before: a key copied under a new name is a rotation
// that did not happen.
func parseKey(fields []string, seen map[string]int, line int) (key, error) {
	if len(fields) != 2 {
		return key{}, fmt.Errorf("it has %d fields, where a name and a key are wanted", len(fields))
	}
	name := fields[0]
	if err := checkKeyName(name); err != nil {
		return key{}, err
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil || len(secret) != keySize {
		return key{}, fmt.Errorf("key: it is not the base64 of %d bytes", keySize)
	}
	if weak(secret) {
		return key{}, errors.New("key: it is one byte over and over, a placeholder")
	}
	if before, ok := seen["name "+name]; ok {
		return key{}, fmt.Errorf("name: line %d has it already", before)
	}
	if before, ok := seen["key "+string(secret)]; ok {
		return key{}, fmt.Errorf("key: line %d has it already", before)
	}
	seen["name "+name], seen["key "+string(secret)] = line, line
	return expand(name, secret)
}

func checkKeyName(name string) error {
	if name == "" || len(name) > nameSize {
		return fmt.Errorf("name: it has 1 to %d characters", nameSize)
	}
	for _, c := range []byte(name) {
		if !plainByte(c) && c != '.' {
			return errors.New(`name: it is letters, digits, "-", "_" and "."`)
		}
	}
	return nil
}

// weak says whether a key is the zeros, or the like, of an example file.
func weak(key []byte) bool { return bytes.Count(key, key[:1]) == len(key) }

// GenerateKey draws a key and gives the line of ParseKeys for it, without a line end. random is nil for crypto/rand.
func GenerateKey(name string, random io.Reader) (line string, err error) {
	if err := checkKeyName(name); err != nil {
		return "", err
	}
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, keySize)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", fmt.Errorf("draw a key: %w", err)
	}
	if weak(secret) {
		return "", errors.New("draw a key: the source of randomness gives one byte over and over")
	}
	return name + " " + base64.StdEncoding.EncodeToString(secret), nil
}

// Names lists the keys by name, the one that seals first.
func (k Keys) Names() []string {
	var names []string
	for _, one := range k.all {
		names = append(names, one.name)
	}
	return names
}

// Format prints the names alone, whatever the verb.
func (k Keys) Format(to fmt.State, _ rune) { fmt.Fprintf(to, "keys %s", strings.Join(k.Names(), ", ")) }

// sealing is the key that seals.
func (k Keys) sealing() (key, error) {
	if len(k.all) == 0 {
		return key{}, errors.New("the vault has no key to seal with")
	}
	return k.all[0], nil
}

func (k Keys) named(name string) (cipher.Block, bool) {
	i := slices.IndexFunc(k.all, func(one key) bool { return one.name == name })
	if i < 0 {
		return nil, false
	}
	return k.all[i].block, true
}

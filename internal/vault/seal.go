package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
)

// A sealed document is, byte for byte, and fixed for as long as one is kept anywhere:
//
//	1   version, which is 1
//	1   length of the key's name
//	n   the key's name
//	12  nonce
//	m   the document, encrypted with AES-256-GCM
//	16  tag
//
// The additional data is the first three fields and then the document's id. The length in front of the name makes that
// unambiguous, so neither the key's name nor the id can be exchanged, and one document cannot stand in for another.
const (
	sealVersion = 1
	nonceSize   = 12
	tagSize     = 16
)

// Seal encrypts a document for its id with the first key. Nonces are random, so one key is good for 2³² documents.
func (v Vault) Seal(id string, plain []byte) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	k, err := v.Keys.sealing()
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 2+len(k.name)+nonceSize+len(plain)+tagSize)
	out = append(out, sealVersion, byte(len(k.name)))
	out = append(out, k.name...)
	bound := append(out[:len(out):len(out)], id...)
	if v.Random != nil {
		return sealWith(v.Random, k.block, out, plain, bound)
	}
	// The library's own random nonces, since only with those will a FIPS 140-3 build seal.
	aead, err := cipher.NewGCMWithRandomNonce(k.block)
	if err != nil {
		return nil, fmt.Errorf("prepare key %s: %w", k.name, err)
	}
	return aead.Seal(out, nil, plain, bound), nil
}

// sealWith seals with a nonce from random: the same bytes for the same nonce.
func sealWith(random io.Reader, block cipher.Block, out, plain, bound []byte) ([]byte, error) {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("prepare the key: %w", err)
	}
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return aead.Seal(append(out, nonce...), nonce, plain, bound), nil
}

// Open decrypts what Seal made for the same id: ErrSealed where no key opens it, or where a single bit was changed.
func (v Vault) Open(id string, sealed []byte) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if len(sealed) < 2 || sealed[0] != sealVersion {
		return nil, fmt.Errorf("document %s: %w", id, ErrSealed)
	}
	body := 2 + int(sealed[1])
	if len(sealed) < body+nonceSize+tagSize {
		return nil, fmt.Errorf("document %s: %w", id, ErrSealed)
	}
	block, known := v.Keys.named(string(sealed[2:body]))
	if !known {
		return nil, fmt.Errorf("document %s: %w", id, ErrSealed)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("prepare the key of document %s: %w", id, err)
	}
	bound := append(sealed[:body:body], id...)
	plain, err := aead.Open(nil, nil, sealed[body:], bound)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", id, ErrSealed)
	}
	return plain, nil
}

// expand makes a key ready for use, and forgets its bytes.
func expand(name string, secret []byte) (key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, fmt.Errorf("prepare key %s: %w", name, err)
	}
	return key{name: name, block: block}, nil
}

package anchor

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // names certificates in older tokens, and signs nothing
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Names of what a token is made of.
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigner        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12} // signingCertificate, RFC 2634
	oidSignerV2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // signingCertificateV2, RFC 5035
	oidPSS           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

// A token is signed data (RFC 5652) whose content is a TSTInfo (RFC 3161, 2.4.2).
type (
	any0        struct{ Raw asn1.RawContent }
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version int
		Digests []pkix.AlgorithmIdentifier `asn1:"set"`
		Content struct {
			Type  asn1.ObjectIdentifier
			Bytes []byte `asn1:"explicit,tag:0"`
		}
		Certificates any0         `asn1:"optional,tag:0"`
		Revocations  any0         `asn1:"optional,tag:1"`
		Signers      []signerInfo `asn1:"set"`
	}
	signerInfo struct {
		Version    int
		Signer     asn1.RawValue // the attributes name the certificate more exactly
		Digest     pkix.AlgorithmIdentifier
		Attributes any0 `asn1:"tag:0"`
		Algorithm  pkix.AlgorithmIdentifier
		Signature  []byte
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values asn1.RawValue // a set
	}
	signingCertificate struct {
		Certificates []struct {
			Algorithm pkix.AlgorithmIdentifier `asn1:"optional"`
			Hash      []byte
		}
	}
	tstInfo struct {
		Version  int
		Policy   asn1.ObjectIdentifier
		Imprint  imprint
		Serial   *big.Int
		Time     time.Time `asn1:"generalized"`
		Accuracy any0      `asn1:"optional"`
		Ordering bool      `asn1:"optional"`
		Nonce    *big.Int  `asn1:"optional"`
	}
)

var errToken = errors.New("it is no time-stamp token")

// open checks a token from its outside to its inside: whose signature, over what, and that it is of the text.
func open(token []byte, text string, roots *x509.CertPool) (tstInfo, error) {
	var outer contentInfo
	if err := unmarshal(token, &outer); err != nil {
		return tstInfo{}, fmt.Errorf("%w: %w", errToken, err)
	}
	data := outer.Content
	if !outer.Type.Equal(oidSignedData) || !data.Content.Type.Equal(oidTSTInfo) || len(data.Signers) != 1 {
		return tstInfo{}, errToken
	}
	var info tstInfo
	if err := unmarshal(data.Content.Bytes, &info); err != nil {
		return tstInfo{}, fmt.Errorf("%w: %w", errToken, err)
	}
	if err := data.check(info.Time, roots); err != nil {
		return tstInfo{}, fmt.Errorf("time-stamp token: %w", err)
	}
	sum := sha256.Sum256([]byte(text))
	if !info.Imprint.Algorithm.Algorithm.Equal(oidSHA256) || !bytes.Equal(info.Imprint.Hash, sum[:]) {
		return tstInfo{}, errors.New("time-stamp token: it is of another text")
	}
	return info, nil
}

// check checks the signature, and whose it is where somebody may vouch for it.
func (d signedData) check(at time.Time, roots *x509.CertPool) error {
	signer := d.Signers[0]
	if len(signer.Attributes.Raw) == 0 || len(d.Certificates.Raw) == 0 {
		return errors.New("it names no certificate")
	}
	signed := slices.Clone(signer.Attributes.Raw)
	signed[0] = asn1.TagSet | 0x20 // what is signed is a plain set (RFC 5652, 5.4)
	attributes, err := read(signed)
	if err != nil {
		return err
	}
	var set asn1.RawValue
	if err := unmarshal(d.Certificates.Raw, &set); err != nil {
		return err
	}
	certificates, err := x509.ParseCertificates(set.Bytes)
	if err != nil {
		return fmt.Errorf("its certificates: %w", err)
	}
	certificate, err := attributes.signer(certificates)
	if err != nil {
		return err
	}
	hash, algorithm := algorithmOf(certificate, signer)
	if hash == 0 {
		return errors.New("its algorithm is not known here")
	}
	h := hash.New()
	h.Write(d.Content.Bytes)
	if err := attributes.check(h.Sum(nil)); err != nil {
		return err
	}
	if err := certificate.CheckSignature(algorithm, signed, signer.Signature); err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	return vouch(certificate, certificates, at, roots)
}

// attributes are what is signed beside the content.
type attributes []attribute

func read(set []byte) (list attributes, err error) {
	if err := unmarshal(set, &list, "set"); err != nil {
		return nil, fmt.Errorf("its attributes: %w", err)
	}
	return list, nil
}

// value reads the one value of the one attribute of that name.
func (list attributes) value(name asn1.ObjectIdentifier, into any) bool {
	found := 0
	var raw []byte
	for _, a := range list {
		if a.Type.Equal(name) {
			found++
			raw = a.Values.Bytes
		}
	}
	return found == 1 && unmarshal(raw, into) == nil
}

// check holds content type and digest against what they must be.
func (list attributes) check(digest []byte) error {
	var kind asn1.ObjectIdentifier
	var signed []byte
	if !list.value(oidContentType, &kind) || !kind.Equal(oidTSTInfo) || !list.value(oidMessageDigest, &signed) || !bytes.Equal(signed, digest) {
		return errors.New("what is signed is not its content")
	}
	return nil
}

// signer finds the certificate that the attributes name by its hash.
func (list attributes) signer(certificates []*x509.Certificate) (*x509.Certificate, error) {
	var named signingCertificate
	hash := crypto.SHA256
	if !list.value(oidSignerV2, &named) {
		if hash = crypto.SHA1; !list.value(oidSigner, &named) {
			return nil, errors.New("it names no certificate")
		}
	}
	if len(named.Certificates) == 0 {
		return nil, errors.New("it names no certificate")
	}
	first := named.Certificates[0] // the others are of its chain
	if len(first.Algorithm.Algorithm) > 0 {
		if hash = digestOf(first.Algorithm.Algorithm); hash == 0 {
			return nil, errors.New("its algorithm is not known here")
		}
	}
	for _, c := range certificates {
		h := hash.New()
		h.Write(c.Raw)
		if bytes.Equal(h.Sum(nil), first.Hash) {
			return c, nil
		}
	}
	return nil, errors.New("the certificate that it names is not in it")
}

// digestOf is 0 for what must not be relied upon.
func digestOf(name asn1.ObjectIdentifier) crypto.Hash {
	switch {
	case name.Equal(oidSHA256):
		return crypto.SHA256
	case name.Equal(oidSHA384):
		return crypto.SHA384
	case name.Equal(oidSHA512):
		return crypto.SHA512
	}
	return 0
}

// algorithmOf is how the certificate's key signs what the signer says; the hash is 0 for what is not known.
func algorithmOf(c *x509.Certificate, s signerInfo) (crypto.Hash, x509.SignatureAlgorithm) {
	hash := digestOf(s.Digest.Algorithm)
	size := slices.Index([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}, hash)
	if size < 0 {
		return 0, 0
	}
	switch c.PublicKey.(type) {
	case *rsa.PublicKey:
		if s.Algorithm.Algorithm.Equal(oidPSS) {
			return hash, []x509.SignatureAlgorithm{x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}[size]
		}
		return hash, []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}[size]
	case *ecdsa.PublicKey:
		return hash, []x509.SignatureAlgorithm{x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512}[size]
	case ed25519.PublicKey:
		return hash, x509.PureEd25519
	}
	return 0, 0
}

// vouch says whether the certificate is one for stamping and, where roots are given, whether it led to them at that time.
func vouch(c *x509.Certificate, chain []*x509.Certificate, at time.Time, roots *x509.CertPool) error {
	if !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) || len(c.UnknownExtKeyUsage) > 0 { // RFC 3161, 2.3
		return errors.New("its certificate is not for stamping alone")
	}
	if roots == nil {
		return nil
	}
	between := x509.NewCertPool()
	for _, other := range chain {
		between.AddCert(other)
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	return err
}

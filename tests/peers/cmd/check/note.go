package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"filippo.io/torchwood"
	formatslog "github.com/transparency-dev/formats/log"
	formatsnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// The algorithm bytes of note keys (C2SP signed-note).
const (
	algEd25519     = 0x01
	algCosignature = 0x04
	algMLDSA44     = 0x06
)

// algorithm is the type byte of a key's text, a vkey or an skey.
func algorithm(key string) (byte, error) {
	// Cut from the left: the base64 alphabet has '+' too.
	parts := strings.SplitN(strings.TrimPrefix(key, "PRIVATE+KEY+"), "+", 3)
	if len(parts) != 3 {
		return 0, errors.New("malformed key")
	}
	b, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(b) == 0 {
		return 0, errors.New("malformed key")
	}
	return b[0], nil
}

// ed25519Key takes the private key out of an skey of type 0x01 or 0x04.
func ed25519Key(skey string) (name string, key ed25519.PrivateKey, err error) {
	parts := strings.SplitN(strings.TrimPrefix(skey, "PRIVATE+KEY+"), "+", 3)
	if len(parts) != 3 {
		return "", nil, errors.New("malformed signer key")
	}
	b, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(b) != 1+ed25519.SeedSize || (b[0] != algEd25519 && b[0] != algCosignature) {
		return "", nil, errors.New("signer key is not Ed25519")
	}
	return parts[0], ed25519.NewKeyFromSeed(b[1:]), nil
}

// verifierOf makes the verifier of a vkey of type 0x01 (x/mod), 0x04 (torchwood,
// which unlike formats checks the key ID) or 0x06 (formats).
func verifierOf(vkey string) (note.Verifier, error) {
	alg, err := algorithm(vkey)
	if err != nil {
		return nil, err
	}
	switch alg {
	case algCosignature:
		return torchwood.NewCosignatureVerifier(vkey)
	case algMLDSA44:
		return formatsnote.NewVerifierForCosignatureV1(vkey)
	default:
		return note.NewVerifier(vkey)
	}
}

func keyID(h uint32) string { return fmt.Sprintf("%08x", h) }

func signers(sigs []note.Signature) []result {
	out := []result{}
	for _, s := range sigs {
		out = append(out, result{"name": s.Name, "key_id": keyID(s.Hash)})
	}
	return out
}

// noteGenerateKey: {origin, alg?: "ed25519" | "cosignature" | "ml-dsa-44"} -> {skey, vkey}.
func noteGenerateKey(req *request) (result, error) {
	var skey, vkey string
	var err error
	switch req.Alg {
	case "", "ed25519":
		skey, vkey, err = note.GenerateKey(rand.Reader, req.Origin)
	case "cosignature":
		// As a witness keeps it: the log form of the seed, the 0x04 form of the vkey.
		if skey, vkey, err = note.GenerateKey(rand.Reader, req.Origin); err == nil {
			vkey, err = formatsnote.VKeyToCosignatureV1(vkey)
		}
	case "ml-dsa-44":
		skey, vkey, err = formatsnote.GenerateMLDSAKey(req.Origin)
	default:
		return nil, faultf("unknown alg %q", req.Alg)
	}
	return result{"skey": skey, "vkey": vkey}, err
}

// keyParse: {skey} -> {name, key_id, vkey}; {vkey} -> {name, key_id}. Type 0x01 by
// x/mod alone; 0x04 and 0x06 by torchwood and formats.
func keyParse(req *request) (result, error) {
	if req.Skey == "" {
		v, err := verifierOf(req.Vkey)
		if err != nil {
			return nil, err
		}
		return result{"name": v.Name(), "key_id": keyID(v.KeyHash())}, nil
	}
	if alg, err := algorithm(req.Skey); err == nil && alg != algEd25519 {
		s, err := formatsnote.NewSignerForCosignatureV1(req.Skey)
		if err != nil {
			return nil, err
		}
		return result{"name": s.Name(), "key_id": keyID(s.KeyHash())}, nil
	}
	s, err := note.NewSigner(req.Skey)
	if err != nil {
		return nil, err
	}
	name, key, err := ed25519Key(req.Skey)
	if err != nil {
		return nil, err
	}
	vkey, err := note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))
	return result{"name": s.Name(), "key_id": keyID(s.KeyHash()), "vkey": vkey}, err
}

// noteSign: {skey, text_b64} -> {note_b64}, by x/mod (type 0x01).
func noteSign(req *request) (result, error) {
	s, err := note.NewSigner(req.Skey)
	if err != nil {
		return nil, err
	}
	msg, err := note.Sign(&note.Note{Text: string(req.Text)}, s)
	return result{"note_b64": b64(msg)}, err
}

// noteOpen: {vkeys, note_b64} -> {text_b64, verified, unverified}.
func noteOpen(req *request) (result, error) {
	var vs []note.Verifier
	for _, k := range req.Vkeys {
		v, err := verifierOf(k)
		if err != nil {
			return nil, faultf("vkey %q: %v", k, err)
		}
		vs = append(vs, v)
	}
	n, err := note.Open(req.Note, note.VerifierList(vs...))
	if err != nil {
		return nil, err
	}
	return result{"text_b64": b64([]byte(n.Text)), "verified": signers(n.Sigs), "unverified": signers(n.UnverifiedSigs)}, nil
}

func cosigner(req *request) (note.Signer, error) {
	switch req.Library {
	case "", "formats":
		return formatsnote.NewSignerForCosignatureV1(req.Skey)
	case "torchwood":
		name, key, err := ed25519Key(req.Skey)
		if err != nil {
			return nil, err
		}
		return torchwood.NewCosignatureSigner(name, key)
	}
	return nil, faultf("unknown library %q", req.Library)
}

// cosignSign: {skey, note_b64, library?} -> {line_b64, note_b64}: the cosignature
// alone, and the note with it at its end. An skey of type 0x01 cosigns as 0x04.
func cosignSign(req *request) (result, error) {
	s, err := cosigner(req)
	if err != nil {
		return nil, err
	}
	// What is signed need not be trusted: the text ends where its signatures begin.
	at := bytes.LastIndex(req.Note, []byte("\n\n"))
	if at < 0 || !utf8.Valid(req.Note) {
		return nil, errors.New("malformed note")
	}
	text := string(req.Note[:at+1])
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, err
	}
	line := signed[len(text)+1:]
	return result{"line_b64": b64(line), "note_b64": b64(append(bytes.Clone(req.Note), line...))}, nil
}

// cosignVerify: {vkey, note_b64, library?} -> {timestamp}.
func cosignVerify(req *request) (result, error) {
	var v note.Verifier
	var err error
	switch req.Library {
	case "", "formats":
		v, err = formatsnote.NewVerifierForCosignatureV1(req.Vkey)
	case "torchwood":
		v, err = torchwood.NewCosignatureVerifier(req.Vkey)
	default:
		err = faultf("unknown library %q", req.Library)
	}
	if err != nil {
		return nil, err
	}
	n, err := note.Open(req.Note, note.VerifierList(v))
	if err != nil {
		return nil, err
	}
	var at int64
	if req.Library == "torchwood" {
		at, err = torchwood.CosignatureTimestamp(n.Sigs[0])
	} else if t, e := formatsnote.CoSigV1Timestamp(n.Sigs[0]); e != nil {
		err = e
	} else {
		at = t.Unix()
	}
	return result{"timestamp": strconv.FormatInt(at, 10)}, err
}

func subtree(req *request) (timestamp, start, end uint64, err error) {
	n, err := decimals("timestamp", req.Timestamp, "start", req.Start, "end", req.End)
	if err != nil {
		return 0, 0, 0, err
	}
	return uint64(n[0]), uint64(n[1]), uint64(n[2]), nil
}

// cosignSubtreeSign: {skey (0x06), timestamp, origin, start, end, hash} -> {signature_b64},
// the 8 bytes of the timestamp first.
func cosignSubtreeSign(req *request) (result, error) {
	s, err := formatsnote.NewMLDSASigner(req.Skey)
	if err != nil {
		return nil, err
	}
	timestamp, start, end, err := subtree(req)
	if err != nil {
		return nil, err
	}
	h, err := req.Hash.tlog()
	if err != nil {
		return nil, err
	}
	sig, err := s.SignSubtree(timestamp, req.Origin, start, end, h[:])
	return result{"signature_b64": b64(sig)}, err
}

// cosignSubtreeVerify: {vkey (0x06), timestamp, origin, start, end, hash, signature_b64}.
func cosignSubtreeVerify(req *request) (result, error) {
	v, err := formatsnote.NewMLDSAVerifier(req.Vkey)
	if err != nil {
		return nil, err
	}
	timestamp, start, end, err := subtree(req)
	if err != nil {
		return nil, err
	}
	h, err := req.Hash.tlog()
	if err != nil {
		return nil, err
	}
	// The library takes the timestamp from the signature and ignores the other.
	if len(req.Signature) < 8 || binary.BigEndian.Uint64(req.Signature) != timestamp {
		return nil, errors.New("timestamp differs from the signature's")
	}
	if !v.VerifySubtree(timestamp, req.Origin, start, end, h[:], req.Signature) {
		return nil, errors.New("invalid signature")
	}
	return nil, nil
}

// formatsCheckpoint: {note_b64, origin, vkey, vkeys?} -> {origin, size, root, rest_b64, verified}.
func formatsCheckpoint(req *request) (result, error) {
	v, err := formatsnote.NewVerifier(req.Vkey)
	if err != nil {
		return nil, faultf("vkey: %v", err)
	}
	var others []note.Verifier
	for _, k := range req.Vkeys {
		o, err := formatsnote.NewVerifierForCosignatureV1(k)
		if err != nil {
			return nil, faultf("vkeys: %v", err)
		}
		others = append(others, o)
	}
	cp, rest, n, err := formatslog.ParseCheckpoint(req.Note, req.Origin, v, others...)
	if err != nil {
		return nil, err
	}
	return result{"origin": cp.Origin, "size": strconv.FormatUint(cp.Size, 10), "root": b64(cp.Hash),
		"rest_b64": b64(rest), "verified": signers(n.Sigs)}, nil
}

// Command check runs the Go reference libraries of the transparency-log world
// for tests written in another language: one JSON request a line on standard
// input, one JSON response a line on standard output, in order.
//
// A request is {"op": "...", ...}; a response is one of
//
//	{"ok":true, ...}               the library accepted, and what it returned
//	{"ok":false,"error":"..."}     the library refused
//	{"fault":"..."}                the request was wrong, or the library panicked
//
// so that a test never takes its own mistake for a refusal. Sizes, indexes and
// timestamps are decimal strings (bad ones are refused, as a parser would);
// hashes and fields ending in _b64 are standard base64; key IDs are 8 hex digits.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// result is what a library returned, by JSON name.
type result map[string]any

// fault marks a mistake of the caller, as opposed to a library's refusal.
type fault struct{ error }

func faultf(format string, a ...any) error { return fault{fmt.Errorf(format, a...)} }

// request holds the arguments of every operation; each reads a few of them.
type request struct {
	Op string `json:"op"`

	// Keys and notes.
	Alg     string   `json:"alg"`
	Library string   `json:"library"`
	Name    string   `json:"name"`
	Note    data     `json:"note_b64"`
	Origin  string   `json:"origin"`
	Policy  data     `json:"policy_b64"`
	Skey    string   `json:"skey"`
	Text    data     `json:"text_b64"`
	Vkey    string   `json:"vkey"`
	Vkeys   []string `json:"vkeys"`

	// Trees: explicit leaves, explicit entries, or a labelled synthetic log.
	Entries    []data  `json:"entries_b64"`
	Label      *string `json:"label"`
	LeafHashes []hash  `json:"leaf_hashes"`

	// Proofs, tiles, checkpoints.
	Checkpoint data   `json:"checkpoint_b64"`
	End        string `json:"end"`
	Entry      data   `json:"entry_b64"`
	Extension  string `json:"extension"`
	Extra      data   `json:"extra_b64"`
	Hash       hash   `json:"hash"`
	Index      string `json:"index"`
	LeafHash   hash   `json:"leaf_hash"`
	Level      string `json:"level"`
	Path       string `json:"path"`
	Proof      []hash `json:"proof"`
	ProofText  data   `json:"proof_b64"`
	Root       hash   `json:"root"`
	Root1      hash   `json:"root1"`
	Root2      hash   `json:"root2"`
	Signature  data   `json:"signature_b64"`
	Size       string `json:"size"`
	Size1      string `json:"size1"`
	Size2      string `json:"size2"`
	Start      string `json:"start"`
	Timestamp  string `json:"timestamp"`
	Width      string `json:"width"`

	// Reading a log.
	BaseURL     string `json:"base_url"`
	Dir         string `json:"dir"`
	WantEntries bool   `json:"want_entries"`
}

// data is bytes in base64. Absent and empty differ: absent is nil.
type data []byte

func (d *data) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	v, err := base64.StdEncoding.DecodeString(*s)
	if v == nil {
		v = []byte{}
	}
	*d = v
	return err
}

// hash is the base64 text of a hash, decoded only when used: a bad one is the
// kind of input that a library refuses.
type hash string

func (h hash) tlog() (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(string(h))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("malformed hash: %w", err)
	}
	if len(b) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("malformed hash: %d bytes", len(b))
	}
	return tlog.Hash(b), nil
}

func tlogHashes(hs []hash) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(hs))
	for i, h := range hs {
		v, err := h.tlog()
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func hashTexts(hs []tlog.Hash) []string {
	out := make([]string, len(hs))
	for i, h := range hs {
		out[i] = h.String()
	}
	return out
}

// decimal reads a size or index in the 63 bits that the Go libraries have.
func decimal(name, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("malformed %s: %q", name, s)
	}
	return n, nil
}

func decimals(pairs ...string) ([]int64, error) {
	out := make([]int64, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		n, err := decimal(pairs[i], pairs[i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

var operations = map[string]func(*request) (result, error){
	"versions": versions,

	"note-generate-key": noteGenerateKey,
	"key-parse":         keyParse,
	"note-sign":         noteSign,
	"note-open":         noteOpen,

	"cosign-sign":           cosignSign,
	"cosign-verify":         cosignVerify,
	"cosign-subtree-sign":   cosignSubtreeSign,
	"cosign-subtree-verify": cosignSubtreeVerify,

	"formats-checkpoint":        formatsCheckpoint,
	"formats-parse-proof":       formatsParseProof,
	"torchwood-parse-policy":    torchwoodParsePolicy,
	"torchwood-check-policy":    torchwoodCheckPolicy,
	"torchwood-verify-proof":    torchwoodVerifyProof,
	"torchwood-format-proof":    torchwoodFormatProof,
	"torchwood-read-entries":    torchwoodReadEntries,
	"torchwood-read-entry":      torchwoodReadEntry,
	"torchwood-tile-path":       torchwoodTilePath,
	"torchwood-parse-tile-path": torchwoodParseTilePath,
	"tlog-root":                 tlogRoot,
	"tlog-check-record":         tlogCheckRecord,
	"tlog-check-tree":           tlogCheckTree,
	"tlog-prove-record":         tlogProveRecord,
	"tlog-prove-tree":           tlogProveTree,
	"tlog-new-tiles":            tlogNewTiles,
	"tlog-tile":                 tlogTile,
	"tlog-checkpoint":           tlogCheckpoint,
	"tlog-add-checkpoint-body":  tlogAddCheckpointBody,
	"tlog-write-log":            tlogWriteLog,
}

// answer runs one request; a panic in a library is a fault, with its message.
func answer(line []byte) (res result) {
	defer func() {
		if p := recover(); p != nil {
			res = result{"fault": fmt.Sprintf("panic: %v", p)}
		}
	}()
	var req request
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return result{"fault": err.Error()}
	}
	operation, known := operations[req.Op]
	if !known {
		return result{"fault": fmt.Sprintf("unknown op %q", req.Op)}
	}
	res, err := operation(&req)
	var f fault
	switch {
	case errors.As(err, &f):
		return result{"fault": err.Error()}
	case err != nil:
		return result{"ok": false, "error": err.Error()}
	}
	if res == nil {
		res = result{}
	}
	res["ok"] = true
	return res
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := out.Encode(answer(line)); err != nil {
				fmt.Fprintf(os.Stderr, "check: %v\n", err)
				os.Exit(1)
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "check: %v\n", err)
			os.Exit(1)
		}
	}
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"filippo.io/torchwood"
	formatslog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
)

// versions: {} -> {go, modules}, the exact versions this tool was built with.
func versions(*request) (result, error) {
	info, known := debug.ReadBuildInfo()
	if !known {
		return nil, faultf("no build information")
	}
	modules := map[string]string{}
	for _, m := range info.Deps {
		modules[m.Path] = m.Version
	}
	return result{"go": info.GoVersion, "modules": modules}, nil
}

// torchwoodParsePolicy: {policy_b64}.
func torchwoodParsePolicy(req *request) (result, error) {
	_, err := torchwood.ParsePolicy(req.Policy)
	return nil, err
}

// policyOf is the request's policy: policy_b64, or one log by vkey (any type) and
// origin (by default the key's name).
func policyOf(req *request) (torchwood.Policy, error) {
	if req.Policy != nil {
		return torchwood.ParsePolicy(req.Policy)
	}
	v, err := verifierOf(req.Vkey)
	if err != nil {
		return nil, faultf("vkey: %v", err)
	}
	origin := req.Origin
	if origin == "" {
		origin = v.Name()
	}
	return torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(v)), nil
}

// torchwoodCheckPolicy: {policy_b64 | vkey, note_b64} -> {origin, size, root, verified}.
func torchwoodCheckPolicy(req *request) (result, error) {
	p, err := policyOf(req)
	if err != nil {
		return nil, err
	}
	cp, n, err := torchwood.VerifyCheckpoint(req.Note, p)
	if err != nil {
		return nil, err
	}
	return result{"origin": cp.Origin, "size": strconv.FormatInt(cp.N, 10), "root": cp.Hash.String(),
		"verified": signers(n.Sigs)}, nil
}

// torchwoodVerifyProof: {policy_b64 | vkey, leaf_hash | entry_b64, proof_b64} -> {extra_b64?}.
func torchwoodVerifyProof(req *request) (result, error) {
	p, err := policyOf(req)
	if err != nil {
		return nil, err
	}
	var parsed proof.TLogProof
	var cp formatslog.Checkpoint
	if parsed.Unmarshal(req.ProofText) == nil {
		if _, err := cp.Unmarshal(parsed.Checkpoint); err == nil && cp.Size <= math.MaxInt64 {
			if err := tractable(int64(cp.Size)); err != nil {
				return nil, err
			}
		}
	}
	leaf := tlog.RecordHash(req.Entry)
	if req.Entry == nil {
		if leaf, err = req.LeafHash.tlog(); err != nil {
			return nil, err
		}
	}
	if err := torchwood.VerifyProof(p, leaf, req.ProofText); err != nil {
		return nil, err
	}
	res := result{}
	if extra, err := torchwood.ProofExtraData(req.ProofText); err == nil {
		res["extra_b64"] = b64(extra)
	}
	return res, nil
}

// torchwoodFormatProof: {index, proof, checkpoint_b64, extra_b64?} -> {proof_b64}.
func torchwoodFormatProof(req *request) (result, error) {
	n, err := decimals("index", req.Index)
	if err != nil {
		return nil, err
	}
	hs, err := tlogHashes(req.Proof)
	if err != nil {
		return nil, err
	}
	var out []byte
	if req.Extra == nil {
		out = torchwood.FormatProof(n[0], hs, req.Checkpoint)
	} else {
		out = torchwood.FormatProofWithExtraData(n[0], req.Extra, hs, req.Checkpoint)
	}
	return result{"proof_b64": b64(out)}, nil
}

// formatsParseProof: {proof_b64} -> {index, proof, checkpoint_b64, extra_b64?}.
func formatsParseProof(req *request) (result, error) {
	var p proof.TLogProof
	if err := p.Unmarshal(req.ProofText); err != nil {
		return nil, err
	}
	hs := []string{}
	for _, h := range p.Hashes {
		hs = append(hs, tlog.Hash(h).String())
	}
	res := result{"index": strconv.FormatUint(p.Index, 10), "proof": hs, "checkpoint_b64": b64(p.Checkpoint)}
	if p.ExtraData != nil {
		res["extra_b64"] = b64(p.ExtraData)
	}
	return res, nil
}

// torchwoodTilePath: {level ("0"... or "entries"), index, width} -> {path}.
func torchwoodTilePath(req *request) (result, error) {
	level := req.Level
	if level == "entries" {
		level = "0"
	}
	n, err := decimals("level", level, "index", req.Index, "width", req.Width)
	if err != nil {
		return nil, err
	}
	tile := tlog.Tile{H: torchwood.TileHeight, L: int(n[0]), N: n[1], W: int(n[2])}
	if req.Level == "entries" {
		tile.L = -1
	}
	return result{"path": torchwood.TilePath(tile)}, nil
}

// torchwoodParseTilePath: {path} -> {level, index, width}.
func torchwoodParseTilePath(req *request) (result, error) {
	tile, err := torchwood.ParseTilePath(req.Path)
	if err != nil {
		return nil, err
	}
	level := strconv.Itoa(tile.L)
	if tile.L == -1 {
		level = "entries"
	}
	return result{"level": level, "index": strconv.FormatInt(tile.N, 10), "width": strconv.Itoa(tile.W)}, nil
}

// readLimit bounds one reading: torchwood retries 429 and 5xx for minutes.
const readLimit = 60 * time.Second

// openLog fetches and verifies the checkpoint of the log at base_url or dir.
func openLog(ctx context.Context, req *request) (*torchwood.Client, torchwood.Checkpoint, []byte, error) {
	fail := func(err error) (*torchwood.Client, torchwood.Checkpoint, []byte, error) {
		return nil, torchwood.Checkpoint{}, nil, err
	}
	var tr torchwood.TileReader
	var err error
	switch {
	case req.Dir != "":
		tr, err = torchwood.NewTileFS(os.DirFS(req.Dir))
	case req.BaseURL != "":
		tr, err = torchwood.NewTileFetcher(req.BaseURL, torchwood.WithConcurrencyLimit(8))
	default:
		err = faultf("give base_url or dir")
	}
	if err != nil {
		return fail(err)
	}
	p, err := policyOf(req)
	if err != nil {
		return fail(err)
	}
	signed, err := tr.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return fail(err)
	}
	cp, _, err := torchwood.VerifyCheckpoint(signed, p)
	if err != nil {
		return fail(err)
	}
	if err := tractable(cp.N); err != nil {
		return fail(err)
	}
	client, err := torchwood.NewClient(tr)
	if err != nil {
		return fail(err)
	}
	return client, cp, signed, nil
}

// torchwoodReadEntries: {base_url | dir, policy_b64 | vkey, start?, want_entries?} ->
// {checkpoint_b64, origin, size, root, count, sha256, entries_b64?}: every entry from
// start to the size, each checked against the tree; sha256 is over the entries behind
// their two-byte lengths, as in entry bundles.
func torchwoodReadEntries(req *request) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	var start int64
	if req.Start != "" {
		var err error
		if start, err = decimal("start", req.Start); err != nil {
			return nil, err
		}
	}
	client, cp, signed, err := openLog(ctx, req)
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	entries := []string{}
	next := start
	for i, entry := range client.AllEntries(ctx, cp.Tree, start) {
		if i != next {
			return nil, faultf("entry %d after %d", i, next-1)
		}
		next++
		digest.Write(binary.BigEndian.AppendUint16(nil, uint16(len(entry))))
		digest.Write(entry)
		if req.WantEntries {
			entries = append(entries, b64(entry))
		}
	}
	if err := client.Err(); err != nil {
		return nil, err
	}
	if next != max(cp.N, start) {
		return nil, faultf("stopped at %d of %d", next, cp.N)
	}
	res := result{"checkpoint_b64": b64(signed), "origin": cp.Origin, "size": strconv.FormatInt(cp.N, 10),
		"root": cp.Hash.String(), "count": strconv.FormatInt(next-start, 10), "sha256": b64(digest.Sum(nil))}
	if req.WantEntries {
		res["entries_b64"] = entries
	}
	return res, nil
}

// torchwoodReadEntry: {base_url | dir, policy_b64 | vkey, index} ->
// {checkpoint_b64, size, root, entry_b64, proof}.
func torchwoodReadEntry(req *request) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	i, err := decimal("index", req.Index)
	if err != nil {
		return nil, err
	}
	client, cp, signed, err := openLog(ctx, req)
	if err != nil {
		return nil, err
	}
	entry, p, err := client.Entry(ctx, cp.Tree, i)
	if err != nil {
		return nil, err
	}
	return result{"checkpoint_b64": b64(signed), "size": strconv.FormatInt(cp.N, 10), "root": cp.Hash.String(),
		"entry_b64": b64(entry), "proof": hashTexts(p)}, nil
}

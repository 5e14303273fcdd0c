package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxSynthetic bounds a synthetic log: a mistyped size must not eat the machine.
const maxSynthetic = 1 << 21

// maxTlog is the largest size that x/mod's tlog can work on: above 2^62 its maxpow2
// overflows and never returns.
const maxTlog = 1 << 62

func tractable(size int64) error {
	if size > maxTlog {
		return faultf("size %d: golang.org/x/mod/sumdb/tlog never returns above 2^62", size)
	}
	return nil
}

// tree is a log in memory: its stored hashes, and its entries where known.
type tree struct {
	stored  []tlog.Hash
	size    int64
	entries func(i int64) []byte // nil when built from leaf hashes
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(t.stored)) {
			return nil, fmt.Errorf("hash %d is beyond the tree", x)
		}
		out[i] = t.stored[x]
	}
	return out, nil
}

func (t *tree) append(leaf tlog.Hash) error {
	hs, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		return err
	}
	t.stored = append(t.stored, hs...)
	t.size++
	return nil
}

// syntheticEntry is entry i of the log with that label, the rule of the test
// vectors: the first (i mod 33) bytes of SHA-256(label ":" i).
func syntheticEntry(label string, i int64) []byte {
	h := sha256.Sum256([]byte(label + ":" + strconv.FormatInt(i, 10)))
	return h[:i%33]
}

// synthetic keeps the labelled logs that were grown so far.
var synthetic = map[string]*tree{}

// treeOf finds the request's tree, at least size long: the leaf hashes or entries
// given, or the synthetic log of the label, grown as needed.
func treeOf(req *request, size int64) (*tree, error) {
	var t *tree
	switch {
	case req.LeafHashes != nil:
		t = &tree{}
		leaves, err := tlogHashes(req.LeafHashes)
		if err != nil {
			return nil, err
		}
		for _, h := range leaves {
			if err := t.append(h); err != nil {
				return nil, err
			}
		}
	case req.Entries != nil:
		t = &tree{entries: func(i int64) []byte { return req.Entries[i] }}
		for _, e := range req.Entries {
			if err := t.append(tlog.RecordHash(e)); err != nil {
				return nil, err
			}
		}
	case req.Label != nil:
		if size > maxSynthetic {
			return nil, faultf("a synthetic log has at most %d entries", maxSynthetic)
		}
		label := *req.Label
		if t = synthetic[label]; t == nil {
			t = &tree{entries: func(i int64) []byte { return syntheticEntry(label, i) }}
			synthetic[label] = t
		}
		for t.size < size {
			if err := t.append(tlog.RecordHash(t.entries(t.size))); err != nil {
				return nil, err
			}
		}
	default:
		return nil, faultf("no tree: give leaf_hashes, entries_b64 or label")
	}
	if size > t.size {
		return nil, faultf("the tree has %d leaves, not %d", t.size, size)
	}
	return t, nil
}

// tlogRoot: {tree, size} -> {root}.
func tlogRoot(req *request) (result, error) {
	n, err := decimals("size", req.Size)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[0])
	if err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(n[0], t)
	return result{"root": root.String()}, err
}

// tlogCheckRecord: {proof, size, root, index, leaf_hash}.
func tlogCheckRecord(req *request) (result, error) {
	n, err := decimals("size", req.Size, "index", req.Index)
	if err != nil {
		return nil, err
	}
	if err := tractable(n[0]); err != nil {
		return nil, err
	}
	hs, err := tlogHashes(append([]hash{req.Root, req.LeafHash}, req.Proof...))
	if err != nil {
		return nil, err
	}
	return nil, tlog.CheckRecord(tlog.RecordProof(hs[2:]), n[0], hs[0], n[1], hs[1])
}

// tlogCheckTree: {proof, size1, root1, size2, root2}; size1 is the older. The library
// has no proof from size 0 and refuses it.
func tlogCheckTree(req *request) (result, error) {
	n, err := decimals("size1", req.Size1, "size2", req.Size2)
	if err != nil {
		return nil, err
	}
	if err := tractable(n[1]); err != nil {
		return nil, err
	}
	hs, err := tlogHashes(append([]hash{req.Root1, req.Root2}, req.Proof...))
	if err != nil {
		return nil, err
	}
	return nil, tlog.CheckTree(tlog.TreeProof(hs[2:]), n[1], hs[1], n[0], hs[0])
}

// tlogProveRecord: {tree, size, index} -> {proof, root, leaf_hash, entry_b64?}.
func tlogProveRecord(req *request) (result, error) {
	n, err := decimals("size", req.Size, "index", req.Index)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[0])
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(n[0], n[1], t)
	if err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(n[0], t)
	if err != nil {
		return nil, err
	}
	res := result{"proof": hashTexts(proof), "root": root.String(),
		"leaf_hash": t.stored[tlog.StoredHashIndex(0, n[1])].String()}
	if t.entries != nil {
		res["entry_b64"] = b64(t.entries(n[1]))
	}
	return res, nil
}

// tlogProveTree: {tree, size1, size2} -> {proof, root1, root2}.
func tlogProveTree(req *request) (result, error) {
	n, err := decimals("size1", req.Size1, "size2", req.Size2)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[1])
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(n[1], n[0], t)
	if err != nil {
		return nil, err
	}
	root1, err := tlog.TreeHash(n[0], t)
	if err != nil {
		return nil, err
	}
	root2, err := tlog.TreeHash(n[1], t)
	return result{"proof": hashTexts(proof), "root1": root1.String(), "root2": root2.String()}, err
}

// tlogNewTiles: {size1, size2} -> {paths}, in C2SP form, hash tiles only.
func tlogNewTiles(req *request) (result, error) {
	n, err := decimals("size1", req.Size1, "size2", req.Size2)
	if err != nil {
		return nil, err
	}
	if err := tractable(n[1]); err != nil {
		return nil, err
	}
	paths := []string{}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, n[0], n[1]) {
		paths = append(paths, torchwood.TilePath(tile))
	}
	return result{"paths": paths}, nil
}

// tileData is the content of a tile of t, or the entry bundle for level -1.
func tileData(t *tree, tile tlog.Tile) ([]byte, error) {
	if tile.L >= 0 {
		return tlog.ReadTileData(tile, t)
	}
	if t.entries == nil {
		return nil, faultf("a tree of leaf hashes has no entry bundles")
	}
	var out []byte
	for i := range int64(tile.W) {
		var err error
		if out, err = torchwood.AppendTileEntry(out, t.entries(tile.N*torchwood.TileWidth+i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tlogTile: {tree, size, path} -> {data_b64}: the tile or entry bundle at a C2SP path.
func tlogTile(req *request) (result, error) {
	n, err := decimals("size", req.Size)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[0])
	if err != nil {
		return nil, err
	}
	tile, err := torchwood.ParseTilePath(req.Path)
	if err != nil {
		return nil, err
	}
	if end := (tile.N*torchwood.TileWidth + int64(tile.W)) << (8 * max(tile.L, 0)); tile.L > 5 || end > n[0] {
		return nil, fmt.Errorf("%s is beyond size %d", req.Path, n[0])
	}
	d, err := tileData(t, tile)
	return result{"data_b64": b64(d)}, err
}

// signedCheckpoint is the checkpoint of t at that size, with the request's extension lines.
func signedCheckpoint(req *request, t *tree, size int64) ([]byte, error) {
	s, err := note.NewSigner(req.Skey)
	if err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(size, t)
	if err != nil {
		return nil, err
	}
	origin := req.Origin
	if origin == "" {
		origin = s.Name()
	}
	cp := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}, Extension: req.Extension}
	return note.Sign(&note.Note{Text: cp.String()}, s)
}

// tlogCheckpoint: {tree, size, skey, origin?, extension?} -> {note_b64}.
func tlogCheckpoint(req *request) (result, error) {
	n, err := decimals("size", req.Size)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[0])
	if err != nil {
		return nil, err
	}
	cp, err := signedCheckpoint(req, t, n[0])
	return result{"note_b64": b64(cp)}, err
}

// tlogAddCheckpointBody: {tree, size1, size2, skey, origin?, extension?} -> {text_b64, note_b64}:
// what a log posts to a witness that knows it at size1, and the checkpoint in it.
func tlogAddCheckpointBody(req *request) (result, error) {
	n, err := decimals("size1", req.Size1, "size2", req.Size2)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[1])
	if err != nil {
		return nil, err
	}
	cp, err := signedCheckpoint(req, t, n[1])
	if err != nil {
		return nil, err
	}
	var body strings.Builder
	fmt.Fprintf(&body, "old %d\n", n[0])
	if n[0] > 0 {
		proof, err := tlog.ProveTree(n[1], n[0], t)
		if err != nil {
			return nil, err
		}
		for _, h := range proof {
			fmt.Fprintf(&body, "%s\n", h)
		}
	}
	body.WriteByte('\n')
	body.Write(cp)
	return result{"text_b64": b64([]byte(body.String())), "note_b64": b64(cp)}, nil
}

// tlogWriteLog: {tree, size, skey, dir, origin?} -> {note_b64}: every tile, entry
// bundle and the checkpoint, as files below dir in the C2SP layout.
func tlogWriteLog(req *request) (result, error) {
	n, err := decimals("size", req.Size)
	if err != nil {
		return nil, err
	}
	t, err := treeOf(req, n[0])
	if err != nil {
		return nil, err
	}
	cp, err := signedCheckpoint(req, t, n[0])
	if err != nil {
		return nil, err
	}
	write := func(path string, content []byte) error {
		path = filepath.Join(req.Dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, content, 0o644)
	}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, n[0]) {
		tiles := []tlog.Tile{tile}
		if tile.L == 0 {
			tiles = append(tiles, tlog.Tile{H: tile.H, L: -1, N: tile.N, W: tile.W})
		}
		for _, tile := range tiles {
			content, err := tileData(t, tile)
			if err != nil {
				return nil, err
			}
			if err := write(torchwood.TilePath(tile), content); err != nil {
				return nil, fault{err}
			}
		}
	}
	if err := write("checkpoint", cp); err != nil {
		return nil, fault{err}
	}
	return result{"note_b64": b64(cp)}, nil
}

// Command nodehash makes node hashes of RFC 6962 with crypto/sha256, a call for
// each, to be compared with a kernel that makes many per call.
//
// Standard input is the nodes, -count times 64 bytes, and then any number of
// lines. To each line it hashes all nodes once and answers with a line: how many
// nanoseconds that took, and the SHA-256 of all the hashes, so that who asks can
// tell that both hashed the same.
package main

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"
)

const (
	nodeSize   = 64
	nodePrefix = 0x01
)

func main() {
	log.SetFlags(0)
	count := flag.Int("count", 8192, "how many nodes")
	flag.Parse()

	in := bufio.NewReader(os.Stdin)
	nodes := make([]byte, *count*nodeSize)
	if _, err := io.ReadFull(in, nodes); err != nil {
		log.Fatalf("nodehash: reading nodes: %v", err)
	}
	hashes := make([]byte, *count*sha256.Size)
	for {
		if _, err := in.ReadString('\n'); err == io.EOF {
			return
		} else if err != nil {
			log.Fatalf("nodehash: reading a line: %v", err)
		}
		start := time.Now()
		hashNodes(hashes, nodes)
		fmt.Printf("%d %x\n", time.Since(start).Nanoseconds(), sha256.Sum256(hashes))
	}
}

func hashNodes(hashes, nodes []byte) {
	var message [1 + nodeSize]byte
	message[0] = nodePrefix
	for i := 0; i*nodeSize < len(nodes); i++ {
		copy(message[1:], nodes[i*nodeSize:])
		hash := sha256.Sum256(message[:])
		copy(hashes[i*sha256.Size:], hash[:])
	}
}

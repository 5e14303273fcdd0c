// Command tessera-witnessed serves a log that Tessera keeps on a POSIX file
// system and publishes once the quorum of a C2SP policy has cosigned it. Tessera's
// own conformance server is the same log without witnesses.
//
//	POST /add         a body is one entry; answers its index once it is published
//	GET  /checkpoint  what the world sees, with the cosignatures
//	GET  /tile/…
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	dir := flag.String("storage_dir", "", "folder of the log")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	key := flag.String("private_key", "", "file of the log's private key in note form")
	policy := flag.String("policy", "", "file of the C2SP policy with the witnesses' URLs")
	republish := flag.Duration("republish", time.Minute, "cosign an unchanged tree again after this")
	flag.Parse()
	ctx := context.Background()

	signer, err := note.NewSigner(strings.TrimSpace(read(*key)))
	check(err)
	witnesses, err := tessera.NewWitnessGroupFromPolicy([]byte(read(*policy)))
	check(err)
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	check(err)
	appender, _, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(200*time.Millisecond).
		WithCheckpointRepublishInterval(*republish).
		WithBatching(256, 100*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{Timeout: 5 * time.Second}))
	check(err)
	published := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)

	http.HandleFunc("POST /add", func(w http.ResponseWriter, r *http.Request) {
		entry, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		index, _, err := published.Await(r.Context(), appender.Add(r.Context(), tessera.NewEntry(entry)))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "%d", index.Index)
	})
	files := http.FileServer(http.Dir(*dir))
	http.Handle("GET /checkpoint", files)
	http.Handle("GET /tile/", files)
	log.Printf("serving %s", signer.Name())
	check(http.ListenAndServe(*listen, nil))
}

func read(path string) string {
	content, err := os.ReadFile(path)
	check(err)
	return string(content)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

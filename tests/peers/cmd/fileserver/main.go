// Command fileserver serves a folder with the file server of Go's standard library: what
// reads a log over HTTP is measured against it, so that the server is the same for all.
package main

import (
	"flag"
	"log"
	"net/http"
)

func main() {
	dir := flag.String("dir", "", "folder to serve")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	log.Fatal(http.ListenAndServe(*listen, http.FileServer(http.Dir(*dir))))
}

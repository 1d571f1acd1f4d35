// Command s3 is an S3 server for tests of a cluster: one that keeps what it has
// acknowledged, so that it can be killed at any moment and started again.
//
//	s3 ADDRESS FILE
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/johannesboyne/gofakes3"
)

// bucket is the one that the server has.
const bucket = "millrace"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: s3 ADDRESS FILE")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// serve answers until the process is ended.
func serve(address, file string) error {
	backend, err := openJournal(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	server := &http.Server{
		Addr:              address,
		Handler:           gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog()), gofakes3.WithoutVersioning()).Server(),
		ReadHeaderTimeout: time.Minute,
	}
	return server.ListenAndServe()
}

// Package s3test is an S3 server for tests: the real protocol, over the
// network, with everything kept in the memory of the test. Other processes can
// use it too.
package s3test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket is the one that the server has.
const bucket = "millrace"

// Server is a running server with one bucket.
type Server struct {
	http *httptest.Server
}

// New starts a server. Its bucket is empty. What is wrapped around its handler
// can make it misbehave.
func New(wrap ...func(http.Handler) http.Handler) (*Server, error) {
	backend := s3mem.New() // tests "if none match" and writes under one lock
	if err := backend.CreateBucket(bucket); err != nil {
		return nil, fmt.Errorf("create bucket: %w", err)
	}
	fake := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog()), gofakes3.WithoutVersioning())
	handler := fake.Server()
	for _, w := range wrap {
		handler = w(handler)
	}
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	return &Server{s}, nil
}

// URL opens the bucket as a store. The variables of [Environment] have to
// be set.
func (s *Server) URL() string {
	return "s3://" + bucket + "?" + url.Values{
		"endpoint":       {s.http.URL},
		"region":         {"us-east-1"},
		"use_path_style": {"true"},
	}.Encode()
}

// Environment is what a client needs besides the URL. It keeps clients from
// looking for the settings of the machine that the test runs on.
func Environment() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID":           "test",
		"AWS_SECRET_ACCESS_KEY":       "test",
		"AWS_SESSION_TOKEN":           "",
		"AWS_PROFILE":                 "",
		"AWS_CONFIG_FILE":             "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_EC2_METADATA_DISABLED":   "true",
	}
}

// Close stops the server, and forgets what is in it.
func (s *Server) Close() { s.http.Close() }

// Start starts a server for a test, as [New] does, and returns the URL of the
// empty store in it. The test's environment becomes one in which it can be
// opened, also by processes that the test starts.
func Start(t testing.TB, wrap ...func(http.Handler) http.Handler) string {
	t.Helper()
	s, err := New(wrap...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for name, value := range Environment() {
		t.Setenv(name, value)
	}
	return s.URL()
}

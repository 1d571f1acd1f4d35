package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Endpoint answers Prometheus, and whoever asks how the process is.
type Endpoint struct {
	server *http.Server
	addr   string

	mu     sync.Mutex
	health func(context.Context) error
	ready  func(context.Context) error
}

// errStarting is the state of a process before [Endpoint.Report].
var errStarting = errors.New("starting")

// healthPatience is how long what is asked for its health has to answer.
const healthPatience = 5 * time.Second

// Listen answers at an address, HOST:PORT or :PORT, which is this machine's
// loopback where it names no host:
//
//	/metrics   what Prometheus scrapes
//	/healthz   200, or 503 and in words what does not work
//	/readyz    the same, and 503 while the process takes no steps
func Listen(address string, m *Metrics) (*Endpoint, error) {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	starting := func(context.Context) error { return errStarting }
	e := &Endpoint{addr: l.Addr().String(), health: starting, ready: starting}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { e.answer(w, r, false) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { e.answer(w, r, true) })
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: healthPatience}
	go func() { _ = e.server.Serve(l) }()
	return e, nil
}

// Addr is where the endpoint answers.
func (e *Endpoint) Addr() string { return e.addr }

// Report has health say what does not work, and ready why no steps are taken
// though all works; nil means that all is well. Before that the process counts
// as starting.
func (e *Endpoint) Report(health, ready func(context.Context) error) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health, e.ready = health, ready
}

func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request, alsoReady bool) {
	e.mu.Lock()
	asked := []func(context.Context) error{e.health}
	if alsoReady {
		asked = append(asked, e.ready)
	}
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), healthPatience)
	defer cancel()
	for _, ask := range asked {
		if err := ask(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

// Close stops answering.
func (e *Endpoint) Close() error {
	if e == nil {
		return nil
	}
	return e.server.Close()
}

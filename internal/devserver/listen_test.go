package devserver

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
)

// A server that listens on all addresses is reached by each of them.
func TestServerListensWhereItIsTold(t *testing.T) {
	s, err := Start(t.Context(), Options{
		Database: filepath.Join(t.TempDir(), "temporal.db"), Namespace: "default",
		Listen: "0.0.0.0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	_, port, err := net.SplitHostPort(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		if ip.To4() == nil {
			continue
		}
		c, err := client.Dial(client.Options{HostPort: net.JoinHostPort(ip.String(), port), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Errorf("at %s: %v", ip, err)
			continue
		}
		c.Close()
	}
}

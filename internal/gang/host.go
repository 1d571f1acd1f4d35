package gang

import (
	"net"
	"os"
	"strings"
)

// Host tells this machine and its network from others. Members of one host
// reach each other over loopback; two containers on one machine do not.
func Host() string {
	var parts []string
	if name, err := os.Hostname(); err == nil {
		parts = append(parts, name)
	}
	// Where the system tells, also which start of the machine this is, and
	// which of its networks.
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		parts = append(parts, strings.TrimSpace(string(boot)))
	}
	if network, err := os.Readlink("/proc/self/ns/net"); err == nil {
		parts = append(parts, network)
	}
	return strings.Join(parts, " ")
}

// Address is where others reach this machine: the address of the interface that
// leads out of it, else its name. Nothing is sent.
func Address() string {
	for _, outside := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // addresses that stand in books only
		conn, err := net.Dial("udp", outside)
		if err != nil {
			continue
		}
		_ = conn.Close()
		if local, ok := conn.LocalAddr().(*net.UDPAddr); ok && !local.IP.IsLoopback() && !local.IP.IsUnspecified() {
			return local.IP.String()
		}
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "127.0.0.1"
}

// OnOneHost reports whether all members are on one host.
func OnOneHost(members []Member) bool {
	for _, m := range members {
		if m.Host == "" || m.Host != members[0].Host {
			return false
		}
	}
	return true
}

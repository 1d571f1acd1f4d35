//go:build linux

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// network gives every part an address, and cuts parts off from each other.
//
// With root's rights every part has a network namespace of its own, and all of
// them hang on one bridge, like machines on a switch. The bridge has a namespace
// too, so that no firewall of this machine has a say; the tests themselves are
// one more machine. Without root, the addresses are those of this machine, and
// nothing can be cut.
type network struct {
	subnet string // "10.213.7", the first three numbers of all addresses
	name   string // begins the names of the namespaces; "" without
	spaces []string
}

// nowhere is the hardware address that nobody on the bridge has.
const nowhere = "02:00:00:00:de:ad"

// newNetwork takes a subnet that no other network of this machine has.
func newNetwork(namespaces bool) (*network, error) {
	first := os.Getpid() % 250
	if !namespaces {
		return &network{subnet: fmt.Sprintf("127.213.%d", first+1)}, nil
	}
	var err error
	for i := range 250 {
		number := (first+i)%250 + 1
		n := &network{subnet: fmt.Sprintf("10.213.%d", number), name: fmt.Sprintf("millrace%d", number)}
		if err = ip("netns", "add", n.hub()); err != nil {
			continue
		}
		n.spaces = append(n.spaces, n.hub())
		err = steps(
			args{"-n", n.hub(), "link", "add", bridge, "type", "bridge"},
			args{"-n", n.hub(), "link", "set", bridge, "up"},
			args{"link", "add", n.name, "type", "veth", "peer", "name", "host1", "netns", n.hub()},
			args{"-n", n.hub(), "link", "set", "host1", "master", bridge, "up"},
			args{"addr", "add", n.address(1) + "/24", "dev", n.name},
			args{"link", "set", n.name, "up"},
		)
		if err != nil {
			n.close()
		}
		return n, err
	}
	return nil, fmt.Errorf("make a network: %w", err)
}

func (n *network) address(host int) string { return fmt.Sprintf("%s.%d", n.subnet, host) }

// join makes a namespace for a host, and returns the words that run a command
// line in it; none without namespaces.
func (n *network) join(host int) ([]string, error) {
	if n.name == "" {
		return nil, nil
	}
	space, plug := n.space(host), fmt.Sprintf("host%d", host)
	n.spaces = append(n.spaces, space)
	err := steps(
		args{"netns", "add", space},
		args{"-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", plug, "netns", n.hub()},
		args{"-n", n.hub(), "link", "set", plug, "master", bridge, "up"},
		args{"-n", space, "addr", "add", n.address(host) + "/24", "dev", "eth0"},
		args{"-n", space, "link", "set", "lo", "up"},
		args{"-n", space, "link", "set", "eth0", "up"},
	)
	if err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return []string{"ip", "netns", "exec", space}, nil
}

// cut has both hosts send what is for the other to nowhere: packets vanish
// without a word, as they do when a cable is pulled.
func (n *network) cut(one, other int) error {
	return steps(
		args{"-n", n.space(one), "neigh", "replace", n.address(other), "lladdr", nowhere, "nud", "permanent", "dev", "eth0"},
		args{"-n", n.space(other), "neigh", "replace", n.address(one), "lladdr", nowhere, "nud", "permanent", "dev", "eth0"},
	)
}

func (n *network) heal(one, other int) error {
	return steps(
		args{"-n", n.space(one), "neigh", "del", n.address(other), "dev", "eth0"},
		args{"-n", n.space(other), "neigh", "del", n.address(one), "dev", "eth0"},
	)
}

// bridge is the interface of the hub on which all cables end.
const bridge = "bridge"

func (n *network) hub() string { return n.name + "-hub" }

func (n *network) space(host int) string { return fmt.Sprintf("%s-%d", n.name, host) }

// close deletes the namespaces, and with them all that is in them.
func (n *network) close() {
	if n.name == "" {
		return
	}
	_ = ip("link", "del", n.name) // at once; with a namespace it would go a little later
	for _, space := range n.spaces {
		_ = ip("netns", "del", space)
	}
}

type args []string

func steps(lines ...args) error {
	for _, line := range lines {
		if err := ip(line...); err != nil {
			return err
		}
	}
	return nil
}

func ip(line ...string) error {
	if out, err := exec.Command("ip", line...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(line, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

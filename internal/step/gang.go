package step

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/millrace-ml/millrace/pipeline"
)

// Gang is what one worker knows of a step whose instances run on several
// workers at once. Each of them makes an attempt of its own.
type Gang struct {
	// Instance is this worker's place among Members, from 0.
	Instance int
	// Members are all instances, in order.
	Members []Member
	// Meet is called when all processes here that end by themselves have ended
	// well, where a step has others that serve them: it returns when that is
	// so for all members.
	Meet func(context.Context) error
}

// Member is an instance as the processes of all the others find it.
type Member struct {
	// Address is its host's.
	Address string
	// Ports are free on that host: as many as [Ports] found.
	Ports []int
}

// Ports finds the ports that an instance of a step needs. All is what the gang
// will have of instances.
func Ports(s *pipeline.Step, instance, all int) ([]int, error) {
	return freePorts("", portCount(s, instance, all))
}

// portCount is one for the first instance, where all processes meet; where
// processes find each other by address, it is one for each.
func portCount(s *pipeline.Step, instance, all int) int {
	d := s.Distribution
	switch {
	case d == nil:
		return 0
	case d.Type == tensorFlow:
		_, count := tasks(d, all)
		return (count - instance + all - 1) / all
	case instance == 0:
		return 1
	}
	return 0
}

// Serves reports whether a step has processes that serve the others and do not
// end by themselves.
func Serves(s *pipeline.Step) bool {
	return s.Distribution != nil && s.Distribution.Type == tensorFlow && s.Distribution.ParameterServers > 0
}

// place is the name of the folder of an attempt's step. Several instances of
// one step may run on one machine.
func (a Attempt) place() string {
	if a.Gang == nil || a.Gang.Instance == 0 {
		return a.Step.Name
	}
	return fmt.Sprintf("%s-%d", a.Step.Name, a.Gang.Instance)
}

// together are the members where all instances run on this machine.
func together(s *pipeline.Step, instances int) ([]Member, error) {
	members := make([]Member, instances)
	count := 0
	for i := range members {
		count += portCount(s, i, instances)
	}
	ports, err := freePorts(localhost, count)
	if err != nil {
		return nil, err
	}
	for i := range members {
		n := portCount(s, i, instances)
		members[i] = Member{Address: localhost, Ports: ports[:n]}
		ports = ports[n:]
	}
	return members, nil
}

// freePorts finds ports that nobody listens on now, on one address or on all.
func freePorts(address string, count int) ([]int, error) {
	ports := make([]int, count)
	for i := range ports {
		// All are held until the last is found, so that no two are the same.
		listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func (m Member) at(port int) string { return net.JoinHostPort(m.Address, strconv.Itoa(m.Ports[port])) }

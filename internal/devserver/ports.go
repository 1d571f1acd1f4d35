package devserver

import (
	"fmt"
	"net"
	"time"
)

type ports struct {
	frontend, history, matching, worker, ui int
}

// freePorts finds a port for every service. All of them are held open until the
// last is found, so that none is given out twice.
func freePorts(frontend, ui int) (ports, error) {
	var p ports
	for _, want := range []struct {
		port  *int
		first int
	}{
		{&p.frontend, frontend}, {&p.ui, ui}, {&p.history, 0}, {&p.matching, 0}, {&p.worker, 0},
	} {
		l, err := net.Listen("tcp", hostPort(want.first))
		if err != nil && want.first != 0 {
			l, err = net.Listen("tcp", hostPort(0))
		}
		if err != nil {
			return p, fmt.Errorf("find a free port on %s: %w", loopback, err)
		}
		defer l.Close()
		*want.port = l.Addr().(*net.TCPAddr).Port
	}
	return p, answers(p.frontend)
}

// answers makes sure that this machine reaches itself: the parts of the server
// take that for granted, and fail in odd ways where the loopback interface is
// down, as it is in a fresh network namespace.
func answers(port int) error {
	c, err := net.DialTimeout("tcp", hostPort(port), time.Second)
	if err != nil {
		return fmt.Errorf("this machine does not reach itself at %s (is the loopback network up?): %w", loopback, err)
	}
	return c.Close()
}

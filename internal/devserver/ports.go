package devserver

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

type ports struct {
	frontend, history, matching, worker, ui int
}

// freePorts finds a port for every service. All of them are held open until the
// last is found, so that none is given out twice.
func (o Options) freePorts() (ports, error) {
	var p ports
	for _, want := range []struct {
		port  *int
		on    string
		first int
	}{
		{&p.frontend, o.listen(), o.Port}, {&p.ui, o.listen(), o.UIPort},
		{&p.history, loopback, 0}, {&p.matching, loopback, 0}, {&p.worker, loopback, 0},
	} {
		l, err := net.Listen("tcp", net.JoinHostPort(want.on, strconv.Itoa(want.first)))
		if err != nil && want.first != 0 {
			l, err = net.Listen("tcp", net.JoinHostPort(want.on, "0"))
		}
		if err != nil {
			return p, fmt.Errorf("find a free port on %s: %w", want.on, err)
		}
		defer l.Close()
		*want.port = l.Addr().(*net.TCPAddr).Port
	}
	return p, answers(o.reach(p.frontend))
}

// answers makes sure that this machine reaches itself: the parts of the server
// take that for granted, and fail in odd ways where the loopback interface is
// down, as it is in a fresh network namespace.
func answers(address string) error {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return fmt.Errorf("this machine does not reach itself at %s (is the loopback network up?): %w", address, err)
	}
	return c.Close()
}

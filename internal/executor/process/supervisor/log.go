package supervisor

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// log takes what a program prints to a file.
//
// The program writes into a pipe, not into the file itself, because programs
// open their output again: with the file as stdout, `tee /dev/stderr` and
// `echo x > /dev/stdout` would empty the log. It also lets a full disk be told
// from a failing program. A measured 20 µs is the price.
type log struct {
	file   *os.File
	reader *os.File
	child  *os.File // the end that the program holds
	done   chan struct{}
	err    error // read after done
}

func openLog(path string) (*log, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	reader, child, err := os.Pipe()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &log{file: file, reader: reader, child: child, done: make(chan struct{})}, nil
}

// abandon closes a log whose program never ran.
func (l *log) abandon() {
	l.child.Close()
	l.reader.Close()
	l.file.Close()
}

// follow copies until no process holds the other end any more.
func (l *log) follow() {
	l.child.Close()
	go func() {
		defer close(l.done)
		l.err = l.copy()
	}()
}

// copy goes on reading when the file cannot be written, so that the program
// does not stand still; the first such error is returned in the end.
func (l *log) copy() error {
	var failed error
	chunk := make([]byte, 32<<10)
	for {
		n, err := l.reader.Read(chunk)
		if n > 0 {
			if _, writeErr := l.file.Write(chunk[:n]); writeErr != nil && failed == nil {
				failed = writeErr
			}
		}
		switch {
		case err == io.EOF, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, os.ErrClosed):
			return failed
		case err != nil:
			return errors.Join(failed, err)
		}
	}
}

// wait reports whether the program's last writer let go before ctx ended.
func (l *log) wait(ctx context.Context) bool {
	select {
	case <-l.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// close gives up on writers that are left and returns what went wrong.
func (l *log) close() error {
	if err := l.reader.SetReadDeadline(time.Now()); err != nil { // ends the copy if it still runs
		l.reader.Close() // and so does this
	}
	<-l.done
	l.reader.Close()
	return errors.Join(l.err, l.file.Close())
}

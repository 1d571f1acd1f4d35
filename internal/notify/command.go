package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// run gives the message to a program: as JSON on its standard input, and in
// parts in its environment. What it prints is not kept.
func (c *Channel) run(ctx context.Context, m Message) error {
	body, err := m.json()
	if err != nil {
		return final{err}
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	args := c.Command
	if c.Shell {
		args = append([]string{"/bin/sh", "-c"}, c.Command[0])
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	cmd.Env = append(os.Environ(), "MILLRACE_EVENT="+string(m.Event), "MILLRACE_JOB="+m.Job, "MILLRACE_STATUS="+string(m.Status),
		"MILLRACE_STEP="+m.Step, "MILLRACE_DELIVERY="+m.ID, "MILLRACE_TEXT="+m.Text())
	// A group of its own, so that all of it ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	switch ended, ok := errors.AsType[*exec.ExitError](err); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("it took longer than %s", commandTimeout)
	case ok:
		return errors.New(ended.String())
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return final{errors.New("the program is not there, or cannot be run")}
	}
	return err
}

package main

import (
	"context"
	"time"

	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// noticePatience is how long a process that is there for one job stays for those
// who are told of its end.
const noticePatience = 5 * time.Second

// awaitNotices waits until people are told of a job's end, where this process is
// the one that tells them. Those who cannot be reached just now are told by the
// next process.
func (a *app) awaitNotices(ctx context.Context, s *site, job *runs.Job) {
	c, err := a.config()
	if err != nil || s == nil || s.server == nil {
		return
	}
	event := pipeline.EventOf(job.Status)
	if len(notify.New(c.Notifications).Names(event, job.Experiment)) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noticePatience)
	defer cancel()
	if err := s.jobs.AwaitNotice(ctx, job.Name, event); err != nil {
		a.say("not everybody could be told of it yet; the next `%s` goes on with that", a.command("dev"))
	}
}

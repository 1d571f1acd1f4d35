package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// session is one job as `millrace run` sees it through.
type session struct {
	app      *app
	options  *runOptions
	name     string
	progress term.Progress
	logs     *logs // nil where the steps' output is not shown
	unfollow func()
	remarks  *remarks

	mu   sync.Mutex
	site *site

	submitted atomic.Bool // there is a job to cancel
	canceled  atomic.Bool // the person asked for its end
	leaving   atomic.Bool // the person leaves before its end
	over      atomic.Bool // it has ended
}

// see brings the job to its end and returns it.
func (s *session) see(ctx context.Context, submission runs.Submission) (*runs.Job, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer s.obey(stop)()
	h, err := s.app.home()
	if err != nil {
		return nil, err
	}
	// Followed first: a process that serves the home stays for its followers.
	if s.unfollow, err = h.Follow(s.name); err != nil {
		return nil, unreachable(err, "")
	}
	s.progress.Busy("starting")
	site, err := s.app.join(ctx, s.serveOptions())
	if err != nil {
		return nil, err
	}
	s.move(site)
	job, err := s.begin(ctx, submission)
	if err != nil {
		return nil, err
	}
	s.submitted.Store(true)
	s.progress.Busy("looking for what can be reused")
	s.introduce(ctx, job)
	job, err = s.follow(ctx)
	s.over.Store(err == nil)
	return job, err
}

func (s *session) serveOptions() serveOptions {
	return serveOptions{ui: s.options.ui, uiPort: usualUIPort}
}

// move makes another site the session's.
func (s *session) move(to *site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.site != nil {
		s.site.leave()
	}
	s.site = to
}

func (s *session) at() *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.site
}

// begin submits the job, or takes up the one to resume.
func (s *session) begin(ctx context.Context, submission runs.Submission) (*runs.Job, error) {
	if s.options.resume != "" {
		return s.at().jobs.Resume(ctx, s.name)
	}
	s.progress.Busy("storing code and data")
	ctx, end := s.app.span(ctx, "job create")
	job, err := s.at().jobs.Submit(ctx, submission)
	end(err)
	return job, err
}

// introduce says which job this is, and what should be known beforehand.
func (s *session) introduce(ctx context.Context, job *runs.Job) {
	title := ""
	if job.DisplayName != "" && job.DisplayName != job.Name {
		title = " (" + term.Clean(job.DisplayName) + ")"
	}
	s.progress.Note("job " + job.Name + title + ": " + term.Count(len(job.Steps), "step"))
	if job.UI != "" {
		s.progress.Note("Temporal UI: " + job.UI)
	} else if s.options.ui {
		s.progress.Note("no Temporal UI: the process that serves this home was started without it")
	}
	if s.options.stream || job.Type.Single() && job.Type != pipeline.SweepJob {
		s.logs = newLogs(job.Type, s.progress.Log)
	}
	if server := s.at().server; server != nil {
		s.remarks = s.app.newRemarks(ctx, server, s.progress.Note)
		if others := without(s.at().open(ctx), job.Name); len(others) > 0 {
			s.progress.Note("this process also carries on " + jobList(others))
		}
		return
	}
	s.progress.Note(fmt.Sprintf("process %d serves this home and runs the job", s.at().at.PID))
	for _, flag := range []string{"cpu-slots", "gpu-slots", "python", "environments", "strict-environments", "metrics", "cache-max"} {
		if s.app.flags.serving.given(flag) {
			s.progress.Note("--" + flag + " has no effect: that was decided when the process that serves the home was started")
		}
	}
}

// follow watches the job to its end, wherever it is served. When the process
// that serves it ends, this one, or another follower, takes its place: the job
// goes on from where it was.
func (s *session) follow(ctx context.Context) (*runs.Job, error) {
	for {
		job, lock, err := s.watch(ctx)
		if lock != nil {
			s.progress.Note("the process that served this home has ended; this one goes on in its place")
			site, err := s.app.settle(ctx, lock, s.serveOptions())
			if err != nil {
				return nil, err
			}
			s.move(site)
			s.remarks = s.app.newRemarks(ctx, site.server, s.progress.Note)
			continue
		}
		if err == nil || ctx.Err() != nil || s.at().server != nil || s.answers(ctx) {
			return job, err
		}
		// Another follower may be quicker; then go on with that one.
		s.progress.Note("the process that served this home does not answer; looking for another")
		site, err := s.app.join(ctx, s.serveOptions())
		if err != nil {
			return nil, err
		}
		s.move(site)
	}
}

// answers reports whether the server that this process is connected to is there.
func (s *session) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	_, err := s.at().client.CheckHealth(ctx, nil)
	return err == nil
}

// watch follows the job for as long as its server lives. It returns the lock of
// the home when that came free: then the server's process has ended.
func (s *session) watch(ctx context.Context) (*runs.Job, *home.Lock, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var lock *home.Lock
	var guard sync.WaitGroup
	site := s.at()
	if site.server == nil {
		guard.Go(func() {
			lock = s.awaitLock(watching)
			stop()
		})
	}
	job, err := site.jobs.Watch(watching, s.name, func(job *runs.Job) {
		s.remarks.on(job)
		s.logs.follow(watching, site.jobs, job)
		status := job.Status
		if s.canceled.Load() {
			status = pipeline.CancelRequested
		}
		s.progress.Update(term.Snapshot{Status: status, Steps: job.Steps})
	})
	if err == nil {
		s.logs.finish(watching, site.jobs, job)
	}
	stop()
	guard.Wait()
	s.logs.wait()
	if err == nil && lock != nil {
		// The job ended, and its server right after it.
		_ = lock.Unlock()
		lock = nil
	}
	return job, lock, err
}

// awaitLock returns the lock of the home when the process that holds it has
// ended, or nil when ctx ends first.
func (s *session) awaitLock(ctx context.Context) *home.Lock {
	h, err := s.app.home()
	if err != nil {
		return nil
	}
	for sleep(ctx, 3*pause) == nil {
		if lock, err := h.Lock(); err == nil {
			return lock
		}
	}
	return nil
}

// stay serves the home for as long as other processes follow jobs here, and
// says which jobs are left to nobody.
func (s *session) stay() {
	s.unfollow()
	s.unfollow = nil
	if s.at().server == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	defer s.obey(stop)()
	h, err := s.app.home()
	if err != nil {
		return
	}
	for said := false; ; said = true {
		jobs := h.Followed()
		if len(jobs) == 0 {
			break
		}
		if !said {
			s.app.say("still serving %s, which other processes follow; Ctrl-C leaves that to them", jobList(jobs))
		}
		if sleep(ctx, 3*pause) != nil {
			return
		}
	}
	if open := s.at().open(ctx); len(open) > 0 {
		s.app.say("not finished: %s; `%s` carries it on", jobList(open), s.app.command("dev"))
	}
}

// leave ends a session before its job has ended.
func (s *session) leave() error {
	s.progress.Close()
	site, a := s.at(), s.app
	switch {
	case site == nil || !s.submitted.Load():
		a.say("left before the job was submitted")
	case site.server == nil:
		a.say("left; process %d goes on with job %s: `%s` follows it", site.at.PID, s.name, a.command("job", "stream", "-n", s.name))
	default:
		site.server.rest()
		a.say("left; job %s is not finished: `%s` carries it on", s.name, a.command("run", "--resume", s.name))
	}
	return said(exitInterrupted)
}

func (s *session) close() {
	s.progress.Close()
	if s.unfollow != nil {
		s.unfollow()
	}
	if site := s.at(); site != nil && site.server != nil {
		site.server.rest()
	}
}

// open are the jobs that have not ended, the newest first.
func (s *site) open(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	jobs, err := s.jobs.List(ctx, recentJobs)
	if err != nil {
		return nil
	}
	var names []string
	for _, j := range jobs {
		if !j.Status.Ended() {
			names = append(names, j.Name)
		}
	}
	return names
}

func without(names []string, one string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == one })
}

// recentJobs is how far back is looked for jobs that have not ended.
const recentJobs = 50

func jobList(names []string) string {
	if len(names) == 1 {
		return "job " + names[0]
	}
	text := fmt.Sprintf("%d jobs, %s", len(names), names[0])
	for i, n := range names[1:] {
		if i == 3 {
			return text + " and others"
		}
		text += ", " + n
	}
	return text
}

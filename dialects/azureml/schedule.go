package azureml

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/internal/recurrence"
)

// Schedule is the file of a schedule that was read, with the job that it makes
// and everything that refers to.
type Schedule struct {
	// File is the path as the user gave it.
	File string
	// Name is "" where the file gives none.
	Name, DisplayName, Description string
	Tags, Properties               map[string]string
	Trigger                        recurrence.Trigger
	// Overlap and CatchupWindow are keys of our own; "" and nil where the file does
	// not have them.
	Overlap       Overlap
	CatchupWindow *time.Duration
	// Job is what is made each time. Its plan comes from [Template].
	Job *Job
	// From is the closed form of the earlier job that Job is made from, if any.
	From *Closed
	// CreateJob is what stands under create_job, as maps, lists and scalars.
	CreateJob any
	// Warnings are problems that do not keep the schedule from running.
	Warnings Problems

	problems Problems
}

// Problems are all errors and warnings, by file, line and column.
func (s *Schedule) Problems() Problems { return s.problems }

// Overlap says what happens when a schedule fires while a job that it made is
// still running.
type Overlap string

// The ways to deal with an overlap.
const (
	Skip           Overlap = "skip"
	BufferOne      Overlap = "buffer_one"
	BufferAll      Overlap = "buffer_all"
	CancelOther    Overlap = "cancel_other"
	TerminateOther Overlap = "terminate_other"
	AllowAll       Overlap = "allow_all"
)

func overlaps() []Overlap {
	return []Overlap{AllowAll, Skip, BufferOne, BufferAll, CancelOther, TerminateOther}
}

// ScheduleOptions are what a schedule needs that is not in its file.
type ScheduleOptions struct {
	LoadOptions
	// Job finds an earlier job that the schedule makes again. Where there is none,
	// the error is an [Unknown].
	Job func(name string) (Closed, error)
}

// LoadSchedule reads the file of a schedule, the job file that it names, and all
// that refers to, and checks it. Where there are mistakes the error is
// [Problems], all of them at once.
func LoadSchedule(path string, o ScheduleOptions) (*Schedule, error) {
	l := newLoader(o.LoadOptions)
	l.scheduled = true
	s := &Schedule{File: path}
	if root := l.readRoot(path); root != nil {
		l.set(root, o.Set)
		l.schedule(s, root, o)
	}
	s.problems = l.problems.sorted(path)
	s.Warnings = s.problems.Warnings()
	errs := s.problems.Errors()
	if s.Job != nil {
		s.Job.problems = s.problems
		if len(errs) > 0 {
			s.Job.draft = nil
		}
	}
	return s, errs.ErrorOrNil()
}

func (l *loader) schedule(s *Schedule, root *yaml.Node, o ScheduleOptions) {
	if what, _ := looksLike(root); what != "a schedule" && root.Entry("trigger") == nil {
		if what == "" {
			what = "a job"
		}
		l.problems.errorf(root.Pos(), `a schedule has "trigger:" and "create_job:"`, "this looks like %s, not like a schedule", what)
		return
	}
	for key, what := range map[string]string{"import_data": "imports data", "create_monitor": "monitors a model"} {
		if e := root.Entry(key); e != nil {
			l.problems.errorf(e.Pos(), "use create_job, with a job that does it", "a schedule that %s is not run by Millrace", what)
			return
		}
	}
	l.checkKeys(root, scheduleKeys)
	if n := l.scalar(root.Get("name"), "name"); n != nil {
		s.Name = n.Text
		if !jobNameForm.MatchString(n.Text) {
			l.problems.errorf(n.Pos(), "use letters, digits, hyphens and underscores, and begin with a letter or a digit", "%s cannot name a schedule", quote(n.Text))
		}
	}
	s.DisplayName, s.Description = l.str(root, "display_name"), l.str(root, "description")
	s.Tags, s.Properties = l.stringMap(root, "tags"), l.stringMap(root, "properties")
	if t := l.mapping(root.Get("trigger"), "trigger"); t != nil {
		l.trigger(s, t)
	} else if root.Get("trigger") == nil {
		l.problems.errorf(root.Pos(), `add "trigger: {type: cron, expression: ...}"`, "this schedule has no trigger")
	}
	l.createJob(s, root, o)
}

// trigger reads when a schedule fires.
func (l *loader) trigger(s *Schedule, n *yaml.Node) {
	t := &s.Trigger
	t.Type = recurrence.Type(strings.ToLower(l.str(n, "type")))
	before := l.problems.errors
	switch t.Type {
	case recurrence.Cron:
		l.checkKeys(n, cronKeys)
		l.cron(t, n)
	case recurrence.Recurrence:
		l.checkKeys(n, recurrenceKeys)
		l.recurrence(t, n)
	default:
		hint := oneOf(recurrence.Cron, recurrence.Recurrence)
		if kind := n.Get("type"); kind != nil {
			l.problems.errorf(kind.Pos(), hint, "%s is not a type of trigger", quote(kind.Text))
		} else {
			l.problems.errorf(n.Pos(), hint, "this trigger has no type")
		}
		return
	}
	t.Start, t.End, t.Zone = l.moment(n, "start_time"), l.moment(n, "end_time"), l.str(n, "time_zone")
	l.overlap(s, n)
	if l.problems.errors > before {
		return
	}
	spec, err := recurrence.Compile(*t, time.Now())
	if wrong, ok := errors.AsType[*recurrence.FieldError](err); ok {
		l.wrongTrigger(n, wrong)
		return
	}
	if _, end := spec.Bounds(); !end.IsZero() && spec.Next(time.Now()).IsZero() {
		l.problems.warnf(n.Get("end_time").Pos(), "", "this schedule has ended: it will not fire")
	}
	if zone := n.Get("time_zone"); zone != nil && !slices.Contains(recurrence.Zones(), zone.Text) {
		l.problems.notef(zone.Pos(), l.closestZone(zone.Text), "Azure ML knows time zones by the names that Windows has for them, and not %s", quote(zone.Text))
	}
}

// wrongTrigger reports a mistake where it stands.
func (l *loader) wrongTrigger(n *yaml.Node, wrong *recurrence.FieldError) {
	at, hint := n, wrong.Hint
	for key := range strings.SplitSeq(wrong.Field, ".") {
		if inner := at.Get(key); inner != nil {
			at = inner
		}
	}
	if wrong.Field == "time_zone" {
		hint = l.closestZone(at.Text)
	}
	l.problems.errorf(at.Pos(), hint, "%s", wrong.Message)
}

// closestZone says which time zone was probably meant.
func (l *loader) closestZone(name string) string {
	if like := l.closest(name, recurrence.Zones()); like != "" && like != name {
		return "did you mean " + quote(like) + "?"
	}
	return `write the name that Windows has for it, such as "Pacific Standard Time"; Millrace takes "America/Los_Angeles", too`
}

func (l *loader) cron(t *recurrence.Trigger, n *yaml.Node) {
	expression := l.scalar(n.Get("expression"), "expression")
	if expression == nil {
		if n.Get("expression") == nil {
			l.problems.errorf(n.Pos(), `add "expression: '30 2 * * *'"`, "this trigger has no expression")
		}
		return
	}
	t.Expression = expression.Source
	if c, err := recurrence.ParseCron(t.Expression); err == nil && len(c.Ignored) > 0 {
		l.problems.warnf(expression.Pos(), "a recurrence with the frequency month has month_days",
			"Azure ML does not look at the %s of a cron expression: this fires on every day that the day of week allows", strings.Join(c.Ignored, " and the "))
	}
}

func (l *loader) recurrence(t *recurrence.Trigger, n *yaml.Node) {
	for _, key := range []string{"frequency", "interval"} {
		if n.Get(key) == nil {
			l.problems.errorf(n.Pos(), `add "frequency: day" and "interval: 1"`, "this trigger has no %s", key)
			return
		}
	}
	t.Frequency = recurrence.Frequency(strings.ToLower(l.str(n, "frequency")))
	if f := n.Get("frequency"); f.IsScalar() && !slices.Contains(recurrence.Frequencies(), t.Frequency) {
		l.problems.errorf(f.Pos(), oneOf(recurrence.Frequencies()...), "%s is not a frequency", quote(f.Text))
	}
	if every := l.scalar(n.Get("interval"), "interval"); every != nil {
		var err error
		if t.Interval, err = strconv.Atoi(every.Text); err != nil || t.Interval < 1 || t.Interval > recurrence.MaxInterval {
			l.problems.errorf(every.Pos(), "", "interval must be a whole number from 1 to %d, not %s", recurrence.MaxInterval, quote(every.Text))
		}
	}
	p := l.mapping(n.Get("schedule"), "schedule")
	if p == nil {
		return
	}
	l.checkKeys(p, patternKeys)
	if t.Frequency.Counted() {
		l.problems.warnf(p.KeyPos(), `use "frequency: day"`, "the clock times of a recurrence have no meaning where %ss are counted: they are ignored", t.Frequency)
		return
	}
	for _, key := range []string{"hours", "minutes"} {
		if p.Get(key) == nil {
			l.problems.errorf(p.Pos(), `add "`+key+`: [0]"`, "the schedule of a recurrence has no %s", key)
		}
	}
	t.Schedule = &recurrence.Pattern{
		Hours: l.numbers(p, "hours"), Minutes: l.numbers(p, "minutes"), MonthDays: l.numbers(p, "month_days"),
	}
	for _, day := range l.several(p, "week_days") {
		if _, ok := recurrence.ParseWeekDay(day.Text); !ok {
			l.problems.errorf(day.Pos(), "write monday, tuesday, ...", "%s is not a day of the week", quote(day.Text))
			continue
		}
		t.Schedule.WeekDays = append(t.Schedule.WeekDays, strings.ToLower(day.Text))
	}
}

// several reads a scalar, or a list of them.
func (l *loader) several(m *yaml.Node, key string) []*yaml.Node {
	n := m.Get(key)
	items := []*yaml.Node{n}
	if n != nil && n.Kind == yaml.List {
		items = n.Items
	}
	var list []*yaml.Node
	for _, item := range items {
		if v := l.scalar(item, key); v != nil {
			list = append(list, v)
		}
	}
	return list
}

// numbers reads a whole number, or a list of them.
func (l *loader) numbers(m *yaml.Node, key string) []int {
	var list []int
	for _, item := range l.several(m, key) {
		v, err := strconv.Atoi(item.Text)
		if err != nil {
			l.problems.errorf(item.Pos(), "", "%s must be whole numbers, not %s", key, quote(item.Text))
			continue
		}
		list = append(list, v)
	}
	return list
}

// moment reads a time, as it is written.
func (l *loader) moment(m *yaml.Node, key string) string {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return ""
	}
	return n.Source
}

// overlap reads the keys that are our own.
func (l *loader) overlap(s *Schedule, n *yaml.Node) {
	if o := l.scalar(n.Get("overlap"), "overlap"); o != nil {
		s.Overlap = Overlap(strings.ToLower(o.Text))
		if !slices.Contains(overlaps(), s.Overlap) {
			l.problems.errorf(o.Pos(), oneOf(overlaps()...), "%s is not a way to deal with an overlap", quote(o.Text))
		}
	}
	if w := l.scalar(n.Get("catchup_window"), "catchup_window"); w != nil {
		d, err := duration(w.Text)
		if err != nil || d < 0 {
			l.problems.errorf(w.Pos(), "write 30m, 12h or 2d", "%s is not a length of time", quote(w.Text))
			return
		}
		s.CatchupWindow = &d
	}
}

// duration reads "90s", "30m", "12h", "2d", or a number of seconds.
func duration(text string) (time.Duration, error) {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// createJob reads the job that a schedule makes.
func (l *loader) createJob(s *Schedule, root *yaml.Node, o ScheduleOptions) {
	n := root.Get("create_job")
	switch {
	case n == nil:
		l.problems.errorf(root.Pos(), `add "create_job: ./pipeline.yml"`, "this schedule makes no job")
		return
	case n.Kind == yaml.List:
		l.problems.errorf(n.Pos(), "write the path of a job file, azureml:JOB, or a mapping with the job", "create_job cannot be a list")
		return
	}
	s.CreateJob = plain(n)
	s.Job = &Job{File: s.File, text: l.text}
	job := n
	if n.Kind == yaml.Map {
		job = n.Get("job")
	}
	var made *yaml.Node
	switch {
	case job == nil: // the job stands here
		made = yaml.NewNull(n.Pos())
		made.Kind = yaml.Map
	case job.Kind == yaml.Map:
		made = yaml.NewNull(job.Pos())
		made.Kind = yaml.Map
		put(made, job, "")
	default:
		if made = l.namedJob(s, job, o); made == nil {
			return
		}
	}
	if n.Kind == yaml.Map {
		l.leftOut = leavesOut(made, n)
		put(made, n, "job")
	}
	s.Job.loader, s.Job.root = l, made
	if job == nil || n.Kind == yaml.Map {
		s.Job.text = yaml.Format(made)
	}
	l.job(s.Job, made)
}

// put sets the keys of a mapping to those of another, but for one: whole values,
// as Azure ML does, so that inputs which are given anew replace all inputs.
func put(into, from *yaml.Node, but string) {
	for _, e := range from.Entries {
		if e.Key != but {
			into.Put(e.Key, e.Pos(), e.Value)
		}
	}
}

// namedJob reads the job file that a schedule names, or finds the job.
func (l *loader) namedJob(s *Schedule, n *yaml.Node, o ScheduleOptions) *yaml.Node {
	written := strings.TrimSpace(n.Source)
	name, earlier := strings.CutPrefix(written, "azureml:")
	if !earlier {
		root := l.include(n, localPath(written), "the job")
		if root != nil {
			_, s.Job.File = resolve(n.Doc(), localPath(written))
			s.Job.text = strings.Join(linesOf(root.Doc()), "\n")
		}
		return root
	}
	if i := strings.LastIndex(name, "/jobs/"); strings.HasPrefix(name, "/") && i >= 0 {
		name = name[i+len("/jobs/"):]
	}
	if o.Job == nil {
		l.problems.errorf(n.Pos(), "", "other jobs cannot be looked up here: %s", quote(written))
		return nil
	}
	closed, err := o.Job(name)
	if err != nil {
		l.unknown(n, err)
		return nil
	}
	root := l.parse("job "+name, n.Doc().Dir+"/definition", []byte(closed.Definition))
	if root == nil || root.Kind != yaml.Map {
		l.problems.errorf(n.Pos(), "", "the definition of job %s is damaged", quote(name))
		return nil
	}
	l.defined[root.Doc()] = &Asset{Artifacts: closed.Artifacts}
	s.From, s.Job.File, s.Job.text = &closed, "job "+name, closed.Definition
	// The new jobs are no namesakes of the old one.
	return without(root, "name", "display_name")
}

func linesOf(doc *yaml.Document) []string {
	lines := make([]string, doc.Lines())
	for i := range lines {
		lines[i] = doc.Line(i + 1)
	}
	return lines
}

// without is a mapping but for some keys.
func without(n *yaml.Node, keys ...string) *yaml.Node {
	m := yaml.NewNull(n.Pos())
	m.Kind = yaml.Map
	for _, e := range n.Entries {
		if !slices.Contains(keys, e.Key) {
			m.Put(e.Key, e.Pos(), e.Value)
		}
	}
	return m
}

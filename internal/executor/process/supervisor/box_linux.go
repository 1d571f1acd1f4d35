package supervisor

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// box is a control group that holds a program to its memory. Where none can be
// made, and its nil value holds nothing, the supervisor looks by itself how
// much the program uses.
type box struct {
	dir    string
	second bool // of the second version: one tree for all controllers
	handle *os.File
}

// confine makes a box, if the worker's own control group may have groups below
// it or beside it: in a container, or under systemd with Delegate=yes.
func confine(limit int64) *box {
	if limit <= 0 {
		return nil
	}
	bytes := strconv.FormatInt(limit, 10)
	name := "millrace-" + strconv.Itoa(os.Getpid())
	if own, ok := ownGroup("cgroup2", ""); ok {
		for _, above := range []string{own, path.Dir(own)} {
			// Refused where it is so already, or is not ours to say.
			_ = put(above, "cgroup.subtree_control", "+memory")
			b := &box{dir: path.Join(above, name), second: true}
			if b.make("memory.max", bytes) {
				_ = put(b.dir, "memory.oom.group", "1")
				return b
			}
		}
	}
	if own, ok := ownGroup("cgroup", "memory"); ok {
		b := &box{dir: path.Join(own, name)}
		if b.make("memory.limit_in_bytes", bytes) {
			return b
		}
	}
	return nil
}

// ownGroup finds the folder of this process's control group: in the tree of a
// controller, or in the one tree of the second version.
func ownGroup(fstype, controller string) (string, bool) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", false
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(mounts)) {
		place, kind, ok := strings.Cut(strings.TrimSpace(line), " - ")
		at, of := strings.Fields(place), strings.Fields(kind)
		if !ok || len(at) < 5 || len(of) < 3 || of[0] != fstype || !listed(controller, of[2]) {
			continue
		}
		for line := range strings.Lines(string(groups)) {
			parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(parts) == 3 && listed(controller, parts[1]) && (controller != "" || parts[1] == "") {
				below, ok := strings.CutPrefix(parts[2], strings.TrimSuffix(at[3], "/"))
				return path.Join(at[4], below), ok
			}
		}
	}
	return "", false
}

// listed reports whether a word, if one is asked for, is in a list with commas.
func listed(word, list string) bool {
	return word == "" || strings.Contains(","+list+",", ","+word+",")
}

func put(dir, file, text string) error {
	f, err := os.OpenFile(path.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func (b *box) make(file, limit string) bool {
	if os.Mkdir(b.dir, 0o755) != nil {
		return false
	}
	err := put(b.dir, file, limit)
	if err == nil && b.second {
		b.handle, err = os.Open(b.dir)
	}
	if err != nil {
		b.remove()
	}
	return err == nil
}

func (b *box) made() bool { return b != nil }

// enter has the program that this thread is about to start begin in the box.
func (b *box) enter(attr *syscall.SysProcAttr) {
	switch {
	case b == nil:
	case b.second:
		attr.UseCgroupFD, attr.CgroupFD = true, int(b.handle.Fd())
	default:
		_ = put(b.dir, "tasks", strconv.Itoa(syscall.Gettid()))
	}
}

// exhausted reports whether the system has ended a process for want of memory
// in the box.
func (b *box) exhausted() bool {
	if b == nil {
		return false
	}
	file := "memory.oom_control"
	if b.second {
		file = "memory.events"
	}
	text, err := os.ReadFile(path.Join(b.dir, file))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if count, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return count != "0"
		}
	}
	return false
}

// remove takes the box away, once nobody is left in it.
func (b *box) remove() {
	if b == nil {
		return
	}
	if b.handle != nil {
		b.handle.Close()
	}
	for range 10 { // a process that has ended may be counted for a moment
		if err := os.Remove(b.dir); err == nil || os.IsNotExist(err) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// glance is how often the supervisor looks after the memory.
const glance = 200 * time.Millisecond

// watch calls exceeded when the program has reached its limit. The system may
// have ended one of its processes for that; the others are of no use then.
func (b *box) watch(all *family, limit int64, exceeded func()) {
	for !all.gone() {
		if b.exhausted() || !b.made() && uses(all.members(), limit) {
			exceeded()
			return
		}
		time.Sleep(glance)
	}
}

// uses reports whether processes hold more than that together. What they share
// counts once, but is expensive to tell: first it is counted for each.
func uses(all []member, limit int64) bool {
	var most int64
	for _, m := range all {
		most += m.memory
	}
	if most <= limit {
		return false
	}
	var sum int64
	for _, m := range all {
		sum += proportional(m)
	}
	return sum > limit
}

// proportional is the memory of a process, with its part of what it shares.
func proportional(m member) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(m.pid) + "/smaps_rollup")
	if err != nil {
		return m.memory
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
			if kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64); err == nil {
				return kib << 10
			}
		}
	}
	return m.memory
}

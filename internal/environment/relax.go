package environment

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// relax resolves for a Python that the file does not mean: packages that have
// no build for it are taken in the nearest version above that has one. It
// returns what it changed beside what had been changed before. Why is what the
// question as it was asked came to; it is returned where nothing helps.
func (r *resolver) relax(ctx context.Context, asked attempt, changed []string, why error) (string, []string, error) {
	r.watch.say("not every package has a build for Python " + r.python.String() + " in the version asked for: looking for the nearest")
	wishes := make([]relaxed, len(asked.requirements))
	errs := make([]error, len(asked.requirements))
	var group sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, requirement := range asked.requirements {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			wishes[i], errs[i] = r.alone(ctx, requirement)
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", changed, err
	}
	// Closest to what was asked for first.
	for _, how := range []func() (string, error){
		func() (string, error) { return r.nearest(ctx, wishes, relaxed.own) },
		func() (string, error) { return r.nearest(ctx, wishes, func(w relaxed) string { return w.open }) },
		func() (string, error) { return r.compile(ctx, all(wishes, relaxed.rising)) },
		func() (string, error) { return r.compile(ctx, all(wishes, func(w relaxed) string { return w.bare })) },
	} {
		text, err := how()
		if isToolFailure(err) {
			continue
		}
		if err != nil {
			return "", changed, err
		}
		return text, append(changed, differences(asked.requirements, text, r.python)...), nil
	}
	return "", changed, why
}

// relaxed is a requirement, and what may stand for it.
type relaxed struct {
	asked      string
	open, bare string // any version from the one asked for on; any version
	pinned     bool   // asks for one version, more or less
	had        bool   // can be had as it is, on its own
	build      bool   // has no wheel at all
}

// own is the requirement as it is, where that can be had.
func (w relaxed) own() string {
	if w.had || w.build {
		return w.asked
	}
	return w.open
}

// rising lets versions go up: those that were pinned, and what cannot be had.
func (w relaxed) rising() string {
	if w.pinned {
		return w.open
	}
	return w.own()
}

// all is the question for all of them, each in its own way.
func all(wishes []relaxed, how func(relaxed) string) attempt {
	a := attempt{wheels: true}
	for _, w := range wishes {
		a.requirements = append(a.requirements, how(w))
		a.wheels = a.wheels && !w.build
	}
	return a
}

// nearest resolves the pinned requirements to the lowest versions that go
// together, and then everything with these.
func (r *resolver) nearest(ctx context.Context, wishes []relaxed, how func(relaxed) string) (string, error) {
	pins := slices.DeleteFunc(slices.Clone(wishes), func(w relaxed) bool { return !w.pinned })
	if len(pins) == 0 {
		return r.compile(ctx, all(wishes, relaxed.own))
	}
	lowest := all(pins, how)
	lowest.lowest = true
	text, err := r.compile(ctx, lowest)
	if err != nil {
		return "", err
	}
	got := versions(text)
	return r.compile(ctx, all(wishes, func(w relaxed) string {
		parts := requirementText.FindStringSubmatch(w.asked)
		if version := got[requirementName(w.asked)]; w.pinned && version != "" {
			return parts[1] + parts[2] + "==" + version + parts[4]
		}
		return w.own()
	}))
}

var (
	requirementText = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;@]*?)\s*(;.*)?$`)
	bound           = regexp.MustCompile(`(===|==|~=|>=|<=|<|>)\s*([^,\s]+)`)
	// noBuild is what uv says of versions that there are, but not for this Python.
	noBuild = regexp.MustCompile(`wheels?\b|current Python version|Failed to build`)
)

// alone finds out whether a requirement can be had as it is, without the others.
func (r *resolver) alone(ctx context.Context, requirement string) (relaxed, error) {
	parts := requirementText.FindStringSubmatch(requirement)
	if parts == nil {
		return relaxed{asked: requirement, open: requirement, bare: requirement, had: true, build: true}, nil // an address
	}
	w := relaxed{asked: requirement, bare: parts[1] + parts[2] + parts[4]}
	w.open = w.bare
	low := ""
	for _, b := range bound.FindAllStringSubmatch(parts[3], -1) {
		w.pinned = w.pinned || strings.Contains(b[1], "==") || b[1] == "~="
		if low == "" || b[1] != "<" && b[1] != "<=" {
			low = strings.TrimSuffix(strings.TrimSuffix(b[2], "*"), ".")
		}
	}
	if low != "" {
		w.open = parts[1] + parts[2] + ">=" + low + parts[4]
	}
	_, err := r.compile(ctx, attempt{requirements: []string{requirement}, wheels: true, alone: true})
	if w.had = err == nil; w.had || !isToolFailure(err) || !noBuild.MatchString(err.Error()) {
		return w, err // it can be had, or by no Python
	}
	_, err = r.compile(ctx, attempt{requirements: []string{w.bare}, wheels: true, alone: true})
	if w.build = isToolFailure(err); w.build {
		err = nil
	}
	return w, err
}

// isToolFailure reports whether uv refused, rather than could not try.
func isToolFailure(err error) bool {
	failure, ok := errors.AsType[*toolFailure](err)
	return ok && !outside.MatchString(failure.text)
}

// differences says which of the versions asked for became others.
func differences(asked []string, text string, python interpreter) []string {
	got := versions(text)
	var changed []string
	for _, requirement := range asked {
		parts := requirementText.FindStringSubmatch(requirement)
		if parts == nil || parts[3] == "" {
			continue
		}
		version := got[normal(parts[1])]
		if version != "" && !satisfies(version, parts[3]) {
			changed = append(changed, fmt.Sprintf("%s%s has no build for Python %d.%d, or none that goes with the others; %s is taken",
				parts[1], strings.ReplaceAll(parts[3], " ", ""), python.version[0], python.version[1], version))
		}
	}
	return changed
}

// versions are those of the packages of a lock, by their names.
func versions(text string) map[string]string {
	got := make(map[string]string)
	for _, p := range pinned.FindAllString(text, -1) {
		name, version, _ := strings.Cut(p, "==")
		got[normal(name)] = version
	}
	return got
}

// satisfies compares a version with what was asked for, as far as numbers go.
func satisfies(version, asked string) bool {
	v := numbers(version)
	for _, b := range bound.FindAllStringSubmatch(asked, -1) {
		limit, starred := strings.CutSuffix(b[2], "*")
		l := numbers(limit)
		whole := compareNumbers(v, l)
		ok := true
		switch b[1] {
		case "==", "===":
			if starred {
				ok = len(v) >= len(l) && slices.Equal(v[:len(l)], l)
			} else {
				ok = whole == 0
			}
		case "~=":
			ok = whole >= 0 && len(v) >= len(l)-1 && slices.Equal(v[:len(l)-1], l[:len(l)-1])
		case ">=":
			ok = whole >= 0
		case "<=":
			ok = whole <= 0
		case ">":
			ok = whole > 0
		case "<":
			ok = whole < 0
		}
		if !ok {
			return false
		}
	}
	return true
}

var number = regexp.MustCompile(`\d+`)

func numbers(version string) []int {
	var all []int
	for _, n := range number.FindAllString(version, 12) {
		v, ok := parseVersion(n)
		if !ok {
			break
		}
		all = append(all, v[0])
	}
	return all
}

// compareNumbers compares versions of which one may be shorter: 1.2 is 1.2.0.
func compareNumbers(a, b []int) int {
	for i := range max(len(a), len(b)) {
		x, y := 0, 0
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return x - y
		}
	}
	return 0
}

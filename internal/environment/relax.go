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
// no build for it are taken in the nearest version that has one. It returns what
// it changed beside what had been changed before. Why is what the question as it
// was asked came to; it is returned where nothing helps.
func (r *resolver) relax(ctx context.Context, asked attempt, changed []string, why error) (string, []string, error) {
	r.watch.say("not every package has a build for Python " + r.python.String() + " in the version asked for: looking for the nearest")
	found := make([]nearest, len(asked.requirements))
	errs := make([]error, len(asked.requirements))
	var group sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, requirement := range asked.requirements {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i], errs[i] = r.nearest(ctx, requirement)
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", changed, err
	}
	// Closest to what was asked for first.
	for _, how := range []func(nearest) string{
		func(n nearest) string { return n.exact },
		func(n nearest) string { return n.atLeast },
		func(n nearest) string { return n.open },
		func(n nearest) string { return n.bare },
	} {
		try := attempt{wheels: !slices.ContainsFunc(found, func(n nearest) bool { return n.build })}
		for _, n := range found {
			try.requirements = append(try.requirements, how(n))
		}
		text, err := r.compile(ctx, try)
		if _, refused := errors.AsType[*toolFailure](err); refused {
			continue
		}
		if err != nil {
			return "", changed, err
		}
		return text, append(changed, differences(asked.requirements, text, r.python)...), nil
	}
	return "", changed, why
}

// nearest is a requirement, and what may stand for it: each gives way further.
type nearest struct {
	exact, atLeast, open, bare string
	build                      bool // has no wheel at all
}

var (
	requirementText = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;@]*?)\s*(;.*)?$`)
	bound           = regexp.MustCompile(`(===|==|~=|>=|<=|<|>)\s*([^,\s]+)`)
)

// noBuild is what uv says of versions that there are, but not for this Python.
var noBuild = regexp.MustCompile(`wheels?\b|current Python version|Failed to build`)

// nearest finds out whether a requirement can be had as it is, on its own, and
// else what is nearest to it.
func (r *resolver) nearest(ctx context.Context, requirement string) (nearest, error) {
	parts := requirementText.FindStringSubmatch(requirement)
	if parts == nil {
		return nearest{requirement, requirement, requirement, requirement, true}, nil // an address: as it is
	}
	name, marker := parts[1]+parts[2], parts[4]
	n := nearest{exact: requirement, atLeast: requirement, open: requirement, bare: name + marker}
	low := ""
	for _, b := range bound.FindAllStringSubmatch(parts[3], -1) {
		if low == "" || b[1] != "<" && b[1] != "<=" {
			low = strings.TrimSuffix(strings.TrimSuffix(b[2], "*"), ".")
		}
	}
	if low != "" {
		n.open = name + ">=" + low + marker
	}
	alone := attempt{requirements: []string{requirement}, wheels: true, alone: true}
	_, err := r.compile(ctx, alone)
	if !isToolFailure(err) || !noBuild.MatchString(err.Error()) {
		return n, err // it can be had, or by no Python
	}
	if low != "" {
		alone.requirements, alone.lowest = []string{n.open}, true
		text, err := r.compile(ctx, alone)
		if err != nil && !isToolFailure(err) {
			return n, err
		}
		if p := pinned.FindString(text); p != "" {
			_, version, _ := strings.Cut(p, "==")
			n.exact, n.atLeast = name+"=="+version+marker, name+">="+version+marker
			return n, nil
		}
	}
	n.build = true
	return n, nil
}

// isToolFailure reports whether uv refused, rather than could not try.
func isToolFailure(err error) bool {
	failure, ok := errors.AsType[*toolFailure](err)
	return ok && !outside.MatchString(failure.text)
}

// differences says which of the versions asked for became others.
func differences(asked []string, text string, python interpreter) []string {
	got := make(map[string]string)
	for _, p := range pinned.FindAllString(text, -1) {
		name, version, _ := strings.Cut(p, "==")
		got[normal(name)] = version
	}
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

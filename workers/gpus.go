package workers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ChooseGPUs reads which GPUs a worker lends: "auto" for those of the machine
// where steps on its queues get any, "all", "none", or a list of indices or
// UUIDs, of which every one must be there. "fake:4" pretends to four, for tests.
func ChooseGPUs(ctx context.Context, which string, wanted bool) ([]string, error) {
	switch which {
	case "none":
		return nil, nil
	case "", "auto":
		if !wanted {
			return nil, nil
		}
		return FindGPUs(ctx), nil
	case "all":
		found := FindGPUs(ctx)
		if len(found) == 0 {
			return nil, errNoGPU
		}
		return found, nil
	}
	if number, ok := strings.CutPrefix(which, "fake:"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > maxFakes {
			return nil, fmt.Errorf("%q is not fake:NUMBER", which)
		}
		var fakes []string
		for i := range n {
			fakes = append(fakes, strconv.Itoa(i))
		}
		return fakes, nil
	}
	list := devices(which)
	for i, name := range list {
		if !deviceName.MatchString(name) {
			return nil, fmt.Errorf("%q names no GPU: use auto, all, none, or indices or UUIDs with commas between them, as in 0,1", name)
		}
		if slices.Contains(list[:i], name) {
			return nil, fmt.Errorf("GPU %s is named twice", name)
		}
	}
	// By index those that are not there can be told; a UUID may be that of a
	// GPU which is listed by its index.
	found := FindGPUs(ctx)
	if len(found) == 0 {
		return nil, errNoGPU
	}
	for _, name := range list {
		if _, err := strconv.Atoi(name); err == nil && !slices.Contains(found, name) {
			return nil, fmt.Errorf("there is no GPU %s: this machine has %s", name, strings.Join(found, ", "))
		}
	}
	return list, nil
}

// errNoGPU says why GPUs that somebody insists on cannot be lent.
var errNoGPU = errors.New("no GPU was found: nvidia-smi lists none, or is not on the PATH; use auto to go on without, or name those that it does not know in CUDA_VISIBLE_DEVICES")

// maxFakes is more than any machine has.
const maxFakes = 64

// deviceName is an index, or the UUID of a GPU or of a part of one.
var deviceName = regexp.MustCompile(`^([0-9]{1,3}|(GPU|MIG)-[0-9A-Za-z/-]+)$`)

// FindGPUs returns the NVIDIA GPUs of this machine as CUDA_VISIBLE_DEVICES
// names them; none where nvidia-smi is missing or finds none. Where that
// variable is set already, the GPUs it names are all there are.
//
// The driver's own library would tell more, but loading it takes cgo, and
// Millrace is one static binary that runs where no driver is; nvidia-smi comes
// with every driver.
func FindGPUs(ctx context.Context) []string {
	if given, ok := os.LookupEnv("CUDA_VISIBLE_DEVICES"); ok {
		return devices(given)
	}
	path, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-L").Output()
	if err != nil {
		return nil
	}
	return listed(string(out))
}

var (
	gpuLine = regexp.MustCompile(`^GPU ([0-9]+):`)
	migLine = regexp.MustCompile(`^\s+MIG .*\(UUID: (MIG-[^)]+)\)`)
)

// listed reads what nvidia-smi -L prints: a line for each GPU and, below one
// that is cut into parts, a line for each part. Programs can use the parts only,
// by their UUIDs.
func listed(text string) []string {
	var found []string
	whole := false // the last line was that of a GPU
	for line := range strings.Lines(text) {
		if m := gpuLine.FindStringSubmatch(line); m != nil {
			found, whole = append(found, m[1]), true
		} else if m := migLine.FindStringSubmatch(line); m != nil {
			if whole {
				found, whole = found[:len(found)-1], false
			}
			found = append(found, m[1])
		}
	}
	return found
}

// devices reads the list in CUDA_VISIBLE_DEVICES; -1 ends it, as CUDA has it.
func devices(list string) []string {
	var found []string
	for d := range strings.SplitSeq(list, ",") {
		if d = strings.TrimSpace(d); d == "-1" || d == "" {
			break
		}
		found = append(found, d)
	}
	return found
}

package workers

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/cache"
)

// inventory prints the interpreter's version, and the packages it can import by
// the names of their metadata folders: much faster than asking pip.
const inventory = `import os, sys
print("python %d.%d.%d" % sys.version_info[:3])
found = set()
for folder in sys.path:
    try:
        found.update(n[:-10] for n in os.listdir(folder) if n.endswith(".dist-info"))
    except OSError:
        pass
print(" ".join(sorted(found)))
`

// host describes what of this machine can change a step's result: until
// environments are built, steps run with the machine's own interpreter, so the
// interpreter and its packages are part of the cache key. It asks at once, in
// the background; the answer is awaited by whoever needs it first.
func host(ctx context.Context, folder string) func() []cache.Ingredient {
	ask := sync.OnceValue(func() []cache.Ingredient {
		platform := cache.Ingredient{Label: "host platform", Text: runtime.GOOS + "/" + runtime.GOARCH}
		python := interpreter(folder)
		if python == "" {
			return []cache.Ingredient{platform, {Label: "host python", Text: "none"}}
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, python, "-c", inventory).Output()
		version, packages, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if err != nil {
			version = python + " (does not start)"
		}
		return []cache.Ingredient{
			platform,
			{Label: "host python", Text: version},
			{Label: "host packages", Text: packages},
		}
	})
	go ask()
	return ask
}

// interpreter is the Python that steps find first, or "".
func interpreter(folder string) string {
	names := []string{"python3", "python"}
	if folder != "" {
		names = append([]string{filepath.Join(folder, "python3"), filepath.Join(folder, "python")}, names...)
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pythonFolder finds the folder that is to come first on the PATH of steps. It
// takes the folder with the interpreter, a virtual environment, or the
// interpreter itself; "" stays "".
func pythonFolder(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	path, err := filepath.Abs(given)
	if err != nil {
		return "", wrongUsage("", "python %q: %w", given, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", wrongUsage("", "python %q: there is no such folder", given)
	}
	if !info.IsDir() {
		path = filepath.Dir(path)
	}
	for _, dir := range []string{path, filepath.Join(path, "bin")} {
		for _, name := range []string{"python3", "python"} {
			if _, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return dir, nil
			}
		}
	}
	return "", wrongUsage("", "python %q: there is no python3 in it", given)
}

// describePython names the interpreter that steps find: "/usr/bin/python3
// (3.11.7)", or "" where there is none.
func describePython(ctx context.Context, folder string) string {
	var path string
	for _, name := range []string{"python3", "python"} {
		if found, err := exec.LookPath(filepath.Join(folder, name)); folder != "" && err == nil {
			path = found
			break
		}
	}
	if path == "" {
		for _, name := range []string{"python3", "python"} {
			if found, err := exec.LookPath(name); err == nil {
				path = found
				break
			}
		}
	}
	if path == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	version := strings.TrimSpace(strings.TrimPrefix(string(out), "Python "))
	if err != nil || version == "" || strings.ContainsAny(version, "\n") {
		return path
	}
	return path + " (" + version + ")"
}

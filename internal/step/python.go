package step

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defaultPath is the PATH of a worker that has none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// shims is the folder for names that are missing on this system.
const shims = ".shims"

// path puts the chosen Python first, and makes up for names that are missing:
// files say `python` and `pip`, and some systems have only python3.
func (r *Runner) path(inherited string) (string, error) {
	if inherited == "" {
		inherited = defaultPath
	}
	folders := filepath.SplitList(inherited)
	at := len(folders) // names from here on are what is not found before
	if r.Python != "" {
		python, err := filepath.Abs(r.Python)
		if err != nil {
			return "", err
		}
		if bin := filepath.Join(python, "bin"); find("python3", bin) != "" || find("python", bin) != "" {
			python = bin
		}
		folders = slices.Insert(folders, 0, python)
		if find("python3", python) != "" {
			at = 1
		}
	}
	for _, shim := range []struct{ name, script string }{
		{"python", "#!/bin/sh\nexec python3 \"$@\"\n"},
		{"pip", "#!/bin/sh\nexec python3 -m pip \"$@\"\n"},
	} {
		if find(shim.name, folders[:at]...) != "" || find("python3", folders[:at]...) == "" {
			continue
		}
		folder := filepath.Join(r.Work, shims, shim.name)
		if err := writeShim(folder, shim.name, shim.script); err != nil {
			return "", fmt.Errorf("make a %s command: %w", shim.name, err)
		}
		folders = slices.Insert(folders, at, folder)
		at++
	}
	return strings.Join(folders, string(filepath.ListSeparator)), nil
}

// find returns the path of a program, or "".
func find(name string, folders ...string) string {
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// writeShim writes a script unless it is there, whole, for all to run.
func writeShim(folder, name, script string) error {
	path := filepath.Join(folder, name)
	if text, err := os.ReadFile(path); err == nil && string(text) == script {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(folder, ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // of no effect once it has its name
	if _, err := temp.WriteString(script); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Chmod(0o755); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

package main

import (
	"path/filepath"
	"strings"
)

// azArguments returns the arguments without the program's name. Called through
// a link named az, Millrace takes `az ml ...` lines as they are.
func azArguments(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	if filepath.Base(args[0]) == "az" && len(args) > 1 && args[1] == "ml" {
		return args[2:]
	}
	return args[1:]
}

// programName is how the person called the program, for commands to be pasted.
func programName(args []string) string {
	if len(args) == 0 || args[0] == "" {
		return "millrace"
	}
	name := shellQuote(args[0])
	if filepath.Base(args[0]) == "az" {
		name += " ml"
	}
	return name
}

// expandSet gives each pair its own flag: az takes several pairs after one
// `--set a=1 b=2`, as no other flag does.
func expandSet(args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		out = append(out, args[i])
		if args[i] == "--" {
			return append(out, args[i+1:]...)
		}
		if args[i] != "--set" || i+1 == len(args) {
			continue
		}
		i++
		out = append(out, args[i])
		for i+1 < len(args) && isPair(args[i+1]) {
			i++
			out = append(out, "--set", args[i])
		}
	}
	return out
}

func isPair(arg string) bool {
	return !strings.HasPrefix(arg, "-") && strings.Contains(arg, "=")
}

// shellQuote writes a word so that a shell reads it back.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

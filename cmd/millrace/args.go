package main

import (
	"path/filepath"
	"strings"
)

// calledAz reports whether the program was called through a link named az.
func calledAz(args []string) bool { return len(args) > 0 && filepath.Base(args[0]) == "az" }

// programName is how the person called the program, for commands to be pasted.
func programName(args []string) string {
	if len(args) == 0 || args[0] == "" {
		return "millrace"
	}
	name := shellQuote(args[0])
	if calledAz(args) {
		name += " ml"
	}
	return name
}

// many are the flags after which az takes several words. Only pairs may follow
// where the word after them could also be an argument of the command.
var many = map[string]struct{ pairs, oneChange bool }{
	"--set":      {pairs: true},
	"--tags":     {pairs: true},
	"--defaults": {pairs: true},
	"--add":      {oneChange: true},
	"--remove":   {oneChange: true},
}

// goesOn begins a word that belongs to the same flag as the one before it. No
// word of a command line begins like that.
const goesOn = "\x00"

// expandMany gives each word after a flag that takes several a flag of its own,
// as our flags want it: `--set a=1 b=2` becomes `--set a=1 --set b=2`.
func expandMany(args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		out = append(out, args[i])
		if args[i] == "--" {
			return append(out, args[i+1:]...)
		}
		rule, ok := many[args[i]]
		if !ok || i+1 == len(args) {
			continue
		}
		flag := args[i]
		i++
		out = append(out, args[i])
		for i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") && (!rule.pairs || strings.Contains(args[i+1], "=")) {
			i++
			word := args[i]
			if rule.oneChange {
				word = goesOn + word
			}
			out = append(out, flag, word)
		}
	}
	return out
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

package azureml

import (
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// runnerOptions are the options that stand among the arguments of an entry
// script and are meant for whoever runs it. Those with a value here are heeded,
// the others bound or report what Azure's own runner does.
var runnerOptions = map[string]func(*batches) **text{
	"error_threshold":             func(b *batches) **text { return &b.failedItems },
	"allowed_failed_percent":      func(b *batches) **text { return &b.failedPercent },
	"task_overhead_timeout":       nil,
	"progress_update_timeout":     nil,
	"first_task_creation_timeout": nil,
	"copy_logs_to_parent":         nil,
	"metrics_name_prefix":         nil,
	"push_metrics_to_parent":      nil,
	"resource_monitor_interval":   nil,
}

// runnerOption finds the option that a word means. It may be cut short behind
// its first underscore: shorter ones are the script's own.
func runnerOption(word string) (name string, ok bool) {
	word, dashes := strings.CutPrefix(word, "--")
	word, _, _ = strings.Cut(word, "=")
	if !dashes || word == "" {
		return "", false
	}
	if _, whole := runnerOptions[word]; whole {
		return word, true
	}
	if !strings.Contains(word, "_") {
		return "", false
	}
	for option := range runnerOptions {
		if strings.HasPrefix(option, word) {
			if ok {
				return "", false
			}
			name, ok = option, true
		}
	}
	return name, ok
}

// programArguments reads the arguments of the entry script.
func (l *loader) programArguments(c *component, task *yaml.Node) {
	n := l.scalar(task.Get("program_arguments"), "program_arguments")
	if n == nil {
		return
	}
	rest := l.takeOptions(n, c.batches)
	r := &commandReader{loader: l, component: c, text: &text{node: n}, seen: map[string]int{}, bare: map[string]bool{}, grouped: map[string]bool{}}
	c.batches.arguments = r.read(rest)
	for name := range r.grouped {
		c.program.guarded[name] = !r.bare[name]
	}
}

// takeOptions takes the runner's options out of the arguments. What a key of
// the node says too, the key says.
func (l *loader) takeOptions(n *yaml.Node, b *batches) (rest string) {
	var kept strings.Builder
	words := wordsIn(n.Source)
	for i := 0; i < len(words); i++ {
		w := words[i]
		name, ok := runnerOption(w.text)
		if !ok {
			kept.WriteString(w.space + w.text)
			continue
		}
		_, value, given := strings.Cut(w.text, "=")
		if !given && i+1 < len(words) && !strings.HasPrefix(words[i+1].text, "--") {
			i++
			value, given = words[i].text, true
		}
		value = strings.Trim(value, `"'`)
		switch field := runnerOptions[name]; {
		case !given:
			l.problems.errorf(n.PosOf(w.text, 0), `write "--`+name+` 5"`, "the option %s has no value", quote("--"+name))
		case strings.Contains(value, "${{"):
			l.problems.errorf(n.PosOf(w.text, 0), "write the number itself", "the option %s is for the runner, which takes no expressions", quote("--"+name))
		case field == nil:
		case *field(b) != nil:
			l.problems.warnf(n.PosOf(w.text, 0), "", "the option %s says again what the key %s says; the key is heeded", quote("--"+name), name)
		default:
			*field(b) = newText(yaml.NewText(n.PosOf(w.text, 0), value))
		}
	}
	return kept.String()
}

// word is a piece of the arguments, with the space before it.
type word struct{ space, text string }

// wordsIn cuts arguments at spaces that stand neither in quotes nor in an
// expression. Joined again they are the same text, but for what follows the last
// one.
func wordsIn(source string) []word {
	var words []word
	var w word
	var inside string // what ends a stretch in which spaces do not count
	for i := 0; i < len(source); i++ {
		c := source[i : i+1]
		switch {
		case inside != "":
			w.text += c
			if strings.HasSuffix(w.text, inside) {
				inside = ""
			}
			continue
		case slices.Contains([]string{" ", "\t", "\n", "\r"}, c):
			if w.text != "" {
				words = append(words, w)
				w = word{}
			}
			w.space += c
			continue
		case strings.HasPrefix(source[i:], "${{"):
			inside = "}}"
		case c == `"` || c == "'":
			inside = c
		}
		w.text += c
	}
	if w.text != "" {
		words = append(words, w)
	}
	return words
}

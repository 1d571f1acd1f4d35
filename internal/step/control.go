package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/docker/go-units"

	"github.com/millrace-ml/millrace/pipeline"
)

// MaxValue bounds what a control output may hold, in bytes: values travel with
// the job's own bookkeeping.
const MaxValue = 256 << 10

// namedOutput is the file that a program writes which has taken the place of an
// output's file for a folder, as components made with mldesigner do.
const namedOutput = "output"

// Values reads what the control outputs of a step hold that has made outputs.
func (r *Runner) Values(ctx context.Context, s *pipeline.Step, outputs map[string]pipeline.Artifact) (map[string]string, error) {
	var values map[string]string
	for _, out := range s.Outputs {
		kept, ok := outputs[out.Name]
		if !out.Type.IsLiteral() || !ok {
			continue
		}
		if kept.Size > MaxValue {
			return nil, mistake(fmt.Sprintf("output %q holds %s, and a value may have %s", out.Name, units.BytesSize(float64(kept.Size)), units.BytesSize(MaxValue)),
				"write what is larger to an output of the type uri_file")
		}
		text, err := r.Store.ReadAll(ctx, kept.Digest, MaxValue)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", out.Name, err)
		}
		value, problem := Value(out.Type, text)
		if problem != "" {
			return nil, mistake(fmt.Sprintf("output %q is declared as %s, and the program wrote %s", out.Name, out.Type, shown(text)), problem)
		}
		if values == nil {
			values = make(map[string]string)
		}
		values[out.Name] = value
	}
	return values, nil
}

// values is [Runner.Values] for an attempt whose program has just ended well.
func (r *Runner) values(ctx context.Context, a Attempt, at *claim, outputs map[string]pipeline.Artifact) (map[string]string, error) {
	if a.Gang != nil {
		return nil, nil // one of the instances has written it: see Gather
	}
	values, err := r.Values(ctx, a.Step, outputs)
	if failure, ok := errors.AsType[*pipeline.Failure](err); ok {
		failure.ExitCode = new(int)
		failure.LogTail = tail(filepath.Join(at.path, filepath.FromSlash(Log)))
	}
	return values, err
}

// Value reads the text of a control output: the value as Python prints it, or as
// JSON. What it returns is the text that a later step's command sees. The problem
// says what would have been right, and is "" where the text is.
func Value(kind pipeline.PortType, text []byte) (value, problem string) {
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return "", "write the value as text"
	}
	if kind == pipeline.String {
		value = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		return unquoted(value), ""
	}
	value = strings.TrimSpace(unquoted(strings.TrimSpace(string(text))))
	switch kind {
	case pipeline.Boolean:
		switch {
		case strings.EqualFold(value, "true"):
			return "True", ""
		case strings.EqualFold(value, "false"):
			return "False", ""
		}
		return "", "write True or False"
	case pipeline.Integer:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return strconv.FormatInt(n, 10), ""
		}
		if f, err := strconv.ParseFloat(value, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.FormatInt(int64(f), 10), ""
		}
		return "", "write a whole number, such as 3"
	case pipeline.Number:
		if _, err := strconv.ParseFloat(value, 64); err != nil || strings.ContainsAny(value, "xXpP_") {
			return "", "write a number, such as 0.5"
		}
	}
	return value, ""
}

// unquoted is the text of a JSON string, and any other text as it is.
func unquoted(text string) string {
	var inner string
	if strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &inner) == nil {
		return inner
	}
	return text
}

// shown is a text for a message: short, on one line.
func shown(text []byte) string {
	const most = 60
	line := strings.TrimSpace(strings.ToValidUTF8(string(text[:min(len(text), 4*most)]), "?"))
	if line == "" {
		return "nothing"
	}
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most]) + "..."
	}
	return strconv.Quote(line)
}

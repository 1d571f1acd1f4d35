package tracking

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// lines are what the program has written to $MILLRACE_METRICS.
type lines struct {
	path   string
	offset int64 // up to which it has been read
	count  int   // of lines
}

// maxLine bounds a line of metrics.
const maxLine = 1 << 20

// readLines takes in what has been added to the file. The last line is still
// being written where it does not end, unless this is the end.
func (s *session) readLines(last bool) {
	found, err := os.Lstat(s.lines.path)
	if err != nil || !found.Mode().IsRegular() || found.Size() == s.lines.offset {
		return
	}
	if found.Size() < s.lines.offset {
		s.lines.offset = 0 // it was begun anew
	}
	if err := s.readFrom(last); err != nil {
		s.note("lines", fmt.Sprintf("$MILLRACE_METRICS cannot be read: %v", err))
	}
}

func (s *session) readFrom(last bool) error {
	root, err := s.root()
	if err != nil {
		return err
	}
	file, err := root.OpenFile(linesFile, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(s.lines.offset, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReaderSize(file, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			// No metric is that long.
		case errors.Is(err, io.EOF) && (len(line) == 0 || !last):
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		s.lines.offset += int64(len(line))
		s.lines.count++
		s.takeLine(line)
	}
}

// takeLine takes in one line. What is wrong with it is told of the first only.
func (s *session) takeLine(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	points, err := parseLine(line, time.Now())
	if err != nil {
		s.note("bad line", fmt.Sprintf("line %d of $MILLRACE_METRICS is passed over, as others like it: %v: %.100s", s.lines.count, err, line))
		return
	}
	own := s.state.runs[s.state.own]
	for _, p := range points {
		if checkKey("Metric", p.Key) != nil {
			s.note("bad key", fmt.Sprintf("line %d of $MILLRACE_METRICS: %.100q cannot be the name of a metric", s.lines.count, p.Key))
			continue
		}
		s.state.measure(own, p)
	}
}

// parseLine reads one of the two forms of a line:
//
//	{"key": "loss", "value": 0.1, "step": 3}
//	{"loss": 0.1, "accuracy": 0.9, "step": 3}
//
// The step may be missing, and "time" may be there, in seconds since 1970 or as
// RFC 3339 has it.
func parseLine(line []byte, now time.Time) ([]point, error) {
	var all map[string]json.RawMessage
	if err := decode(line, &all); err != nil || all == nil {
		return nil, errors.New("not an object of JSON")
	}
	var step integer
	if raw, ok := all["step"]; ok {
		if err := step.UnmarshalJSON(raw); err != nil {
			return nil, fmt.Errorf("step: %w", err)
		}
		delete(all, "step")
	}
	at := millis(now)
	if raw, ok := all["time"]; ok {
		t, err := parseTime(raw)
		if err != nil {
			return nil, err
		}
		at = t
		delete(all, "time")
	}
	if raw, ok := all["key"]; ok {
		value, there := all["value"]
		var key string
		if !there || json.Unmarshal(raw, &key) != nil {
			return nil, errors.New("there is no key and value")
		}
		all = map[string]json.RawMessage{key: value}
	}
	points := make([]point, 0, len(all))
	for key, raw := range all {
		var value number
		if err := value.UnmarshalJSON(raw); err != nil {
			return nil, fmt.Errorf("%.40q has no number", key)
		}
		points = append(points, point{Key: key, Value: &value, Timestamp: integer(at), Step: step})
	}
	if len(points) == 0 {
		return nil, errors.New("there is no metric in it")
	}
	slices.SortFunc(points, func(a, b point) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	return points, nil
}

func parseTime(raw json.RawMessage) (int64, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0, errors.New("time is none of RFC 3339")
		}
		return millis(t), nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds >= 0 && seconds < 1e11) {
		return 0, errors.New("time is no number of seconds since 1970")
	}
	return int64(seconds * 1000), nil
}

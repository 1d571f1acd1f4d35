package tracking

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Where things stand in the attempt's folder.
const (
	folder      = "tracking"
	journalFile = folder + "/journal.jsonl"
	linesFile   = "metrics.jsonl"
)

// journal is the file in which a session's events are kept, a line each.
type journal struct {
	root *os.Root // the attempt's folder
	file *os.File // nil until there is something to keep
	size int64    // of the file, all of it whole lines
}

// read calls what is to be done with each event that an earlier worker has kept.
// The last line may be half of one: its worker died over it, and nobody was told
// that it is kept. It is cut off.
func (j *journal) read(do func(event)) error {
	file, err := j.root.OpenFile(journalFile, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	for whole := int64(0); ; {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			j.size = whole
			if len(line) > 0 {
				return file.Truncate(whole)
			}
			return nil
		}
		if err != nil {
			return err
		}
		whole += int64(len(line))
		var e event
		if json.Unmarshal(line, &e) == nil {
			do(e)
		}
	}
}

// write keeps events. They are the system's when it returns: the end of the
// worker does not take them back.
func (j *journal) write(events ...event) error {
	if j.file == nil {
		if err := j.root.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("keep what was reported: %w", err)
		}
		file, err := j.root.OpenFile(journalFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("keep what was reported: %w", err)
		}
		j.file = file
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, e := range events {
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("keep what was reported: %w", err)
		}
	}
	n, err := j.file.Write(lines.Bytes())
	if err != nil {
		_ = j.file.Truncate(j.size) // half a line would spoil the next
		return fmt.Errorf("keep what was reported: %w", err)
	}
	j.size += int64(n)
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

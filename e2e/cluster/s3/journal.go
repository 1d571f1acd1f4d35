package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// journal is a backend that answers from memory, and notes every change in a
// file before anybody can see it. What a killed process had acknowledged is in
// the file; a change that it was about to note is not there for anyone.
type journal struct {
	*s3mem.Backend
	mu   sync.Mutex
	file *os.File
}

// change is a line of the file. It bears the time, for who reads the file
// afterwards.
type change struct {
	At       time.Time         `json:"at"`
	Key      string            `json:"key"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Contents []byte            `json:"contents,omitempty"`
	Deleted  bool              `json:"deleted,omitempty"`
}

// openJournal makes the changes that the file tells of.
func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{Backend: s3mem.New(), file: file}
	if err := j.CreateBucket(bucket); err != nil {
		return nil, err
	}
	var end int64
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what is left was never acknowledged
		}
		if err != nil {
			return nil, err
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("byte %d: %w", end, err)
		}
		if err := j.apply(c); err != nil {
			return nil, fmt.Errorf("byte %d: %w", end, err)
		}
		end += int64(len(line))
	}
	if err := file.Truncate(end); err != nil {
		return nil, err
	}
	_, err = file.Seek(end, io.SeekStart)
	return j, err
}

func (j *journal) apply(c change) error {
	if c.Deleted {
		_, err := j.Backend.DeleteObject(bucket, c.Key)
		return err
	}
	if c.Metadata == nil {
		c.Metadata = map[string]string{} // the backend adds to it
	}
	_, err := j.Backend.PutObject(bucket, c.Key, c.Metadata, bytes.NewReader(c.Contents), int64(len(c.Contents)), nil)
	return err
}

// note writes a change down, then makes it.
func (j *journal) note(c change) error {
	c.At = time.Now()
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.apply(c)
}

// PutObject writes an object. Conditions are asked and the object is written
// under one lock: of many who create the same object, one does.
func (j *journal) PutObject(
	name, key string, metadata map[string]string, input io.Reader, size int64, conditions *gofakes3.PutConditions,
) (gofakes3.PutObjectResult, error) {
	var none gofakes3.PutObjectResult
	contents, err := gofakes3.ReadAll(input, size)
	if err != nil {
		return none, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if conditions != nil {
		found := &gofakes3.ConditionalObjectInfo{}
		object, err := j.HeadObject(name, key)
		switch {
		case err == nil:
			found.Exists, found.Hash = true, object.Hash
		case !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey):
			return none, err
		}
		if err := gofakes3.CheckPutConditions(conditions, found); err != nil {
			return none, err
		}
	}
	return none, j.note(change{Key: key, Metadata: metadata, Contents: contents})
}

// DeleteObject deletes an object.
func (j *journal) DeleteObject(_, key string) (gofakes3.ObjectDeleteResult, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return gofakes3.ObjectDeleteResult{}, j.note(change{Key: key, Deleted: true})
}

// DeleteMulti deletes objects, one after the other.
func (j *journal) DeleteMulti(name string, keys ...string) (result gofakes3.MultiDeleteResult, err error) {
	for _, key := range keys {
		if _, err := j.DeleteObject(name, key); err != nil {
			return result, err
		}
		result.Deleted = append(result.Deleted, gofakes3.ObjectID{Key: key})
	}
	return result, nil
}

// CopyObject reads an object and writes it under another name.
func (j *journal) CopyObject(
	source, key, target, newKey string, metadata map[string]string,
) (gofakes3.CopyObjectResult, error) {
	return gofakes3.CopyObject(j, source, key, target, newKey, metadata)
}

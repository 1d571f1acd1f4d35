package record

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
)

// A job that another one has started as a part of itself has the records of a job,
// and stands in the list of its parent in the place of that of all jobs.

// childKey sorts the children of a job by their number.
func childKey(parent string, number int, job string) string {
	return fmt.Sprintf("children/%s/%06d/%s", parent, number, job)
}

// SubmitChild writes the first record of a job that is a part of its parent. One
// that was written before stays.
func (r *Records) SubmitChild(ctx context.Context, s Submitted) error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err == nil {
		err = r.store.WriteRecord(ctx, childKey(s.Parent, s.Number, s.Name), nil)
	}
	if err == nil {
		_, err = r.store.CreateRecord(ctx, submittedKey(s.Name), data)
	}
	if err != nil {
		return fmt.Errorf("record job %s: %w", s.Name, err)
	}
	return nil
}

// Children are the names of the jobs that are parts of one, in order.
func (r *Records) Children(ctx context.Context, parent string) ([]string, error) {
	if !name.MatchString(parent) {
		return nil, nil
	}
	keys, err := r.store.ListRecords(ctx, "children/"+parent+"/")
	if err != nil {
		return nil, fmt.Errorf("list the children of job %s: %w", parent, err)
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = path.Base(key)
	}
	return names, nil
}

package activities

import (
	"context"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// Room is what a worker has to lend to steps beside the slot that their task
// was taken for: devices and memory. Its methods may be called from any
// goroutine.
type Room interface {
	// Take waits until what the step needs is free, first come, first served.
	Take(ctx context.Context, need pipeline.Resources) (Share, error)
	// Hold takes what a program that outlived its worker is using still, with
	// a slot, whether or not it seems free.
	Hold(share Share)
	// Free gives back the devices and the memory of what Take or Hold took: the
	// step's programs have ended, and what they have made is being stored.
	Free(share Share)
	// Return gives back all of what Take or Hold took.
	Return(share Share)
}

// Share is what one step has of a worker's room. It survives being stored as
// JSON.
type Share struct {
	// GPUs are the devices, as CUDA_VISIBLE_DEVICES names them; none where
	// the step runs on the CPU.
	GPUs []string `json:"gpus,omitempty"`
	// Memory is in bytes.
	Memory int64 `json:"memory,omitempty"`
	// Ticket is how the room knows its own again; 0 for what it was told to
	// hold.
	Ticket uint64 `json:"-"`
}

// variables are what a step's program is told of its share.
func (s Share) variables() []string {
	if len(s.GPUs) == 0 {
		return nil
	}
	return []string{"CUDA_VISIBLE_DEVICES=" + strings.Join(s.GPUs, ",")}
}

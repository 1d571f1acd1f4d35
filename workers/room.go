package workers

import (
	"context"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// room lends the devices that a queue's slots take turns with. Slots beyond
// the devices, and all of them where there is none, run on the CPU.
type room struct {
	devices chan string
}

func newRoom(gpus []string, slots int) *room {
	r := &room{devices: make(chan string, slots)}
	for i := range slots {
		if i < len(gpus) {
			r.devices <- gpus[i]
		} else {
			r.devices <- ""
		}
	}
	return r
}

func (r *room) Take(ctx context.Context, _ pipeline.Resources) (activities.Share, error) {
	select {
	case device := <-r.devices:
		if device == "" {
			return activities.Share{}, nil
		}
		return activities.Share{GPUs: []string{device}}, nil
	case <-ctx.Done():
		return activities.Share{}, ctx.Err()
	}
}

func (r *room) Hold(activities.Share) {}

func (r *room) Return(share activities.Share) {
	device := ""
	if len(share.GPUs) > 0 {
		device = share.GPUs[0]
	}
	r.devices <- device
}

package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/schedule"
)

// RestoreSchedules hands those schedules to the server again that it was told of
// and does not know: its database was lost. They are as they were last told,
// disabled ones too. It returns their names, also where some could not be handed
// over.
//
// Schedules that were handed to another server are left alone, for they would fire
// twice.
func (s *Service) RestoreSchedules(ctx context.Context) ([]string, error) {
	if s.Temporal == nil {
		return nil, fmt.Errorf("restore schedules: %w", ErrNoServer)
	}
	all, err := schedule.All(ctx, s.Store)
	if err := asset.IgnoreDamaged(err); err != nil {
		return nil, fmt.Errorf("restore schedules: %w", err)
	}
	var restored []string
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := all[name]
		if r.Keeper != s.Keeper {
			continue
		}
		// Creating what is there changes nothing, and is quicker than asking first.
		switch err := s.introduce(ctx, &r); {
		case err == nil:
			restored = append(restored, name)
			if r.Asked != nil { // what it was asked for is lost, too
				r.Asked = nil
				if err := schedule.Put(ctx, s.Store, r); err != nil {
					failed = append(failed, fmt.Errorf("restore schedule %s: %w", name, err))
				}
			}
		case !errors.Is(err, temporal.ErrScheduleAlreadyRunning):
			failed = append(failed, fmt.Errorf("restore schedule %s: %w", name, err))
		}
	}
	return restored, errors.Join(failed...)
}

package runs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/millrace-ml/millrace/pipeline"
)

// keepBodies takes the pinned bodies of a plan's loops into the store, where the
// iterations find them: each is a plan of its own, without a name.
func (s *Service) keepBodies(ctx context.Context, plan *pipeline.Plan) error {
	return plan.Bodies(func(loop *pipeline.Loop) error {
		loop.Body.Experiment = plan.Experiment
		data, err := json.Marshal(loop.Body)
		if err != nil {
			return fmt.Errorf("keep the body of a loop: %w", err)
		}
		stored, err := s.Store.PutBytes(ctx, data)
		if err != nil {
			return fmt.Errorf("keep the body of a loop: %w", err)
		}
		loop.Content = stored.Digest
		return nil
	})
}

package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// models are what the models that programs have registered become.
func (a *Activities) models(ctx context.Context, in RegisterInput) (wanted []asset.Version, err error) {
	for _, made := range in.Models {
		for _, m := range made.Models {
			content, err := a.Store.Select(ctx, made.Artifacts, m.Path)
			if errors.Is(err, artifact.ErrGone) {
				continue // its files could not be kept, which the step's log says
			}
			if err != nil {
				return nil, fmt.Errorf("register model %s of step %s: %w", m.Name, made.Step, err)
			}
			wanted = append(wanted, asset.Version{
				Kind: pipeline.ModelAsset, Name: m.Name, Type: string(m.Type), CreatedBy: asset.Whoami(), Artifact: &content,
				Origin: &asset.Origin{Job: in.Job, Step: made.Step, Output: pipeline.Artifacts},
				Notes:  asset.Notes{Description: m.Description, Tags: m.Tags},
			})
		}
	}
	return wanted, nil
}

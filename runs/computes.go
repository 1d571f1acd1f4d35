package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// Compute is a name for where steps run: it stands for a task queue. What else
// is said of it describes a machine that only Azure has.
type Compute struct {
	Name         string            `json:"name"`
	Type         string            `json:"type"`
	Description  string            `json:"description,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	Location     string            `json:"location,omitempty"`
	Size         string            `json:"size,omitempty"`
	Tier         string            `json:"tier,omitempty"`
	MinInstances int               `json:"min_instances"`
	MaxInstances int               `json:"max_instances"`
	IdleSeconds  int               `json:"idle_time_before_scale_down"`
	ResourceID   string            `json:"resource_id,omitempty"`
	// Queue is the task queue that was asked for; "" leaves the choice to the
	// size and the name.
	Queue string `json:"queue,omitempty"`
	// Stopped is what people have said of it. There is no machine to stop.
	Stopped  bool      `json:"stopped,omitempty"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified,omitzero"`
	// BuiltIn computes exist from the start, and nobody has changed them.
	BuiltIn bool `json:"-"`
}

// computeShelf is where computes are kept.
const computeShelf = "compute"

// clusterType is the type of most computes.
const clusterType = "amlcompute"

// builtInComputes exist from the start: those that every home has, and those
// that the configuration names.
func (s *Service) builtInComputes() map[string]Compute {
	all := make(map[string]Compute)
	for _, names := range []map[string]string{computes, s.Queues} {
		for name := range names {
			all[name] = Compute{Name: name, Type: clusterType, MaxInstances: 1, IdleSeconds: 120, BuiltIn: true}
		}
	}
	delete(all, "")
	here := all["local"]
	here.Type = "local"
	all["local"] = here
	return all
}

// CreateCompute keeps a compute. One that exists is changed, as in Azure.
func (s *Service) CreateCompute(ctx context.Context, c Compute) (Compute, error) {
	if err := pipeline.CheckAssetName("compute", c.Name); err != nil {
		return c, err
	}
	if c.Queue == workflows.PipelinesQueue {
		return c, fmt.Errorf("compute %s: the queue %s is that of the pipelines themselves: choose another", c.Name, c.Queue)
	}
	if c.MinInstances > c.MaxInstances {
		return c, fmt.Errorf("compute %s: min_instances, %d, is more than max_instances, %d", c.Name, c.MinInstances, c.MaxInstances)
	}
	c.Created = time.Now().UTC()
	if before, err := s.ShowCompute(ctx, c.Name); err == nil && !before.BuiltIn {
		c.Created, c.Modified = before.Created, c.Created
	} else if err != nil && !errors.Is(err, asset.ErrNotFound) {
		return c, err
	}
	c.BuiltIn = false
	return c, asset.Put(ctx, asset.New(s.Store), computeShelf, c.Name, c)
}

// UpdateCompute changes a compute that exists.
func (s *Service) UpdateCompute(ctx context.Context, name string, change func(*Compute) error) (Compute, error) {
	c, err := s.ShowCompute(ctx, name)
	if err != nil {
		return c, err
	}
	if err := change(&c); err != nil {
		return c, err
	}
	c.Name = name
	return s.CreateCompute(ctx, c)
}

// ListComputes returns the computes by name. Those whose records are damaged are
// in the error, an [asset.Damaged].
func (s *Service) ListComputes(ctx context.Context) ([]Compute, error) {
	all, err := asset.All[Compute](ctx, asset.New(s.Store), computeShelf)
	if asset.IgnoreDamaged(err) != nil {
		return nil, err
	}
	list := s.builtInComputes()
	maps.Copy(list, all)
	return inOrder(list), err
}

// ShowCompute returns one compute, or an [asset.NotFound].
func (s *Service) ShowCompute(ctx context.Context, name string) (Compute, error) {
	c, err := asset.Take[Compute](ctx, asset.New(s.Store), computeShelf, name)
	if !errors.Is(err, asset.ErrNotFound) {
		return c, err
	}
	builtIn := s.builtInComputes()
	if b, ok := builtIn[name]; ok {
		return b, nil
	}
	if absent, ok := errors.AsType[*asset.NotFound](err); ok && len(absent.Near) == 0 {
		absent.Near = asset.Near(name, slices.Sorted(maps.Keys(builtIn)))
	}
	return c, err
}

// DeleteCompute forgets a compute. One that exists from the start is then again
// as it was at the start.
func (s *Service) DeleteCompute(ctx context.Context, name string) error {
	// One whose record is damaged can be deleted, too.
	err := asset.Drop(ctx, asset.New(s.Store), computeShelf, name)
	if !errors.Is(err, asset.ErrNotFound) {
		return err
	}
	c, err := s.ShowCompute(ctx, name)
	if err == nil && c.BuiltIn {
		err = fmt.Errorf("compute %s: %w", name, ErrBuiltIn)
	}
	return err
}

// ComputeQueue is the task queue that a compute stands for.
func (s *Service) ComputeQueue(c Compute) string {
	return s.queue(&pipeline.Step{Compute: c.Name}, map[string]Compute{c.Name: c})
}

// ComputeDocument is a compute in the shape that "az ml compute show -o json" gives it,
// with "queue" added.
func (s *Service) ComputeDocument(c Compute) map[string]any {
	d := map[string]any{
		"id": plainID("computes", c.Name), "name": c.Name, "type": c.Type, "description": orNull(c.Description), "tags": nonNil(c.Tags),
		"location": orName(c.Location, "local"), "provisioning_state": "Succeeded", "resourceGroup": ResourceGroup,
		"created_on": stamp(c.Created), "queue": s.ComputeQueue(c),
	}
	state := "Running"
	if c.Stopped {
		state = "Stopped"
	}
	switch c.Type {
	case clusterType:
		d["size"], d["tier"] = orNull(c.Size), orName(c.Tier, "dedicated")
		d["min_instances"], d["max_instances"], d["idle_time_before_scale_down"] = c.MinInstances, c.MaxInstances, c.IdleSeconds
		d["network_settings"], d["ssh_public_access_enabled"] = map[string]any{}, false
	case "computeinstance":
		d["size"], d["state"] = orNull(c.Size), state
	default:
		d["resource_id"] = orNull(c.ResourceID)
	}
	return d
}

// fromSize is the queue that Azure's name for a type of machine asks for: those
// with GPUs are the N series.
func fromSize(size string) string {
	if strings.HasPrefix(strings.ToLower(size), "standard_n") {
		return workflows.GPUQueue
	}
	return workflows.CPUQueue
}

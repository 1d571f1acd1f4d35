package pipeline

// Model is a model that a program has registered. It becomes an asset when the
// job has completed.
type Model struct {
	// Name is the asset's.
	Name string `json:"name"`
	// Path is the model's folder, or its file, in the step's artifacts.
	Path string `json:"path"`
	// Type is MLflowModel, or CustomModel where it is not MLflow's.
	Type        PortType          `json:"type"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

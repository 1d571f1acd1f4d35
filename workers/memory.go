package workers

import "github.com/millrace-ml/millrace/pipeline"

// ReadMemory reads how much memory a worker lends to steps that declare what
// they need, in bytes: "auto" or "" for what the machine has, "none" to lend
// without counting, which is 0, or a size such as 16g.
func ReadMemory(text string) (int64, error) {
	switch text {
	case "", "auto":
		return machineMemory(), nil
	case "none":
		return 0, nil
	}
	return pipeline.ParseSize(text)
}

// Package azureml reads the pipeline files of Azure Machine Learning (CLI v2
// YAML) and compiles them to plans.
//
// [Load] reads a job and everything it refers to: components, nested pipelines,
// environments, code folders. What was read is checked as a whole, and all
// mistakes are reported at once, each with its line and column. [Compile] makes
// the [pipeline.Plan]: pipelines in pipelines are flattened, expressions are
// replaced by bindings between steps, and no YAML is left.
//
// The way through the package, in the order of a job's life:
//
//	yaml/        text to values that know their places, as PyYAML reads them
//	load.go      files, their limits, and what is kept while reading
//	closed.go    a job as one text that needs no file
//	set.go       --set, applied to what was read
//	job.go, component.go, nodes.go, pipelines.go
//	             the mappings of a file to the types of model.go
//	argument.go, port.go, source.go, environment.go, runtime.go, command.go
//	             the fields of those mappings
//	snapshot.go  code folders, less what ignore/ leaves out
//	check.go     what a pipeline's expressions name, cycles, optional inputs
//	flatten.go, value.go, outputs.go, order.go
//	             the values of all inputs, through all pipelines, and the steps
//	compile.go   the plan under its name
//	problem.go, keys.go, suggest.go
//	             what a person is told
//
// The package is lenient where Azure ML is: unknown keys of nodes, undeclared
// inputs, types that do not quite agree. It is strict where a mistake would cost
// a run: names that do not exist, cycles, missing inputs, values out of range.
package azureml

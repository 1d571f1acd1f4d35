// Package tracking takes what the programs of steps report of themselves:
// metrics, parameters, tags, files and models, as programs say it to an MLflow
// server, or as lines of JSON in a file.
//
// Every attempt of a step has a session: an HTTP server of its own on the
// loopback, which speaks MLflow's REST API (that of its clients 2.x and 3.x) to
// whoever knows the attempt's token. A session costs a socket, and nothing else
// until somebody calls: no file is made before.
//
// What is reported is in the attempt's folder before it is acknowledged, since a
// program outlives the worker that started it:
//
//	<n>/metrics.jsonl              $MILLRACE_METRICS, which the program writes
//	<n>/tracking/journal.jsonl     all that was said to the server, in order
//	<n>/tracking/artifacts/<run>/  files that were logged
//	<n>/tracking/models/<id>/      files of logged models
//
// The next worker reads the journal and listens where the program was told.
// When the program has ended, the session leaves in the step's artifacts what
// [github.com/millrace-ml/millrace/internal/metrics] reads, and run.json beside
// it; and the files under the names that they were logged by.
package tracking

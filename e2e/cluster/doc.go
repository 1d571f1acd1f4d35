// Package cluster runs Millrace as it is deployed, on one machine and without
// images: PostgreSQL, the Temporal server on it, an S3 server, and workers, each
// part a process of its own that can be killed, stopped, cut off from others and
// started again. The tests in it need the build tag cluster; see the targets
// cluster-test and fault-test of the Makefile.
package cluster

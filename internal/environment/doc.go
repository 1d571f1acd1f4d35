// Package environment makes the software that steps ask for ready on a machine.
//
// What a file asks for is a [Spec]: requirements for packages, and a version of
// Python. It resolves to a [Lock], the exact packages, which is kept in the
// store for every queue, so that all jobs and all workers have the same. A lock
// becomes a virtual environment in a folder that is named by the lock's digest:
// made once, shared by all steps, and removed when it is not used and the space
// is wanted.
//
//	envs/<digest>/          a virtual environment; environment.json says that it is whole
//	envs/.locks/<digest>    locked while it is made, used anew, or removed
//	envs/.uses/<digest>/    a file for each holder, which names a path that is there for as long
//	envs/.cache/            what uv keeps; environments hold links to it
//	tools/                  uv, and interpreters that were fetched
package environment

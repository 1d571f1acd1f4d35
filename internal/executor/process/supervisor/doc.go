// Package supervisor is the small process that stands between a worker and the
// program of a step, so that the program outlives the worker: it starts the
// program, keeps its log, its time and its memory, ends it when asked to, and
// writes down how it ended.
//
// It is the program that the worker itself is, started under the name [Name].
// Such a process never gets as far as main: this package takes over while the
// packages are initialised, and to do so early it imports as little as it can.
// A start costs some milliseconds instead of the tens that all of Millrace
// takes. Any program that imports the package can be started so; tests are.
//
// A worker gives the supervisor a [Spec] on its standard input, and reads [Event]
// lines from descriptor 3. The same lines go to the file Spec.State, for a worker
// that comes later. TERM asks the supervisor to end its program. When that has
// ended, it takes another one.
// It is in a session of its own, out of reach of the worker's terminal, and the
// program is in another, so that a program that kills all around itself kills
// its own supervisor at most.
package supervisor

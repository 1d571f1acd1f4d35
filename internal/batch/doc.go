// Package batch cuts the input of a parallel step into mini-batches, has a
// runner of its own call the step's script on them, and joins what they have
// made in their order.
//
// A [List] holds all mini-batches of a step, as one blob in the store. It is
// worked on in chunks, each by one start of the runner (runner/runner.py), which
// leaves what [Join] reads. What a mini-batch has made is remembered in the
// store under the key of everything else that decides it ([Memory]): when a few
// files are added to many, the others form the same mini-batches as before, and
// only what is new is run.
package batch

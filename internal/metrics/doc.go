// Package metrics keeps the series of values that a program reports, in a
// columnar file that other tools read too.
package metrics

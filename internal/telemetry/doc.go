// Package telemetry tells people what workers do: as metrics for Prometheus, as
// traces for OpenTelemetry, and as lines of a log.
//
// An [Observer] is handed to those that have something to tell; what they
// expect of it they say themselves. All of its parts may be missing, and then
// cost nothing.
package telemetry

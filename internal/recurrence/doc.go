// Package recurrence says when a schedule fires. It is pure: it knows no store,
// no server and no clock but the one that it is given.
//
// A [Trigger] is what a file says. [Compile] makes a [Spec] of it, which answers
// for every moment. A Spec fires at clock times of its time zone:
//
//   - A clock time that comes twice, because clocks go back, fires once, the
//     first time.
//   - A clock time that does not come, because clocks go forward, fires when it
//     would have come had they not: 02:30 fires at 03:30.
//   - Where all hours of the day are meant, as in "*/15 * * * *", the hours pass
//     one by one, however clocks change: none is left out, none fires at once
//     with another.
//   - Every N minutes or hours is counted in time that passes.
//
// So a nightly job runs once every night, and an hourly one every hour.
//
// Servers are told of a Spec by its [Alarms]: calendars and intervals in UTC. Where
// a Spec cannot be said so, they have moments at which it does not fire; whoever
// is woken asks [Spec.Contains]. Time zones are left out of them on purpose:
// how to read a calendar on the days on which clocks change is then nobody's
// decision but this package's.
package recurrence

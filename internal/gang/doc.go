// Package gang is how the instances of a step find each other before they run
// on several workers at once: all of them, or none.
//
// Every instance is a task of its own and has a slot when it comes here. The
// first instance leads. It opens a round, the others join it, and when all are
// there the leader decides that the gang has formed, with the list of its
// members. If they are not there in time it calls the round off; everybody
// gives up the slot and tries again a little later.
//
// All of it is done with small records in the store, which is what workers have
// in common wherever they are:
//
//	gangs/QUEUE/SINCE-ID/TRY.ROUND/open-AT-MS   the leader waits, since AT, for MS milliseconds
//	gangs/QUEUE/SINCE-ID/TRY.ROUND/join-N       instance N is there, and where
//	gangs/QUEUE/SINCE-ID/TRY.ROUND/decision     formed, with all members; or called off
//	gangs/QUEUE/SINCE-ID/TRY.ROUND/WORD-N       what instance N said afterwards
//
// A record is written once, so that a round has one decision, whoever makes it:
// whoever leaves before there is one calls the round off, and so nobody runs
// unless everybody was there when it was decided.
//
// Two gangs that hold half of the slots each would wait for one another. So the
// older one goes first: as soon as a gang sees that an older one has an open
// round on the same queue, it gives way. The older gang's round ends in
// bounded time too, and then it pauses, so that one that asks for more than
// there is does not keep the others from running.
package gang

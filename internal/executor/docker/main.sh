# What a container runs below its init: it runs the step's program, takes what that prints to the log, and ends what it
# leaves behind. In the words of any sh, since images have no more in common.
#
#   $1 command  $2 log  $3 how long background processes may go on  $4 the time from TERM to KILL; both in 1/20 s
#
# The container's own stderr tells the worker with which code the command has ended, since the container may be killed
# for what that left behind, and what is wrong with the log.

shell=/bin/bash
if ! [ -x "$shell" ]; then
	shell=/bin/sh
	echo "millrace: the image has no /bin/bash: the command is run by /bin/sh" >>"$2"
fi

# left says whether there are processes other than the init, these shells, and whoever asks from outside (whose parent
# is 0). With a signal as its argument, they get it.
left() {
	found=
	for process in /proc/[0-9]*; do
		pid=${process#/proc/} parent=0 state=
		while read -r key value; do
			case $key in
			State:) state=$value ;;
			PPid:) parent=$value ;;
			esac
		done 2>/dev/null <"$process/status"
		case $pid in 1 | "$$" | "$middle") continue ;; esac
		case $parent in 0 | "$middle") continue ;; esac
		case $state in '' | [ZX]*) continue ;; esac
		found=yes
		[ -z "${1-}" ] || kill -s "$1" "$pid" 2>/dev/null
	done
	[ -n "$found" ]
}

# gone waits for their end, and says whether it has come in time.
gone() {
	patience=$1
	while left; do
		[ "$patience" -gt 0 ] || return 1
		patience=$((patience - 1))
		sleep 0.05 2>/dev/null || sleep 1
	done
}

# program runs the command and gives its exit code on 3. What this shell says of the signal that ended the other one is
# nobody's business.
program() {
	trap : TERM INT HUP
	{ "$shell" -c "$1" 2>&1 3>&-; } 2>/dev/null
	ended=$?
	echo "$ended" >&3
	echo "exit $ended" >&2
	gone "$2" && return
	left TERM
	left CONT
	gone "$3" || left KILL
}

# What the program prints goes through a pipe, since programs open their output again. Where the log cannot be written,
# tee says so and takes the rest all the same. When all processes are asked to end, these stay for the others' end.
trap : TERM INT HUP
code=$(
	trap '' TERM INT HUP
	read -r middle rest </proc/self/stat
	{ program "$1" "$3" "$4" | tee -a "$2" >/dev/null; } 3>&1
)
exit "${code:-137}"

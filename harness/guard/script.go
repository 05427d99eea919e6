package guard

// KillMarked is what a shell needs to end all processes that have one of the marks in
// $marks: "patiently none" says yes once a look at all finds none that lives. A process that
// was found may have had a child since the look began, so that finding one is never enough.
const KillMarked = `# patiently COMMAND: until it says yes, or for five seconds
patiently() {
	rounds=0
	until "$@"; do
		[ $((rounds = rounds + 1)) -lt 50 ] || return 1
		sleep 0.1 # what was killed takes its time on a busy machine
	done
}

# none: no process with one of the marks lives; those that do are killed
none() {
	none=0
	for limits in /proc/[0-9]*/limits; do
		while read -r a b c soft rest; do
			[ "$a $b $c" = 'Max file locks' ] || continue
			case $marks in *" $soft "*)
				pid=${limits#/proc/} pid=${pid%/limits} end=undone state=
				while read -r key state rest && [ "$key" != State: ]; do :; done <"/proc/$pid/status"
				case $state in [ZX]) ;; *) none=1 ;; esac
				kill -s KILL "$pid"
				;;
			esac
			break
		done <"$limits"
	done 2>/dev/null
	return $none
}
`

// script undoes what the journal on its descriptors 3 (to append) and 4 (to read) holds,
// once its standard input ends because the harness is gone, however it went. Signals meant
// for the harness pass it by. It takes five seconds at most for each thing that resists. What is
// undone is noted in the journal, so that nobody does it again.
const script = `trap '' INT TERM HUP QUIT PIPE
PATH=$PATH:/usr/sbin:/sbin # which cron leaves out, and plain su
while read -r line; do :; done
tab=$(printf '\t') all=' ' marks=' '
while IFS=$tab read -r op n what of from point source; do
	case $n in '' | *[!0-9]*) continue ;; esac
	case $op in
	+)
		all=" $n$all"
		eval "what$n=\$what of$n=\$of from$n=\$from point$n=\$point source$n=\$source"
		;;
	-) case $all in *" $n "*) all="${all%% $n *} ${all#* $n }" ;; esac ;;
	esac
done <&4

# say undone|gone|left [why]: of what $n is about, gone if it was so already
say() {
	if [ "$1" = left ]; then left=yes; else printf '\n-\t%s\n' "$n" >&3; fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$what" "$of" "${from:--}" "$2"
}

` + KillMarked + `
# mounted: what was promised is the uppermost at its place
mounted() {
	top=
	while read -r a b c d where rest; do
		[ "$where" != "$point" ] || top=${rest#* - }
	done 2>/dev/null </proc/self/mountinfo
	type=${top%% *} top=${top#* }
	[ "${top%% *}" = "$source" ]
}

# byuser [-z]: where umount is root's alone, FUSE has its own
byuser() {
	case $type in fuse*) why=$(fusermount3 -u "$@" -- "$of" 2>&1) ;; *) return 1 ;; esac
}

unmounted() {
	mounted || return 0
	end=undone
	why=$(umount "$of" 2>&1) || byuser
	! mounted
}

detached() {
	holds=
	IFS= read -r holds 2>/dev/null <"/sys/block/${of#/dev/}/loop/backing_file"
	[ "${holds% (deleted)}" = "$from" ] || return 0
	end=undone
	# Mounting xfs writes again, for ever, what a disk refuses that is gone.
	for retries in "/sys/fs/xfs/${of#/dev/}"/error/metadata/*/max_retries; do
		[ ! -e "$retries" ] || echo 0 >"$retries"
	done
	why=$(losetup -d "$of" 2>&1) && why='somebody still holds it: it goes with the last of them'
	return 1 # until it is seen to be gone: while somebody holds it, losetup promises only
}

thawed() {
	[ ! -e "$of/cgroup.freeze" ] || echo 0 >"$of/cgroup.freeze"
	[ ! -e "$of/freezer.state" ] || echo THAWED >"$of/freezer.state"
} 2>/dev/null

deserted() {
	[ -d "$of" ] || return 0
	end=undone
	thawed
	while read -r pid; do kill -s KILL "$pid"; done <"$of/cgroup.procs"
	why=$(rmdir "$of" 2>&1)
} 2>/dev/null

removed() {
	[ -e "$of" ] || [ -L "$of" ] || return 0
	end=undone
	while read -r a b c d where rest; do
		case $where in "$point" | "$point"/*) why='something is mounted there' && return 1 ;; esac
	done 2>/dev/null </proc/self/mountinfo
	why=$(rm -rf --one-file-system -- "$of" 2>&1) || why=$(rm -rf -- "$of" 2>&1)
	[ ! -e "$of" ] && [ ! -L "$of" ]
}

left= killing= end=gone
for n in $all; do # what is frozen in one group dies in no other
	eval "what=\$what$n of=\$of$n"
	[ "$what" != leave ] || thawed
done
for n in $all; do
	eval "what=\$what$n of=\$of$n"
	[ "$what" != kill ] || marks="$marks$of " killing="$killing $n"
done
[ -z "$killing" ] || patiently none || end=left
for n in $killing; do
	eval "what=\$what$n of=\$of$n from="
	say $end 'it does not die'
done
# A FUSE mount that the harness served first gets its end, else whoever waits for it does so
# for ever: among them who unmounts what lies on it.
for n in $all; do
	eval "what=\$what$n of=\$of$n point=\$point$n source=\$source$n"
	[ "$what" != unmount ] || ! mounted || case $type in fuse*) umount -f "$of" ;; esac
done 2>/dev/null
for n in $all; do
	eval "what=\$what$n of=\$of$n from=\$from$n point=\$point$n source=\$source$n"
	why= end=gone
	case $what in
	unmount) patiently unmounted || { { umount -l "$of" || byuser -z; } && ! mounted; } ;;
	detach) patiently detached ;;
	leave) patiently deserted ;;
	remove) patiently removed ;;
	*) continue ;;
	esac || end=left
	say $end "$(printf %s "$why" | tr '\n\t' '  ')"
done 2>/dev/null
[ -n "$left" ] || { rm -f "$1"; rmdir "${1%/*}" 2>/dev/null; }
exit 0
`

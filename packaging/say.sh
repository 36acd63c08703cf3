# SPDX-License-Identifier: BSD-3-Clause
# For the scripts here: one line a step, colours only on a terminal, and of a
# command that fails the end of what it said.

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') red=$(printf '\033[31m') dim=$(printf '\033[2m')
	plain=$(printf '\033[0m')
else
	bold='' red='' dim='' plain=''
fi

say() {
	printf '%s\n' "$bold==>$plain $*"
}

fail() {
	printf '%s\n' "${red}error:$plain $*" >&2
	exit 1
}

# quietly "what is done" COMMAND…: says it, then how long it took or why it failed.
quietly() {
	quietly_what=$1
	shift
	quietly_log=$(mktemp)
	quietly_start=$(date +%s)
	if [ -t 1 ]; then
		printf '%s' "$bold==>$plain $quietly_what"
	else
		printf '%s' "==> $quietly_what"
	fi
	if "$@" >"$quietly_log" 2>&1 </dev/null; then
		printf '%s\n' " $dim($(($(date +%s) - quietly_start)) s)$plain"
		rm -f "$quietly_log"
		return 0
	fi
	printf '%s\n' ": ${red}failed$plain"
	tail -n 40 "$quietly_log" >&2
	echo "(all of it is in $quietly_log)" >&2
	return 1
}

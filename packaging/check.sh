#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# check.sh [soak]: builds with gcc and with clang, ASan, UBSan and fault hooks, and runs every
# suite: all of them in the plain build; unit, fuzz and integration in the
# other too. With "soak" the long forms of some tests, also in a build with TSan: that takes
# hours. Ends with one line "N passed, N failed".
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$root"
. packaging/say.sh

builds=$root/build-check
user=
home=

finish() {
	status=$?
	trap - EXIT INT TERM
	if [ -n "$user" ]; then
		userdel "$user" >/dev/null 2>&1 || true
		rm -rf "$home"
	fi
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

CC=gcc packaging/build.sh "$builds/gcc" -Dwerror=true -Dtests=enabled
CC=clang packaging/build.sh "$builds/clang" -Dwerror=true -Dtests=enabled \
	-Db_sanitize=address,undefined -Db_lundef=false -Dfault_hooks=enabled

if [ "${1:-}" = soak ]; then
	CC=clang packaging/build.sh "$builds/thread" -Dwerror=true -Dtests=enabled \
		-Db_sanitize=thread -Db_lundef=false
fi

if [ -f tests/web/package-lock.json ]; then
	# npm ci starts anew each time: only when the lock file changed.
	if ! cmp -s tests/web/package-lock.json "$builds/package-lock.json" ||
		[ ! -d tests/web/node_modules ]; then
		quietly "Fetching what the browser tests need (npm)" \
			npm ci --prefix tests/web --no-audit --no-fund --fetch-timeout 30000
		cp tests/web/package-lock.json "$builds/package-lock.json"
	fi
fi

# As root, tests that stand for an ordinary user get one, and an installed copy
# that this user may read.
if [ "$(id -u)" = 0 ]; then
	user=afar-check-$$
	home=$(mktemp -d /tmp/afar-check-XXXXXX)
	chmod 755 "$home"
	useradd --home-dir "$home/home" --create-home --shell /bin/bash "$user"
	DESTDIR=$home meson install -C "$builds/gcc" --no-rebuild --quiet >/dev/null
	AFAR_TEST_USER=$user
	AFAR_TEST_AFAR=$home/usr/local/bin/afar
	export AFAR_TEST_USER AFAR_TEST_AFAR
fi

# Those of integration wait for others most of their time.
processes() {
	case $1 in
	integration) echo $(($(nproc) * 2)) ;;
	*) nproc ;;
	esac
}

# run_tests BUILD NAME ARGUMENT…: meson test with these; what passed and failed goes to the
# reporter under this name, wall time beside it.
rm -f "$builds/results"
run_tests() {
	build=$1
	name=$2
	shift 2
	not_installed=
	[ "$build" = gcc ] || not_installed=1
	start=$(date +%s.%N)
	log=$builds/$build/meson-logs/$name.json
	rm -f "$builds/$build/meson-logs/testlog.json" "$log"
	if [ -t 1 ]; then
		printf '\r\033[K%s' "==> $build: $name"
	fi
	# Under nohup(1) or in the background some signals are ignored from birth.
	# What is installed is of the plain build: the other tests its own.
	env --default-signal=HUP,INT,QUIT,PIPE ${not_installed:+-u AFAR_TEST_AFAR} \
		meson test -C "$builds/$build" --no-rebuild "$@" \
		>"$builds/$build/meson-logs/$name.out" 2>&1 </dev/null || true
	if [ -t 1 ]; then
		printf '\r\033[K'
	fi
	[ ! -f "$builds/$build/meson-logs/testlog.json" ] ||
		cp "$builds/$build/meson-logs/testlog.json" "$log"
	python3 packaging/check-report.py suite "$build" "$name" "$log" \
		"$(date +%s.%N)" "$start" "$builds/results"
}
run() {
	build_of_all=$1
	shift
	for suite in "$@"; do
		run_tests "$build_of_all" "$suite" --suite "$suite" \
			--num-processes "$(processes "$suite")"
	done
}
# soak BUILD TEST…
soak() {
	build_of_all=$1
	shift
	run_tests "$build_of_all" soak --timeout-multiplier 10 "$@"
}
# Those that wait for little but their own deadlines run in both builds at once.
both() {
	for suite in "$@"; do
		run gcc "$suite" &
		run clang "$suite" &
		wait
	done
}
if [ "${1:-}" = soak ]; then
	say "Running the long forms"
	AFAR_SOAK=1
	export AFAR_SOAK
	soak gcc login audio daemon environments flood host-door hung save takeover syscalls soak \
		resizes bad-viewers e2e-storm e2e-workloads
	soak gcc --num-processes 1 links load pages photos
	soak clang soak faults
	soak thread soak host-door
else
	say "Running the suites"
	both unit fuzz integration
	run gcc web desktop browser
fi
python3 packaging/check-report.py total "$builds/results"

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# check-fresh.sh [deps|run|check]…: what a newcomer does, on a fresh Debian 12
# with only gcc, make and git (and sudo, for the ordinary user's turn): a clone
# of what is committed, `make run` until the desktop is ready and Ctrl-C, then
# `make check`; first as root, then as an ordinary user. Needs root and debootstrap.
# It takes over this machine's mirror, proxy and own certificates.
set -eu -o pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$root/packaging/say.sh"

[ "$(id -u)" = 0 ] || fail "this needs root (it makes a chroot): sudo make check-fresh"
command -v debootstrap >/dev/null ||
	fail "debootstrap is missing: apt-get install debootstrap"
steps=${*:-run check}

place=$(mktemp -d /var/tmp/afar-fresh-XXXXXX)
base=$place/base
chroot=$base
mounts=()

# Ends what still runs in the chroot, for it would keep the mounts busy, and unmounts.
leave() {
	for link in /proc/[0-9]*/root; do
		case "$(readlink "$link" 2>/dev/null)" in
		"$chroot" | "$chroot"/*)
			pid=${link#/proc/}
			kill -KILL "${pid%/root}" 2>/dev/null || true
			;;
		esac
	done
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		umount "${mounts[i]}" 2>/dev/null || umount --lazy "${mounts[i]}" || true
	done
	mounts=()
}

finish() {
	status=$?
	trap - EXIT INT TERM
	leave
	if grep -q " $place/" /proc/mounts; then
		echo "still mounted below $place; nothing is removed" >&2
	else
		rm -rf --one-file-system "$place"
	fi
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mount_in() {
	mkdir -p "$chroot/${*: -1}"
	mount "${@:1:$#-1}" "$chroot/${*: -1}"
	mounts+=("$chroot/${*: -1}")
}

# This machine's Debian mirror; the public one when it says none.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' \
	2>/dev/null | awk '$1 == "Debian" && $2 == "bookworm" { print $3; exit }')
mirror=${mirror:-http://deb.debian.org/debian}
security=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' \
	2>/dev/null | awk '$1 == "Debian" && $2 == "bookworm-security" { print $3; exit }')
security=${security:-http://deb.debian.org/debian-security}

quietly "Making a fresh Debian 12 (from $mirror)" \
	debootstrap --variant=minbase --include=gcc,make,git,sudo,ca-certificates \
	bookworm "$chroot" "$mirror"

cat >"$chroot/etc/apt/sources.list" <<-END
	deb $mirror bookworm main
	deb $mirror bookworm-updates main
	deb $security bookworm-security main
END
apt-config dump | grep -iE '^Acquire::[^ ]*(Proxy|CaInfo|Verify)[^ ]* ' \
	>"$chroot/etc/apt/apt.conf.d/90machine" || true
cp -L /etc/resolv.conf /etc/hosts "$chroot/etc/"
mkdir -p "$chroot/usr/local/share/ca-certificates"
find /usr/local/share/ca-certificates -name '*.crt' \
	-exec cp {} "$chroot/usr/local/share/ca-certificates/" \;
chroot "$chroot" update-ca-certificates >/dev/null 2>&1
# No service may start in there, as in any chroot.
printf '#!/bin/sh\nexit 101\n' >"$chroot/usr/sbin/policy-rc.d"
chmod 755 "$chroot/usr/sbin/policy-rc.d"

# A copy of the fresh system for each user, or the second would find all installed.
enter() {
	chroot=$place/$1
	cp -a --reflink=auto "$base" "$chroot"
	# Tests with mounts of their own want "/" to be one.
	mount --bind "$chroot" "$chroot"
	mounts+=("$chroot")
	mount_in -t proc proc proc
	mount_in -t sysfs -o ro sysfs sys
	mount_in -t tmpfs -o mode=0755 tmpfs dev
	for device in null zero full random urandom tty; do
		: >"$chroot/dev/$device"
		mount --bind "/dev/$device" "$chroot/dev/$device"
		mounts+=("$chroot/dev/$device")
	done
	mount_in -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
	ln -s pts/ptmx "$chroot/dev/ptmx"
	ln -s /proc/self/fd "$chroot/dev/fd"
	ln -s /proc/self/fd/0 "$chroot/dev/stdin"
	ln -s /proc/self/fd/1 "$chroot/dev/stdout"
	ln -s /proc/self/fd/2 "$chroot/dev/stderr"
	mount_in -t tmpfs -o mode=1777 tmpfs dev/shm
}

# npm and proxies are settled by environment; only what is set here.
environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	LANG=C.UTF-8 TERM=dumb)
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
	[ -z "${!name:-}" ] || environment+=("$name=${!name}")
done
if [ -n "$(ls "$chroot/usr/local/share/ca-certificates")" ]; then
	environment+=(NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)
fi
if command -v npm >/dev/null; then
	registry=$(npm config get registry 2>/dev/null || true)
	[ -z "$registry" ] || [ "$registry" = undefined ] ||
		environment+=("npm_config_registry=$registry")
fi

# as USER COMMAND: in the clone of that user, in a session of its own.
as() {
	who=$1
	home=$(chroot "$chroot" getent passwd "$who" | cut -d: -f6)
	# A background job ignores SIGINT from birth; what is typed at a terminal does not.
	chroot "$chroot" setsid --wait env -i --default-signal=INT,QUIT "${environment[@]}" \
		HOME="$home" USER="$who" LOGNAME="$who" SHELL=/bin/bash \
		setpriv --reuid "$who" --regid "$who" --init-groups \
		sh -c "cd '$home/afar' && $2"
}

# `make run` up to the link, then Ctrl-C: SIGINT to all of its process group.
try_run() {
	log=$place/run-$1.log
	: >"$log"
	as "$1" 'exec make run' >"$log" 2>&1 </dev/null &
	pid=$!
	exec 9< <(exec timeout 900 tail -n +1 -F --pid=$pid "$log" 2>/dev/null)
	reader=$! ready=
	while read -r line <&9; do
		case $line in *'#link='*)
			ready=1
			break
			;;
		esac
	done
	kill $reader 2>/dev/null || true
	exec 9<&-
	if [ -z "$ready" ]; then
		cat "$log" >&2
		return 1
	fi
	for child in $(pgrep -P "$pid"); do
		group=$(ps -o pgid= -p "$child" | tr -d ' ')
		[ "$group" = "$(ps -o pgid= -p $$ | tr -d ' ')" ] || kill -INT "-$group"
	done
	code=0
	wait $pid || code=$?
	case $code in
	0 | 2 | 130) ;; # make says 2 when Ctrl-C ended its command
	*)
		cat "$log" >&2
		echo "make run ended with $code after Ctrl-C" >&2
		return 1
		;;
	esac
	left=$(pgrep -u "$(chroot "$chroot" id -u "$1")" -f 'afar-(guard|supervisor|host)' | while read -r p; do
		[ "$(readlink "/proc/$p/root")" != "$chroot" ] || echo "$p"
	done)
	[ -z "$left" ] || {
		echo "still running after Ctrl-C: $left" >&2
		return 1
	}
}

chroot "$chroot" useradd --create-home --shell /bin/bash newcomer
echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >"$chroot/etc/sudoers.d/newcomer"
echo 'Defaults env_keep += "http_proxy https_proxy no_proxy"' >>"$chroot/etc/sudoers.d/newcomer"

for who in root newcomer; do
	enter "$who"
	home=$(chroot "$chroot" getent passwd "$who" | cut -d: -f6)
	git clone --quiet --no-hardlinks "$root" "$chroot$home/afar"
	chroot "$chroot" chown -R "$who:$who" "$home/afar"
	for step in $steps; do
		case $step in
		deps) quietly "$who: make deps" as "$who" 'make deps' ;;
		run) quietly "$who: make run, until ready, then Ctrl-C" try_run "$who" ;;
		check)
			say "$who: make check"
			as "$who" 'make check' </dev/null | sed 's/^/    /'
			;;
		*) fail "unknown step: $step" ;;
		esac
	done
	leave
	rm -rf --one-file-system "$chroot"
done
say "A fresh Debian 12 runs it, as root and as an ordinary user"

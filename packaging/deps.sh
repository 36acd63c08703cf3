#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# deps.sh LIST…: installs what is missing from apt/LIST.txt. Without anything
# missing it asks for nothing and changes nothing.
set -eu
here=$(dirname "$(readlink -f "$0")")
. "$here/say.sh"

[ $# -gt 0 ] || fail "usage: deps.sh LIST…  (of: $(cd "$here/apt" && echo *.txt | sed 's/\.txt//g'))"
command -v dpkg-query >/dev/null ||
	fail "this is no Debian; install what packaging/apt/*.txt name by your own means"

wanted=$(for list in "$@"; do
	[ -f "$here/apt/$list.txt" ] || fail "no such list: $list"
	sed 's/#.*//' "$here/apt/$list.txt"
done | awk 'NF { print $1 }' | sort -u)

# Node from anywhere will do when it is new enough; else Debian's.
case " $* " in *" test "*)
	major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
	[ "${major:-0}" -ge 18 ] || wanted="$wanted nodejs"
	command -v npm >/dev/null || wanted="$wanted npm"
	;;
esac

# Installed, by that name or by a package that provides it.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' |
	sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr -s ', ' '\n' | sort -u)
missing=$(for package in $wanted; do
	printf '%s\n' "$installed" | grep -qxF "$package" || printf '%s ' "$package"
done)
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null ||
		fail "these packages are missing; install them as root: apt-get install $missing"
	as_root=sudo
	say "These packages are missing and will be installed with apt, through sudo:"
else
	say "These packages are missing and will be installed with apt:"
fi
printf '%s\n' "$missing" | fold -s -w 76 | sed 's/^/    /'
if [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; then
	say "sudo may ask for your password now."
	sudo -v || fail "without sudo, install them as root: apt-get install $missing"
fi

apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

# The lists of a fresh machine are empty or old: refresh them when they must be.
if ! apt -s --no-install-recommends install $missing >/dev/null 2>&1 ||
	[ -z "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -7 2>/dev/null | head -n 1)" ]; then
	quietly "Refreshing the package lists" apt update
fi
quietly "Installing $(echo $missing | wc -w) packages (the longest step; minutes on a slow line)" \
	apt --no-install-recommends install $missing

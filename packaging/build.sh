#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# build.sh DIRECTORY [MESON OPTION…]: configures when needed (anew with other options), and builds.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$root/packaging/say.sh"

build=$1
shift
cd "$root"
command -v meson >/dev/null || fail "meson is missing; 'make deps' installs what a build needs"
if [ ! -f "$build/build.ninja" ]; then
	rm -rf "$build"
	quietly "Configuring $build" meson setup "$build" "$@"
	echo "$@" >"$build/options"
elif [ $# -gt 0 ] && [ "$*" != "$(cat "$build/options" 2>/dev/null)" ]; then
	quietly "Configuring $build" meson setup --reconfigure "$build" "$@"
	echo "$@" >"$build/options"
fi
quietly "Building in $build" ninja -C "$build"

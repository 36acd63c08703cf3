#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run.sh: what `make run` does once all is installed and built: a desktop in
# the foreground. Ctrl-C ends it.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$root/packaging/say.sh"

say "Starting the desktop (Ctrl-C ends it)"
exec "$root/build/src/afar" start --foreground "$@"

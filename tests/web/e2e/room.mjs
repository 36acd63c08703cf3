// SPDX-License-Identifier: BSD-3-Clause

// A room of its own for a desktop: /tmp, /dev/shm and SysV objects that nobody else uses, so that
// "nothing is left" can be asked of all that is there. Where that is not allowed (it takes
// root) the room is the machine itself, and what others do there meanwhile is seen too.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const run = promisify(execFile);

/* $1: an empty directory; the others stay where they are, even below /tmp. */
const BUILD = `
set -e
room=$1
shift
mount --make-rprivate /
mount -t tmpfs none "$room"
chmod 1777 "$room"
for path; do
	case $path in
	/tmp/*)
		mkdir -p "$room/\${path#/tmp/}"
		mount --rbind "$path" "$room/\${path#/tmp/}"
	esac
done
mkdir -m 1777 "$room/.X11-unix" "$room/.ICE-unix"
mount --rbind "$room" /tmp
mount -t tmpfs none /dev/shm
echo ready
read end
`;

/* Names of all that could be left over. Directories of this machine's own are no news. */
const LIST = `
for place in /tmp /tmp/.X11-unix /tmp/.ICE-unix /dev/shm; do
	find "$place" -mindepth 1 -maxdepth 1 -user "$(id -u)" ! -name .X11-unix ! -name .ICE-unix
done
ipcs -m | awk 'NR > 3 && NF { print "shm " $2 }'
ipcs -s | awk 'NR > 3 && NF { print "sem " $2 }'
ipcs -q | awk 'NR > 3 && NF { print "queue " $2 }'
`;

export class Room {
	// keep: paths that must be seen inside. directory: an empty one for the mount.
	static async open(directory, keep) {
		const self = new Room();
		const holder = spawn("unshare",
			["--mount", "--ipc", "sh", "-c", BUILD, "sh", directory, ...keep],
			{ stdio: ["pipe", "pipe", "ignore"] });

		const ready = await Promise.race([once(holder.stdout, "data"), once(holder, "close")]);
		if (String(ready[0]).startsWith("ready")) {
			self.holder = holder;
			self.prefix = ["nsenter", `--target=${holder.pid}`, "--mount", "--ipc", "--"];
		} else {
			self.prefix = [];
		}
		return self;
	}

	get isPrivate() {
		return this.prefix.length > 0;
	}

	async list() {
		const [program, ...args] = [...this.prefix, "sh", "-c", LIST];

		return new Set((await run(program, args)).stdout.split("\n").filter(Boolean));
	}

	async close() {
		if (!this.holder)
			return;
		this.holder.stdin.end();
		await once(this.holder, "close");
	}
}

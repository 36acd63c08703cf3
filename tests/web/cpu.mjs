// SPDX-License-Identifier: BSD-3-Clause

// CPU time of a browser that was launched from here, all its processes together.

import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

function readProcesses() {
	const processes = new Map();

	for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "latin1");
			const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
			processes.set(Number(name), { parent: fields[1], ticks: fields[11] + fields[12] });
		} catch {
			// It has ended.
		}
	}
	return processes;
}

// Seconds so far, of our children that are still there and theirs.
export function childrensCpu() {
	const processes = readProcesses();
	const isOurs = (pid) => pid === process.pid
		|| (processes.has(pid) && isOurs(processes.get(pid).parent));
	let ticks = 0;

	for (const [pid, one] of processes) {
		if (pid !== process.pid && isOurs(pid))
			ticks += one.ticks;
	}
	return ticks / TICKS_PER_SECOND;
}

// CPU seconds per second while body runs.
export async function measureCpu(body) {
	const before = childrensCpu();
	const start = performance.now();

	await body();
	return (childrensCpu() - before) / ((performance.now() - start) / 1000);
}

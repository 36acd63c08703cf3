// SPDX-License-Identifier: BSD-3-Clause

// After `afar stop` nothing is left of a desktop that somebody has seen in a browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, readPicture, waitForState } from "../browser.mjs";
import { BUILD, Desktop, isAlive, processesOf, until } from "./desktop.mjs";
import { Room } from "./room.mjs";

const SOURCE = new URL("../../..", import.meta.url).pathname;

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

function isInstalled(program) {
	try {
		execFileSync("sh", ["-c", `command -v ${program}`]);
		return true;
	} catch {
		return false;
	}
}

// How many colours there are in the picture, up to 10.
function countColours({ rgb }) {
	const seen = new Set();

	for (let i = 0; i < rgb.length && seen.size < 10; i += 3)
		seen.add(rgb.readUIntBE(i, 3));
	return seen.size;
}

/*
 * What is left in the runtime directory. It belongs to the user's login and ends with that:
 * empty directories and settings that programs keep there until then are theirs.
 */
async function leftAtRunTime(directory) {
	const found = await readdir(directory, { recursive: true, withFileTypes: true });

	return found.filter((entry) => !entry.isDirectory() || entry.name === "afar")
		.map((entry) => entry.name).filter((name) => name !== "user" /* dconf's */);
}

async function seeAndStop(desktop, isUp) {
	const { context, page, faults } = await openPage(browser, desktop.link,
		{ viewport: { width: 1280, height: 800 } });

	await waitForState(page, "connected");
	await until("the desktop is seen", async () => isUp(await readPicture(page), desktop), 20000);
	await desktop.stop();
	await context.close();
	assert.deepEqual(faults, []);
}

async function check(session, nTimes, isUp) {
	const directory = await mkdtemp("/var/tmp/afar-e2e-room-");
	const desktop = await Desktop.create();
	const room = await Room.open(directory, [BUILD, SOURCE, desktop.home]);

	desktop.prefix = room.prefix;
	try {
		for (let i = 0; i < nTimes; i++) {
			const before = await room.list();
			await desktop.begin(["--size", "1280x800", "--session", session]);
			/* Some hide their environment from all but root: those the status knows. */
			const { guard_pid: guard, supervisor_pid: supervisor, components } =
				await desktop.status();
			const pids = [guard, supervisor, ...components.map(({ pid }) => pid),
				...await processesOf(desktop.home)].filter(Boolean);
			assert.ok(new Set(pids).size >= 6, `only ${pids}`);
			if (room.isPrivate)
				assert.ok((await room.list()).size > before.size, "the room is not where it runs");
			await seeAndStop(desktop, isUp);

			for (const pid of pids)
				assert.ok(!await isAlive(pid), `process ${pid} is left`);
			const names = [];
			for (const pid of await processesOf(desktop.home))
				names.push(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "(gone)"));
			assert.deepEqual(names, [], "processes are left");
			const left = [...await room.list()].filter((name) => !before.has(name));
			assert.deepEqual(left, [], "files or shared objects are left");
			assert.deepEqual(await leftAtRunTime(desktop.runtime), []);
			assert.deepEqual(await readdir(join(desktop.home, ".config/afar")), ["host.json"]);
			assert.equal(await readFile(join(desktop.home, ".Xauthority"), "latin1")
				.catch(() => ""), "", "an authority entry is left");
			assert.equal(JSON.parse(await desktop.afar("status", "--json")
				.catch((error) => error.stdout)).state, "stopped");
		}
	} finally {
		await room.close(); /* its holder's command line names the home */
		await desktop.destroy();
		await rm(directory, { recursive: true });
	}
}

test("nothing is left of openbox with a terminal, 3 times", async () => {
	await check("exec openbox --startup xterm", 3, (picture) => countColours(picture) >= 3);
});

test("nothing is left of Xfce, 3 times", { skip: !isInstalled("xfce4-session") }, async () => {
	await check("exec xfce4-session", 3, async (picture, desktop) =>
		/* Its panel and background are there: the picture is no longer plain. */
		countColours(picture) >= 10 && (await desktop.component("session")).state === "ready");
});

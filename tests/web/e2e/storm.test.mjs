// SPDX-License-Identifier: BSD-3-Clause

// Whatever dies, and when its supervisor becomes another program: the desktop is not lost
// (SUP-03, SUP-10). AFAR_SOAK=1: as often as reliability.md has it. AFAR_SEED: another order.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { delay, Desktop, readScreen, until } from "./desktop.mjs";
import { waitForPicture } from "./picture.mjs";
import { type } from "./typing.mjs";

const SIZE = { width: 1280, height: 720 };
const SOAK = Boolean(process.env.AFAR_SOAK);
const SEED = Number(process.env.AFAR_SEED ?? Math.floor(Math.random() * 2 ** 32));
const N_UPGRADES = SOAK ? 50 : 10;
const N_KILLS = SOAK ? 1000 : 60;
const PAUSE_MAX_MS = 200;
const PICTURE_LIMIT_MS = 2000;
const RSS_LIMIT_KIB = 256;
/* Back-off times a hundredth of the contract's; nothing is ever given up. */
const CONF = "[relaunch]\nhealthy_after=0.6\nfast_delay=0.05\nslow_delay=0.6\ngive_up_after=0\n";
const TERMINAL = "xterm -geometry 100x24+0+0 -e sh -c 'cat >>\\$HOME/typed'";
const START = ["--size", `${SIZE.width}x${SIZE.height}`, "--display", "xvfb",
	"--session", `exec openbox --startup "${TERMINAL}"`];

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

/* xorshift32 */
function random(seed) {
	let state = seed || 1;

	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 2 ** 32;
	};
}

function pidsOf(status) {
	return Object.fromEntries(status.components.map(({ name, pid }) => [name, pid]));
}

async function resident(pid) {
	const status = await readFile(`/proc/${pid}/status`, "utf8");

	return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
}

async function countFds(pid) {
	return (await readdir(`/proc/${pid}/fd`)).length;
}

// Children of the guard: [pid, state], and the supervisor's.
async function childrenOf(...parents) {
	const found = [];

	for (const name of await readdir("/proc")) {
		if (!/^\d+$/.test(name))
			continue;
		try {
			const stat = await readFile(`/proc/${name}/stat`, "utf8");
			const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			if (parents.includes(Number(parent)))
				found.push({ pid: Number(name), state, name: stat.slice(0, stat.lastIndexOf(")") + 1) });
		} catch {
			// It has ended.
		}
	}
	return found;
}

function typedIn(desktop) {
	return readFile(join(desktop.home, "typed"), "utf8").catch(() => "");
}

/* openbox gives the terminal the focus when it likes: Enter until one has arrived. */
async function awaitFocus(page, desktop) {
	const before = (await typedIn(desktop)).length;

	await until("the terminal has the focus", async () => {
		await page.keyboard.press("Enter");
		return (await typedIn(desktop)).length > before;
	}, 10000);
}

test(`the supervisor is replaced ${N_UPGRADES} times while somebody types`, async (context) => {
	const desktop = await Desktop.start(START);

	try {
		const { page, faults } = await openPage(browser, desktop.link, { viewport: SIZE });
		await waitForState(page, "connected");
		await awaitFocus(page, desktop);
		await until("all parts are there", async () =>
			(await desktop.status()).components.every(({ state }) => ["ready", "off"].includes(state)));
		const former = await desktop.status();
		const before = (await typedIn(desktop)).replace(/^\n+/, "");
		assert.equal(before, "");

		let over = false;
		let wanted = "";
		const typing = (async () => {
			for (let i = 0; !over; i++) {
				const line = `line ${i} of what is typed all the while`;
				await type(page, line);
				await page.keyboard.press("Enter");
				wanted += `${line}\n`;
			}
		})();
		const start = performance.now();
		for (let i = 0; i < N_UPGRADES; i++)
			assert.match(await desktop.afar("reload", "--exec"), /was replaced/);
		const took = performance.now() - start;
		over = true;
		await typing;
		const typed = async () => (await typedIn(desktop)).replace(/^\n+/, "");
		await until("the last line came", async () => (await typed()).length >= wanted.length);
		assert.equal(await typed(), wanted);
		const status = await desktop.status();
		assert.deepEqual(pidsOf(status), pidsOf(former));
		assert.equal(status.supervisor_pid, former.supervisor_pid);
		assert.equal(status.display, former.display);
		assert.equal(await page.evaluate(() => document.documentElement.dataset.state), "connected");
		assert.deepEqual(faults, []);
		context.diagnostic(`${wanted.length} characters, ${Math.round(took / N_UPGRADES)} ms each`);
	} finally {
		await desktop.destroy();
	}
});

test(`${N_KILLS} random kills, of the supervisor too: the desktop and its picture come back`, async (context) => {
	const next = random(SEED);
	const killed = {};
	const desktop = await Desktop.start(START, { conf: CONF });

	context.diagnostic(`seed ${SEED}`);
	try {
		const { page } = await openPage(browser, desktop.link, { viewport: SIZE });
		await waitForState(page, "connected");
		await awaitFocus(page, desktop);
		const allReady = () => until("all is ready", async () => {
			const status = await desktop.status();
			return status.state === "ready"
				&& status.components.every(({ state }) => ["ready", "off"].includes(state)) && status;
		}, 15000);
		const former = await allReady();
		const guard = former.guard_pid;
		const fds = await countFds(guard);
		const rss = await resident(guard);

		for (let i = 0; i < N_KILLS; i++) {
			const { supervisor_pid: supervisor, components } = await desktop.status();
			const targets = [["supervisor", supervisor],
				...components.filter(({ pid }) => pid).map(({ name, pid }) => [name, pid])];
			const [name, pid] = targets[Math.floor(next() * targets.length)];

			try {
				process.kill(pid, "SIGKILL");
				killed[name] = (killed[name] ?? 0) + 1;
			} catch (error) {
				assert.equal(error.code, "ESRCH");
			}
			page.keyboard.press("KeyA").catch(() => undefined);
			await delay(next() * PAUSE_MAX_MS); // the moment is what is random
		}

		const last = performance.now();
		const reader = await until("the display is back", async () => {
			const { display, state } = await desktop.status();
			return display && state === "ready" && desktop.fake("screen");
		}, 10000);
		await waitForState(page, "connected").catch(async (error) => {
			error.message += await page.evaluate(() =>
				` ${JSON.stringify(document.documentElement.dataset)} ${document.body.innerText}`);
			throw error;
		});
		await until("the picture is back", async () => {
			const screen = await readScreen(reader);
			return waitForPicture(page, screen, 200).then(() => true, () => false);
		}, 10000);
		const back = performance.now() - last;
		assert.ok(back < PICTURE_LIMIT_MS, `the picture came after ${Math.round(back)} ms`);
		await awaitFocus(page, desktop);
		await type(page, "still here");
		await page.keyboard.press("Enter");
		await until("what is typed now arrives", async () => (await typedIn(desktop)).endsWith("still here\n"));
		await reader.end();

		const status = await allReady();
		const wanted = new Set([status.supervisor_pid, ...Object.values(pidsOf(status))]);
		const strangers = await until("nobody is left over", async () => {
			const all = await childrenOf(guard, status.supervisor_pid);
			const extra = all.filter(({ pid, state }) => state === "Z" || !wanted.has(pid));
			return extra.length === 0 && [extra];
		}).catch(async () => [await childrenOf(guard, status.supervisor_pid), wanted]);
		assert.equal(strangers.length, 1, JSON.stringify([...strangers].flat()));
		assert.equal(status.guard_pid, guard);
		await until(async () => `the guard has ${fds} descriptors; it has ${await countFds(guard)}`,
			async () => await countFds(guard) === fds);
		const grown = await resident(guard) - rss;
		assert.ok(grown <= RSS_LIMIT_KIB, `the guard grew by ${grown} KiB`);
		context.diagnostic(`${JSON.stringify(killed)}; picture back after ${Math.round(back)} ms; `
			+ `the guard grew by ${grown} KiB`);
	} finally {
		await desktop.destroy();
	}
});

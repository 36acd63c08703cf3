// SPDX-License-Identifier: BSD-3-Clause

// Whenever there is no picture, a browser that has just been opened says which part is down, why,
// and when the next try comes: within a second, and for as long as it lasts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { AFAR, delay, Desktop, exitStatus, until } from "./desktop.mjs";

const SECOND_MS = 1000;

let browser;

before(async () => {
	browser = await launch();
	/* What a new browser needs the first time it must not need in the tests. */
	const { page, context } = await openPage(browser, "about:blank");
	await page.evaluate(() => document.title);
	await context.close();
});

after(() => browser.close());

// What a browser shows that is opened now, with a link of its own, and after how long.
async function look(desktop) {
	const link = await desktop.makeLink();
	const { context, page } = await openPage(browser);

	try {
		/* Counted by the page itself, from its navigation on. */
		await context.addInitScript(() => {
			new MutationObserver(() => {
				if (document.documentElement?.dataset.state === "status")
					window.statusAfter ??= performance.now();
			}).observe(document, { attributes: true, subtree: true });
		});
		await page.goto(link);
		await waitForState(page, "status", 5000);
		const took = await page.evaluate(() => window.statusAfter);
		const text = async (id) => await page.isVisible(`#${id}`) ? page.textContent(`#${id}`) : null;
		return {
			took,
			title: await text("status-title"),
			reason: await text("status-reason"),
			next: await text("status-next"),
			action: await text("status-action"),
			log: await text("status-log"),
		};
	} finally {
		await context.close();
	}
}

function checkTime({ took }) {
	assert.ok(took < SECOND_MS, `it took ${Math.round(took)} ms`);
}

function checkCountdown(seen, limit) {
	const seconds = /^in (\d+) s$/.exec(seen.next)?.[1];

	checkTime(seen);
	assert.ok(seconds >= 1 && seconds <= limit, `next try: ${seen.next}`);
	assert.match(seen.action, /by itself/);
	return Number(seconds);
}

// Starts a desktop that cannot become ready; body runs as soon as there is somebody to ask.
async function withBroken({ options, conf, env, prefix }, body) {
	const desktop = await Desktop.create({ conf, env, prefix });
	let started;

	try {
		started = exitStatus(AFAR, ["start", ...options], desktop.env);
		desktop.url = await until("the host is ready", async () => {
			try {
				return (await desktop.component("host"))?.state === "ready"
					&& (await desktop.status()).url;
			} catch {
				return null; /* it is only starting */
			}
		}, 10000);
		await body(desktop);
		await desktop.stop();
		assert.equal(await started, 1);
	} finally {
		await desktop.destroy();
		await started;
	}
}

// Waits for the long back-off of a component; returns when it ends.
async function waitForBackoff(desktop, name) {
	const component = await until(`${name} waits`, async () => {
		const found = await desktop.component(name);
		return found.next_try && Date.parse(found.next_try) - Date.now() > 4000 && found;
	}, 20000);

	return Date.parse(component.next_try);
}

/* The first two tries come quickly, the third only after six seconds. */
const SLOW = "[relaunch]\nhealthy_after=60\nfast_delay=0.5\nslow_after=2\nslow_delay=6\n";

async function watchBackoff(desktop, name, check) {
	const end = await waitForBackoff(desktop, name);
	const counts = [];

	while (Date.now() < end - 600) {
		const seen = await look(desktop);
		if (Date.now() > end)
			break;
		check(seen);
		counts.push(checkCountdown(seen, 6));
		await delay(400);
	}
	/* However long a look takes: not how many there were, but what they saw. */
	assert.ok(counts.at(-1) < counts[0], `a countdown that stands still: ${counts}`);
	for (let i = 1; i < counts.length; i++)
		assert.ok(counts[i] <= counts[i - 1], `a countdown that does not count down: ${counts}`);
}

test("a session that ends at once", async () => {
	await withBroken({
		options: ["--size", "801x601", "--session", "echo no such desktop >&2; exit 1"],
		conf: SLOW,
	}, async (desktop) => {
		await watchBackoff(desktop, "session", (seen) => {
			assert.equal(seen.title, "The desktop session is down");
			assert.match(seen.reason, /It ended: .*\b1\b/);
			assert.match(seen.log, /no such desktop/);
		});
		const { last_end: end, restarts } = await desktop.component("session");
		assert.equal(end.code, 1);
		assert.equal(end.signal ?? null, null);
		assert.ok(restarts >= 1);
	});
});

test("an X server that does not know its options", async () => {
	await withBroken({
		options: ["--size", "801x601", "--session", "openbox", "--", "-nonsense"],
		conf: SLOW,
	}, async (desktop) => {
		await watchBackoff(desktop, "display", (seen) => {
			assert.equal(seen.title, "The display is down");
			assert.match(seen.reason, /It ended: .*\b1\b/);
			assert.match(seen.log, /nonsense/);
		});
		assert.equal((await desktop.component("display")).last_end.code, 1);
		assert.equal((await desktop.status()).display, null);
	});
});

test("a part that was given up", async () => {
	await withBroken({
		options: ["--size", "801x601", "--session", "exit 7"],
		conf: "[relaunch]\nfast_delay=0.2\ngive_up_after=2\n",
	}, async (desktop) => {
		await until("afar gives up", async () =>
			(await desktop.component("session")).state === "failed");
		for (let i = 0; i < 2; i++) {
			const seen = await look(desktop);
			checkTime(seen);
			assert.equal(seen.title, "The desktop session has failed");
			assert.match(seen.reason, /\b7\b/);
			assert.match(seen.action, /given up/);
			assert.equal(seen.next, null);
		}
		assert.equal((await desktop.status()).state, "failed");
	});
});

test("a host over its limit", async () => {
	const desktop = await Desktop.start(["--size", "801x601", "--session", "openbox"],
		{ conf: "[relaunch]\nfast_delay=0.2\ngive_up_after=3\n" });

	try {
		const { page, context } = await openPage(browser, desktop.link);
		await waitForState(page, "connected");
		for (let i = 0; i < 3; i++) {
			const { pid } = await until("the host runs", async () => {
				const host = await desktop.component("host");
				return host.state === "ready" && host;
			});
			process.kill(pid, "SIGKILL");
			await until("its end is known", async () =>
				(await desktop.component("host")).pid !== pid);
		}
		await until("afar gives up", async () =>
			(await desktop.component("host")).state === "failed");
		/* Who was there before is told without a new sign-in … */
		await waitForState(page, "status", 8000);
		assert.equal(await page.textContent("#status-title"), "The remoting host has failed");
		await context.close();
		/* … and so is who comes now. */
		for (let i = 0; i < 3; i++) {
			const seen = await look(desktop);
			checkTime(seen);
			assert.equal(seen.title, "The remoting host has failed");
			assert.match(seen.reason, /It ended: .*(9|[Kk]ill)/);
			assert.match(seen.action, /given up/);
			assert.equal(seen.next, null);
			await delay(300);
		}
		const host = await desktop.component("host");
		assert.equal(host.last_end.signal, 9);
		assert.equal(host.restarts, 2);
	} finally {
		await desktop.destroy();
	}
});

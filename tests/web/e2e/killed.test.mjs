// SPDX-License-Identifier: BSD-3-Clause

// Whatever is killed comes back by itself, and so does the picture in a browser that looks on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { Desktop, fake, readScreen, until } from "./desktop.mjs";
import { hash, waitForHash } from "./picture.mjs";

const N_KILLS = 10;
const LIMIT_MS = 2000;
/* A run this long counts as healthy, so that no kill falls into a back-off. */
const HEALTHY_MS = 300;

let browser;
let desktop;
let page;
let wanted; /* the hash of the picture */

before(async () => {
	browser = await launch();
	/* The picture is the same after each start: the scene of one seed over the whole screen. */
	desktop = await Desktop.start(["--size", "1001x701",
		"--session", `'${fake("scene")}' hold 42 & exec openbox`],
	{ conf: `[relaunch]\nhealthy_after=${HEALTHY_MS / 1000}\nfast_delay=${HEALTHY_MS / 1000}\n` });
	({ page } = await openPage(browser, desktop.link));
	await waitForState(page, "connected");
	const reader = await desktop.fake("screen");
	let former = null;
	await until("the scene stands", async () => {
		wanted = hash(await readScreen(reader));
		const same = wanted === former && await waitForHash(page, wanted, 0);
		former = wanted;
		return same;
	});
	await reader.end();
});

after(async () => {
	await browser?.close();
	await desktop?.destroy();
});

// Paints the page's canvas over: whatever comes is new.
function blot() {
	return page.evaluate(() => {
		const canvas = document.getElementById("screen");
		const context = canvas.getContext("2d");
		context.fillStyle = "#f0f";
		context.fillRect(0, 0, canvas.width, canvas.height);
	});
}

for (const name of ["host", "session", "display"]) {
	test(`the ${name} killed ${N_KILLS} times: the picture returns within 2 s`, async (context) => {
		const times = [];

		for (let i = 0; i < N_KILLS; i++) {
			const former = await until("all has run for a while", async () => {
				const { state, components } = await desktop.status();
				return state === "ready"
					&& components.every(({ since }) => Date.now() - Date.parse(since) > HEALTHY_MS * 1.2)
					&& components.find((component) => component.name === name);
			});
			await blot();
			const start = performance.now();
			process.kill(former.pid, "SIGKILL");
			assert.ok(await waitForHash(page, wanted, LIMIT_MS),
				`kill ${i + 1}: no picture, the page is ${
					await page.evaluate(() => document.documentElement.dataset.state)}`);
			times.push(performance.now() - start);

			const now = await until("the status has it", async () => {
				const component = await desktop.component(name);
				return component.state === "ready" && component;
			});
			assert.notEqual(now.pid, former.pid);
			assert.equal(now.restarts, former.restarts + 1);
			assert.equal(now.last_end.signal, 9);
			assert.equal(now.last_end.code ?? null, null);
			assert.ok(Date.now() - Date.parse(now.last_end.at) < 10000);
			assert.match(now.last_end.text, /9|[Kk]ill/);
		}
		times.sort((a, b) => a - b);
		context.diagnostic(`median ${Math.round(times[N_KILLS / 2])} ms, `
			+ `longest ${Math.round(times[N_KILLS - 1])} ms`);
	});
}

// SPDX-License-Identifier: BSD-3-Clause

// A headless Chromium with the page, for pages.py. Obeys lines of JSON on stdin with one line of
// JSON each:
//
//	{"do":"open","url"}	→ {}	when it is connected
//	{"do":"press","x","y"}	→ {"ms"}	from a key until that pixel of painter.c's tells of it
//	{"do":"echoes"}		→ {"n"}	that the page was given so far
//	{"do":"hash"}		→ {"hash"}	of the canvas, RGB, by SHA-256
//
// NAME=ADDRESS on the command line: where that name is.

import { createHash } from "node:crypto";
import { launch, openPage, readPicture, waitForState } from "../web/browser.mjs";
import { obey } from "../web/orders.mjs";

const LIMIT_MS = 30000;
const [name, address] = process.argv[2].split("=");

// In the page, before its own scripts.
function watch() {
	const seen = window.seen =
		{ pixel: { x: 0, y: 0 }, nKeys: 0, nPressed: 0, pressedAt: 0, ms: 0, nEchoes: 0 };
	const real = CanvasRenderingContext2D.prototype.putImageData;

	CanvasRenderingContext2D.prototype.putImageData = function (image, x, y, ...dirty) {
		const [fromX, fromY, width, height] = dirty.length ? dirty : [0, 0, image.width, image.height];
		const dx = seen.pixel.x - x - fromX, dy = seen.pixel.y - y - fromY;

		real.call(this, image, x, y, ...dirty);
		if (dx < 0 || dy < 0 || dx >= width || dy >= height)
			return;
		const at = ((seen.pixel.y - y) * image.width + seen.pixel.x - x) * 4;
		const [red, green, blue] = image.data.subarray(at, at + 3);
		seen.nKeys = (red & 127) << 14 | (green & 127) << 7 | blue & 127;
		if (seen.ms === 0 && seen.nKeys >= seen.nPressed)
			seen.ms = performance.now() - seen.pressedAt;
	};
	window.addEventListener("keydown", () => {
		seen.ms = 0;
		seen.nPressed++;
		seen.pressedAt = performance.now();
	}, { capture: true });
	window.Worker = class extends Worker {
		constructor(...args) {
			super(...args);
			this.addEventListener("message", ({ data }) => {
				seen.nEchoes += data.type === "echo";
			});
		}
	};
}

const browser = await launch({ args: [`--host-resolver-rules=MAP ${name} ${address}`] });
const { context, page, faults } = await openPage(browser, null);

const orders = {
	async open({ url }) {
		await context.addInitScript(watch);
		await page.goto(url, { timeout: LIMIT_MS });
		await waitForState(page, "connected", LIMIT_MS);
		return {};
	},
	async press({ x, y }) {
		await page.evaluate((pixel) => window.seen.pixel = pixel, { x, y });
		await page.keyboard.press("a");
		await page.waitForFunction(() => window.seen.ms > 0, null, { timeout: LIMIT_MS });
		return { ms: await page.evaluate(() => window.seen.ms) };
	},
	echoes: async () => ({ n: await page.evaluate(() => window.seen.nEchoes) }),
	async hash() {
		const { rgb } = await readPicture(page);
		return { hash: createHash("sha256").update(rgb).digest("hex") };
	},
};

await obey(orders, () => {
	if (faults.length)
		throw new Error(faults.join("; "));
});
await browser.close();

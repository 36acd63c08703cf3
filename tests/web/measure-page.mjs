// SPDX-License-Identifier: BSD-3-Clause

// What the page itself costs, against a fake host: `AFAR_BUILD=build node tests/web/measure-page.mjs`.
// Small frame: from the host's write to its acknowledgement, beside a PING that passes the same
// way without decoding and painting. Full frame: the same for 1920×1080, and inside the page
// the time that painting takes. Then the CPU of Chromium, all its processes together, at 60 frames
// a second, and how long a page takes from being opened to the first whole picture.

import { join } from "node:path";
import { launch, openPage, waitForState } from "./browser.mjs";
import { measureCpu } from "./cpu.mjs";
import {
	copy, FakeHost, frameMessage, paintDesktop, paletted, Picture, raw, solid,
} from "./fake-host.mjs";

const TRIES = 200;
const FULL_TRIES = 15;
const OPEN_TRIES = 10;
const RATE = 60, RATE_SECONDS = 4;
const UNDER_WAY_MAX = 4;
const VIEWPORT = { viewport: { width: 1920, height: 1080 } };

function summary(times) {
	const sorted = [...times].sort((a, b) => a - b);
	const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

	return `median ${at(0.5).toFixed(2)} ms, p90 ${at(0.9).toFixed(2)}, p99 ${at(0.99).toFixed(2)}`;
}

const host = new FakeHost();
host.picture = new Picture(1920, 1080);
paintDesktop(host.picture);
await host.listen(join(process.env.AFAR_BUILD ?? "build", "web"));

const browser = await launch();
const { page, context } = await openPage(browser, null, VIEWPORT);
await context.addInitScript(() => {
	const real = CanvasRenderingContext2D.prototype.putImageData;
	window.painting = [];
	CanvasRenderingContext2D.prototype.putImageData = function (...rest) {
		const start = performance.now();
		real.apply(this, rest);
		window.painting.push(performance.now() - start);
	};
});
await page.goto(`${host.url}#link=goodlink`);
await waitForState(page, "connected");
const { viewer } = host;

async function timeFrame(rectangles, tries) {
	const times = [];

	for (let i = 0; i < tries; i++) {
		await new Promise((resolve) => setTimeout(resolve, 20));
		const body = typeof rectangles === "function" ? rectangles(i) : rectangles;
		const from = viewer.messages.length;
		const seq = ++viewer.seq;
		const bytes = await frameMessage(viewer.streams[0], 0, seq, body);
		const start = performance.now();
		viewer.send(bytes);
		const ack = await viewer.waitFor((m) => m.name === "ACK" && m.seq === seq, { from });
		times.push(ack.at - start);
	}
	return times;
}

const character = (i) => paletted(200, 200, 10, 18, [[0, 0, 0], [255, 255, 255]],
	Array.from({ length: 180 }, (_, n) => (n + i) % 3 ? 0 : 1));
const noise = new Picture(1920, 1080);
for (let i = 0; i < noise.rgb.length; i++)
	noise.rgb[i] = i * 2654435761 >>> 24;
const desktop = host.picture.tiles();
const photo = noise.tiles();
const spread = Buffer.concat(Array.from({ length: 255 }, (_, i) =>
	solid((i % 15) * 128, Math.floor(i / 15) * 63, 64, 63, [i, 0, 0])));

await timeFrame(character, 30);
console.log(`one character:       ${summary(await timeFrame(character, TRIES))}`);
console.log(`bare empty frame:    ${summary(await timeFrame(Buffer.alloc(0), TRIES))}`);
console.log(`64×64 raw tile:      ${summary(await timeFrame(raw(0, 0, 64, 64,
	noise.cut(0, 0, 64, 64)), TRIES))}`);
for (const [name, body] of [["desktop", desktop], ["noise, all raw", photo],
	["255 patches", spread]]) {
	await timeFrame(body, 3);
	await page.evaluate(() => {
		window.painting = [];
	});
	const times = await timeFrame(body, FULL_TRIES);
	const calls = await page.evaluate(() => window.painting);
	const total = calls.reduce((sum, ms) => sum + ms, 0) / FULL_TRIES;
	console.log(`1080p ${name}: ${summary(times)}; ${calls.length / FULL_TRIES} putImageData, `
		+ `${total.toFixed(2)} ms`);
}

// step(n) gives the nth frame's operations.
async function measureRate(name, step) {
	const from = viewer.messages.length;
	let n = 0;
	const cpu = await measureCpu(async () => {
		const start = performance.now();

		while (performance.now() - start < RATE_SECONDS * 1000) {
			const acks = viewer.messages.length - from;
			if (performance.now() - start > n * 1000 / RATE && n - acks < UNDER_WAY_MAX)
				await viewer.sendFrame(step(n++));
			await new Promise((resolve) => setTimeout(resolve, 2));
		}
	});
	const acks = viewer.messages.slice(from);
	const mean = (key) => acks.reduce((sum, ack) => sum + ack[key], 0) / acks.length / 100;

	console.log(`${name}: ${(acks.length / RATE_SECONDS).toFixed(0)}/s, ${cpu.toFixed(2)} CPU, `
		+ `decode ${mean("decode").toFixed(2)} ms, paint ${mean("paint").toFixed(2)} ms`);
}

const line = (n) => host.picture.tiles(0, n * 7 % 1000, 1920, 16);
const lines = Array.from({ length: 20 }, (_, n) => line(n));
await measureRate("rest", () => Buffer.alloc(0));
await measureRate("scroll", (n) => Buffer.concat([copy(0, 0, 1920, 1064, 0, 16), lines[n % 20]]));
await measureRate("drag", (n) => {
	const x = n % 100 * 7, y = n % 100 * 4;
	return Buffer.concat([copy(x + 7, y + 4, 800, 600, x, y),
		host.picture.tiles(x, y, 800, 4), host.picture.tiles(x, y, 7, 600)]);
});
await context.close();

const opened = [];
host.picture.tiles = () => desktop;
for (let i = 0; i < OPEN_TRIES; i++) {
	const other = await openPage(browser, null, VIEWPORT);

	host.links.add("goodlink");
	await other.context.addInitScript(() => {
		const real = CanvasRenderingContext2D.prototype.putImageData;
		CanvasRenderingContext2D.prototype.putImageData = function (...rest) {
			real.apply(this, rest);
			window.seenAt ??= performance.now();
		};
	});
	await other.page.goto(`${host.url}#link=goodlink`);
	opened.push(await (await other.page.waitForFunction(() => window.seenAt)).jsonValue());
	await other.context.close();
}
console.log(`opened: ${summary(opened)}`);
await browser.close();
host.close();

// SPDX-License-Identifier: BSD-3-Clause

// What the page itself costs, against a fake host: `AFAR_BUILD=build node tests/web/measure-page.mjs`.
// Small frame: from the host's write to its acknowledgement, beside a PING that passes the same
// way without decoding and painting. Full frame: the same for 1920×1080, and inside the page
// the time that painting takes.

import { join } from "node:path";
import { launch, openPage, waitForState } from "./browser.mjs";
import { FakeHost, paintDesktop, paletted, Picture, raw, solid } from "./fake-host.mjs";

const TRIES = 200;
const FULL_TRIES = 15;

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
const { page, context } = await openPage(browser);
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
		const piece = await viewer.piece(body);
		const seq = ++viewer.seq;
		const head = Buffer.alloc(6);
		head[0] = 0x85;
		head.writeUInt32LE(seq, 2);
		const bytes = Buffer.concat([head, piece]);
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
await browser.close();
host.close();

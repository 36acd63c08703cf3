// SPDX-License-Identifier: BSD-3-Clause

// What ways to paint cost Chromium, all its processes together, apart from the page:
// `node tests/web/measure-painting.mjs [SECONDS]`. 60 times a second there is something new:
// scroll moves all of 1920×1080 up by 16 lines, drag a window of 800×600 by (7, 4), pixel is one.
//
//	send	a worker has the picture in memory, and sends what changed to be painted
//	return	the same, with buffers that come back to be used again
//	copy	the canvas is drawn onto itself, and pixels come for what is new
//	memory	who has the canvas has the picture in memory too, and paints parts of it
//	page, worker	who has the canvas; the worker's is an OffscreenCanvas

import { createServer } from "node:http";
import { launch, openPage } from "./browser.mjs";
import { measureCpu } from "./cpu.mjs";

const SECONDS = Number(process.argv[2] ?? 4);

// Runs in a worker or in the page. emit() gets a frame: { copies, patches }.
function makeSource(what, way, emit) {
	const W = 1920, H = 1080;
	const bytes = new Uint8ClampedArray(W * H * 4);
	const pixels = new Uint32Array(bytes.buffer);
	const spare = [];
	let n = 0;

	function move(x, y, w, h, fromX, fromY) {
		for (let i = 0; i < h; i++) {
			const row = y > fromY ? h - 1 - i : i;
			const from = (fromY + row) * W + fromX;
			pixels.copyWithin((y + row) * W + x, from, from + w);
		}
	}

	function fill(x, y, w, h) {
		for (let row = y; row < y + h; row++)
			for (let column = x; column < x + w; column++)
				pixels[row * W + column] = 0xff000000 | (row * 7919 ^ column * 104729 ^ n * 31);
	}

	function cut(x, y, w, h) {
		if (way === "memory")
			return { x, y, w, h };
		const nth = spare.findIndex((buffer) => buffer.byteLength >= w * h * 4);
		const buffer = nth < 0 ? new ArrayBuffer(w * h * 4) : spare.splice(nth, 1)[0];
		const out = new Uint32Array(buffer);
		for (let row = 0; row < h; row++)
			out.set(pixels.subarray((y + row) * W + x, (y + row) * W + x + w), row * w);
		return { x, y, w, h, buffer };
	}

	function step() {
		n++;
		if (what === "pixel") {
			fill(n % W, 0, 1, 1);
			return { copies: [], patches: [cut(n % W, 0, 1, 1)] };
		}
		const [x, y, w, h] = what === "scroll" ? [0, 16, W, H - 16] : [n % 100 * 7, n % 100 * 4, 800, 600];
		const [toX, toY] = what === "scroll" ? [0, 0] : [x + 7, y + 4];
		const left = what === "scroll" ? [[0, H - 16, W, 16]] : [[x, y, w, 4], [x, y, 7, h]];
		move(toX, toY, w, h, x, y);
		left.forEach((place) => fill(...place));
		const copies = [[toX, toY, w, h, x, y]];
		return way === "copy" ? { copies, patches: left.map((place) => cut(...place)) }
			: { copies: [], patches: [...copies, ...left].map((place) => cut(...place.slice(0, 4))) };
	}

	fill(0, 0, W, H);
	emit({ copies: [], patches: [cut(0, 0, W, H)] });
	// A timer of 1/60 s would be late for good; this one catches up.
	const start = performance.now();
	let done = 0;
	setInterval(() => {
		if (performance.now() - start < done * 1000 / 60)
			return;
		done++;
		emit(step());
	}, 4);
	return { spare, image: new ImageData(bytes, W, H) };
}

function paintFrame(context, image, { copies, patches }) {
	for (const [x, y, w, h, fromX, fromY] of copies)
		context.drawImage(context.canvas, fromX, fromY, w, h, x, y, w, h);
	for (const { x, y, w, h, buffer } of patches) {
		if (buffer)
			context.putImageData(
				new ImageData(new Uint8ClampedArray(buffer, 0, w * h * 4), w, h), x, y);
		else if (image)
			context.putImageData(image, 0, 0, x, y, w, h);
	}
}

const WORKER = `${makeSource} ${paintFrame}
let source = null;
onmessage = ({ data: { what, way, canvas, options, spare } }) => {
	if (spare) {
		source.spare.push(...spare);
		return;
	}
	const context = canvas?.getContext("2d", options);
	source = makeSource(what, way, (frame) => context ? paintFrame(context, source?.image, frame)
		: postMessage(frame, frame.patches.map(({ buffer }) => buffer)));
};`;

const PAGE = `<!doctype html><style>body { margin: 0 } canvas { display: block }</style>
<canvas id="screen" width="1920" height="1080"></canvas><script>${makeSource} ${paintFrame}
function start(who, what, way, options) {
	const canvas = document.getElementById("screen");
	const context = who === "page" ? canvas.getContext("2d", options) : null;
	let source;
	if (who === "page" && way === "memory") {
		source = makeSource(what, way, (frame) => paintFrame(context, source?.image, frame));
		return;
	}
	const worker = new Worker("/worker.js");
	worker.onmessage = ({ data }) => {
		paintFrame(context, null, data);
		if (way === "return") {
			const spare = data.patches.map(({ buffer }) => buffer);
			worker.postMessage({ spare }, spare);
		}
	};
	if (who === "worker") {
		const offscreen = canvas.transferControlToOffscreen();
		worker.postMessage({ what, way, options, canvas: offscreen }, [offscreen]);
	} else {
		worker.postMessage({ what, way });
	}
}</script>`;

const server = createServer((request, response) => {
	const isWorker = request.url === "/worker.js";

	response.setHeader("content-type", isWorker ? "text/javascript" : "text/html");
	response.end(isWorker ? WORKER : PAGE);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

async function measure(who, what, way, options) {
	const browser = await launch();
	const { page } = await openPage(browser, `http://127.0.0.1:${server.address().port}/`,
		{ viewport: { width: 1920, height: 1080 } });
	const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

	await page.evaluate((args) => start(...args), [who, what, way, options]);
	await wait(1);
	const cpu = await measureCpu(() => wait(SECONDS));
	console.log(`${what}\t${way}\t${who}\t${cpu.toFixed(2)} CPU\t${JSON.stringify(options)}`);
	await browser.close();
}

const OPTIONS = { alpha: false, desynchronized: true };
for (const what of ["pixel", "scroll", "drag"]) {
	for (const [who, way] of [["page", "send"], ["page", "return"], ["page", "copy"],
		["page", "memory"], ["worker", "copy"], ["worker", "memory"]])
		await measure(who, what, way, OPTIONS);
	await measure("page", what, "memory", { alpha: false });
	await measure("page", what, "memory", { ...OPTIONS, willReadFrequently: true });
}
server.close();

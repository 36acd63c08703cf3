// SPDX-License-Identifier: BSD-3-Clause

// A headless Chromium that shows afar's page or noVNC's, both measured in the same way. Obeys
// lines of JSON on stdin with one line of JSON each:
//
//	{"do":"open","url","selector","width","height"}	→ {"ms"}	until the first whole picture
//	{"do":"shown","seconds"}	→ {"shown","paints","seconds"}
//	{"do":"keys","tries","x","y"}	→ {"ms":[…],"lost","down","up"}	until that pixel is painted
//	{"do":"read","file"}		→ {"width","height"}	the canvas, RGB
//	{"do":"expect","file"}		the picture that is to come, RGB
//	{"do":"watch","seconds"}	→ {"exact","samples":[[when,dB]…]}	until it is there
//	{"do":"compare","files":[a,b]}	→ {"db"}	null: the same
//	{"do":"close"}
//
// What Chromium shows is counted by its compositor: each frame that it draws; and not more of
// them than paintings of the canvas (0: they happen in a worker), for something else may move,
// too. Reading the canvas would cost more than what is measured: it is read at rest only, by way
// of a copy, so that it need not lie in this page's own memory. `when` is milliseconds since the
// epoch; bytes are payload of the page's own WebSocket, if it is not a worker's.

import { readFileSync, writeFileSync } from "node:fs";
import { launch, openPage } from "../web/browser.mjs";
import { obey } from "../web/orders.mjs";

const LIMIT_MS = 15000;
const SETTLE_MS = 400;
// Until a new window has loaded what is Chromium's own: its address bar is two pages.
const WINDOW_MS = 1500;
const WARM_UP = 5;
const DISPLAYED = "disabled-by-default-display.framedisplayed";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// --- in the page, before its own scripts ---

// Every way to paint on a canvas that is part of the page, and every byte of a WebSocket.
function watch(selector) {
	const judge = window.judge = {
		pixel: { x: 0, y: 0 }, startedAt: 0, tries: [], nLost: 0, nPaints: 0, area: 0,
		wholeAt: 0, down: 0, up: 0,
	};

	function see(canvas, x, y, width, height) {
		const { pixel } = judge;

		if (!canvas.isConnected || !canvas.matches(selector))
			return;
		judge.nPaints++;
		judge.area += width * height;
		if (judge.wholeAt === 0 && canvas.width > 1
			&& judge.area >= canvas.width * canvas.height) {
			judge.wholeAt = performance.now();
			console.debug("whole");
		}
		if (judge.startedAt === 0 || pixel.x < x || pixel.y < y || pixel.x >= x + width
			|| pixel.y >= y + height)
			return;
		judge.tries.push(performance.now() - judge.startedAt);
		judge.startedAt = 0;
	}
	function wrap(name, place) {
		const real = CanvasRenderingContext2D.prototype[name];

		CanvasRenderingContext2D.prototype[name] = function (...args) {
			const result = real.apply(this, args);

			see(this.canvas, ...place(args));
			return result;
		};
	}
	wrap("putImageData", ([image, x, y, fromX = 0, fromY = 0, w = image.width, h = image.height]) =>
		[x + fromX, y + fromY, w, h]);
	wrap("fillRect", (args) => args);
	wrap("drawImage", (args) => args.length >= 9 ? args.slice(5)
		: args.length >= 5 ? args.slice(1) : [args[1], args[2], args[0].width, args[0].height]);
	window.addEventListener("keydown", () => {
		if (judge.startedAt !== 0)
			judge.nLost++;
		judge.startedAt = performance.now();
	}, { capture: true });

	// noVNC insists on the prototype of a real one.
	const sizeOf = (data) => data.byteLength ?? data.size ?? data.length;
	const realSend = WebSocket.prototype.send;
	WebSocket.prototype.send = function (data) {
		judge.up += sizeOf(data);
		realSend.call(this, data);
	};
	window.WebSocket = new Proxy(WebSocket, {
		construct(Real, args) {
			const socket = new Real(...args);

			socket.addEventListener("message", ({ data }) => judge.down += sizeOf(data));
			return socket;
		},
	});
}

// The canvas' pixels as numbers, by way of a copy.
function readCanvas(selector) {
	const canvas = document.querySelector(selector);
	const copy = window.judge.copy ??= document.createElement("canvas");

	if (copy.width !== canvas.width || copy.height !== canvas.height) {
		copy.width = canvas.width;
		copy.height = canvas.height;
	}
	const context = copy.getContext("2d", { willReadFrequently: true });
	context.drawImage(canvas, 0, 0);
	return context.getImageData(0, 0, copy.width, copy.height);
}

// Until the canvas is what it is expected to be; how far from it at each look, by some of its rows,
// for the page is to paint meanwhile.
async function watchCanvas({ selector, seconds }) {
	const EVERY = 16, ALMOST = 99;
	const { expected, readCanvas } = window.judge;
	const end = performance.now() + seconds * 1000;
	const samples = [];

	function isThere(data) {
		for (let from = 0, at = 0; from < data.length; from += 4, at += 3)
			if (data[from] !== expected[at] || data[from + 1] !== expected[at + 1]
				|| data[from + 2] !== expected[at + 2])
				return false;
		return true;
	}
	function decibel(data, width, height) {
		let error = 0, n = 0;

		for (let y = 0; y < height; y += EVERY)
			for (let i = y * width; i < (y + 1) * width; i++, n += 3)
				for (let part = 0; part < 3; part++)
					error += (data[i * 4 + part] - expected[i * 3 + part]) ** 2;
		return error === 0 ? ALMOST : 10 * Math.log10(255 * 255 * n / error);
	}
	do {
		const began = performance.now();
		const { data, width, height } = readCanvas(selector);
		const when = performance.timeOrigin + performance.now();

		if (isThere(data)) {
			samples.push([when, null]);
			return { exact: when, samples };
		}
		samples.push([when, decibel(data, width, height)]);
		const cost = performance.now() - began;
		await new Promise((resolve) => setTimeout(resolve, Math.max(10, cost)));
	} while (performance.now() < end);
	return { exact: null, samples };
}

// --- orders ---

let browser, session, shown = null;
let nDrawn = 0;

async function open({ url, selector, width, height }) {
	await close(); // what failed may have left one
	const { page, context } = await openPage(browser, null, { viewport: { width, height } });

	shown = { page, context, selector };
	await context.addInitScript(watch, selector);
	await context.addInitScript(`window.judge.readCanvas = ${readCanvas}`);
	await sleep(WINDOW_MS);
	// To ask the page meanwhile would be measured, too.
	const whole = page.waitForEvent("console",
		{ predicate: (line) => line.text() === "whole", timeout: LIMIT_MS });
	await Promise.all([page.goto(url), whole]);
	const ms = await page.evaluate(() => window.judge.wholeAt);
	const size = await page.evaluate((name) => {
		const canvas = document.querySelector(name);
		return [canvas.width, canvas.height];
	}, selector);

	if (size[0] !== width || size[1] !== height)
		throw new Error(`the canvas has ${size}`);
	await page.mouse.move(width - 2, height / 2);
	return { ms };
}

const traffic = () => shown.page.evaluate(() => ({ down: window.judge.down, up: window.judge.up }));

async function countShown({ seconds }) {
	const countPaints = () => shown.page.evaluate(() => window.judge.nPaints);
	const before = await countPaints();

	nDrawn = 0;
	await session.send("Tracing.start", { transferMode: "ReportEvents",
		traceConfig: { includedCategories: [DISPLAYED], excludedCategories: ["*"] } });
	const began = performance.now();
	await sleep(seconds * 1000);
	const took = (performance.now() - began) / 1000;
	const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
	await session.send("Tracing.end");
	await complete;
	return { shown: nDrawn, paints: await countPaints() - before, seconds: took };
}

async function pressOnce(page) {
	await page.keyboard.down("a");
	await sleep(25 + Math.random() * 15);
	await page.keyboard.up("a");
	await sleep(5 + Math.random() * 10);
}

async function pressKeys({ tries, x, y }) {
	const { page } = shown;

	await page.evaluate((pixel) => window.judge.pixel = pixel, { x, y });
	for (let i = 0; i < WARM_UP; i++)
		await pressOnce(page);
	await page.evaluate(() => Object.assign(window.judge, { tries: [], nLost: 0, startedAt: 0 }));
	const before = await traffic();
	for (let i = 0; i < tries; i++)
		await pressOnce(page);
	await sleep(SETTLE_MS);
	const after = await traffic();
	const found = await page.evaluate(() =>
		({ ms: window.judge.tries, lost: window.judge.nLost }));
	return { ...found, down: after.down - before.down, up: after.up - before.up };
}

async function read({ file }) {
	const { width, height, base64 } = await shown.page.evaluate((selector) => {
		const { data, width, height } = window.judge.readCanvas(selector);
		let text = "";

		for (let i = 0; i < data.length; i += 32768)
			text += String.fromCharCode(...data.subarray(i, i + 32768));
		return { width, height, base64: btoa(text) };
	}, shown.selector);
	const rgba = Buffer.from(base64, "base64"), rgb = Buffer.alloc(width * height * 3);

	for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3)
		rgba.copy(rgb, to, from, from + 3);
	writeFileSync(file, rgb);
	return { width, height };
}

async function expect({ file }) {
	await shown.page.evaluate((base64) => {
		window.judge.expected = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	}, readFileSync(file).toString("base64"));
	return {};
}

function compare({ files }) {
	const [a, b] = files.map((file) => readFileSync(file));
	let error = 0;

	for (let i = 0; i < a.length; i++)
		error += (a[i] - b[i]) ** 2;
	return { db: error === 0 ? null : 10 * Math.log10(255 * 255 * a.length / error) };
}

async function close() {
	await shown?.context.close();
	shown = null;
	return {};
}

const orders = {
	open, close, read, expect, compare,
	shown: countShown,
	keys: pressKeys,
	watch: ({ seconds }) => shown.page.evaluate(watchCanvas,
		{ selector: shown.selector, seconds }),
};

browser = await launch();
session = await browser.newBrowserCDPSession();
session.on("Tracing.dataCollected", ({ value }) => {
	nDrawn += value.filter(({ name }) => name === "Display::FrameDisplayed").length;
});
await obey(orders);
await browser.close();

// SPDX-License-Identifier: BSD-3-Clause

// The figures that a real browser gives: headless Chromium, 1920×1080, one picture pixel to one
// pixel of the canvas. Writes one JSON object.
//
//	AFAR=…/afar node tests/bench/browser.mjs key TRIES	(square runs on the desktop)
//	AFAR=…/afar node tests/bench/browser.mjs open TRIES
//
// How painting is seen: reading the canvas back would cost more than what is measured (and makes
// Chromium move it to another kind of memory), so putImageData is wrapped, the page's only way
// to paint. A paint counts when its own data covers the pixel with a new colour, and is over when
// putImageData has returned. Every now and then, between two tries, the pixel is read back:
// it must have the colour that was counted.

import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { launch, openPage, waitForState } from "../web/browser.mjs";

const WIDTH = 1920, HEIGHT = 1080;
// As in square.h: inside the square, away from its tiles' edges.
const PIXEL = { x: 232, y: 232 };
const COLOURS = [0x204080, 0xe0c040];
const READ_BACK_EVERY = 20;
const WARM_UP = 10;
const LIMIT_MS = 5000;
// Until a new window has loaded what is Chromium's own: its address bar is two pages.
const WINDOW_MS = 1500;

function newLink() {
	const said = execFileSync(process.env.AFAR, ["link"], { encoding: "utf8" });
	return said.match(/\S+#link=\S+/)[0];
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// --- in the page, before its own scripts ---

// Wraps putImageData: see(image, x, y) after each paint on the picture's canvas.
function watchPainting({ x, y }) {
	const real = CanvasRenderingContext2D.prototype.putImageData;
	const bench = window.bench = {
		startedAt: 0, colour: -1, tries: [], nLost: 0, area: 0, wholeAt: 0,
	};

	bench.read = () => {
		const [r, g, b] = document.getElementById("screen").getContext("2d")
			.getImageData(x, y, 1, 1).data;
		return r << 16 | g << 8 | b;
	};
	// A part of the image is painted: w×h of it, at fromX, fromY.
	function see(image, left, top, fromX, fromY, w, h) {
		const dx = x - left, dy = y - top;

		if (dx < fromX || dy < fromY || dx >= fromX + w || dy >= fromY + h)
			return;
		const at = (dy * image.width + dx) * 4;
		const colour = image.data[at] << 16 | image.data[at + 1] << 8 | image.data[at + 2];
		if (colour === bench.colour)
			return;
		bench.colour = colour;
		if (bench.startedAt === 0)
			return;
		bench.tries.push(performance.now() - bench.startedAt);
		bench.startedAt = 0;
	}
	CanvasRenderingContext2D.prototype.putImageData = function (image, left, top,
		fromX = 0, fromY = 0, w = image.width, h = image.height) {
		real.call(this, image, left, top, fromX, fromY, w, h);
		if (this.canvas.id !== "screen")
			return;
		see(image, left, top, fromX, fromY, w, h);
		bench.area += w * h;
		if (bench.wholeAt === 0 && bench.area >= this.canvas.width * this.canvas.height) {
			bench.wholeAt = performance.now();
			console.debug("whole");
		}
	};
	window.addEventListener("keydown", () => {
		if (bench.startedAt !== 0)
			bench.nLost++;
		bench.startedAt = performance.now();
	}, { capture: true });
}

// --- key press to pixel ---

async function pressOnce(page) {
	await page.keyboard.down("a");
	await sleep(10 + Math.random() * 15);
	await page.keyboard.up("a");
	await sleep(2 + Math.random() * 10);
}

async function checkColour(page) {
	const { seen, read } = await page.evaluate(() =>
		({ seen: window.bench.colour, read: window.bench.read() }));

	if (seen !== read || !COLOURS.includes(read))
		throw new Error(`the canvas shows ${read.toString(16)}, painted was ${seen.toString(16)}`);
}

async function measureKey(browser, tries) {
	const { page, context } = await openPage(browser, null,
		{ viewport: { width: WIDTH, height: HEIGHT } });

	await context.addInitScript(watchPainting, PIXEL);
	await page.goto(newLink());
	await waitForState(page, "connected");
	for (let i = 0; i < WARM_UP; i++)
		await pressOnce(page);
	await page.evaluate(() => {
		window.bench.tries = [];
		window.bench.nLost = 0;
	});
	for (let i = 1; i <= tries; i++) {
		await pressOnce(page);
		if (i % READ_BACK_EVERY === 0)
			await checkColour(page);
	}
	return page.evaluate(() => ({ ms: window.bench.tries, lost: window.bench.nLost,
		width: document.getElementById("screen").width,
		height: document.getElementById("screen").height }));
}

// --- page opened to first whole picture ---

// The floor: a page that does nothing but paint a whole picture.
const FLOOR_PAGE = `<!doctype html><canvas id="screen" width="${WIDTH}" height="${HEIGHT}"></canvas>
<script>document.getElementById("screen").getContext("2d")
.putImageData(new ImageData(${WIDTH}, ${HEIGHT}), 0, 0)</script>`;

async function serveFloor() {
	const server = createServer((request, response) => {
		response.setHeader("Content-Type", "text/html");
		response.end(request.url === "/" ? FLOOR_PAGE : "");
	});

	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	return server;
}

// A context of its own: nothing is cached, nobody is signed in.
async function openOnce(browser, url) {
	const { page, context } = await openPage(browser, null,
		{ viewport: { width: WIDTH, height: HEIGHT } });

	await context.addInitScript(watchPainting, PIXEL);
	await sleep(WINDOW_MS);
	// To ask the page meanwhile would be measured, too.
	const whole = page.waitForEvent("console",
		{ predicate: (line) => line.text() === "whole", timeout: LIMIT_MS });
	await Promise.all([page.goto(url), whole]);
	const ms = await page.evaluate(() => window.bench.wholeAt);
	await context.close();
	return ms;
}

async function measureOpen(browser, tries) {
	const server = await serveFloor();
	const floorUrl = `http://127.0.0.1:${server.address().port}/`;
	const ms = [], floor = [];

	await openOnce(browser, floorUrl);
	for (let i = 0; i < tries; i++) {
		floor.push(await openOnce(browser, floorUrl));
		ms.push(await openOnce(browser, newLink()));
	}
	server.close();
	return { ms, floor };
}

const [what, tries] = process.argv.slice(2);
const browser = await launch();
try {
	const measure = what === "key" ? measureKey : measureOpen;
	console.log(JSON.stringify(await measure(browser, Number(tries))));
} finally {
	await browser.close();
}

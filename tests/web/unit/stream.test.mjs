// SPDX-License-Identifier: BSD-3-Clause

// From a connection's bytes to painted pixels, without a browser: turns, pieces, rectangles.

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { importSource } from "../bundle.mjs";
import { message, paletted, Picture, raw, rectangle, solid, u16, u32 } from "../fake-host.mjs";

const { Stream, forEachPatch } = await importSource("net/stream", "picture/rectangles");

const WELCOME = message(0x81, Buffer.from('{"version":1}'));

// A stream after WELCOME and SCREEN, what it emits, and a canvas of its own.
class Viewer {
	constructor(width, height) {
		this.events = [];
		this.stream = new Stream((event) => this.events.push(event));
		this.deflate = createDeflateRaw();
		this.chunks = [];
		this.deflate.on("data", (chunk) => this.chunks.push(chunk));
		this.canvas = new Picture(width, height);
		this.feed(WELCOME);
		this.feed(message(0x84, u16(width, height)));
	}

	feed(bytes) {
		this.stream.handleMessage(new Uint8Array(bytes));
	}

	async frame(seq, rectangles, more = 0) {
		this.chunks = [];
		this.deflate.write(rectangles);
		await new Promise((resolve) => this.deflate.flush(constants.Z_SYNC_FLUSH, resolve));
		this.feed(message(0x85, Buffer.from([more]), u32(seq),
			Buffer.concat(this.chunks).subarray(0, -4)));
	}

	// Paints the newest event as the page does; returns the number of patches.
	paint() {
		const frame = this.events[this.events.length - 1];
		let n = 0;

		assert.equal(frame.type, "frame");
		for (const piece of frame.pieces)
			forEachPatch(piece, (pixels, x, y, width, height) => {
				n++;
				for (let i = 0; i < width * height; i++) {
					const at = ((y + Math.floor(i / width)) * this.canvas.width + x + i % width) * 3;
					this.canvas.rgb.set(pixels.subarray(i * 4, i * 4 + 3), at);
					assert.equal(pixels[i * 4 + 3], 255);
				}
			});
		return n;
	}
}

// The same numbers in every run.
function random(seed) {
	return () => {
		seed = seed * 1103515245 + 12345 & 0x7fffffff;
		return seed / 0x80000000;
	};
}

test("each kind and each palette width at odd sizes is decoded to the pixel", async () => {
	const next = random(1);
	const viewer = new Viewer(150, 131);
	let seq = 0;

	for (const [w, h] of [[1, 1], [3, 2], [7, 5], [8, 1], [9, 9], [33, 17], [63, 64], [64, 64]]) {
		for (const n of [1, 2, 3, 4, 5, 15, 16, 300]) {
			const picture = new Picture(150, 131);
			const x = Math.floor(next() * (150 - w)), y = Math.floor(next() * (131 - h));
			viewer.canvas.rgb.copy(picture.rgb);
			const colours = Array.from({ length: n }, () =>
				[0, 0, 0].map(() => Math.floor(next() * 256)));
			const indices = Array.from({ length: w * h }, () => Math.floor(next() * n));
			const rgb = indices.flatMap((index) => colours[index]);
			for (let row = 0; row < h; row++)
				picture.rgb.set(rgb.slice(row * w * 3, (row + 1) * w * 3), ((y + row) * 150 + x) * 3);
			const body = n === 1 ? solid(x, y, w, h, colours[0])
				: n <= 16 ? paletted(x, y, w, h, colours, indices) : raw(x, y, w, h, rgb);
			await viewer.frame(++seq, body);
			viewer.paint();
			assert.ok(viewer.canvas.rgb.equals(picture.rgb), `${w}×${h}, ${n} colours`);
		}
	}
});

test("random scenes with overlapping rectangles end as the last one has it", async () => {
	const next = random(7);
	const pick = (n) => Math.floor(next() * n);
	const picture = new Picture(197, 135);
	const viewer = new Viewer(197, 135);

	for (let seq = 1; seq <= 60; seq++) {
		const list = [];
		for (let i = 0; i < 1 + pick(12); i++) {
			const w = 1 + pick(64), h = 1 + pick(64);
			const x = pick(197 - w + 1), y = pick(135 - h + 1);
			picture.fill(x, y, w, h, [pick(256), pick(256), pick(256)]);
			picture.fill(x, y, Math.ceil(w / 2), Math.ceil(h / 3), [pick(256), pick(256), pick(256)]);
			list.push(picture.encode(x, y, w, h));
		}
		await viewer.frame(seq, Buffer.concat(list));
		viewer.paint();
		assert.ok(viewer.canvas.rgb.equals(picture.rgb), `scene ${seq}`);
	}
});

test("neighbouring tiles become one patch", async () => {
	const viewer = new Viewer(200, 150);
	const picture = new Picture(200, 150);

	picture.fill(10, 10, 120, 100, [1, 2, 3]);
	await viewer.frame(1, picture.tiles());
	assert.equal(viewer.paint(), 1);
	assert.ok(viewer.canvas.rgb.equals(picture.rgb));
	await viewer.frame(2, Buffer.concat([picture.tiles(0, 0, 64, 64), picture.tiles(128, 0, 64, 64)]));
	assert.equal(viewer.paint(), 2);
});

test("pieces of a frame come as one event, when the last is there", async () => {
	const viewer = new Viewer(100, 100);
	const picture = new Picture(100, 100);

	picture.fill(0, 0, 100, 100, [9, 8, 7]);
	await viewer.frame(1, picture.tiles(0, 0, 100, 40), 1);
	await viewer.frame(1, picture.tiles(0, 40, 100, 30), 1);
	assert.equal(viewer.events.filter((event) => event.type === "frame").length, 0);
	await viewer.frame(1, picture.tiles(0, 70, 100, 30));
	viewer.paint();
	assert.ok(viewer.canvas.rgb.equals(picture.rgb));
});

test("a last piece may be empty, and so may a frame", async () => {
	const viewer = new Viewer(64, 64);

	await viewer.frame(1, solid(0, 0, 64, 64, [1, 1, 1]), 1);
	await viewer.frame(1, Buffer.alloc(0));
	assert.equal(viewer.paint(), 1);
	await viewer.frame(2, Buffer.alloc(0));
	assert.equal(viewer.paint(), 0);
});

test("a new screen drops an unfinished frame and keeps the deflate stream", async () => {
	const viewer = new Viewer(64, 64);

	await viewer.frame(1, solid(0, 0, 64, 64, [1, 1, 1]), 1);
	viewer.feed(message(0x84, u16(32, 32)));
	await viewer.frame(2, solid(0, 0, 32, 32, [2, 2, 2]));
	assert.equal(viewer.paint(), 1);
	assert.deepEqual([...viewer.canvas.rgb.subarray(0, 3)], [2, 2, 2]);
});

test("a frame that inflates to megabytes is whole", async () => {
	const next = random(3);
	const picture = new Picture(1000, 700);
	const viewer = new Viewer(1000, 700);

	for (let i = 0; i < picture.rgb.length; i++)
		picture.rgb[i] = next() * 256;
	await viewer.frame(1, picture.tiles());
	viewer.paint();
	assert.ok(viewer.canvas.rgb.equals(picture.rgb));
	await viewer.frame(2, solid(0, 0, 64, 64, [5, 5, 5]));
	viewer.paint();
	assert.deepEqual([...viewer.canvas.rgb.subarray(0, 3)], [5, 5, 5]);
});

test("bad rectangles end the connection", async () => {
	const cases = {
		"cut off in the header": Buffer.from([0, 0, 0, 0]),
		"cut off in the body": solid(0, 0, 1, 1, [1, 2]),
		"of unknown kind": rectangle(3, 0, 0, 1, 1, Buffer.from([1, 2, 3])),
		"beyond the right edge": solid(60, 0, 5, 1, [1, 2, 3]),
		"beyond the bottom": solid(0, 64, 1, 1, [1, 2, 3]),
		"wider than a tile": rectangle(0, 0, 0, 65, 1, Buffer.from([1, 2, 3])),
		"with a palette of one": paletted(0, 0, 1, 1, [[1, 1, 1]], [0]),
		"with a palette of seventeen": paletted(0, 0, 1, 1, Array(17).fill([1, 1, 1]), [0]),
		"with no palette": rectangle(1, 0, 0, 1, 1, Buffer.alloc(0)),
		"with rows missing": rectangle(2, 0, 0, 2, 2, Buffer.alloc(11)),
		"over and over": Buffer.concat(Array(5).fill(solid(0, 0, 64, 64, [1, 2, 3]))),
	};

	for (const [name, body] of Object.entries(cases)) {
		const viewer = new Viewer(64, 64);
		await assert.rejects(viewer.frame(1, body), Error, name);
	}
});

test("painting over and over is also found across pieces", async () => {
	const viewer = new Viewer(64, 64);

	for (let i = 0; i < 4; i++)
		await viewer.frame(1, solid(0, 0, 64, 64, [1, 2, 3]), 1);
	await assert.rejects(viewer.frame(1, solid(0, 0, 64, 64, [1, 2, 3])));
});

test("a deflate bomb is stopped while it is small", () => {
	const viewer = new Viewer(64, 64);
	const bomb = deflateRawSync(Buffer.alloc(100 * 1024 * 1024));

	assert.throws(() => viewer.feed(message(0x85, Buffer.from([0]), u32(1), bomb)), /too large/);
});

test("garbage for a deflate stream is found", () => {
	for (const garbage of ["07", "ffffffffff", "0100000000", "030000"]) {
		const viewer = new Viewer(64, 64);
		assert.throws(() => viewer.feed(
			message(0x85, Buffer.from([0]), u32(1), Buffer.from(garbage, "hex"))), garbage);
	}
});

test("messages out of their turn end the connection", async () => {
	const fresh = () => new Stream(() => undefined);
	const screen = new Uint8Array(message(0x84, u16(8, 8)));
	const frame = new Uint8Array(message(0x85, Buffer.from([0]), u32(1)));

	assert.throws(() => fresh().handleMessage(screen), /SCREEN out of its turn/);
	assert.throws(() => fresh().handleMessage(frame), /FRAME out of its turn/);
	const twice = fresh();
	twice.handleMessage(new Uint8Array(WELCOME));
	assert.throws(() => twice.handleMessage(new Uint8Array(WELCOME)), /WELCOME out of its turn/);
	const bare = fresh();
	bare.handleMessage(new Uint8Array(WELCOME));
	assert.throws(() => bare.handleMessage(frame), /FRAME without a screen/);
	const refused = fresh();
	refused.handleMessage(new Uint8Array(message(0x82, Buffer.from('{"reason":"pin"}'))));
	assert.throws(() => refused.handleMessage(screen), /out of its turn/);
	const mixed = new Viewer(64, 64);
	await mixed.frame(1, solid(0, 0, 1, 1, [1, 2, 3]), 1);
	await assert.rejects(mixed.frame(2, solid(0, 0, 1, 1, [1, 2, 3])), /in the middle/);
});

test("a cursor's pixels come out as they went in", () => {
	const viewer = new Viewer(64, 64);
	const rgba = Buffer.from(Array.from({ length: 3 * 5 * 4 }, (_, i) => i * 7 & 255));
	const cursor = (pixels) =>
		message(0x86, u16(3, 5, 1, 4), deflateRawSync(pixels));

	viewer.feed(cursor(rgba));
	const event = viewer.events[viewer.events.length - 1];
	assert.deepEqual(Buffer.from(event.pixels), rgba);
	assert.throws(() => viewer.feed(cursor(rgba.subarray(1))), /wrong size/);
	assert.throws(() => viewer.feed(cursor(Buffer.alloc(61))), /too large/);
	viewer.feed(message(0x86, u16(0, 0, 0, 0)));
	assert.equal(viewer.events[viewer.events.length - 1].width, 0);
});

// SPDX-License-Identifier: BSD-3-Clause

// The operations of a FRAME, from its message to the page's picture, against a picture that is
// worked out as docs/protocol.md has it.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
	cached, copy, delta, paletted, Picture, raw, rectangle, solid, store, u16,
} from "../fake-host.mjs";
import { random, Viewer } from "./viewer.mjs";

const COLOURS = Array.from({ length: 256 }, (_, i) => [i, 255 - i, i * 7 & 255]);

function colours(next, n) {
	return Array.from({ length: n }, () => [0, 0, 0].map(() => Math.floor(next() * 256)));
}

test("each kind and each palette width at odd sizes is decoded to the pixel", async () => {
	const next = random(1);
	const viewer = new Viewer(150, 131);
	const picture = new Picture(150, 131);
	let seq = 0;

	for (const [w, h] of [[1, 1], [3, 2], [7, 5], [8, 1], [9, 9], [33, 17], [63, 64], [64, 64]]) {
		for (const n of [1, 2, 3, 4, 5, 15, 16, 17, 255, 256, "raw", "delta"]) {
			const x = Math.floor(next() * (150 - w)), y = Math.floor(next() * (131 - h));
			const known = colours(next, n > 0 ? n : 300);
			const indices = Array.from({ length: w * h }, () => Math.floor(next() * known.length));
			const rgb = indices.flatMap((index) => known[index]);
			for (let row = 0; row < h; row++)
				picture.rgb.set(rgb.slice(row * w * 3, (row + 1) * w * 3), ((y + row) * 150 + x) * 3);
			const body = n === 1 ? solid(x, y, w, h, known[0])
				: n === "raw" ? raw(x, y, w, h, rgb)
				: n === "delta" ? delta(x, y, w, h, rgb)
				: paletted(x, y, w, h, known, indices);
			await viewer.frame(++seq, body);
			assert.deepEqual(viewer.paint(), [[x, y, w, h]]);
			assert.ok(viewer.picture.rgb.equals(picture.rgb), `${w}×${h}, ${n} colours`);
		}
	}
});

test("DELTA's planes are green, then what red and blue have more, modulo 256", async () => {
	const viewer = new Viewer(2, 2);

	// Right of the first: 1, 1, 1 more; below it: all 255, which is one less.
	await viewer.frame(1, rectangle(3, 0, 0, 2, 2, Buffer.from([
		20, 1, 255, 250,
		246, 0, 0, 10,
		10, 0, 0, 0,
	])));
	viewer.paint();
	assert.deepEqual([...viewer.picture.rgb],
		[10, 20, 30, 11, 21, 31, 9, 19, 29, 13, 13, 23]);
});

test("an index beyond the palette is black", async () => {
	const viewer = new Viewer(2, 1);

	await viewer.frame(1, solid(0, 0, 2, 1, [9, 9, 9]));
	await viewer.frame(2, paletted(0, 0, 2, 1, [[1, 1, 1], [2, 2, 2], [4, 4, 4]], [1, 3]));
	viewer.paint();
	viewer.paint();
	assert.deepEqual([...viewer.picture.rgb], [2, 2, 2, 0, 0, 0]);
});

test("neighbouring tiles become one patch", async () => {
	const viewer = new Viewer(200, 150);
	const picture = new Picture(200, 150);

	picture.fill(10, 10, 120, 100, [1, 2, 3]);
	await viewer.frame(1, picture.tiles());
	assert.deepEqual(viewer.paint(), [[0, 0, 200, 150]]);
	assert.ok(viewer.picture.rgb.equals(picture.rgb));
	await viewer.frame(2, Buffer.concat([picture.tiles(0, 0, 64, 64), picture.tiles(128, 0, 64, 64)]));
	assert.deepEqual(viewer.paint(), [[0, 0, 64, 64], [128, 0, 64, 64]]);
});

test("a copy may overlap its source in any direction", async () => {
	const next = random(3);
	const viewer = new Viewer(90, 80);
	const picture = new Picture(90, 80);
	let seq = 1;

	for (let i = 0; i < picture.rgb.length; i++)
		picture.rgb[i] = next() * 256;
	await viewer.frame(seq, picture.tiles());
	viewer.paint();
	for (const [dx, dy] of [[0, 1], [0, -1], [1, 0], [-1, 0], [3, 2], [-3, 2], [3, -2], [-3, -2],
		[0, 0], [20, 10]]) {
		picture.move(20 + dx, 10 + dy, 50, 60, 20, 10);
		await viewer.frame(++seq, copy(20 + dx, 10 + dy, 50, 60, 20, 10));
		assert.deepEqual(viewer.paint(), [[20 + dx, 10 + dy, 50, 60]]);
		assert.ok(viewer.picture.rgb.equals(picture.rgb), `by ${dx},${dy}`);
	}
});

test("a tile is remembered as it was at that moment, also at the edges", async () => {
	const viewer = new Viewer(100, 70);
	const colour = (x, y) => [...viewer.picture.cut(x, y, 1, 1)];

	await viewer.frame(1, Buffer.concat([
		solid(64, 64, 36, 6, [1, 1, 1]), store(1, 1, 2047),
		solid(64, 64, 36, 6, [2, 2, 2]), store(0, 0, 0),
		solid(0, 0, 64, 64, [3, 3, 3]),
	]));
	viewer.paint();
	assert.deepEqual(colour(99, 69), [2, 2, 2]);
	await viewer.frame(2, Buffer.concat([cached(1, 1, 2047), cached(0, 0, 0)]));
	assert.deepEqual(viewer.paint(), [[64, 64, 36, 6], [0, 0, 64, 64]]);
	assert.deepEqual(colour(99, 69), [1, 1, 1]);
	assert.deepEqual(colour(0, 0), [0, 0, 0]);
	await viewer.frame(3, Buffer.concat([solid(0, 0, 1, 1, [4, 4, 4]), store(0, 0, 0)]));
	await viewer.frame(4, Buffer.concat([solid(0, 0, 1, 1, [5, 5, 5]), cached(0, 0, 0)]));
	viewer.paint();
	viewer.paint();
	assert.deepEqual(colour(0, 0), [4, 4, 4]);
});

test("a new screen empties the slots", async () => {
	const viewer = new Viewer(64, 64);

	await viewer.frame(1, store(0, 0, 5));
	await viewer.frame(2, cached(0, 0, 5));
	viewer.screen(64, 64);
	await assert.rejects(viewer.frame(3, cached(0, 0, 5)), /has no tile/);
});

test("bad operations end the connection", async () => {
	const cases = {
		"cut off in the header": Buffer.from([0, 0, 0, 0]),
		"cut off in the body": solid(0, 0, 1, 1, [1, 2]),
		"of unknown kind": Buffer.from([7, 0, 0, 0, 0, 0, 0]),
		"beyond the right edge": solid(66, 0, 5, 1, [1, 2, 3]),
		"beyond the bottom": solid(0, 70, 1, 1, [1, 2, 3]),
		"wider than a tile": rectangle(0, 0, 0, 65, 1, Buffer.from([1, 2, 3])),
		"higher than a tile": rectangle(0, 0, 0, 1, 65, Buffer.from([1, 2, 3])),
		"with a palette of one": paletted(0, 0, 1, 1, [[1, 1, 1]], [0]),
		"with a palette that is cut off": rectangle(1, 0, 0, 1, 1, Buffer.from([255, 1, 2, 3])),
		"with indices that are cut off": paletted(0, 0, 2, 1, COLOURS, [0, 1]).subarray(0, -1),
		"with no palette": rectangle(1, 0, 0, 1, 1, Buffer.alloc(0)),
		"with rows missing": rectangle(2, 0, 0, 2, 2, Buffer.alloc(11)),
		"with a plane missing": rectangle(3, 0, 0, 2, 2, Buffer.alloc(11)),
		"over and over": Buffer.concat(Array(5).fill(solid(0, 0, 64, 64, [1, 2, 3]))),
		"a copy that is cut off": copy(0, 0, 1, 1, 0, 0).subarray(0, -1),
		"a copy to outside": copy(60, 0, 11, 1, 0, 0),
		"a copy to below": copy(0, 65535, 1, 1, 0, 0),
		"a copy from outside": copy(0, 0, 11, 1, 60, 0),
		"a copy from below": copy(0, 0, 1, 65, 0, 6),
		"a copy of no width": copy(0, 0, 0, 1, 0, 0),
		"a copy of no height": copy(0, 0, 1, 0, 0, 0),
		"copies over and over": Buffer.concat(Array(5).fill(copy(0, 0, 70, 70, 0, 0))),
		"a store that is cut off": store(0, 0, 0).subarray(0, -1),
		"a store beyond the right edge": store(2, 0, 0),
		"a store beyond the bottom": store(0, 65535, 0),
		"a store in slot 2048": store(0, 0, 2048),
		"stores over and over": Buffer.concat(Array(5).fill(store(0, 0, 0))),
		"an empty slot": cached(0, 0, 1),
		"slot 2048": cached(0, 0, 2048),
		"a slot with a tile of another size": Buffer.concat([store(0, 0, 1), cached(1, 0, 1)]),
		"a tile outside": Buffer.concat([store(0, 0, 1), cached(0, 2, 1)]),
		"slots over and over":
			Buffer.concat([store(0, 0, 1), ...Array(5).fill(cached(0, 0, 1))]),
	};
	const sizes = { "over and over": 64, "stores over and over": 64, "slots over and over": 64 };

	for (const [name, body] of Object.entries(cases)) {
		const size = sizes[name] ?? 70;
		const viewer = new Viewer(size, size);
		await assert.rejects(viewer.frame(1, body), Error, name);
	}
});

test("painting over and over is also found across pieces, and counted anew for each seq", async () => {
	const viewer = new Viewer(64, 64);
	const whole = solid(0, 0, 64, 64, [1, 2, 3]);

	for (let i = 0; i < 3; i++)
		await viewer.frame(1, whole, { more: true });
	await viewer.frame(1, whole);
	await viewer.frame(2, whole, { more: true });
	for (let i = 0; i < 3; i++)
		await viewer.frame(2, copy(0, 0, 64, 64, 0, 0), { more: true });
	await assert.rejects(viewer.frame(2, solid(0, 0, 1, 1, [1, 2, 3])));
});

// Some operation, which it does to the model: picture, and slots as { w, h, rgb }.
function anyOperation(pick, picture, slots) {
	const { width, height } = picture;
	const w = 1 + pick(Math.min(64, width)), h = 1 + pick(Math.min(64, height));
	const x = pick(width - w + 1), y = pick(height - h + 1);
	const column = pick(Math.ceil(width / 64)), row = pick(Math.ceil(height / 64));
	const tile = [column * 64, row * 64, Math.min(64, width - column * 64),
		Math.min(64, height - row * 64)];
	const slot = pick(8) * 292;
	const rgb = Buffer.from(Array.from({ length: w * h * 3 }, () => pick(256)));
	const kind = pick(8);
	let bytes;

	if (kind === 4 || kind === 7) {
		const wide = 1 + pick(width), high = 1 + pick(height);
		const [toX, toY] = [pick(width - wide + 1), pick(height - high + 1)];
		const [fromX, fromY] = [pick(width - wide + 1), pick(height - high + 1)];
		picture.move(toX, toY, wide, high, fromX, fromY);
		return copy(toX, toY, wide, high, fromX, fromY);
	}
	const known = slots.get(slot);
	if (kind === 6 && known?.w === tile[2] && known.h === tile[3]) {
		put(picture, ...tile, known.rgb);
		return cached(column, row, slot);
	}
	if (kind === 5 || kind === 6) {
		slots.set(slot, { w: tile[2], h: tile[3], rgb: picture.cut(...tile) });
		return store(column, row, slot);
	}
	if (kind === 0) {
		rgb.fill(rgb.subarray(0, 3));
		bytes = solid(x, y, w, h, rgb.subarray(0, 3));
	} else if (kind === 1) {
		const some = COLOURS.slice(0, 2 + pick(255));
		const indices = Array.from({ length: w * h }, () => pick(some.length));
		rgb.set(indices.flatMap((index) => some[index]));
		bytes = paletted(x, y, w, h, some, indices);
	} else {
		bytes = (kind === 2 ? raw : delta)(x, y, w, h, rgb);
	}
	put(picture, x, y, w, h, rgb);
	return bytes;
}

function put(picture, x, y, w, h, rgb) {
	for (let row = 0; row < h; row++)
		picture.rgb.set(rgb.subarray(row * w * 3, (row + 1) * w * 3),
			((y + row) * picture.width + x) * 3);
}

test("random operations, pieces, streams, screens and delays end as the model has it", async () => {
	const next = random(7);
	const pick = (n) => Math.floor(next() * n);

	for (let run = 0; run < 40; run++) {
		let [width, height] = [1 + pick(200), 1 + pick(150)];
		let picture = new Picture(width, height);
		let slots = new Map();
		const viewer = new Viewer(width, height);

		for (let seq = 1; seq <= 12; seq++) {
			const nPieces = 1 + pick(3);
			for (let piece = 1; piece <= nPieces; piece++) {
				// Four of any size are what a seq may fill.
				const list = Array.from({ length: pick(piece === 1 ? 3 : 2) }, () =>
					anyOperation(pick, picture, slots));
				await viewer.frame(seq, Buffer.concat(list), { nth: pick(4), more: piece < nPieces });
			}
			if (pick(3) > 0)
				viewer.paint();
			if (pick(12) === 0) {
				[width, height] = [1 + pick(200), 1 + pick(150)];
				picture = new Picture(width, height);
				slots = new Map();
				viewer.screen(width, height);
			}
		}
		viewer.paint();
		viewer.paint();
		assert.ok(viewer.picture.rgb.equals(picture.rgb), `run ${run}`);
	}
});

test("garbage is a BadMessage or a picture, whatever it is", async () => {
	const next = random(11);
	const pick = (n) => Math.floor(next() * n);
	let nGood = 0;

	for (let i = 0; i < 3000; i++) {
		const viewer = new Viewer(80, 70);
		const parts = Array.from({ length: 1 + pick(4) }, () => {
			const small = pick(4) > 0 ? pick(10) : pick(65536);
			return pick(2)
				? Buffer.concat([Buffer.from([4 + pick(3)]),
					u16(pick(3), pick(3), small, small, pick(4), pick(4))])
				: Buffer.from(Array.from({ length: pick(40) }, () => pick(pick(2) ? 8 : 256)));
		});
		try {
			viewer.feed(Buffer.concat([Buffer.from([0x85, 0, 1, 0, 0, 0]),
				await viewer.streams[0].piece(Buffer.concat(parts))]));
		} catch (error) {
			assert.equal(error.constructor.name, "BadMessage", error.stack);
			continue;
		}
		nGood++;
		viewer.paint();
		assert.equal(viewer.picture.rgb.length, 80 * 70 * 3);
	}
	assert.ok(nGood > 20, String(nGood));
});

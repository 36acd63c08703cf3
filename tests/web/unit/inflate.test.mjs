// SPDX-License-Identifier: BSD-3-Clause

// web/wasm/inflate.c against zlib: whatever zlib makes comes out again, and nothing else harms.

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { importSource } from "../bundle.mjs";
import { random } from "./viewer.mjs";

const { Inflater } = await importSource("net/inflate");

const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants;
const STRATEGIES = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED];

// n bytes of few or many values, with repetitions near and far.
function anyBytes(pick, n) {
	const values = 1 << pick(9);
	const bytes = Buffer.alloc(n);

	for (let i = 0; i < n;) {
		const run = Math.min(n - i, 1 + pick(pick(4) ? 8 : 400));
		const distance = 1 + pick(pick(3) ? 100 : 32768);
		const copies = pick(2) && distance <= i;
		for (const end = i + run; i < end; i++)
			bytes[i] = copies ? bytes[i - distance] : pick(values);
	}
	return bytes;
}

test("what zlib deflates comes out again, message after message", async () => {
	const next = random(5);
	const pick = (n) => Math.floor(next() * n);

	for (let run = 0; run < 60; run++) {
		const deflate = createDeflateRaw({
			level: pick(10), memLevel: 1 + pick(9), strategy: STRATEGIES[run % STRATEGIES.length],
		});
		const inflater = new Inflater();
		let chunks = [];

		deflate.on("data", (chunk) => chunks.push(chunk));
		for (let i = 0; i < 8; i++) {
			const bytes = anyBytes(pick, pick(i === 4 ? 400000 : 3000));
			chunks = [];
			deflate.write(bytes);
			await new Promise((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
			const deflated = Buffer.concat(chunks);
			// Without anything to flush zlib says nothing.
			if (deflated.length > 0)
				assert.ok(bytes.equals(inflater.message(deflated.subarray(0, -4), 400000)), `run ${run}`);
		}
	}
});

test("a limit is exact", () => {
	const bytes = anyBytes((n) => n >> 1, 700000);
	const deflated = deflateRawSync(bytes);

	assert.ok(bytes.equals(Inflater.whole(deflated, 700000)));
	assert.throws(() => Inflater.whole(deflated, 699999), /too large/);
	assert.throws(() => Inflater.whole(deflated, 700001), /wrong size/);
	assert.equal(new Inflater().message(Buffer.from([0]), 0).length, 0);
});

test("what came before is known, up to 32 KiB, and nothing before the beginning", () => {
	const flushed = { finishFlush: constants.Z_SYNC_FLUSH };
	const before = Buffer.from(Array.from({ length: 32768 }, (_, i) => i * i * 7 >> 3 & 255));
	const again = deflateRawSync(before.subarray(0, 200), { dictionary: before, ...flushed });
	const inflater = new Inflater();

	assert.ok(again.length < 100);
	inflater.message(deflateRawSync(before, flushed).subarray(0, -4), 40000);
	assert.ok(before.subarray(0, 200).equals(inflater.message(again.subarray(0, -4), 200)));
	assert.throws(() => new Inflater().message(again.subarray(0, -4), 200), /damaged/);
});

test("whatever is damaged is told, or comes out in bounds", () => {
	const next = random(9);
	const pick = (n) => Math.floor(next() * n);
	let nTold = 0;

	for (let i = 0; i < 4000; i++) {
		const deflated = deflateRawSync(anyBytes(pick, 1 + pick(2000)),
			{ level: 1 + pick(9), strategy: STRATEGIES[i % STRATEGIES.length] });
		const bad = Buffer.from(deflated.subarray(0, 1 + pick(deflated.length)));

		for (let n = pick(4); n >= 0; n--)
			bad[pick(bad.length)] ^= 1 << pick(8);
		try {
			assert.ok(new Inflater().message(bad, 3000).length <= 3000);
		} catch (error) {
			assert.equal(error.constructor, RangeError, error.stack);
			nTold++;
		}
	}
	assert.ok(nTold > 1000, String(nTold));
});

// SPDX-License-Identifier: BSD-3-Clause

// Which decoder gets which picture, and what becomes of those who wait, with a WebCodecs that
// does as the test says.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { importSource } from "../bundle.mjs";

const { VideoPictures } = await importSource("picture/video");

const VP9 = 2, H264 = 3;
const HERE = { x: 10, y: 20, width: 300, height: 200, half: false };
const THERE = { x: 400, y: 20, width: 300, height: 201, half: false };
const BYTES = new Uint8Array([1, 2, 3]);

class Frame {
	constructor(timestamp, displayWidth, displayHeight) {
		Object.assign(this, { timestamp, displayWidth, displayHeight, closed: false });
	}

	close() {
		this.closed = true;
	}
}

let decoders;
let supported;

class FakeDecoder {
	static async isConfigSupported(config) {
		if (supported === "throws")
			throw new TypeError("no such codec");
		return { supported: config.codec.startsWith(supported), config };
	}

	constructor(init) {
		Object.assign(this, init, { chunks: [], closed: false });
		decoders.push(this);
	}

	configure(config) {
		this.config = config;
	}

	decode(chunk) {
		if (chunk.data.length === 0)
			throw new TypeError("an empty chunk");
		this.chunks.push(chunk);
	}

	close() {
		if (this.closed)
			throw new Error("closed twice");
		this.closed = true;
	}

	// The nth picture comes out.
	answer(nth, width = this.config.codedWidth, height = this.config.codedHeight) {
		const frame = new Frame(this.chunks[nth].timestamp, width, height);

		this.output(frame);
		return frame;
	}
}

class FakeChunk {
	constructor(init) {
		Object.assign(this, init);
	}
}

beforeEach(() => {
	decoders = [];
	supported = "vp09";
	globalThis.VideoDecoder = FakeDecoder;
	globalThis.EncodedVideoChunk = FakeChunk;
});

afterEach(() => {
	delete globalThis.VideoDecoder;
	delete globalThis.EncodedVideoChunk;
});

test("what the browser decodes is asked, and may be nothing", async () => {
	assert.deepEqual(await VideoPictures.codecs(), ["vp9"]);
	supported = "avc1";
	assert.deepEqual(await VideoPictures.codecs(), ["h264"]);
	supported = "";
	assert.deepEqual(await VideoPictures.codecs(), ["vp9", "h264"]);
	supported = "throws";
	assert.deepEqual(await VideoPictures.codecs(), []);
	delete globalThis.VideoDecoder;
	assert.deepEqual(await VideoPictures.codecs(), []);
});

test("a sequence has one decoder, which says what is a key picture", async () => {
	const pictures = new VideoPictures();
	const first = pictures.decode(H264, true, HERE, BYTES);
	const second = pictures.decode(H264, false, HERE, BYTES);
	const third = pictures.decode(H264, true, HERE, BYTES);

	await null;
	assert.equal(decoders.length, 1);
	assert.match(decoders[0].config.codec, /^avc1\.42/);
	assert.equal(decoders[0].config.optimizeForLatency, true);
	assert.deepEqual(decoders[0].chunks.map(({ type }) => type), ["key", "delta", "key"]);
	const frames = [0, 1, 2].map((nth) => decoders[0].answer(nth));
	assert.deepEqual((await Promise.all([first, second, third])).map(({ image }) => image), frames);
	assert.ok(frames.every(({ closed }) => !closed));
	pictures.close();
	assert.ok(decoders[0].closed);
});

test("two rectangles have two decoders; one that overlaps ends the earlier one", async () => {
	const pictures = new VideoPictures();
	const here = pictures.decode(VP9, true, HERE, BYTES);
	const there = pictures.decode(VP9, true, THERE, BYTES);

	await null;
	assert.equal(decoders.length, 2);
	assert.equal(decoders[1].config.codedHeight, 202);
	const over = pictures.decode(VP9, true, { ...HERE, width: 302 }, BYTES);
	await assert.rejects(here, /another one has begun/);
	assert.deepEqual(decoders.map(({ closed }) => closed), [true, false, false]);
	decoders[1].answer(0);
	decoders[2].answer(0);
	await there;
	await over;
	await assert.rejects(pictures.decode(VP9, false, HERE, BYTES), /without the one/);
	const half = pictures.decode(VP9, true, { ...HERE, width: 302, half: true }, BYTES);
	await null;
	assert.ok(decoders[2].closed);
	assert.deepEqual([decoders[3].config.codedWidth, decoders[3].config.codedHeight], [152, 100]);
	decoders[3].answer(0);
	await half;
	const other = pictures.decode(H264, true, THERE, BYTES);
	await null;
	assert.ok(decoders[1].closed);
	pictures.close();
	await assert.rejects(other, /connection has ended/);
});

test("what cannot be decoded is told in words, and a key picture goes on", async () => {
	const pictures = new VideoPictures();

	await assert.rejects(pictures.decode(1, true, HERE, BYTES), /codec 1/);
	await assert.rejects(pictures.decode(VP9, false, HERE, BYTES), /without the one/);
	await assert.rejects(pictures.decode(VP9, true, HERE, new Uint8Array(0)), /empty chunk/);
	const broken = pictures.decode(VP9, true, HERE, BYTES);
	const next = pictures.decode(VP9, false, HERE, BYTES);
	await null;
	decoders[1].closed = true; // as WebCodecs does by itself
	decoders[1].error(new Error("bad bits"));
	await assert.rejects(broken, /vp9 picture was not decoded: bad bits/);
	await assert.rejects(next, /bad bits/);
	await assert.rejects(pictures.decode(VP9, false, HERE, BYTES), /without the one/);
	const again = pictures.decode(VP9, true, HERE, BYTES);
	await null;
	decoders[2].answer(0);
	await again;
});

test("a picture of another size than its rectangle is refused, and no frame is kept", async () => {
	const pictures = new VideoPictures();
	const picture = pictures.decode(VP9, true, HERE, BYTES);

	await null;
	const frame = decoders[0].answer(0, 300, 204);
	await assert.rejects(picture, /300×204, for 300×200/);
	assert.ok(frame.closed);
	assert.ok(decoders[0].closed);
	assert.ok(decoders[0].answer(0).closed); // nobody waits for it
});

test("decoders are bounded in number", async () => {
	const pictures = new VideoPictures();
	const all = [];

	for (let i = 0; i < 40; i++)
		all.push(pictures.decode(VP9, true, { x: i * 20, y: 0, width: 20, height: 20, half: false }, BYTES)
			.catch((error) => error));
	await null;
	assert.equal(decoders.length, 40);
	assert.equal(decoders.filter(({ closed }) => !closed).length, 8);
	assert.match((await all[0]).message, /too many/);
});

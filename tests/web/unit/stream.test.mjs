// SPDX-License-Identifier: BSD-3-Clause

// A connection's messages in their turn, without a browser: pieces, seqs, screens, pictures, and
// what the page gets of them when. tests/web/unit/operations.test.mjs has what is in a piece.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";
import {
	cached, copy, echoMessage, frameMessage, message, Picture, pictureMessage, raw, solid, store, u16,
	u32,
} from "../fake-host.mjs";
import { random, Stream, Viewer, WELCOME } from "./viewer.mjs";

const frames = (viewer) => viewer.events.filter((event) => event.type === "frame");

test("pieces of a frame come as one event, when the last is there", async () => {
	const viewer = new Viewer(100, 100);
	const picture = new Picture(100, 100);

	picture.fill(0, 0, 100, 100, [9, 8, 7]);
	await viewer.frame(1, picture.tiles(0, 0, 100, 40), { more: true });
	await viewer.frame(1, picture.tiles(0, 40, 100, 30), { more: true, nth: 3 });
	assert.equal(frames(viewer).length, 0);
	await viewer.frame(1, picture.tiles(0, 70, 100, 30));
	viewer.paint();
	assert.ok(viewer.picture.rgb.equals(picture.rgb));
	assert.deepEqual(viewer.acks, [1]);
});

test("a last piece may be empty, and so may a frame", async () => {
	const viewer = new Viewer(64, 64);

	await viewer.frame(1, solid(0, 0, 64, 64, [1, 1, 1]), { more: true });
	await viewer.frame(1, Buffer.alloc(0));
	assert.equal(viewer.paint().length, 1);
	await viewer.frame(2, Buffer.alloc(0));
	assert.equal(viewer.paint().length, 0);
	assert.deepEqual(viewer.acks, [1, 2]);
});

test("a new screen voids what came of a frame, which goes on", async () => {
	const viewer = new Viewer(64, 64);

	await viewer.frame(1, solid(0, 0, 64, 64, [1, 1, 1]), { more: true });
	viewer.screen(32, 32);
	await viewer.frame(1, solid(0, 0, 32, 16, [2, 2, 2]));
	assert.deepEqual(viewer.paint(), [[0, 0, 32, 16]]);
	assert.deepEqual([...viewer.picture.cut(0, 15, 1, 2)], [2, 2, 2, 0, 0, 0]);
	await viewer.frame(2, solid(0, 0, 32, 32, [3, 3, 3]), { more: true });
	viewer.screen(0, 0);
	await viewer.frame(2, Buffer.alloc(0));
	viewer.paint();
	assert.deepEqual(viewer.acks, [1, 2]);
	await assert.rejects(viewer.frame(3, solid(0, 0, 1, 1, [4, 4, 4])), /outside the screen/);
});

test("while the page paints, what comes is gathered, and acknowledged in order", async () => {
	const viewer = new Viewer(64, 64);

	for (let seq = 1; seq <= 5; seq++)
		await viewer.frame(seq, solid(0, 0, seq, 1, [seq, seq, seq]), { times: Array(7).fill(seq) });
	assert.deepEqual(frames(viewer).map(({ parts, times }) => [parts.length, times[0]]), [[1, 0.01]]);
	viewer.paint();
	assert.deepEqual(viewer.acks, [1, 2, 3, 4, 5]);
	assert.deepEqual([...viewer.picture.rgb.subarray(0, 18)],
		[5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 0]);
});

test("frames that waited come as one event, with the newest one's times", async () => {
	const viewer = new Viewer(64, 64);

	for (let seq = 1; seq <= 3; seq++)
		await viewer.frame(seq, solid(0, 0, 1, 1, [seq, 0, 0]), { times: Array(7).fill(seq) });
	viewer.events = [];
	viewer.stream.handlePainted(0);
	assert.deepEqual(frames(viewer).map(({ parts, times }) => [parts.length, times[0]]), [[2, 0.03]]);
	assert.deepEqual(viewer.acks, [1]);
	viewer.stream.handlePainted(0);
	viewer.stream.handlePainted(0);
	assert.deepEqual(viewer.acks, [1, 2, 3]);
});

test("to wait for the page is told as the page's own time", async (t) => {
	const viewer = new Viewer(64, 64);
	let now = 1000;

	t.mock.method(performance, "now", () => now);
	await viewer.frame(1, solid(0, 0, 1, 1, [1, 0, 0]));
	await viewer.frame(2, solid(0, 0, 1, 1, [2, 0, 0]));
	now += 30;
	viewer.stream.handlePainted(0);
	now += 5;
	viewer.stream.handlePainted(0);
	assert.deepEqual(viewer.acks, [1, 2]);
	assert.deepEqual(viewer.decodeMs, [0, 30]);
});

test("screens keep their place among frames", async () => {
	const viewer = new Viewer(64, 64);

	viewer.paint();
	await viewer.frame(1, solid(0, 0, 1, 1, [1, 0, 0]));
	await viewer.frame(2, solid(0, 0, 1, 1, [1, 0, 0]));
	viewer.screen(32, 32);
	await viewer.frame(3, solid(0, 0, 1, 1, [1, 0, 0]));
	assert.deepEqual(viewer.events.map(({ type }) => type), ["frame"]);
	viewer.stream.handlePainted(0);
	viewer.stream.handlePainted(0);
	assert.deepEqual(viewer.events.map(({ type }) => type), ["frame", "frame", "screen", "frame"]);
});

test("sixteen frames may be under way, and no more", async () => {
	const viewer = new Viewer(64, 64);

	for (let seq = 1; seq <= 16; seq++)
		await viewer.frame(seq, Buffer.alloc(0));
	await assert.rejects(viewer.frame(17, Buffer.alloc(0)), /under way/);
});

test("a seq is one more than the one before, and the first is 1", async () => {
	for (const seqs of [[0], [2], [1, 1], [1, 3]]) {
		const viewer = new Viewer(64, 64);
		const feed = async () => {
			for (const seq of seqs)
				await viewer.frame(seq, Buffer.alloc(0));
		};
		await assert.rejects(feed(), /in the place of/, String(seqs));
	}
	const mixed = new Viewer(64, 64);
	await mixed.frame(1, solid(0, 0, 1, 1, [1, 2, 3]), { more: true });
	await assert.rejects(mixed.frame(2, solid(0, 0, 1, 1, [1, 2, 3])), /in the place of/);
});

test("four deflate streams know nothing of each other", async () => {
	const viewer = new Viewer(64, 64);

	for (let seq = 1; seq <= 12; seq++)
		await viewer.frame(seq, solid(0, 0, seq, 1, [seq, 1, 1]), { nth: seq * 7 % 4 });
	viewer.paint();
	viewer.paint();
	const noise = raw(0, 0, 9, 9, Array.from({ length: 243 }, (_, i) => i * i * 7 & 255));
	await viewer.frame(13, noise, { nth: 2 });
	viewer.feed(await frameMessage(viewer.streams[2], 2, 14, noise));
	const wrong = await frameMessage(viewer.streams[2], 1, 15, noise);
	assert.throws(() => viewer.feed(wrong), /damaged deflate/);
});

// Pictures that come when the test says so.
function holdPictures() {
	const pending = [];

	globalThis.createImageBitmap = (blob) => new Promise((resolve, reject) => pending.push({
		blob, reject,
		resolve(width, height) {
			const image = { width, height, isClosed: false, close: () => image.isClosed = true };
			resolve(image);
			return image;
		},
	}));
	return pending;
}

test("a frame waits for its pictures, and later frames for it", async () => {
	const pending = holdPictures();
	const viewer = new Viewer(64, 64, ["jpeg"]);

	viewer.feed(pictureMessage(1, 1, 0, 0, 32, 16, Buffer.from("one"), { more: true }));
	viewer.feed(pictureMessage(1, 1, 32, 0, 8, 16, Buffer.from("two"), { more: true }));
	await viewer.frame(1, solid(0, 0, 1, 1, [1, 1, 1]));
	await viewer.frame(2, solid(0, 0, 1, 1, [2, 2, 2]));
	assert.equal(await pending[1].blob.text(), "two");
	pending[1].resolve(8, 16);
	await setImmediate();
	assert.equal(frames(viewer).length, 0);
	pending[0].resolve(32, 16);
	await setImmediate();
	const [{ parts }] = frames(viewer);
	assert.deepEqual(parts.map(({ image, width }) => image && width), [32, 8, undefined, undefined]);
	viewer.paint();
	assert.deepEqual(viewer.acks, [1, 2]);
});

test("a picture that a new screen has overtaken is let go", async () => {
	const pending = holdPictures();
	const viewer = new Viewer(64, 64, ["jpeg"]);

	for (let i = 0; i < 2; i++)
		viewer.feed(pictureMessage(1, 1, 0, 0, 8, 8, Buffer.from("x"), { more: true }));
	const early = pending[0].resolve(8, 8);
	await setImmediate();
	viewer.screen(32, 32);
	const late = pending[1].resolve(8, 8);
	await viewer.frame(1, Buffer.alloc(0));
	await setImmediate();
	assert.deepEqual(frames(viewer).map(({ parts }) => parts.length), [1]);
	assert.deepEqual([early.isClosed, late.isClosed, viewer.problems], [true, true, []]);
});

test("after its end a connection lets its pictures go, and tells the page nothing", async () => {
	const pending = holdPictures();
	const viewer = new Viewer(64, 64, ["jpeg"]);

	for (let seq = 1; seq <= 2; seq++) {
		viewer.feed(pictureMessage(seq, 1, 0, 0, 8, 8, Buffer.from("x"), { more: true }));
		viewer.feed(pictureMessage(seq, 1, 8, 8, 8, 8, Buffer.from("x")));
	}
	const images = [pending[0].resolve(8, 8), pending[2].resolve(8, 8)];
	await setImmediate();
	viewer.stream.close();
	images.push(pending[1].resolve(8, 8), pending[3].resolve(8, 8));
	await setImmediate();
	assert.deepEqual(images.map(({ isClosed }) => isClosed), [true, true, true, true]);
	assert.equal(frames(viewer).length, 0);
});

test("a picture that the browser's decoder gives up is left out", async () => {
	const viewer = new Viewer(64, 64, ["vp9"]);

	// Node has no WebCodecs; nor does it begin with a key.
	viewer.feed(pictureMessage(1, 2, 0, 0, 32, 16, Buffer.from("x"), { more: true }));
	await viewer.frame(1, solid(0, 0, 1, 1, [1, 1, 1]));
	await setImmediate();
	assert.deepEqual(frames(viewer).map(({ parts }) => parts.length), [1]);
	assert.deepEqual(viewer.problems, []);
});

test("bad pictures end the connection", async () => {
	const cases = {
		"outside": [1, 60, 0, 5, 1], "of no width": [1, 0, 0, 0, 1], "of no height": [1, 0, 0, 1, 0],
		"of codec 0": [0, 0, 0, 1, 1], "of codec 4": [4, 0, 0, 1, 1],
		"of a codec that was not offered": [3, 0, 0, 1, 1],
	};

	for (const [name, [codec, ...place]] of Object.entries(cases)) {
		const viewer = new Viewer(64, 64, ["jpeg"]);
		holdPictures();
		try {
			viewer.feed(pictureMessage(1, codec, ...place, Buffer.from("x")));
		} catch (error) {
			viewer.problems.push(error);
		}
		await setImmediate();
		assert.equal(viewer.problems[0]?.constructor.name, "BadMessage", name);
	}
	const over = new Viewer(64, 64, ["jpeg"]);
	for (let i = 0; i < 4; i++)
		over.feed(pictureMessage(1, 1, 0, 0, 64, 64, Buffer.from("x"), { more: true }));
	assert.throws(() => over.feed(pictureMessage(1, 1, 0, 0, 1, 1, Buffer.from("x"))), /over and over/);
	for (const end of [(picture) => picture.resolve(8, 9), (picture) => picture.reject(new Error())]) {
		const pending = holdPictures();
		const viewer = new Viewer(64, 64, ["jpeg"]);
		viewer.feed(pictureMessage(1, 1, 0, 0, 8, 8, Buffer.from("x")));
		end(pending[0]);
		await setImmediate();
		assert.equal(viewer.problems[0]?.constructor.name, "BadMessage");
	}
});

test("a frame that inflates to megabytes is whole", async () => {
	const next = random(3);
	const picture = new Picture(1000, 700);
	const viewer = new Viewer(1000, 700);

	for (let i = 0; i < picture.rgb.length; i++)
		picture.rgb[i] = next() * 256;
	await viewer.frame(1, picture.tiles());
	viewer.paint();
	assert.ok(viewer.picture.rgb.equals(picture.rgb));
	await viewer.frame(2, solid(0, 0, 64, 64, [5, 5, 5]));
	viewer.paint();
	assert.deepEqual([...viewer.picture.rgb.subarray(0, 3)], [5, 5, 5]);
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
	const fresh = () => new Stream({ emit: () => undefined }, []);
	const screen = new Uint8Array(message(0x84, u16(8, 8)));
	const frame = new Uint8Array(message(0x85, Buffer.from([0]), u32(1)));

	assert.throws(() => fresh().handleMessage(screen), /SCREEN out of its turn/);
	assert.throws(() => fresh().handleMessage(frame), /FRAME out of its turn/);
	const twice = fresh();
	twice.handleMessage(new Uint8Array(WELCOME));
	assert.throws(() => twice.handleMessage(new Uint8Array(WELCOME)), /WELCOME out of its turn/);
	const refused = fresh();
	refused.handleMessage(new Uint8Array(message(0x82, Buffer.from('{"reason":"pin"}'))));
	assert.throws(() => refused.handleMessage(screen), /out of its turn/);
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

test("an echo is shown until its frame has come, and changes nothing", async () => {
	const viewer = new Viewer(100, 80);
	const echo = async (seq, width = 100, height = 80) => viewer.stream.handleEcho(
		new Uint8Array(await echoMessage(seq, width, height, solid(3, 4, 5, 6, [seq, 0, 0]))));
	const echoes = () => viewer.events.filter(({ type }) => type === "echo").length;

	await viewer.frame(1, solid(0, 0, 64, 64, [1, 1, 1]));
	await echo(1);
	await echo(0);
	assert.equal(echoes(), 0);
	await echo(2);
	assert.equal(echoes(), 1);
	await viewer.frame(2, solid(0, 0, 1, 1, [2, 0, 0]), { more: true });
	await echo(2);
	await echo(3);
	assert.equal(echoes(), 3);
	await echo(4, 100, 81);
	await echo(4, 99, 80);
	assert.equal(echoes(), 3);
	await viewer.frame(2, Buffer.alloc(0));
	await echo(2);
	assert.equal(echoes(), 3);
	viewer.paint();
	assert.deepEqual([...viewer.picture.cut(3, 4, 1, 1)], [1, 1, 1]);
	assert.deepEqual(viewer.acks, [1, 2]);
});

test("an echo needs nothing but itself", async () => {
	const viewer = new Viewer(100, 80);

	await viewer.frame(1, Buffer.concat([solid(0, 0, 64, 64, [1, 1, 1]), store(0, 0, 7)]));
	for (const operations of [copy(0, 0, 8, 8, 16, 0), store(0, 0, 7), cached(0, 0, 7),
		solid(97, 0, 5, 5, [1, 1, 1])]) {
		const bytes = await echoMessage(2, 100, 80, operations);
		assert.throws(() => viewer.stream.handleEcho(new Uint8Array(bytes)));
	}
	const whole = await echoMessage(2, 100, 80, solid(0, 0, 64, 64, [1, 1, 1]));
	for (let n = 0; n < whole.length; n++)
		assert.throws(() => viewer.stream.handleEcho(new Uint8Array(whole.subarray(0, n))));
});

test("a host that would like a second connection says so with a key", async () => {
	const viewer = new Viewer(100, 80);

	viewer.feed(message(0x89, Buffer.from([...Array(16).keys()])));
	assert.deepEqual(viewer.twinKeys, ["000102030405060708090a0b0c0d0e0f"]);
});

// SPDX-License-Identifier: BSD-3-Clause

// web/src/net/wire.ts against docs/protocol.md.

import assert from "node:assert/strict";
import { test } from "node:test";
import { importSource } from "../bundle.mjs";

const wire = await importSource("net/wire");

function hex(buffer) {
	return Buffer.from(buffer).toString("hex");
}

function bytes(...parts) {
	return new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part))));
}

function json(type, value) {
	return bytes([type], typeof value === "string" ? value : JSON.stringify(value));
}

test("messages of the page are encoded byte by byte as documented", () => {
	const cases = [
		[wire.encodeAck(0x01020304, 0.5, 12.34), "02040302013200d204"],
		[wire.encodeAck(1, 0, 9999), "02010000000000ffff"],
		[wire.encodeKey(true, 30), "03011e00"],
		[wire.encodeKey(false, 247), "0300f700"],
		[wire.encodeMotion(1919, 1079), "047f073704"],
		[wire.encodeMotion(-5, 70000), "040000ffff"],
		[wire.encodeButton(true, 1, 2, 3), "05010102000300"],
		[wire.encodeButton(false, 9, 0x1234, 0), "05000934120000"],
		[wire.encodeWheel(-120, 240, 1, 2), "0688fff00001000200"],
		[wire.encodeWheel(-99999, 99999, 0, 0), "060080ff7f00000000"],
		[wire.encodeRelease(), "07"],
		[wire.encodePing(0xfffffffe), "08feffffff"],
		[wire.encodeJoin(bytes([...Array(16).keys()]), 0x01020304),
			"09000102030405060708090a0b0c0d0e0f04030201"],
	];

	for (const [encoded, expected] of cases)
		assert.equal(hex(encoded), expected);
});

test("input is what a user does", () => {
	assert.ok([wire.encodeKey(true, 30), wire.encodeMotion(1, 2), wire.encodeButton(true, 1, 2, 3),
		wire.encodeWheel(0, 120, 1, 2), wire.encodeRelease()].every(wire.isInput));
	assert.ok(![wire.encodeAck(1, 0, 0), wire.encodePing(1), wire.encodeSignIn({ pin: "1" }, []),
		wire.encodeJoin(new Uint8Array(16), 0)].some(wire.isInput));
});

test("a sign-in names the version, one way in, and what this page can", () => {
	const message = Buffer.from(wire.encodeSignIn({ pin: "12345678" }, ["jpeg"]));

	assert.equal(message[0], 1);
	assert.deepEqual(JSON.parse(message.subarray(1)), 
		{ version: 2, pin: "12345678", decodes: ["jpeg"], twin: true });
	assert.throws(() => wire.encodeSignIn({ link: "x".repeat(1024) }, []));
});

test("messages of the host are taken apart", () => {
	assert.deepEqual(wire.decode(json(0x81, { version: 2, host_name: "h", resume: "abc_-" })),
		{ type: "welcome", hostName: "h", resume: "abc_-" });
	assert.deepEqual(wire.decode(json(0x82, { reason: "limit", retry_after: 30 })),
		{ type: "refused", reason: "limit", retryAfter: 30 });
	assert.deepEqual(wire.decode(bytes([0x84, 0x80, 7, 0x38, 4])),
		{ type: "screen", width: 1920, height: 1080 });
	assert.deepEqual(wire.decode(bytes([0x87, 1, 2, 3, 4])), { type: "pong", cookie: 0x04030201 });
	const frame = wire.decode(bytes([0x85, 1 | 3 << 2, 4, 3, 2, 1, 9, 8]));
	assert.deepEqual({ ...frame, deflated: [...frame.deflated] },
		{ type: "frame", seq: 0x01020304, more: true, times: null, stream: 3, deflated: [9, 8] });
	const times = [1, 0, 0, 0, 255, 255, 0, 1, 100, 0, 200, 0, 144, 1];
	const timed = wire.decode(bytes([0x85, 2, 1, 0, 0, 0, ...times, 7]));
	assert.deepEqual(timed.times, [0.01, NaN, Infinity, 2.56, 1, 2, 4]);
	assert.equal(timed.more, false);
	assert.deepEqual([...timed.deflated], [7]);
	const picture = wire.decode(bytes([0x88, 2 | 4, 1, 0, 0, 0, ...times,
		2, 1, 0, 2, 0, 3, 0, 4, 1, 9, 9]));
	assert.deepEqual({ ...picture, coded: [...picture.coded] }, {
		type: "picture", seq: 1, more: false, times: timed.times, codec: 2, key: true, half: false,
		x: 1, y: 2, width: 3, height: 260, coded: [9, 9],
	});
	assert.equal(wire.decode(bytes([0x88, 8, ...Array(14).fill(1)])).half, true);
	const cursor = wire.decode(bytes([0x86, 2, 0, 3, 0, 1, 0, 2, 0, 7]));
	assert.deepEqual([cursor.width, cursor.height, cursor.hotX, cursor.hotY], [2, 3, 1, 2]);
	assert.deepEqual([...cursor.deflated], [7]);
	assert.equal(wire.decode(bytes([0x86, 0, 0, 0, 0, 0, 0, 0, 0])).width, 0);
	assert.deepEqual([...wire.decode(bytes([0x89], [...Array(16).keys()])).key], [...Array(16).keys()]);
});

test("by the second connection an echo comes, and nothing else", () => {
	const echo = wire.decodeEcho(bytes([0x8a, 4, 3, 2, 1, 1, 2, 3, 4, 7, 8]));

	assert.deepEqual({ ...echo, deflated: [...echo.deflated] },
		{ seq: 0x01020304, width: 0x201, height: 0x403, deflated: [7, 8] });
	for (const bad of [[], [0x8a], [0x8a, 4, 3, 2, 1, 1, 2, 3, 4],
		[0x85, 4, 3, 2, 1, 1, 2, 3, 4, 7, 8]])
		assert.throws(() => wire.decodeEcho(bytes(bad)), wire.BadMessage);
	assert.throws(() => wire.decode(bytes([0x8a, 4, 3, 2, 1, 1, 2, 3, 4, 7, 8])), wire.BadMessage);
	for (const size of [15, 17])
		assert.throws(() => wire.decode(bytes([0x89], Array(size).fill(1))), wire.BadMessage);
});

test("every bad message is a BadMessage and nothing else", () => {
	const cases = {
		"empty": [],
		"a type of the page's": [0x01],
		"an unknown type": [0x89],
		"WELCOME without JSON": [0x81],
		"WELCOME that is a list": json(0x81, []),
		"WELCOME that is null": json(0x81, null),
		"WELCOME of version 1": json(0x81, { version: 1 }),
		"WELCOME in bad UTF-8": bytes([0x81], [0x22, 0xff, 0x22]),
		"REFUSED without a reason": json(0x82, {}),
		"REFUSED for something new": json(0x82, { reason: "weather" }),
		"REFUSED for __proto__": json(0x82, { reason: "__proto__" }),
		"STATUS without a state": json(0x83, { components: [] }),
		"STATUS that is cut off": json(0x83, "{\"state\":"),
		"SCREEN too short": [0x84, 1, 0, 1],
		"SCREEN too long": [0x84, 1, 0, 1, 0, 0],
		"SCREEN that is half nothing": [0x84, 0, 0, 1, 0],
		"FRAME without a seq": [0x85, 0, 0, 0, 0],
		"FRAME with unknown flags": [0x85, 16, 0, 0, 0, 0],
		"FRAME with times before its last": [0x85, 3, ...Array(18).fill(0)],
		"FRAME with its times cut off": [0x85, 2, ...Array(17).fill(0)],
		"PICTURE without a seq": [0x88, 0, 0, 0, 0],
		"PICTURE with unknown flags": [0x88, 16, ...Array(14).fill(1)],
		"PICTURE without its place": [0x88, 0, ...Array(12).fill(1)],
		"PICTURE without its picture": [0x88, 0, ...Array(13).fill(1)],
		"CURSOR too short": [0x86, 1, 0, 1, 0, 0, 0, 0],
		"CURSOR of no height": [0x86, 1, 0, 0, 0, 0, 0, 0, 0],
		"CURSOR far too large": [0x86, 0, 8, 1, 0, 0, 0, 0, 0],
		"CURSOR with its hot spot outside": [0x86, 2, 0, 2, 0, 2, 0, 0, 0],
		"PONG too short": [0x87, 1, 2, 3],
		"PONG too long": [0x87, 1, 2, 3, 4, 5],
	};

	for (const [name, message] of Object.entries(cases))
		assert.throws(() => wire.decode(bytes(message)), wire.BadMessage, name);
});

test("an odd WELCOME signs in without what is odd", () => {
	const welcome = wire.decode(json(0x81, { version: 2, host_name: 5, resume: "sp ace" }));

	assert.deepEqual(welcome, { type: "welcome", hostName: "", resume: null });
});

test("retry_after is a sane number of seconds", () => {
	for (const [given, expected] of [[-1, 0], ["9", 0], [null, 0], [1e12, 7 * 24 * 3600]])
		assert.equal(wire.decode(json(0x82, { reason: "limit", retry_after: given })).retryAfter,
			expected);
});

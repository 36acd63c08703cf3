// SPDX-License-Identifier: BSD-3-Clause

// What inflating and decoding cost the worker: `AFAR_BUILD=build node tests/web/measure-decoding.mjs`.
// Each line: one picture of 1920×1080, in ms of CPU, the first time and the best: inflating by
// WebAssembly, which the page has, by node's zlib, by pako (zlib in JavaScript) if Debian's
// node-pako is installed; and decoding, with what it takes to hand the pixels over.

import { createRequire } from "node:module";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { importSource } from "./bundle.mjs";
import { paintDesktop, Picture, raw } from "./fake-host.mjs";

const { Inflater, Operations } = await importSource("net/inflate", "picture/operations");
const TRIES = 25;

function findPako() {
	try {
		return createRequire("/usr/share/nodejs/x.js")("/usr/share/nodejs/pako");
	} catch {
		return null;
	}
}

const pako = findPako();

// CPU time, the first time and the best: others may be busy on this machine.
function time(work) {
	const times = Array.from({ length: TRIES }, () => {
		const before = process.cpuUsage();
		work();
		const { user, system } = process.cpuUsage(before);
		return (user + system) / 1000;
	});

	return `${times[0].toFixed(1)} / ${Math.min(...times).toFixed(1)}`;
}

const desktop = new Picture(1920, 1080);
paintDesktop(desktop);
const text = new Picture(1920, 1080);
for (let i = 0; i < 1920 * 1080; i++)
	text.rgb.fill((i * 2654435761 >>> 13) % 100 < 35 && i / 1920 % 18 < 12 ? 255 : 20, i * 3, i * 3 + 3);
const photo = new Picture(1920, 1080);
for (let y = 0; y < 1080; y++)
	for (let x = 0; x < 1920; x++)
		photo.rgb.set([128 + 90 * Math.sin(x / 97) + (x * y * 7 & 7), 128 + 90 * Math.sin(y / 61) + (x * 13 & 7),
			(x + y) / 12 + (y * 11 & 7)], (y * 1920 + x) * 3);
const rows = [];
for (let y = 0; y < 1080; y += 64)
	for (let x = 0; x < 1920; x += 64)
		rows.push(raw(x, y, 64, Math.min(64, 1080 - y), photo.cut(x, y, 64, Math.min(64, 1080 - y))));

for (const [name, operations] of Object.entries({
	"desktop": desktop.tiles(), "text, 2 colours": text.tiles(), "photo, DELTA": photo.tiles(),
	"photo, RAW": Buffer.concat(rows),
})) {
	const whole = deflateRawSync(operations, { level: 1, finishFlush: constants.Z_SYNC_FLUSH });
	const flushed = { finishFlush: constants.Z_SYNC_FLUSH };
	const inflate = () => new Inflater().message(whole.subarray(0, -4), operations.length + 1);
	const times = [time(inflate), time(() => inflateRawSync(whole, flushed)),
		pako ? time(() => pako.inflateRaw(whole)) : "–"];
	const both = time(() => new Operations(1920, 1080).decode(inflate()));

	console.log(`${name}: ${(whole.length / 1024).toFixed(0)} of `
		+ `${(operations.length / 1024).toFixed(0)} KiB; WebAssembly ${times[0]}, node ${times[1]}, `
		+ `pako ${times[2]}; inflating and decoding ${both}`);
}

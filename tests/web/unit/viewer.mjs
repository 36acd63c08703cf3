// SPDX-License-Identifier: BSD-3-Clause

// For tests without a browser: a connection after WELCOME and SCREEN, what it emits, and the
// page's picture, painted as soon as a test says so.

import assert from "node:assert/strict";
import { importSource } from "../bundle.mjs";
import { DeflateStream, frameMessage, message, Picture, u16 } from "../fake-host.mjs";

// Node has none.
globalThis.ImageData ??= class {
	constructor(data, width, height) {
		Object.assign(this, { data, width, height });
	}
};

export const { Stream, Surface } = await importSource("net/stream", "picture/surface");

export const WELCOME = message(0x81, Buffer.from('{"version":2}'));

export class Viewer {
	constructor(width, height, codecs = []) {
		this.events = [];
		this.acks = [];
		this.decodeMs = []; // of each of them
		this.problems = [];
		this.twinKeys = [];
		this.stream = new Stream({
			emit: (event) => this.events.push(event),
			send: (ack) => {
				this.acks.push(Buffer.from(ack).readUInt32LE(1));
				this.decodeMs.push(Buffer.from(ack).readUInt16LE(5) / 100);
			},
			handleTwin: (key) => this.twinKeys.push(Buffer.from(key).toString("hex")),
			handleBadPicture: (problem) => this.problems.push(problem),
		}, codecs);
		this.streams = Array.from({ length: 4 }, () => new DeflateStream());
		this.feed(WELCOME);
		this.screen(width, height);
	}

	feed(bytes) {
		this.stream.handleMessage(new Uint8Array(bytes));
	}

	screen(width, height) {
		this.feed(message(0x84, u16(width, height)));
	}

	// options: as of frameMessage(), and nth, the stream.
	async frame(seq, operations, { nth = 0, ...options } = {}) {
		this.feed(await frameMessage(this.streams[nth], nth, seq, operations, options));
	}

	// Does to the picture what has been emitted, as the page would, and says so. Returns what
	// was changed: [x, y, width, height] each; images are left out.
	paint() {
		const changed = [];

		for (let event = this.events.shift(); event; event = this.events.shift()) {
			if (event.type === "screen") {
				this.surface = new Surface(event.width, event.height);
			} else if (event.type === "frame") {
				for (const part of event.parts.filter((part) => "buffer" in part))
					this.surface.apply(part, changed);
				this.stream.handlePainted(0);
			}
		}
		return Array.from({ length: changed.length / 4 }, (_, i) => changed.slice(i * 4, i * 4 + 4));
	}

	get picture() {
		const { data, width, height } = this.surface.image;
		const picture = new Picture(width, height);

		for (let i = 0; i < width * height; i++) {
			picture.rgb.set(data.subarray(i * 4, i * 4 + 3), i * 3);
			assert.equal(data[i * 4 + 3], 255);
		}
		return picture;
	}
}

// The same numbers in every run.
export function random(seed) {
	return () => {
		seed = seed * 1103515245 + 12345 & 0x7fffffff;
		return seed / 0x80000000;
	};
}

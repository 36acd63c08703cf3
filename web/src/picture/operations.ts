/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a FRAME inflates to (docs/protocol.md): a list of operations, checked and decoded here, in
 * the worker, into steps that surface.ts does without a further look. Rectangles become patches
 * of RGBA, one rectangle or several that lie side by side, since each step has its price: the
 * 510 tiles of a full 1080p picture become one patch. Only neighbours in the list are joined, so
 * later ones still win.
 *
 * The picture itself is the page's: moving all of it there costs 1 ms, sending all of it from
 * here costs four times that (tests/web/measure-painting.mjs).
 */

import { decode, reserve, view } from "../net/wasm";
import { BadMessage } from "../net/wire";
import { join, Joined, Piece, Step } from "./steps";

const enum Kind {
	SOLID,
	PALETTE,
	RAW,
	DELTA,
	COPY,
	STORE,
	CACHED,
}

export const TILE = 64;
export const N_SLOTS = 2048;

const HEADER_SIZE = 7; /* a rectangle's without its body, and STORE's and CACHED's */
const COPY_SIZE = 13;
/* Numbers per operation in a list. A, B: a rectangle's body, a source's x and y, or a slot. */
const X = 0, Y = 1, W = 2, H = 3, KIND = 4, A = 5, B = 6, FIELDS = 7;

function bitsPerIndex(nColours: number): number {
	return nColours <= 2 ? 1 : nColours <= 4 ? 2 : nColours <= 16 ? 4 : 8;
}

/* The size of a rectangle's body, whose first byte is at. */
function bodySize(bytes: Uint8Array, at: number, kind: number, w: number, h: number): number {
	switch (kind) {
	case Kind.SOLID:
		return 3;
	case Kind.PALETTE: {
		const n = at < bytes.length ? bytes[at] + 1 : 0;
		if (n < 2)
			throw new BadMessage("a palette of one colour");
		return 1 + n * 3 + Math.ceil(w * bitsPerIndex(n) / 8) * h;
	}
	default:
		return w * h * 3;
	}
}

/* The host's operations on one screen, from its SCREEN to the next. */
export class Operations {
	/* Of the tile in each slot; 0: none. */
	private readonly slots = new Uint16Array(N_SLOTS * 2);
	private filled = 0; /* pixels, by this seq */
	private stored = 0;

	constructor(private readonly width: number, private readonly height: number) {
	}

	isOf(width: number, height: number): boolean {
		return this.width === width && this.height === height;
	}

	/*
	 * How much one seq may fill, and store: each pixel once is enough, four times is generous.
	 * Keeps a small message from growing into gigabytes.
	 */
	private get maxPixels(): number {
		return 4 * this.width * this.height;
	}

	/* The largest that a FRAME may inflate to: no operation is larger for a single pixel. */
	get maxBytes(): number {
		return this.maxPixels * COPY_SIZE + 1024;
	}

	beginSeq(): void {
		this.filled = this.stored = 0;
	}

	/* Counts what is filled, by a PICTURE too. Throws BadMessage. */
	checkFill(x: number, y: number, w: number, h: number): void {
		if (w === 0 || h === 0)
			throw new BadMessage("a rectangle without pixels");
		if (x + w > this.width || y + h > this.height)
			throw new BadMessage(`a rectangle outside the screen, ${w}×${h} at ${x},${y}`);
		this.filled += w * h;
		if (this.filled > this.maxPixels)
			throw new BadMessage("a frame that paints the screen over and over");
	}

	/*
	 * Decodes what a FRAME's body inflated to: bytes lie in the decoder's memory, and what
	 * comes behind them is free. Throws BadMessage.
	 */
	decode(bytes: Uint8Array): Piece {
		const list = this.scan(bytes);
		const patches: Joined[] = [];
		const steps: number[] = [];

		for (let i = 0; i < list.length;) {
			if (list[i + KIND] > Kind.DELTA) {
				const step = Step.COPY + list[i + KIND] - Kind.COPY;
				steps.push(list[i + X], list[i + Y], list[i + W], list[i + H], step,
					list[i + A], list[i + B]);
				i += FIELDS;
				continue;
			}
			const start = i;
			while (i < list.length && list[i + KIND] <= Kind.DELTA)
				i += FIELDS;
			for (const patch of join(list, start, i, FIELDS)) {
				patches.push(patch);
				steps.push(patch.x, patch.y, patch.width, patch.height, Step.PATCH, 0, 0);
			}
		}
		const nPixels = patches.reduce((sum, patch) => sum + patch.width * patch.height, 0);
		const buffer = new ArrayBuffer(nPixels * 4 + steps.length * 2);
		new Uint8Array(buffer).set(decodePatches(bytes, list, patches, nPixels));
		new Uint16Array(buffer, nPixels * 4).set(steps);
		return { buffer, nSteps: steps.length / FIELDS, nPixels };
	}

	/* Checks everything there is to check, so that decoding cannot fail. */
	private scan(bytes: Uint8Array): number[] {
		const list: number[] = [];
		let at = 0;

		while (at < bytes.length) {
			const kind = bytes[at];

			if (kind > Kind.CACHED)
				throw new BadMessage(`an operation of unknown kind ${kind}`);
			const size = kind === Kind.COPY ? COPY_SIZE : HEADER_SIZE;
			if (at + size > bytes.length)
				throw new BadMessage("an operation that is cut off");
			if (kind === Kind.COPY)
				this.scanCopy(bytes, at + 1, list);
			else if (kind >= Kind.STORE)
				this.scanSlot(bytes, at + 1, kind, list);
			else
				at += this.scanRectangle(bytes, at, kind, list);
			at += size;
		}
		return list;
	}

	/* Returns the size of its body. */
	private scanRectangle(bytes: Uint8Array, at: number, kind: number, list: number[]): number {
		const x = u16(bytes, at + 1), y = u16(bytes, at + 3);
		const w = bytes[at + 5] + 1, h = bytes[at + 6] + 1;
		const body = at + HEADER_SIZE;

		if (w > TILE || h > TILE)
			throw new BadMessage(`a rectangle of ${w}×${h}`);
		this.checkFill(x, y, w, h);
		const size = bodySize(bytes, body, kind, w, h);
		if (body + size > bytes.length)
			throw new BadMessage("a rectangle that is cut off");
		list.push(x, y, w, h, kind, body, 0);
		return size;
	}

	private scanCopy(bytes: Uint8Array, at: number, list: number[]): void {
		const x = u16(bytes, at), y = u16(bytes, at + 2);
		const w = u16(bytes, at + 4), h = u16(bytes, at + 6);
		const fromX = u16(bytes, at + 8), fromY = u16(bytes, at + 10);

		this.checkFill(x, y, w, h);
		if (fromX + w > this.width || fromY + h > this.height)
			throw new BadMessage(`a copy from outside the screen, ${w}×${h} at ${fromX},${fromY}`);
		list.push(x, y, w, h, Kind.COPY, fromX, fromY);
	}

	private scanSlot(bytes: Uint8Array, at: number, kind: number, list: number[]): void {
		const x = u16(bytes, at) * TILE, y = u16(bytes, at + 2) * TILE;
		const w = Math.min(TILE, this.width - x), h = Math.min(TILE, this.height - y);
		const slot = u16(bytes, at + 4);

		if (w <= 0 || h <= 0)
			throw new BadMessage(`a tile outside the screen, at ${x},${y}`);
		if (slot >= N_SLOTS)
			throw new BadMessage(`a slot ${slot}`);
		if (kind === Kind.STORE) {
			this.stored += w * h;
			if (this.stored > this.maxPixels)
				throw new BadMessage("a frame that stores the screen over and over");
			this.slots[slot * 2] = w;
			this.slots[slot * 2 + 1] = h;
		} else {
			this.checkFill(x, y, w, h);
			if (this.slots[slot * 2] !== w || this.slots[slot * 2 + 1] !== h)
				throw new BadMessage(`a slot ${slot} that has no tile of ${w}×${h}`);
		}
		list.push(x, y, w, h, kind, slot, 0);
	}
}

function u16(bytes: Uint8Array, at: number): number {
	return bytes[at] | bytes[at + 1] << 8;
}

/* The pixels of all patches, as bytes in the decoder's memory. */
function decodePatches(bytes: Uint8Array, list: number[], patches: Joined[],
	nPixels: number): Uint8Array {
	const body = bytes.byteOffset;
	const out = body + bytes.length + 3 & ~3;
	let base = 0;
	let i = 0;

	reserve(out + nPixels * 4);
	for (const patch of patches) {
		for (let n = 0; n < patch.n; i += FIELDS) {
			if (list[i + KIND] > Kind.DELTA)
				continue;
			const at = base + (list[i + Y] - patch.y) * patch.width + list[i + X] - patch.x;
			decode(list[i + KIND], body + list[i + A], out + at * 4, patch.width,
				list[i + W], list[i + H]);
			n++;
		}
		base += patch.width * patch.height;
	}
	return view(out, nPixels * 4);
}

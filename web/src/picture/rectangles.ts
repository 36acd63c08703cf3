/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a FRAME inflates to (docs/protocol.md): a list of rectangles, decoded into patches of
 * RGBA that the page can paint as they are. A patch is one rectangle or several that lie side
 * by side, since each painting call has its price: the 510 tiles of a full 1080p picture
 * become one patch. Only neighbours in the list are joined, so later ones still win.
 *
 * The worker decodes, the page paints: patches cross over in one buffer that is handed on and
 * never copied.
 */

import { BadMessage } from "../net/wire";

const SOLID = 0;
const PALETTE = 1;
const RAW = 2;

const HEADER_SIZE = 7;
/* Numbers per rectangle in a RectangleList. */
const X = 0, Y = 1, W = 2, H = 3, KIND = 4, BODY = 5, FIELDS = 6;

const OPAQUE = 0xff000000;
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/*
 * 32 bits that lie in memory as r, g, b, 255. Signed, as the engine keeps such numbers: made
 * unsigned they become floating point, and decoding takes twice as long.
 */
function pixel(r: number, g: number, b: number): number {
	return LITTLE_ENDIAN
		? OPAQUE | b << 16 | g << 8 | r
		: r << 24 | g << 16 | b << 8 | 0xff;
}

interface Patch {
	x: number;
	y: number;
	width: number;
	height: number;
	nRectangles: number;
}

/*
 * The patches of one FRAME message: first the pixels of all, RGBA, patch after patch; then of
 * each x, y, width, height as u16.
 */
export interface Patches {
	buffer: ArrayBuffer;
	nPatches: number;
	nPixels: number;
}

const TABLE_FIELDS = 4;

function bitsPerIndex(nColours: number): number {
	return nColours <= 2 ? 1 : nColours <= 4 ? 2 : 4;
}

/* The size of a rectangle's body, whose first byte is at. */
function bodySize(bytes: Uint8Array, at: number, kind: number, w: number, h: number): number {
	switch (kind) {
	case SOLID:
		return 3;
	case RAW:
		return w * h * 3;
	case PALETTE: {
		const n = at < bytes.length ? bytes[at] : 0;
		if (n < 2 || n > 16)
			throw new BadMessage(`a palette of ${n} colours`);
		return 1 + n * 3 + Math.ceil(w * bitsPerIndex(n) / 8) * h;
	}
	default:
		throw new BadMessage(`a rectangle of unknown kind ${kind}`);
	}
}

/* Checks everything there is to check, so that decoding cannot fail. */
function scan(bytes: Uint8Array, width: number, height: number, maxPixels: number): number[] {
	const list: number[] = [];
	let nPixels = 0;
	let at = 0;

	while (at < bytes.length) {
		if (at + HEADER_SIZE > bytes.length)
			throw new BadMessage("a rectangle that is cut off");
		const kind = bytes[at];
		const x = bytes[at + 1] | bytes[at + 2] << 8;
		const y = bytes[at + 3] | bytes[at + 4] << 8;
		const w = bytes[at + 5] + 1;
		const h = bytes[at + 6] + 1;

		if (w > 64 || h > 64)
			throw new BadMessage(`a rectangle of ${w}×${h}`);
		if (x + w > width || y + h > height)
			throw new BadMessage(`a rectangle outside the screen, ${w}×${h} at ${x},${y}`);
		at += HEADER_SIZE;
		const size = bodySize(bytes, at, kind, w, h);
		if (at + size > bytes.length)
			throw new BadMessage("a rectangle that is cut off");
		nPixels += w * h;
		if (nPixels > maxPixels)
			throw new BadMessage("a frame that paints the screen over and over");
		list.push(x, y, w, h, kind, at);
		at += size;
	}
	return list;
}

/* Left to right into strips, then strips downwards. */
function join(list: number[]): Patch[] {
	const patches: Patch[] = [];
	let strip: Patch | undefined;

	const closeStrip = () => {
		const above = patches[patches.length - 1];

		if (!strip)
			return;
		if (above && above.x === strip.x && above.width === strip.width
			&& above.y + above.height === strip.y) {
			above.height += strip.height;
			above.nRectangles += strip.nRectangles;
		} else {
			patches.push(strip);
		}
	};
	for (let i = 0; i < list.length; i += FIELDS) {
		const x = list[i + X], y = list[i + Y], width = list[i + W], height = list[i + H];

		if (strip && strip.y === y && strip.height === height && strip.x + strip.width === x) {
			strip.width += width;
			strip.nRectangles++;
			continue;
		}
		closeStrip();
		strip = { x, y, width, height, nRectangles: 1 };
	}
	closeStrip();
	return patches;
}

function decodeSolid(bytes: Uint8Array, body: number, out: Uint32Array, start: number,
	stride: number, w: number, h: number): void {
	const colour = pixel(bytes[body], bytes[body + 1], bytes[body + 2]);

	for (let row = 0, to = start; row < h; row++, to += stride)
		out.fill(colour, to, to + w);
}

const palette = new Uint32Array(16);

function decodePalette(bytes: Uint8Array, body: number, out: Uint32Array, start: number,
	stride: number, w: number, h: number): void {
	const n = bytes[body];
	const bits = bitsPerIndex(n);
	const mask = (1 << bits) - 1;
	let from = body + 1;

	/* An index beyond the palette is black. */
	palette.fill(pixel(0, 0, 0));
	for (let i = 0; i < n; i++, from += 3)
		palette[i] = pixel(bytes[from], bytes[from + 1], bytes[from + 2]);
	for (let row = 0; row < h; row++) {
		let to = start + row * stride;
		const end = to + w;

		while (to < end) {
			const packed = bytes[from++];
			for (let shift = 8 - bits; shift >= 0 && to < end; shift -= bits)
				out[to++] = palette[packed >> shift & mask];
		}
	}
}

function decodeRaw(bytes: Uint8Array, body: number, out: Uint32Array, start: number,
	stride: number, w: number, h: number): void {
	let from = body;

	for (let row = 0; row < h; row++) {
		let to = start + row * stride;

		for (const end = to + w; to < end; from += 3)
			out[to++] = pixel(bytes[from], bytes[from + 1], bytes[from + 2]);
	}
}

function decodeOne(bytes: Uint8Array, list: number[], i: number, out: Uint32Array,
	start: number, stride: number): void {
	const w = list[i + W], h = list[i + H], body = list[i + BODY];

	if (list[i + KIND] === SOLID)
		decodeSolid(bytes, body, out, start, stride, w, h);
	else if (list[i + KIND] === PALETTE)
		decodePalette(bytes, body, out, start, stride, w, h);
	else
		decodeRaw(bytes, body, out, start, stride, w, h);
}

/*
 * How much one frame may paint: each pixel once is enough, four times is generous. Keeps a
 * small message from growing into gigabytes.
 */
export function maxFramePixels(width: number, height: number): number {
	return 4 * width * height;
}

/* The largest that a FRAME may inflate to: a header for each pixel and colour. */
export function maxFrameBytes(width: number, height: number): number {
	return maxFramePixels(width, height) * (HEADER_SIZE + 3);
}

/* Decodes an inflated piece for a screen of that size. Throws BadMessage. */
export function decodeRectangles(bytes: Uint8Array, width: number, height: number,
	maxPixels: number): Patches {
	const list = scan(bytes, width, height, maxPixels);
	const patches = join(list);
	const nPixels = patches.reduce((sum, patch) => sum + patch.width * patch.height, 0);
	const buffer = new ArrayBuffer(nPixels * 4 + patches.length * TABLE_FIELDS * 2);
	const pixels = new Uint32Array(buffer, 0, nPixels);
	const table = new Uint16Array(buffer, nPixels * 4);
	let base = 0;
	let i = 0;

	patches.forEach((patch, nth) => {
		for (let n = 0; n < patch.nRectangles; n++, i += FIELDS) {
			const start = base + (list[i + Y] - patch.y) * patch.width + list[i + X] - patch.x;
			decodeOne(bytes, list, i, pixels, start, patch.width);
		}
		base += patch.width * patch.height;
		table.set([patch.x, patch.y, patch.width, patch.height], nth * TABLE_FIELDS);
	});
	return { buffer, nPatches: patches.length, nPixels };
}

type PaintPatch =
	(pixels: Uint8ClampedArray, x: number, y: number, width: number, height: number) => void;

/* Calls paint for each patch in order; its pixels are a view into the buffer. */
export function forEachPatch(self: Patches, paint: PaintPatch): void {
	const table = new Uint16Array(self.buffer, self.nPixels * 4);
	let at = 0;

	for (let i = 0; i < self.nPatches * TABLE_FIELDS; i += TABLE_FIELDS) {
		const width = table[i + 2], height = table[i + 3];
		const size = width * height * 4;

		paint(new Uint8ClampedArray(self.buffer, at, size), table[i], table[i + 1],
			width, height);
		at += size;
	}
}

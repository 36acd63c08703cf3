/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The picture in the page's memory, with the slots of remembered tiles: what the canvas shows
 * or is about to, but for what a PICTURE has filled. Steps come from operations.ts, which has
 * checked them.
 */

import { forEachStep, Piece, Step } from "./steps";

const BLACK = new Uint32Array(new Uint8Array([0, 0, 0, 255]).buffer)[0];

export class Surface {
	private readonly image: ImageData;
	private readonly pixels: Uint32Array;
	private readonly slots: Uint32Array[] = [];

	constructor(private readonly width: number, height: number) {
		const bytes = new Uint8ClampedArray(width * height * 4);

		this.pixels = new Uint32Array(bytes.buffer).fill(BLACK);
		this.image = new ImageData(bytes, width, height);
	}

	/* Appends x, y, width, height of each rectangle that has changed. */
	apply(piece: Piece, changed: number[]): void {
		forEachStep(piece, (step, x, y, width, height, a, b, pixels) => {
			switch (step) {
			case Step.PATCH:
				this.put(pixels, x, y, width, height);
				break;
			case Step.COPY:
				this.move(x, y, width, height, a, b);
				break;
			case Step.STORE:
				this.slots[a] = this.cut(x, y, width, height);
				return;
			case Step.CACHED:
				this.put(this.slots[a], x, y, width, height);
				break;
			}
			changed.push(x, y, width, height);
		});
	}

	paint(context: CanvasRenderingContext2D, x: number, y: number, width: number,
		height: number): void {
		context.putImageData(this.image, 0, 0, x, y, width, height);
	}

	private put(pixels: Uint32Array, x: number, y: number, w: number, h: number): void {
		for (let row = 0, to = y * this.width + x; row < h; row++, to += this.width)
			this.pixels.set(pixels.subarray(row * w, (row + 1) * w), to);
	}

	private cut(x: number, y: number, w: number, h: number): Uint32Array {
		const pixels = new Uint32Array(w * h);

		for (let row = 0, from = y * this.width + x; row < h; row++, from += this.width)
			pixels.set(this.pixels.subarray(from, from + w), row * w);
		return pixels;
	}

	/* Bottom up where the rows that are still to be read lie above. */
	private move(x: number, y: number, w: number, h: number, fromX: number, fromY: number): void {
		const up = y > fromY;

		for (let n = 0; n < h; n++) {
			const row = up ? h - 1 - n : n;
			const from = (fromY + row) * this.width + fromX;

			this.pixels.copyWithin((y + row) * this.width + x, from, from + w);
		}
	}
}

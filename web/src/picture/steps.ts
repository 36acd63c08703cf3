/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the worker hands to the page of a FRAME: steps that change the picture, all checked.
 */

export const enum Step {
	PATCH, /* with w·h pixels */
	COPY, /* from a, b */
	STORE, /* into slot a */
	CACHED, /* from slot a */
}

/*
 * The steps of one FRAME message: first the pixels of all patches, RGBA, patch after patch; then
 * of each step x, y, width, height, its Step, a, b as u16.
 */
export interface Piece {
	buffer: ArrayBuffer;
	nSteps: number;
	nPixels: number;
}

/* Numbers per step. */
const X = 0, Y = 1, W = 2, H = 3, STEP = 4, A = 5, B = 6, FIELDS = 7;

/* Rectangles that lie side by side as one. */
export interface Joined {
	x: number;
	y: number;
	width: number;
	height: number;
	n: number; /* how many */
}

/* Joins left to right into strips, then strips downwards; fields: numbers from one to the next. */
export function join(list: ArrayLike<number>, start: number, end: number,
	fields: number): Joined[] {
	const joined: Joined[] = [];
	let strip: Joined | undefined;

	const closeStrip = () => {
		const above = joined[joined.length - 1];

		if (!strip)
			return;
		if (above && above.x === strip.x && above.width === strip.width
			&& above.y + above.height === strip.y) {
			above.height += strip.height;
			above.n += strip.n;
		} else {
			joined.push(strip);
		}
	};
	for (let i = start; i < end; i += fields) {
		const x = list[i + X], y = list[i + Y], width = list[i + W], height = list[i + H];

		if (strip && strip.y === y && strip.height === height && strip.x + strip.width === x) {
			strip.width += width;
			strip.n++;
			continue;
		}
		closeStrip();
		strip = { x, y, width, height, n: 1 };
	}
	closeStrip();
	return joined;
}

type DoStep = (step: Step, x: number, y: number, width: number, height: number, a: number,
	b: number, pixels: Uint32Array) => void;

/* Calls handle for each step in order; pixels is a patch's, a view into the buffer. */
export function forEachStep({ buffer, nSteps, nPixels }: Piece, handle: DoStep): void {
	const steps = new Uint16Array(buffer, nPixels * 4);
	let at = 0;

	for (let i = 0; i < nSteps * FIELDS; i += FIELDS) {
		const width = steps[i + W], height = steps[i + H];
		const n = steps[i + STEP] === Step.PATCH ? width * height : 0;

		handle(steps[i + STEP], steps[i + X], steps[i + Y], width, height, steps[i + A],
			steps[i + B], new Uint32Array(buffer, at * 4, n));
		at += n;
	}
}

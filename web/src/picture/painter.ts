/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The canvas that shows the desktop, pixel for pixel; how large it looks is view.ts's. A new
 * screen's size is taken over together with its first frame, so that nobody sees it black.
 *
 * The canvas is the page's, and is painted from memory: to draw it onto itself costs Chromium
 * five times as much, and that of a worker no less (tests/web/measure-painting.mjs).
 */

import type { FrameEvent } from "../net/channel";
import { forEachStep, join, Joined, Piece } from "./steps";
import { Surface } from "./surface";

/* A screen that is truly black may send nothing at all. */
const FIRST_FRAME_MS = 500;

const FIELDS = 4;

export class Painter {
	/* Of the picture that is shown; 0: none yet. */
	width = 0;
	height = 0;

	private readonly context: CanvasRenderingContext2D;
	private surface: Surface | null = null;
	private changed: number[] = []; /* since the last painting: x, y, width, height of each */
	private next: { width: number; height: number; surface: Surface } | null = null;
	private timer = 0;

	/* handleScreen: there is a picture now, of this or a new size. */
	constructor(private readonly canvas: HTMLCanvasElement,
		private readonly handleScreen: () => void) {
		/* Desynchronized: a fifth less work for Chromium, which then has one copy to make. */
		const context = canvas.getContext("2d", { alpha: false, desynchronized: true });

		if (!context)
			throw new Error("this browser has no canvas");
		this.context = context;
	}

	setScreen(width: number, height: number): void {
		clearTimeout(this.timer);
		if (width === 0) {
			this.next = null;
			this.width = this.height = 0;
			return;
		}
		/* Its memory already, while the worker decodes. */
		this.next = { width, height, surface: new Surface(width, height) };
		this.timer = setTimeout(() => this.takeScreen(), FIRST_FRAME_MS);
	}

	paint(frame: FrameEvent): void {
		this.takeScreen();
		for (const part of frame.parts) {
			if ("buffer" in part) {
				this.surface?.apply(part, this.changed);
				continue;
			}
			const { x, y, width, height, half, image } = part;
			const share = half ? 0.5 : 1;

			this.paintChanges();
			/* One of video is rounded up to even numbers. */
			this.context.drawImage(image, 0, 0, width * share, height * share,
				x, y, width, height);
			image.close();
		}
		this.paintChanges();
	}

	/*
	 * Shows patches early. The picture in memory is left as it is: the frame that they come from
	 * paints the same once more, and whatever was painted over them meanwhile is gone then.
	 */
	paintEcho(piece: Piece): void {
		if (this.next)
			return;
		forEachStep(piece, (_step, x, y, width, height, _a, _b, pixels) => {
			const bytes = new Uint8ClampedArray(pixels.buffer as ArrayBuffer, pixels.byteOffset,
				pixels.byteLength);

			this.context.putImageData(new ImageData(bytes, width, height), x, y);
		});
	}

	private paintChanges(): void {
		const list = join(this.changed, 0, this.changed.length, FIELDS);

		this.changed = [];
		for (const { x, y, width, height } of withoutCovered(list))
			this.surface?.paint(this.context, x, y, width, height);
	}

	private takeScreen(): void {
		if (!this.next)
			return;
		clearTimeout(this.timer);
		/* Setting a size makes all of it black, also if it is the same size. */
		this.width = this.canvas.width = this.next.width;
		this.height = this.canvas.height = this.next.height;
		this.surface = this.next.surface;
		this.next = null;
		this.handleScreen();
	}
}

/* Several frames at once have mostly the same places to paint. */
function withoutCovered(list: Joined[]): Joined[] {
	return list.filter((one, i) => !list.some((other, j) =>
		i !== j && covers(other, one) && (j > i || !covers(one, other))));
}

function covers(one: Joined, other: Joined): boolean {
	return one.x <= other.x && one.y <= other.y
		&& one.x + one.width >= other.x + other.width
		&& one.y + one.height >= other.y + other.height;
}

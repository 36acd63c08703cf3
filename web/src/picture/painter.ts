/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The canvas that shows the desktop, pixel for pixel; how large it looks is view.ts's. A new
 * screen's size is taken over together with its first frame, so that nobody sees it black.
 */

import type { FrameEvent } from "../net/channel";
import { forEachPatch } from "./rectangles";

/* A screen that is truly black may send nothing at all. */
const FIRST_FRAME_MS = 500;

export class Painter {
	/* Of the picture that is shown; 0: none yet. */
	width = 0;
	height = 0;

	private readonly context: CanvasRenderingContext2D;
	private next: { width: number; height: number } | null = null;
	private timer = 0;

	/* handleScreen: there is a picture now, of this or a new size. */
	constructor(private readonly canvas: HTMLCanvasElement,
		private readonly handleScreen: () => void) {
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
		this.next = { width, height };
		this.timer = setTimeout(() => this.takeScreen(), FIRST_FRAME_MS);
	}

	paint(frame: FrameEvent): void {
		this.takeScreen();
		for (const piece of frame.pieces)
			forEachPatch(piece, (pixels, x, y, width, height) =>
				this.context.putImageData(new ImageData(pixels, width, height), x, y));
	}

	private takeScreen(): void {
		if (!this.next)
			return;
		clearTimeout(this.timer);
		/* Setting a size makes all of it black, also if it is the same size. */
		this.width = this.canvas.width = this.next.width;
		this.height = this.canvas.height = this.next.height;
		this.next = null;
		this.handleScreen();
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The desktop's cursor as the browser's own, so that it moves without waiting for anybody.
 * The picture that the host sends does not contain it.
 */

import type { CursorEvent } from "../net/channel";

/* Browsers ignore larger ones. CSS pixels. */
const SIDE_MAX = 128;
/* A picture may be scaled down until nothing is legible; the cursor stays findable. */
const SIDE_MIN = 16;

export class Cursor {
	private image: CursorEvent | null = null;
	private scale = 1;

	constructor(private readonly target: HTMLElement) {
	}

	set(image: CursorEvent): void {
		this.image = image;
		this.apply();
	}

	/* CSS pixels of one screen pixel. */
	setScale(scale: number): void {
		if (scale === this.scale)
			return;
		this.scale = scale;
		this.apply();
	}

	private apply(): void {
		const image = this.image;

		if (!image)
			return;
		this.target.style.cursor = image.width === 0 ? "none" : this.render(image);
	}

	private render(image: CursorEvent): string {
		const side = Math.max(image.width, image.height);
		const scale = Math.min(SIDE_MAX / side, Math.max(this.scale, Math.min(1, SIDE_MIN / side)));
		const ratio = window.devicePixelRatio;
		const url = scaledImage(image, scale * ratio);
		const hotX = Math.floor(image.hotX * scale), hotY = Math.floor(image.hotY * scale);

		return `image-set(url("${url}") ${ratio}x) ${hotX} ${hotY}, default`;
	}
}

function canvasOf(width: number, height: number): CanvasRenderingContext2D {
	const canvas = document.createElement("canvas");
	canvas.width = width;
	canvas.height = height;

	const context = canvas.getContext("2d");
	if (!context)
		throw new Error("this browser has no canvas");
	return context;
}

/* A data: URL, scale in device pixels. */
function scaledImage(image: CursorEvent, scale: number): string {
	const { width, height } = image;
	const whole = canvasOf(width, height);

	whole.putImageData(new ImageData(new Uint8ClampedArray(image.pixels), width, height), 0, 0);
	if (scale === 1)
		return whole.canvas.toDataURL();
	const scaled = canvasOf(Math.max(1, Math.round(width * scale)),
		Math.max(1, Math.round(height * scale)));
	scaled.imageSmoothingEnabled = !Number.isInteger(scale);
	scaled.imageSmoothingQuality = "high";
	scaled.drawImage(whole.canvas, 0, 0, scaled.canvas.width, scaled.canvas.height);
	return scaled.canvas.toDataURL();
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Wheel events to 1/120 of a notch. Browsers differ in what they call a notch: Chromium counts
 * pixels (53 to 120, by system and zoom) and keeps true notches in the old wheelDelta, Firefox
 * counts lines (3). So: whole notches of wheelDelta are believed when the pixels go with them
 * (a simulated wheel says one notch whatever its pixels); else 100 pixels, 3 lines or a third
 * of a page are one notch. Fractions are kept for the next event.
 */

export const NOTCH = 120;
const PER_PIXEL = NOTCH / 100;
const PER_LINE = NOTCH / 3;
const PER_PAGE = NOTCH * 3;
const PIXELS_MIN = 40;
const PIXELS_MAX = 130;

/* The part of WheelEvent that counts; wheelDeltaX and wheelDeltaY are not in the standard. */
export interface WheelInput {
	deltaX: number;
	deltaY: number;
	deltaMode: number; /* 0 pixels, 1 lines, 2 pages */
	shiftKey: boolean;
	wheelDeltaX?: number;
	wheelDeltaY?: number;
}

function toUnits(delta: number, mode: number, wheelDelta: number | undefined): number {
	if (mode === 0 && wheelDelta && wheelDelta % NOTCH === 0) {
		const pixels = -delta / (wheelDelta / NOTCH);
		if (pixels >= PIXELS_MIN && pixels <= PIXELS_MAX)
			return -wheelDelta;
	}
	return delta * (mode === 1 ? PER_LINE : mode === 2 ? PER_PAGE : PER_PIXEL);
}

export class WheelCounter {
	private restX = 0;
	private restY = 0;

	/* What to send, whole units; 0, 0: nothing yet. */
	count(event: WheelInput): { dx: number; dy: number } {
		let dx = toUnits(event.deltaX, event.deltaMode, event.wheelDeltaX);
		let dy = toUnits(event.deltaY, event.deltaMode, event.wheelDeltaY);

		/* Browsers turn the wheel sideways under Shift; the desktop's programs do it themselves. */
		if (event.shiftKey && dy === 0)
			[dx, dy] = [0, dx];
		this.restX += dx;
		this.restY += dy;
		dx = Math.trunc(this.restX);
		dy = Math.trunc(this.restY);
		this.restX -= dx;
		this.restY -= dy;
		return { dx, dy };
	}
}

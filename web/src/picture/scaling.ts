/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How large a picture is shown, as arithmetic. Everything is counted in device pixels first:
 * only there "one to one" and "sharp" mean something.
 */

export type ScaleMode = "fit" | "actual";

export interface Placement {
	/* CSS pixels, on whole device pixels */
	left: number;
	top: number;
	width: number;
	height: number;
	/* Every screen pixel covers the same whole number of device pixels. */
	sharp: boolean;
}

/* So much room is given away to be sharp. */
const SNAP = 0.04;

/* largest: what there may be room for at most. */
function fitScale(scale: number, largest: number): number {
	const whole = Math.floor(largest);

	return whole >= 1 && scale - whole <= SNAP * whole ? whole : scale;
}

/* Places a picture in a window; both sizes in their own pixels, ratio as devicePixelRatio. */
export function placePicture(mode: ScaleMode, width: number, height: number,
	windowWidth: number, windowHeight: number, ratio: number): Placement {
	const roomX = windowWidth * ratio, roomY = windowHeight * ratio;
	/* A window's size is told in whole CSS pixels: at 110 % there may be almost one more. */
	const more = Number.isInteger(ratio) ? 0 : ratio;
	const scale = mode === "actual" ? 1 : fitScale(Math.min(roomX / width, roomY / height),
		Math.min((roomX + more) / width, (roomY + more) / height));
	const w = Math.max(1, Math.round(width * scale));
	const h = Math.max(1, Math.round(height * scale));

	return {
		left: Math.max(0, Math.floor((roomX - w) / 2)) / ratio,
		top: Math.max(0, Math.floor((roomY - h) / 2)) / ratio,
		width: w / ratio,
		height: h / ratio,
		sharp: Number.isInteger(scale),
	};
}

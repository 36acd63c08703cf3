// SPDX-License-Identifier: BSD-3-Clause

// Is the canvas what X has in its framebuffer? Compared are all pixels: by their SHA-256 inside
// the page, as that is quick, and one by one as soon as it differs, to tell where.

import { createHash } from "node:crypto";
import { readPicture } from "../browser.mjs";

export function hash(picture) {
	return createHash("sha256").update(picture.rgb).digest("hex");
}

// The differing pixels: { count, first: { x, y, page, screen } }, or null when there are none.
export function compare(page, screen) {
	let count = 0;
	let first = null;

	if (page.width !== screen.width || page.height !== screen.height)
		return { count: Infinity, first: `${page.width}×${page.height}` };
	for (let i = 0; i < screen.rgb.length; i += 3) {
		if (page.rgb[i] === screen.rgb[i] && page.rgb[i + 1] === screen.rgb[i + 1]
			&& page.rgb[i + 2] === screen.rgb[i + 2])
			continue;
		first ??= {
			x: i / 3 % screen.width,
			y: Math.floor(i / 3 / screen.width),
			page: page.rgb.subarray(i, i + 3).toString("hex"),
			screen: screen.rgb.subarray(i, i + 3).toString("hex"),
		};
		count++;
	}
	return first && { count, first };
}

// Waits until the page is connected and its canvas has these pixels. Returns false when the
// time is over.
export async function waitForHash(page, wanted, timeout) {
	return page.evaluate(async ({ wanted, timeout }) => {
		const end = performance.now() + timeout;
		const canvas = document.getElementById("screen");
		const context = canvas.getContext("2d");

		for (;;) {
			if (document.documentElement.dataset.state === "connected") {
				const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
				const rgb = new Uint8Array(data.length / 4 * 3);
				for (let from = 0, to = 0; from < data.length; from += 4) {
					rgb[to++] = data[from];
					rgb[to++] = data[from + 1];
					rgb[to++] = data[from + 2];
				}
				const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", rgb));
				const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
				if (hex === wanted)
					return true;
			}
			if (performance.now() > end)
				return false;
			await new Promise((done) => setTimeout(done, 4));
		}
	}, { wanted, timeout });
}

// Throws unless the canvas becomes the screen in time.
export async function waitForPicture(page, screen, timeout = 2000) {
	if (await waitForHash(page, hash(screen), timeout))
		return;
	const state = await page.evaluate(() => document.documentElement.dataset.state);

	throw new Error(`after ${timeout} ms (${state}) the canvas is not the screen: `
		+ `${JSON.stringify(compare(await readPicture(page), screen))}`);
}

// SPDX-License-Identifier: BSD-3-Clause

// The canvas is, pixel for pixel, what X has in its framebuffer.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, readPicture, waitForState } from "../browser.mjs";
import { Desktop, readScreen, until } from "./desktop.mjs";
import { compare, waitForPicture } from "./picture.mjs";

const N_SCENES = 100; /* for each display */

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

// body gets { desktop, page, scene, reader }.
async function withScene(options, body) {
	const desktop = await Desktop.start(["--session", "openbox", ...options]);

	try {
		const { context, page, faults } = await openPage(browser, desktop.link,
			{ viewport: { width: 1100, height: 800 } });
		await waitForState(page, "connected");
		const scene = await desktop.fake("scene");
		const reader = await desktop.fake("screen");
		assert.equal(await scene.line(), "ready");
		await body({
			desktop, page, reader,
			async draw(line) {
				scene.say(line);
				assert.equal(await scene.line(), "done");
			},
		});
		assert.deepEqual(faults, []);
		await context.close();
	} finally {
		await desktop.destroy();
	}
}

/* No size is a multiple of the 64 pixels of a tile. */
for (const [display, width, height, seed] of [["xorg", 1001, 701, 1], ["xvfb", 835, 613, 1001]]) {
	test(`${N_SCENES} random scenes at ${width}x${height} on ${display} are exact`, async () => {
		await withScene(["--display", display, "--size", `${width}x${height}`],
			async ({ page, draw, reader }) => {
				let different = 0;
				let former = null;

				for (let i = 0; i < N_SCENES; i++) {
					await draw(`scene ${seed + i}`);
					const screen = await readScreen(reader);
					assert.deepEqual([screen.width, screen.height], [width, height]);
					await waitForPicture(page, screen).catch((error) => {
						error.message = `scene ${seed + i}: ${error.message}`;
						throw error;
					});
					if (!former || compare(former, screen))
						different++;
					former = screen;
				}
				/* A few scenes lie wholly under others. */
				assert.ok(different > N_SCENES * 0.9, `only ${different} scenes changed anything`);
			});
	});
}

test("changes that come faster than the viewer takes them end in the right picture", async () => {
	await withScene(["--size", "1001x701"], async ({ page, draw, reader }) => {
		for (let round = 0; round < 5; round++) {
			for (let i = 0; i < 60; i++)
				await draw(`scene ${5000 + round * 100 + i}`);
			await waitForPicture(page, await readScreen(reader));
		}
	});
});

test("the pointer is not in the picture, and the browser draws it once", async () => {
	await withScene(["--size", "1001x701"], async ({ page, draw, reader }) => {
		await page.mouse.move(300, 300);
		await draw("solid 20c040");
		await page.mouse.move(550, 400);
		await page.waitForFunction(() =>
			/url\(/.test(getComputedStyle(document.getElementById("screen")).cursor));
		/* The whole picture once more, now that the pointer lies on it. */
		await draw("solid 20c041");
		await page.mouse.move(560, 420);
		await waitForPicture(page, await readScreen(reader));
		const { rgb, width, height } = await readPicture(page);
		assert.ok(rgb.equals(Buffer.from("20c041".repeat(width * height), "hex")));
	});
});

test("one wrong pixel in the page is found", async () => {
	await withScene(["--size", "1001x701"], async ({ page, draw, reader }) => {
		await draw("scene 1");
		const screen = await readScreen(reader);
		await waitForPicture(page, screen);
		await page.evaluate(() => {
			const context = document.getElementById("screen").getContext("2d");
			const pixel = context.getImageData(517, 333, 1, 1);
			pixel.data[2] ^= 1;
			context.putImageData(pixel, 517, 333);
		});
		assert.deepEqual(
			(({ count, first: { x, y } }) => ({ count, x, y }))(
				compare(await readPicture(page), screen)),
			{ count: 1, x: 517, y: 333 });
		await assert.rejects(waitForPicture(page, screen, 100), /the canvas is not the screen/);
	});
});

test("a decoder that gets one bit wrong is found", async () => {
	await withScene(["--size", "1001x701"], async ({ page, draw, reader }) => {
		await page.evaluate(() => {
			const real = CanvasRenderingContext2D.prototype.putImageData;
			CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
				image.data[0] ^= 1;
				real.call(this, image, ...rest);
			};
		});
		await draw("solid 336699");
		const screen = await readScreen(reader);
		await assert.rejects(waitForPicture(page, screen, 500), /the canvas is not the screen/);
		const found = await until("the picture came", async () =>
			compare(await readPicture(page), screen));
		assert.equal(found.first.page, "326699");
	});
});

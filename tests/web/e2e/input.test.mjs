// SPDX-License-Identifier: BSD-3-Clause

// What is typed and pointed at in the page arrives on the desktop.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { delay, Desktop, readScreen, until } from "./desktop.mjs";
import { waitForPicture } from "./picture.mjs";
import { type } from "./typing.mjs";

/* As large as the page, so that places are the same on both. */
const SIZE = { width: 1280, height: 720 };

/* Started by openbox: a window that comes while the window manager is starting may get lost. */
const TERMINAL = "xterm -geometry 100x24+0+0 -e sh -c 'cat >\\$HOME/typed'";

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

test("text typed in the page comes to a shell in xterm; two viewers see it", async () => {
	const desktop = await Desktop.start(["--size", `${SIZE.width}x${SIZE.height}`,
		"--session", `exec openbox --startup "${TERMINAL}"`]);

	try {
		const typed = () => readFile(join(desktop.home, "typed"), "utf8").catch(() => null);
		const first = await openPage(browser, desktop.link, { viewport: SIZE });
		const second = await openPage(browser, await desktop.makeLink(),
			{ viewport: { width: 700, height: 500 } });
		await waitForState(first.page, "connected");
		await waitForState(second.page, "connected");
		await until("the shell runs", async () => await typed() !== null);

		const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
		const words = "Hello, World! It's 100% (shifted) & \"quoted\"";
		/* openbox gives the terminal the focus when it likes: Enter until one has arrived. */
		await until("the terminal has the focus", async () => {
			await first.page.keyboard.press("Enter");
			return await typed() !== "";
		});
		await type(first.page, all);
		await first.page.keyboard.press("Enter");
		await type(first.page, words);
		await first.page.keyboard.press("Enter");
		await until(async () => `the text came; it is ${await typed()}`, async () =>
			(await typed()).endsWith("quoted\"\n"));
		assert.equal((await typed()).replace(/^\n+/, ""), `${all}\n${words}\n`);

		/* The other viewer types too. */
		await second.page.keyboard.press("KeyZ");
		await second.page.keyboard.press("Enter");
		await until("the other viewer's key came", async () =>
			(await typed()).endsWith("\nz\n"));

		const reader = await desktop.fake("screen");
		await until("both show the screen", async () => {
			const screen = await readScreen(reader);
			/* xterm may yet paint, and its cursor blink: then once more. */
			return Promise.all([first, second].map(({ page }) => waitForPicture(page, screen, 200)))
				.then(() => true, () => false);
		});
		assert.equal((await desktop.status()).viewers.length, 2);
		assert.deepEqual([...first.faults, ...second.faults], []);
		await first.context.close();
		await until("the viewer is gone from the status", async () =>
			(await desktop.status()).viewers.length === 1);
		await second.context.close();
	} finally {
		await desktop.destroy();
	}
});

async function withEvents(body) {
	const desktop = await Desktop.start(["--size", `${SIZE.width}x${SIZE.height}`,
		"--session", "openbox"]);

	try {
		const { context, page, faults } = await openPage(browser, desktop.link, { viewport: SIZE });
		await waitForState(page, "connected");
		const events = await desktop.fake("events");
		assert.equal(await events.line(), "ready");
		/*
		 * Reads on until all of these lines have come, in any order, and returns what was read.
		 * Motions between them are no surprise, anything else is.
		 */
		const expect = async (...wanted) => {
			const missing = new Set(wanted);
			const seen = [];
			while (missing.size > 0) {
				const line = await Promise.race([events.line(), delay(3000)]);
				assert.ok(line, `${[...missing]} never came, after ${seen}`);
				seen.push(line);
				if (!missing.delete(line))
					assert.match(line, /^motion /, `${[...missing]} was awaited`);
			}
			return seen;
		};
		await body({ page, expect, desktop });
		assert.deepEqual(faults, []);
		await context.close();
	} finally {
		await desktop.destroy();
	}
}

test("click, drag, wheel and keys arrive, each where and as it was meant", async () => {
	await withEvents(async ({ page, expect }) => {
		await page.mouse.move(321, 234);
		await expect("motion 321 234 0");
		for (const [name, number] of [["left", 1], ["middle", 2], ["right", 3]]) {
			await page.mouse.down({ button: name });
			await page.mouse.up({ button: name });
			await expect(`button down ${number} 321 234`, `button up ${number} 321 234`);
		}

		await page.mouse.down();
		await page.mouse.move(400, 300, { steps: 8 });
		await page.mouse.move(1279, 719, { steps: 8 });
		await page.mouse.up();
		const drag = await expect("button down 1 321 234", "motion 1279 719 256",
			"button up 1 1279 719");
		/* The button was held all the way: its bit is 256. */
		const moves = drag.slice(drag.indexOf("button down 1 321 234"))
			.filter((line) => line.startsWith("motion"));
		assert.ok(moves.length >= 3, drag.join(", "));
		assert.ok(moves.every((line) => line.endsWith(" 256")), drag.join(", "));

		await page.mouse.move(600, 500);
		for (const [dx, dy, number] of [[0, 120, 5], [0, -120, 4], [120, 0, 7], [-120, 0, 6]]) {
			await page.mouse.wheel(dx, dy);
			await expect(`button down ${number} 600 500`, `button up ${number} 600 500`);
		}

		/* Evdev codes and 8: A, left Shift, F5, the right Alt key, 7 on the keypad. */
		for (const [code, keycode] of [["KeyA", 38], ["ShiftLeft", 50], ["F5", 71],
			["AltRight", 108], ["Numpad7", 79]]) {
			await page.keyboard.down(code);
			await expect(`key down ${keycode}`);
			await page.keyboard.up(code);
			await expect(`key up ${keycode}`);
		}
	});
});

test("in a small window places are scaled", async () => {
	await withEvents(async ({ page, expect }) => {
		await page.setViewportSize({ width: 640, height: 360 });
		await page.waitForFunction(() =>
			document.getElementById("screen").getBoundingClientRect().width === 640);
		await page.mouse.click(100, 50);
		await expect("button down 1 200 100", "button up 1 200 100");
		await page.mouse.click(639, 359);
		await expect("button down 1 1278 718", "button up 1 1278 718");
	});
});

test("what is held is let go when the page loses the focus, or its viewer goes", async () => {
	await withEvents(async ({ page, expect, desktop }) => {
		await page.mouse.move(50, 60);
		await page.mouse.down();
		await page.keyboard.down("ControlLeft");
		await expect("button down 1 50 60", "key down 37");
		await page.evaluate(() => window.dispatchEvent(new Event("blur")));
		await expect("button up 1 50 60", "key up 37");
		await page.keyboard.up("ControlLeft");
		await page.mouse.up();

		await page.keyboard.down("KeyB");
		await expect("key down 56");
		await page.close();
		await expect("key up 56");
		await until("it is gone", async () => (await desktop.status()).viewers.length === 0);
	});
});

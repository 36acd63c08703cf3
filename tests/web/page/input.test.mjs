// SPDX-License-Identifier: BSD-3-Clause

// What keys, pointer and wheel send, exactly.

import assert from "node:assert/strict";
import { connect, names, pageTest, plain } from "./fixture.mjs";

// The messages that one doing causes, until a mark that it sends last.
async function sent(viewer, page, doing) {
	const from = viewer.messages.length;

	await doing();
	await page.keyboard.down("Pause");
	await viewer.waitFor((m) => m.name === "KEY" && m.code === 119 && m.down === 1, { from });
	await page.keyboard.up("Pause");
	await viewer.waitFor((m) => m.name === "KEY" && m.code === 119 && m.down === 0, { from });
	return plain(viewer.messages.slice(from)).filter((m) => m.code !== 119);
}

const SAME_SIZE = { viewport: { width: 640, height: 400 } };

pageTest("keys go down and up once, in order, repeats are dropped", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const messages = await sent(viewer, page, async () => {
		await page.keyboard.down("ShiftLeft");
		await page.keyboard.down("KeyA");
		await page.keyboard.down("KeyA");
		await page.keyboard.down("KeyA");
		await page.keyboard.up("KeyA");
		await page.keyboard.up("ShiftLeft");
		await page.keyboard.press("Tab");
		await page.keyboard.press("F5");
		await page.keyboard.press("NumpadEnter");
	});

	assert.deepEqual(messages.map((m) => [m.name, m.down, m.code]), [
		["KEY", 1, 42], ["KEY", 1, 30], ["KEY", 0, 30], ["KEY", 0, 42],
		["KEY", 1, 15], ["KEY", 0, 15], ["KEY", 1, 63], ["KEY", 0, 63],
		["KEY", 1, 96], ["KEY", 0, 96],
	]);
}, SAME_SIZE);

pageTest("buttons come in X11's order, where the pointer is", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	for (const [name, button] of [["left", 1], ["middle", 2], ["right", 3]]) {
		const messages = await sent(viewer, page, async () => {
			await page.mouse.move(100 + button, 200);
			await page.mouse.click(100 + button, 200, { button: name });
		});
		const place = { x: 100 + button, y: 200 };
		assert.deepEqual(messages, [
			{ name: "MOTION", ...place },
			{ name: "BUTTON", down: 1, button, ...place },
			{ name: "BUTTON", down: 0, button, ...place },
		]);
	}
}, SAME_SIZE);

pageTest("back and forward are buttons 8 and 9 and leave the page where it is",
	async ({ host, page, context }) => {
		const viewer = await connect({ host, page });
		const client = await context.newCDPSession(page);
		const messages = await sent(viewer, page, async () => {
			for (const [button, buttons] of [["back", 8], ["forward", 16]]) {
				const at = { x: 50, y: 60, button, clickCount: 1 };
				await client.send("Input.dispatchMouseEvent", { type: "mousePressed", buttons, ...at });
				await client.send("Input.dispatchMouseEvent", { type: "mouseReleased", buttons: 0, ...at });
			}
		});

		assert.deepEqual(messages.filter((m) => m.name === "BUTTON").map((m) => [m.down, m.button]),
			[[1, 8], [0, 8], [1, 9], [0, 9]]);
		assert.equal(page.url(), host.url);
	}, SAME_SIZE);

pageTest("two buttons at once are both told", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const messages = await sent(viewer, page, async () => {
		await page.mouse.move(10, 10);
		await page.mouse.down({ button: "left" });
		await page.mouse.down({ button: "right" });
		await page.mouse.up({ button: "left" });
		await page.mouse.up({ button: "right" });
	});

	assert.deepEqual(messages.filter((m) => m.name === "BUTTON").map((m) => [m.down, m.button]),
		[[1, 1], [1, 3], [0, 1], [0, 3]]);
}, SAME_SIZE);

pageTest("a drag ends where the button was let go, also outside", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const messages = await sent(viewer, page, async () => {
		await page.mouse.move(20, 30);
		await page.mouse.down();
		await page.mouse.move(500, 300, { steps: 20 });
		await page.mouse.up();
	});

	assert.deepEqual(messages[messages.length - 1],
		{ name: "BUTTON", down: 0, button: 1, x: 500, y: 300 });
	const motions = messages.filter((m) => m.name === "MOTION");
	assert.ok(motions.length >= 2);
}, SAME_SIZE);

pageTest("motion is never sent more often than every 4 ms, and the last counts",
	async ({ host, page }) => {
		const viewer = await connect({ host, page });
		const from = viewer.messages.length;

		const took = await page.evaluate(() => {
			const canvas = document.getElementById("screen");
			const start = performance.now();
			for (let i = 0; i < 500; i++)
				canvas.dispatchEvent(new PointerEvent("pointermove", {
					clientX: i, clientY: 7, isPrimary: true, button: -1, bubbles: true,
				}));
			return performance.now() - start;
		});
		await viewer.waitFor((m) => m.name === "MOTION" && m.x === 499, { from });
		assert.ok(names(viewer, from).length <= 3 + took / 4);
	}, SAME_SIZE);

pageTest("a key overtakes no motion", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const from = viewer.messages.length;

	await page.evaluate(() => {
		const canvas = document.getElementById("screen");
		for (const x of [1, 2, 3])
			canvas.dispatchEvent(new PointerEvent("pointermove", {
				clientX: x, clientY: 7, isPrimary: true, button: -1,
			}));
		canvas.dispatchEvent(new KeyboardEvent("keydown", { code: "KeyA", key: "a" }));
	});
	await viewer.waitFor((m) => m.name === "KEY", { from });
	assert.deepEqual(plain(viewer.messages.slice(from)).slice(-2), [
		{ name: "MOTION", x: 3, y: 7 }, { name: "KEY", down: 1, code: 30 },
	]);
}, SAME_SIZE);

pageTest("the wheel is counted in 120ths of a notch", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	await page.mouse.move(77, 88);
	const messages = await sent(viewer, page, async () => {
		await page.mouse.wheel(0, 100);
		await page.mouse.wheel(0, -200);
		await page.mouse.wheel(100, 0);
	});
	assert.deepEqual(messages, [
		{ name: "WHEEL", dx: 0, dy: 120, x: 77, y: 88 },
		{ name: "WHEEL", dx: 0, dy: -240, x: 77, y: 88 },
		{ name: "WHEEL", dx: 120, dy: 0, x: 77, y: 88 },
	]);
}, SAME_SIZE);

pageTest("positions are the desktop's when the picture is scaled", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	// 640×400 in 1280×720: 1152×720, 64 pixels of ground at either side.
	for (const [x, y, screenX, screenY] of [[64, 0, 0, 0], [640, 360, 320, 200], [1215, 719, 639, 399],
		[0, 360, 0, 200], [1279, 100, 639, 55]]) {
		const from = viewer.messages.length;
		await page.mouse.move(x, y);
		if (x >= 64 && x < 1216)
			await viewer.waitFor((m) => m.name === "MOTION" && m.x === screenX && m.y === screenY, { from });
	}
});

pageTest("at one to one a pixel is a device pixel", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	await page.keyboard.press("Control+Alt+Shift+M");
	await page.click("#scale");
	const box = await page.locator("#screen").boundingBox();
	assert.deepEqual(box, { x: 160, y: 100, width: 320, height: 200 });
	await page.keyboard.press("Escape");
	await page.mouse.move(165, 103);
	await viewer.waitFor((m) => m.name === "MOTION" && m.x === 10 && m.y === 6);
}, { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });

pageTest("a picture larger than the window can be moved, by keys too", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const scrolled = () => page.evaluate(() => document.getElementById("viewport").scrollLeft);

	await page.keyboard.press("Control+Alt+Shift+M");
	await page.keyboard.press("Enter");
	await page.keyboard.press("ArrowRight");
	assert.equal(await scrolled(), 80);
	await page.keyboard.press("Escape");
	await page.mouse.move(20, 100);
	await viewer.waitFor((m) => m.name === "MOTION" && m.x === 100 && m.y === 100);
}, { viewport: { width: 320, height: 300 } });

pageTest("whatever takes the focus lets go of everything", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	for (const leave of [
		() => page.evaluate(() => window.dispatchEvent(new Event("blur"))),
		() => page.evaluate(() => document.getElementById("screen").blur()),
		() => page.keyboard.press("Control+Alt+Shift+M"),
	]) {
		const from = viewer.messages.length;
		await page.evaluate(() => document.getElementById("screen").focus());
		await page.keyboard.down("KeyA");
		await leave();
		await viewer.waitFor((m) => m.name === "RELEASE", { from });
		await page.keyboard.up("KeyA");
		assert.ok(!viewer.messages.slice(from).some((m) => m.name === "KEY" && m.down === 0));
	}
}, SAME_SIZE);

pageTest("no key reaches the browser while the picture has the focus", async ({ host, page }) => {
	await connect({ host, page });
	const prevented = await page.evaluate(() => ["F5", "KeyT", "Tab", "Space", "Unheard"].map((code) => {
		const event = new KeyboardEvent("keydown", { code, cancelable: true, bubbles: true });
		document.getElementById("screen").dispatchEvent(event);
		return event.defaultPrevented;
	}));

	assert.deepEqual(prevented, [true, true, true, true, true]);
	assert.ok(await page.evaluate(() => !document.getElementById("screen")
		.dispatchEvent(new MouseEvent("contextmenu", { cancelable: true }))));
}, SAME_SIZE);

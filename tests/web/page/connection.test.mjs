// SPDX-License-Identifier: BSD-3-Clause

// Cuts, bad messages, and what runs when nothing happens.

import assert from "node:assert/strict";
import { readPicture, waitForState } from "../browser.mjs";
import { message, solid, u16, u32 } from "../fake-host.mjs";
import { connect, names, pageTest } from "./fixture.mjs";

pageTest("a cut is mended by itself, with the last picture in place", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	host.deaf = true;
	viewer.cut();
	await waitForState(page, "reconnecting");
	assert.ok(await page.isVisible("#screen"));
	assert.ok(await page.isVisible("#notice"));
	assert.ok((await readPicture(page)).rgb.equals(host.picture.rgb));
	await page.waitForTimeout(600);
	assert.equal(await page.evaluate(() => document.documentElement.dataset.state), "reconnecting");
	host.deaf = false;
	await waitForState(page, "connected");
	assert.equal(host.viewer.messages[0].resume, "resume-1");
	assert.ok(await page.isHidden("#notice"));
	assert.ok((await readPicture(page)).rgb.equals(host.picture.rgb));
});

pageTest("a cut connection comes back at once", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const start = performance.now();
	const back = new Promise((resolve) => host.once("viewer", resolve));

	viewer.cut();
	await back;
	assert.ok(performance.now() - start < 250);
});

pageTest("the network's return is not waited for", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	host.deaf = true;
	viewer.cut();
	await waitForState(page, "reconnecting");
	await page.waitForTimeout(2500);
	host.deaf = false;
	const start = performance.now();
	await page.evaluate(() => window.dispatchEvent(new Event("online")));
	await waitForState(page, "connected");
	assert.ok(performance.now() - start < 500);
});

const BAD = {
	"of unknown type": Buffer.from([0x99]),
	"out of its turn": message(0x81, Buffer.from('{"version":1}')),
	"with a rectangle outside": null,
};

for (const [name, bytes] of Object.entries(BAD)) {
	pageTest(`a message ${name} ends the connection and says so`, async ({ host, page }) => {
		const viewer = await connect({ host, page });
		const closed = new Promise((resolve) => viewer.once("close", resolve));

		if (bytes)
			viewer.send(bytes);
		else
			await viewer.sendFrame(solid(630, 0, 64, 64, [1, 2, 3]));
		await waitForState(page, "refused");
		await closed;
		assert.equal(viewer.closeCode, 4000);
		assert.match(await page.textContent("#message"), /does not understand/);
		assert.equal(host.viewers.length, 1);
		await page.click("#try-again");
		await waitForState(page, "connected");
	});
}

pageTest("a text message ends the connection", async ({ host, page }) => {
	(await connect({ host, page })).sendText("hello");
	await waitForState(page, "refused");
});

pageTest("garbage of any kind never hangs the page", async ({ host, page }) => {
	await connect({ host, page });
	let seed = 5;
	const next = (n) => (seed = seed * 1103515245 + 12345 & 0x7fffffff) % n;

	for (let i = 0; i < 40; i++) {
		const bytes = Buffer.from(Array.from({ length: next(60) }, () => next(256)));
		if (bytes.length)
			bytes[0] = 0x80 + next(9);
		host.viewer.send(bytes);
		await page.waitForFunction(() => true);
		if (await page.isVisible("#try-again")) {
			await page.click("#try-again");
			await waitForState(page, "connected");
		}
	}
});

pageTest("pieces of a frame are acknowledged once, and are seen together", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const from = viewer.messages.length;

	host.picture.fill(0, 0, 640, 400, [10, 20, 30]);
	host.picture.fill(100, 100, 301, 99, [200, 100, 0]);
	const seq = await viewer.show(
		host.picture.tiles(0, 0, 640, 128), host.picture.tiles(0, 128, 640, 272));
	// The ACK of the first picture may come late.
	const sent = viewer.messages.slice(from).filter((m) => m.name !== "ACK" || m.seq === seq);
	assert.deepEqual(sent.map((m) => m.name), ["ACK"]);
	assert.ok((await readPicture(page)).rgb.equals(host.picture.rgb));
});

pageTest("a new size is taken over with its first frame", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	viewer.sendScreen(333, 222);
	await page.waitForTimeout(100);
	assert.equal((await readPicture(page)).width, 640);
	await viewer.show(solid(0, 0, 64, 64, [1, 2, 3]));
	const picture = await readPicture(page);
	assert.deepEqual([picture.width, picture.height], [333, 222]);
	assert.deepEqual([...picture.rgb.subarray(0, 3)], [1, 2, 3]);
	assert.deepEqual([...picture.rgb.subarray(-3)], [0, 0, 0]);
});

pageTest("a screen that is black and silent is shown all the same", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	viewer.sendScreen(100, 100);
	await page.waitForFunction(() => document.getElementById("screen").width === 100);
	assert.ok((await readPicture(page)).rgb.every((byte) => byte === 0));
});

pageTest("the toolbar measures the latency, and only while it is open", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	await page.mouse.move(300, 300);
	await page.keyboard.press("a");
	await page.keyboard.press("Control+Alt+Shift+M");
	await viewer.waitFor((m) => m.name === "PING");
	await page.waitForFunction(() => /^[\d.]+ ms$/.test(document.getElementById("latency").textContent));
	assert.equal(names(viewer).filter((name) => name === "PING").length, 1);
	assert.equal(await page.textContent("#size"), "640 × 400");
	assert.match(await page.textContent("#connection"), /Connected to willow/);
});

pageTest("an idle connection runs no timer and sends nothing", async ({ host, page, context }) => {
	await context.addInitScript(() => {
		window.calls = 0;
		for (const name of ["setTimeout", "setInterval", "requestAnimationFrame"]) {
			const real = window[name].bind(window);
			window[name] = (...rest) => {
				window.calls++;
				return real(...rest);
			};
		}
	});
	const viewer = await connect({ host, page });

	await page.mouse.move(200, 200);
	await page.keyboard.press("x");
	await page.waitForTimeout(700);
	const calls = await page.evaluate(() => window.calls);
	const sent = viewer.messages.length;
	await page.waitForTimeout(3000);
	assert.equal(await page.evaluate(() => window.calls), calls);
	assert.equal(viewer.messages.length, sent);
});

pageTest("a silent cut is found when the user does something", async ({ host, page, context }) => {
	await context.addInitScript(() => {
		// Ten minutes of silence, at once.
		const real = performance.now.bind(performance);
		window.ahead = 0;
		performance.now = () => real() + window.ahead;
	});
	const viewer = await connect({ host, page });
	const knocks = () => host.requests.filter((url) => url === "/icon.svg").length;
	const before = knocks();

	viewer.socket.removeAllListeners("data"); // it hears nothing any more
	viewer.socket.on("data", () => undefined);
	await page.evaluate(() => {
		window.ahead = 600_000;
	});
	const back = new Promise((resolve) => host.once("viewer", resolve));
	await page.keyboard.press("a");
	await back;
	await waitForState(page, "connected");
	assert.equal(host.viewers.length, 2);
	/* By a new connection the supervisor finds out, if it is the host that hangs. */
	assert.equal(knocks(), before + 1);
});

pageTest("cursors become the browser's, none is none", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const style = () => page.evaluate(() => document.getElementById("screen").style.cursor);
	const rgba = Buffer.alloc(24 * 24 * 4, 255);

	viewer.sendCursor(24, 24, 3, 5, rgba);
	await page.waitForFunction(() =>
		document.getElementById("screen").style.cursor.includes("data:image/png"));
	assert.match(await style(), /5 \d+, default$|\d+ \d+, default$/);
	viewer.send(message(0x86, u16(0, 0, 0, 0)));
	await page.waitForFunction(() => document.getElementById("screen").style.cursor === "none");
	viewer.send(message(0x87, u32(77)));
	assert.equal(await page.evaluate(() => document.documentElement.dataset.state), "connected");
});

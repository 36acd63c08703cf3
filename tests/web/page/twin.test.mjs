// SPDX-License-Identifier: BSD-3-Clause

// The second connection: what the user does goes by both, and an echo is seen before its frame.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readPicture, waitForState } from "../browser.mjs";
import { echoMessage, message, solid } from "../fake-host.mjs";
import { connect, pageTest, plain } from "./fixture.mjs";

const KEY = Buffer.from([...Array(16).keys()]);
const isKey = ({ name }) => name === "KEY";

// Asks for a second connection. Returns it when it has joined.
async function join(host, viewer) {
	const n = host.viewers.length;

	viewer.send(message(0x89, KEY));
	for (let ms = 0; host.viewers.length === n; ms += 10) {
		assert.ok(ms < 5000, "no second connection");
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	const twin = host.viewers[n];
	await twin.waitFor(({ name }) => name === "JOIN");
	return twin;
}

async function pixelBecomes(page, x, y, rgb) {
	for (let tries = 0; ; tries++) {
		const picture = await readPicture(page);
		const at = (y * picture.width + x) * 3;
		if (rgb.every((value, i) => picture.rgb[at + i] === value))
			return;
		assert.ok(tries < 200, `that pixel never was ${rgb}`);
	}
}

pageTest("inputs go by both, each with its number", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	await page.keyboard.press("a");
	await viewer.waitFor((m) => isKey(m) && !m.down);
	const before = viewer.messages.filter(({ name }) =>
		["KEY", "MOTION", "BUTTON", "WHEEL", "RELEASE"].includes(name)).length;
	const twin = await join(host, viewer);
	assert.deepEqual(plain(twin.messages), [{ name: "JOIN", key: KEY.toString("hex"), before }]);
	const from = viewer.messages.length;
	await page.keyboard.press("b");
	await page.mouse.move(200, 100);
	await page.mouse.click(200, 100);
	const isUp = ({ name, down }) => name === "BUTTON" && !down;
	await viewer.waitFor(isUp, { from });
	await twin.waitFor(isUp);
	assert.deepEqual(plain(twin.messages.slice(1)),
		plain(viewer.messages.slice(from).filter(({ name }) => name !== "ACK")));
});

pageTest("an echo is seen before its frame, and the frame has the last word", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const twin = await join(host, viewer);
	const { width, height } = host.picture;
	const from = viewer.messages.length;

	twin.send(await echoMessage(viewer.seq + 1, width, height, solid(100, 50, 8, 16, [255, 0, 0])));
	await pixelBecomes(page, 104, 60, [255, 0, 0]);
	assert.deepEqual(viewer.messages.slice(from).filter(({ name }) => name === "ACK"), []);
	host.picture.fill(100, 50, 8, 16, [0, 255, 0]);
	host.picture.fill(300, 200, 30, 30, [9, 9, 9]);
	await viewer.show(host.picture.tiles(64, 0, 64, 128), host.picture.tiles(256, 192, 128, 64));
	assert.ok((await readPicture(page)).rgb.equals(host.picture.rgb));
	// It is late now: its frame is there.
	twin.send(await echoMessage(viewer.seq, width, height, solid(100, 50, 8, 16, [255, 0, 0])));
	twin.send(await echoMessage(viewer.seq + 1, width, height, solid(0, 0, 1, 1, [7, 7, 7])));
	await pixelBecomes(page, 0, 0, [7, 7, 7]);
	host.picture.fill(0, 0, 1, 1, [7, 7, 7]);
	assert.ok((await readPicture(page)).rgb.equals(host.picture.rgb));
});

pageTest("a second connection that ends is no loss, and there may be another", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	for (let turn = 0; turn < 2; turn++) {
		const twin = await join(host, viewer);
		const from = viewer.messages.length;
		twin.cut();
		await page.keyboard.press("c");
		await viewer.waitFor((m) => isKey(m) && !m.down, { from });
		assert.equal(await page.evaluate(() => document.documentElement.dataset.state), "connected");
	}
});

pageTest("it ends with the first, and what is wrong in it ends both", async ({ host, page }) => {
	let viewer = await connect({ host, page });
	let twin = await join(host, viewer);
	let closed = once(twin, "close");

	viewer.cut();
	await closed;
	await waitForState(page, "connected");
	viewer = host.viewer;
	twin = await join(host, viewer);
	closed = Promise.all([once(viewer, "close"), once(twin, "close")]);
	twin.send(message(0x85, Buffer.from([0, 1, 0, 0, 0, 1, 2, 3, 4, 5])));
	await waitForState(page, "refused");
	await closed;
	assert.match(await page.textContent("#message"), /does not understand/);
});

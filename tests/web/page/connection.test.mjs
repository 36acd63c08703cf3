// SPDX-License-Identifier: BSD-3-Clause

// Cuts, bad messages, and what runs when nothing happens.

import assert from "node:assert/strict";
import { readPicture, waitForState } from "../browser.mjs";
import {
	cached, copy, message, Picture, pictureMessage, solid, store, u16, u32,
} from "../fake-host.mjs";
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

pageTest("a host that does not answer at once is waited for in words", async ({ host, page }) => {
	host.deaf = true;
	await page.goto(`${host.url}#link=goodlink`);
	await page.waitForSelector("#connecting", { state: "visible" });
	assert.match(await page.textContent("#connecting"), /Connecting/);
	host.deaf = false;
	await waitForState(page, "connected");
	assert.ok(await page.isHidden("#connecting"));
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
	"out of its turn": message(0x81, Buffer.from('{"version":2}')),
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
			bytes[0] = 0x80 + next(11);
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
	const sent = viewer.messages.slice(from);
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

pageTest("the latency tells where the time goes, once it is clicked", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const times = [10, 200, 0, 65535, 30, 45, 50];
	const read = () => page.evaluate(() => Object.fromEntries(
		[...document.querySelectorAll("#times div")].map((row) =>
			[row.dataset.stage, row.querySelector("dd").textContent])));

	await page.keyboard.press("Control+Alt+Shift+M");
	await viewer.waitFor((m) => m.name === "PING");
	assert.ok(await page.isHidden("#times"));
	await page.click("#latency-toggle");
	assert.equal((await read()).input, "–");
	await viewer.sendTimedFrame(times, solid(0, 0, 1, 1, [1, 2, 3]));
	await page.waitForFunction(() =>
		document.querySelector("[data-stage=input] dd").textContent === "0.10 ms");
	const told = await read();
	assert.deepEqual(Object.values(told).slice(0, 7),
		["0.10 ms", "2.00 ms", "–", "> 655 ms", "0.30 ms", "0.45 ms", "0.50 ms"]);
	for (const stage of ["network", "decode", "paint"])
		assert.match(told[stage], /^\d+(\.\d+)? ms$/, stage); // however long
	// A frame that tells nothing leaves what is there.
	await viewer.show(solid(0, 0, 1, 1, [3, 2, 1]));
	await page.click("#latency-toggle");
	assert.ok(await page.isHidden("#times"));
	assert.deepEqual(Object.values(await read()).slice(0, 7), Object.values(told).slice(0, 7));
});

pageTest("an acknowledgement tells how long decoding and painting took", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const noise = new Picture(640, 400);

	for (let i = 0; i < noise.rgb.length; i++)
		noise.rgb[i] = i * i * 7 >> 3;
	const seq = await viewer.show(noise.tiles());
	const { decode, paint } = viewer.messages.find((m) => m.name === "ACK" && m.seq === seq);
	assert.ok(decode > 10 && decode < 50000, String(decode));
	assert.ok(paint > 0 && paint < 50000, String(paint));
});

pageTest("scrolling, remembered tiles and many frames at once end as they should",
	async ({ host, page }) => {
		const viewer = await connect({ host, page });
		const { picture } = host;

		picture.fill(0, 0, 640, 400, [10, 20, 30]);
		for (let i = 0; i < 60; i++)
			picture.fill(i * 10, i * 6, 37, 5, [i * 4, 255 - i, 99]);
		await viewer.show(picture.tiles());
		for (let i = 0; i < 12; i++) {
			picture.move(0, 0, 640, 390, 0, 10);
			picture.fill(0, 390, 640, 10, [i, i, i]);
			await viewer.sendFrame(copy(0, 0, 640, 390, 0, 10), picture.tiles(0, 390, 640, 10));
		}
		await viewer.waitFor((m) => m.name === "ACK" && m.seq === viewer.seq);
		assert.ok((await readPicture(page)).rgb.equals(picture.rgb));
		await viewer.show(Buffer.concat([store(3, 2, 9), solid(192, 128, 64, 64, [1, 1, 1])]));
		await viewer.show(cached(3, 2, 9));
		assert.ok((await readPicture(page)).rgb.equals(picture.rgb));
		assert.deepEqual(viewer.messages.filter((m) => m.name === "ACK").map((m) => m.seq),
			Array.from({ length: viewer.seq }, (_, i) => i + 1));
	});

// 16×16 of one colour, which decoding brings back nearly.
async function makeJpeg(page, colour) {
	const url = await page.evaluate((colour) => {
		const canvas = document.createElement("canvas");
		canvas.width = canvas.height = 16;
		const context = canvas.getContext("2d");
		context.fillStyle = colour;
		context.fillRect(0, 0, 16, 16);
		return canvas.toDataURL("image/jpeg", 1);
	}, colour);

	return Buffer.from(url.split(",")[1], "base64");
}

pageTest("a JPEG picture is painted in its turn", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const red = await makeJpeg(page, "rgb(250,0,0)");

	assert.ok(viewer.messages[0].decodes.includes("jpeg"));
	viewer.send(pictureMessage(++viewer.seq, 1, 100, 50, 16, 16, red));
	// The next comes before it can be decoded, and must not be painted over by it.
	await viewer.show(solid(100, 50, 8, 16, [0, 0, 255]));
	const { rgb } = await readPicture(page);
	const at = (x, y) => [...rgb.subarray((y * 640 + x) * 3, (y * 640 + x) * 3 + 3)];
	assert.deepEqual(at(107, 50), [0, 0, 255]);
	assert.ok(at(108, 65)[0] > 240 && at(108, 65)[2] < 10, String(at(108, 65)));
	assert.deepEqual(at(116, 50), [...host.picture.cut(116, 50, 1, 1)]);
	viewer.send(pictureMessage(++viewer.seq, 1, 0, 0, 16, 16, Buffer.from("no JPEG")));
	await waitForState(page, "refused");
	assert.match(await page.textContent("#message"), /damaged JPEG/);
});

pageTest("without what decodes pictures it says so, and does without", async ({ host, page }) => {
	host.before["/worker.js"] = "self.createImageBitmap = self.VideoDecoder = undefined;";
	const viewer = await connect({ host, page });

	assert.deepEqual(viewer.messages[0].decodes, []);
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

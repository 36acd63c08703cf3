// SPDX-License-Identifier: BSD-3-Clause

// Debian's Chromium, driven by playwright-core, for the tests of the page and of the whole; and
// Debian's Firefox, over WebDriver BiDi, which playwright-core speaks as well.

import { chromium, firefox } from "playwright-core";

const FLAGS = [
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export async function launch({ executablePath = "/usr/bin/chromium", args = [] } = {}) {
	return chromium.launch({ executablePath, args: [...FLAGS, ...args] });
}

// It takes its time to start: some seconds. home: an empty directory, which it writes to.
export async function launchFirefox(home) {
	return firefox.launch({
		channel: "moz-firefox",
		executablePath: "/usr/bin/firefox-esr",
		env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home },
	});
}

// Chromium reports each connection that fails, which the page tells the user itself; and it
// finds that readPicture reads.
const EXPECTED = /WebSocket connection|getImageData/;

// A page in a context of its own. faults: what the console, scripts and the content policy
// complained about; a test expects it empty.
export async function openPage(browser, url, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
	const page = await context.newPage();
	const faults = [];

	page.on("console", (line) => {
		if (["error", "warning"].includes(line.type()) && !EXPECTED.test(line.text()))
			faults.push(line.text());
	});
	page.on("pageerror", (error) => faults.push(String(error)));
	if (url)
		await page.goto(url);
	return { context, page, faults };
}

// Waits until the page says that it is in that state: signin, connecting, connected,
// reconnecting, status or refused.
export async function waitForState(page, state, timeout = 10000) {
	await page.waitForFunction((wanted) =>
		document.documentElement.dataset.state === wanted, state, { timeout });
}

// The canvas' pixels, RGB.
export async function readPicture(page) {
	const { width, height, base64 } = await page.evaluate(() => {
		const canvas = document.getElementById("screen");
		const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
		const rgb = new Uint8Array(canvas.width * canvas.height * 3);
		for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
			rgb[to] = data[from];
			rgb[to + 1] = data[from + 1];
			rgb[to + 2] = data[from + 2];
		}
		let text = "";
		for (let i = 0; i < rgb.length; i += 32768)
			text += String.fromCharCode(...rgb.subarray(i, i + 32768));
		return { width: canvas.width, height: canvas.height, base64: btoa(text) };
	});

	return { width, height, rgb: Buffer.from(base64, "base64") };
}

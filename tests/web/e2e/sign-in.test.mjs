// SPDX-License-Identifier: BSD-3-Clause

// Who comes in, who stays in, and who does not.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { Desktop, until } from "./desktop.mjs";

let browser;
let desktop;

before(async () => {
	browser = await launch({ args: ["--host-resolver-rules=MAP evil.test 127.0.0.1"] });
	/* A host that is killed comes back at once, however often. */
	desktop = await Desktop.start(["--session", "openbox", "--size", "801x601"],
		{ conf: "[relaunch]\nhealthy_after=0.1\nfast_delay=0.1\n" });
});

after(async () => {
	await browser?.close();
	await desktop?.destroy();
});

function pageTest(name, body) {
	test(name, async () => {
		const { context, page, faults } = await openPage(browser);

		try {
			await body(page, faults);
		} finally {
			await context.close();
		}
	});
}

async function enterPin(page, pin) {
	await page.fill("#pin", pin);
	await page.click("#sign-in");
}

pageTest("a link signs in, and leaves no trace in the address", async (page, faults) => {
	await page.goto(desktop.link);
	await waitForState(page, "connected");
	assert.equal(page.url(), desktop.url);
	assert.deepEqual(await page.context().cookies(), []);
	assert.deepEqual(faults, []);
});

pageTest("a link works once", async (page) => {
	const link = await desktop.makeLink();
	const first = await openPage(browser, link);

	await waitForState(first.page, "connected");
	await first.context.close();
	await page.goto(link);
	await waitForState(page, "refused");
	assert.match(await page.textContent("#message"), /already/);
	assert.ok(await page.isHidden("#screen"));
});

pageTest("an invented link is refused", async (page) => {
	await page.goto(`${desktop.url}#link=AAAAAAAAAAAAAAAAAAAAAA`);
	await waitForState(page, "refused");
});

pageTest("the PIN that was shown at first start signs in, a wrong one does not", async (page) => {
	const wrong = desktop.pin === "12345678" ? "87654321" : "12345678";

	await page.goto(desktop.url);
	await waitForState(page, "signin");
	await enterPin(page, wrong);
	await waitForState(page, "refused");
	assert.equal(await page.textContent("#message"), "That PIN is not right.");
	assert.ok(await page.isHidden("#screen"));
	await enterPin(page, desktop.pin);
	await waitForState(page, "connected");
});

pageTest("a reload needs no new sign-in", async (page) => {
	await page.goto(await desktop.makeLink());
	await waitForState(page, "connected");
	for (let i = 0; i < 3; i++) {
		await page.reload();
		await waitForState(page, "connected", 3000);
	}
});

pageTest("a host that was killed needs no new sign-in, also together with a reload", async (page) => {
	await page.goto(await desktop.makeLink());
	await waitForState(page, "connected");
	for (const reloads of [false, true, false]) {
		const { pid } = await desktop.component("host");

		process.kill(pid, "SIGKILL");
		if (reloads)
			await page.reload();
		await desktop.untilBack(pid, 3000);
		await waitForState(page, "connected", 3000);
		const host = await desktop.component("host");
		assert.equal(host.last_end.signal, 9);
		await until("the host has run for a while", () =>
			Date.now() - Date.parse(host.since) > 150);
	}
	assert.equal((await desktop.status()).viewers.length, 1);
});

pageTest("another tab is not signed in by the first", async (page) => {
	await page.goto(await desktop.makeLink());
	await waitForState(page, "connected");
	const other = await page.context().newPage();
	await other.goto(desktop.url);
	await waitForState(other, "signin");
});

pageTest("a rebound name gets neither page nor stream", async (page) => {
	const { port } = new URL(desktop.url);
	const answer = await page.goto(`http://evil.test:${port}/`);

	assert.equal(answer.status(), 403);
	assert.equal(await page.locator("#sign-in-form").count(), 0);
	assert.equal(await opensSocket(page, `ws://evil.test:${port}/ws`), false);
	assert.equal(await opensSocket(page, `ws://127.0.0.1:${port}/ws`), false);
});

async function opensSocket(page, url) {
	return page.evaluate((url) => new Promise((done) => {
		const socket = new WebSocket(url, "afar.2");
		socket.onopen = () => done(true);
		socket.onerror = () => done(false);
	}), url);
}

pageTest("a page of another origin gets no stream, ours does", async (page) => {
	const server = createServer((_, response) => response.end("<!DOCTYPE html><title>x</title>"));

	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	try {
		const ws = desktop.url.replace("http:", "ws:") + "ws";
		await page.goto(`http://127.0.0.1:${server.address().port}/`);
		assert.equal(await opensSocket(page, ws), false);
		/* The same try, from where it is allowed: the page's own policy permits it. */
		await page.goto(desktop.url);
		assert.equal(await opensSocket(page, ws), true);
	} finally {
		server.close();
		server.closeAllConnections();
	}
});

// The first line of the answer to an upgrade with these headers.
async function upgrade(headers, path = "/ws") {
	const { hostname, port } = new URL(desktop.url);
	const socket = connect(Number(port), hostname);
	const lines = Object.entries({
		Upgrade: "websocket",
		Connection: "Upgrade",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Protocol": "afar.2",
		...headers,
	}).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
	let text = "";

	socket.on("error", () => undefined);
	socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
	try {
		for await (const chunk of socket) {
			text += chunk;
			if (text.includes("\r\n"))
				break;
		}
	} finally {
		socket.destroy();
	}
	return text.split("\r\n")[0];
}

test("Host and Origin are looked at before anything else", async () => {
	const { port } = new URL(desktop.url);
	const at = (name) => ({ Host: `${name}:${port}`, Origin: `http://${name}:${port}` });

	for (const good of [at("127.0.0.1"), at("localhost"), at("[::1]"),
		/* As through ssh -L 9000:localhost:PORT. */
		{ Host: "localhost:9000", Origin: "http://localhost:9000" }])
		assert.match(await upgrade(good), /^HTTP\/1\.1 101 /, JSON.stringify(good));
	for (const bad of [
		at("evil.test"),
		at("127.0.0.1.evil.test"),
		at("localhost.evil.test"),
		{ Host: `127.0.0.1:${port}`, Origin: "http://evil.test" },
		{ Host: `127.0.0.1:${port}`, Origin: `http://evil.test:${port}` },
		{ Host: `127.0.0.1:${port}`, Origin: `https://127.0.0.1:${port}` },
		{ Host: `127.0.0.1:${port}`, Origin: "http://127.0.0.1:1" },
		{ Host: `127.0.0.1:${port}`, Origin: `http://localhost:${port}` },
		{ Host: `127.0.0.1:${port}`, Origin: "null" },
		{ Host: `127.0.0.1:${port}`, Origin: "" },
		{ Host: `127.0.0.1:${port}`, Origin: null },
		{ Host: null, Origin: `http://127.0.0.1:${port}` },
	])
		assert.doesNotMatch(await upgrade(bad), / (101|200) /, JSON.stringify(bad));
	assert.match(await upgrade({ Host: "evil.test", Upgrade: null, Connection: "close" }, "/"),
		/^HTTP\/1\.1 403/);
});

/* The last one: it uses up this machine's tries. */
pageTest("a guesser has to wait, and is told so", async (page) => {
	await page.goto(desktop.url);
	await waitForState(page, "signin");
	for (let i = 0; i < 12; i++) {
		await page.waitForSelector("#sign-in:not([disabled])", { timeout: 5000 });
		await enterPin(page, `9999${1000 + i}`);
		await page.waitForFunction(() =>
			document.documentElement.dataset.state === "refused"
			&& document.getElementById("sign-in").textContent === "Sign in");
		if (/Too many tries/.test(await page.textContent("#message")))
			break;
	}
	assert.match(await page.textContent("#message"), /Too many tries/);
	assert.match(await page.textContent("#countdown"), /^Next try in /);
	/* A link is not a guess. */
	await page.goto("about:blank");
	await page.goto(await desktop.makeLink());
	await waitForState(page, "connected");
});

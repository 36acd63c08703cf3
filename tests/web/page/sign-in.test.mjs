// SPDX-License-Identifier: BSD-3-Clause

// Ways in and ways not in, in a real browser against a fake host.

import assert from "node:assert/strict";
import { waitForState } from "../browser.mjs";
import { connect, pageTest } from "./fixture.mjs";

pageTest("a link signs in, and is gone from address and history", async ({ host, page }) => {
	await connect({ host, page });
	const [signIn] = host.viewer.messages;

	assert.equal(signIn.name, "SIGN_IN");
	assert.equal(signIn.version, 2);
	assert.equal(signIn.link, "goodlink");
	assert.equal(page.url(), host.url);
	assert.deepEqual(host.requests.filter((path) => path.includes("goodlink")), []);
	assert.equal(await page.evaluate(() => document.cookie), "");
	await page.goBack().catch(() => undefined);
	assert.ok(!page.url().includes("goodlink"));
});

pageTest("a PIN signs in by keyboard alone", async ({ host, page }) => {
	await page.goto(host.url);
	await waitForState(page, "signin");
	assert.equal(await page.evaluate(() => document.activeElement.id), "pin");
	await page.waitForFunction(() => document.querySelector(".logo").naturalWidth > 0);
	await page.keyboard.type("1234 5678");
	await page.keyboard.press("Enter");
	await waitForState(page, "connected");
	assert.equal(host.viewer.messages[0].pin, "12345678");
	assert.equal(await page.evaluate(() => document.activeElement.id), "screen");
	await page.keyboard.press("Control+Alt+Shift+M");
	assert.equal(await page.evaluate(() => document.activeElement.id), "scale");
	await page.keyboard.press("Escape");
	assert.equal(await page.evaluate(() => document.activeElement.id), "screen");
});

pageTest("a PIN of the wrong length is not sent", async ({ host, page }) => {
	await page.goto(host.url);
	for (const pin of ["", "1234567", "123456789", "abcdefgh"]) {
		await page.fill("#pin", pin);
		await page.click("#sign-in");
		assert.match(await page.textContent("#message"), /8 digits/);
	}
	assert.equal(host.viewers.length, 0);
});

pageTest("a wrong PIN says so, and the right one works after it", async ({ host, page }) => {
	await page.goto(host.url);
	await page.fill("#pin", "87654321");
	await page.keyboard.press("Enter");
	await waitForState(page, "refused");
	assert.match(await page.textContent("#message"), /not right/);
	assert.equal(await page.inputValue("#pin"), "");
	await page.keyboard.type("12345678");
	await page.keyboard.press("Enter");
	await waitForState(page, "connected");
});

const REASONS = {
	link: /used already/,
	limit: /Too many tries/,
	version: /different versions/,
	busy: /busy/,
};

for (const [reason, words] of Object.entries(REASONS)) {
	pageTest(`refused for “${reason}”, the page says why`, async ({ host, page }) => {
		host.refuseAll = { reason, retry_after: 0 };
		await page.goto(`${host.url}#link=other`);
		await waitForState(page, "refused");
		assert.match(await page.textContent("#message"), words);
		assert.equal(await page.isVisible("#try-again"), reason !== "link");
		assert.equal(await page.getAttribute("#message", "role"), "alert");
	});
}

pageTest("an old page reloads itself once and keeps its link", async ({ host, page }) => {
	host.refuseAll = { reason: "version", retry_after: 0 };
	await page.goto(`${host.url}#link=goodlink`);
	await waitForState(page, "refused");
	assert.equal(host.viewers.length, 2);
	assert.deepEqual(host.viewers.map((viewer) => viewer.messages[0].link), ["goodlink", "goodlink"]);
	assert.equal(host.requests.filter((path) => path === "/").length, 2);
});

pageTest("a resume token that has expired leads back to the PIN", async ({ host, page }) => {
	await connect({ host, page });
	host.resumes.clear();
	await page.reload();
	await waitForState(page, "refused");
	assert.match(await page.textContent("#message"), /sign in again/);
	assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

pageTest("a limit counts down and then lets the user try", async ({ host, page }) => {
	host.refuseAll = { reason: "limit", retry_after: 2 };
	await page.goto(host.url);
	await page.fill("#pin", "12345678");
	await page.keyboard.press("Enter");
	await waitForState(page, "refused");
	assert.match(await page.textContent("#countdown"), /Next try in [12] s/);
	assert.ok(await page.isDisabled("#sign-in"));
	host.refuseAll = null;
	await page.waitForSelector("#sign-in:not([disabled])");
	await page.click("#sign-in");
	await waitForState(page, "connected");
});

pageTest("a limit on the way back waits and resumes by itself", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	host.refuseAll = { reason: "limit", retry_after: 1 };
	viewer.cut();
	await waitForState(page, "refused");
	host.refuseAll = null;
	await waitForState(page, "connected");
});

pageTest("a reload resumes with the token, without link or PIN", async ({ host, page }) => {
	await connect({ host, page });
	await page.reload();
	await waitForState(page, "connected");
	assert.equal(host.viewer.messages[0].resume, "resume-1");
});

pageTest("a used link in a tab that is signed in still resumes", async ({ host, page }) => {
	await connect({ host, page });
	await page.goto("about:blank");
	await page.goto(`${host.url}#link=goodlink`);
	await waitForState(page, "connected");
	assert.equal(host.viewer.messages[0].resume, "resume-1");
});

pageTest("a new link pasted into an open tab is used", async ({ host, page }) => {
	await page.goto(host.url);
	await waitForState(page, "signin");
	await page.evaluate(() => {
		location.hash = "#link=goodlink";
	});
	await waitForState(page, "connected");
	assert.equal(page.url(), host.url);
});

pageTest("a host that hangs up on a PIN is told, and nothing is tried twice",
	async ({ host, page }) => {
		await page.goto(host.url);
		host.deaf = true;
		await page.fill("#pin", "12345678");
		await page.keyboard.press("Enter");
		await page.waitForSelector("#message:not([hidden])");
		await waitForState(page, "signin");
		assert.match(await page.textContent("#message"), /did not answer/);
	});

// SPDX-License-Identifier: BSD-3-Clause

// The page in place of a missing picture.

import assert from "node:assert/strict";
import { waitForState } from "../browser.mjs";
import { ALL_READY, component, statusOf } from "../fake-host.mjs";
import { connect, pageTest } from "./fixture.mjs";

function later(seconds) {
	return new Date(Date.now() + seconds * 1000).toISOString();
}

function sessionDown(nextTry) {
	return statusOf([
		component("host", "ready", { since: later(-60) }),
		component("display", "ready", { since: later(-50) }),
		component("session", "waiting", {
			since: later(-2), next_try: later(nextTry), restarts: 3,
			last_end: {
				code: 1, signal: null, text: "exit status 1", at: later(-2),
				log_tail: ["openbox: cannot open display", "<b>last</b> line"],
			},
		}),
	], "degraded");
}

pageTest("a session that is down says what, why, since when and until when",
	async ({ host, page }) => {
		host.status = sessionDown(5);
		await page.goto(`${host.url}#link=goodlink`);
		await waitForState(page, "status");
		assert.ok(await page.isHidden("#screen"));
		assert.equal(await page.textContent("#status-title"), "The desktop session is down");
		assert.equal(await page.textContent("#status-host"), "willow");
		assert.match(await page.textContent("#status-reason"), /exit status 1/);
		assert.match(await page.textContent("#status-since"), /\([23] s ago\)/);
		assert.match(await page.textContent("#status-next"), /^in [45] s$/);
		assert.match(await page.textContent("#status-action"), /by itself/);
		assert.equal(await page.textContent("#status-restarts"), "3 times");
		assert.equal(await page.textContent("#status-log"),
			"openbox: cannot open display\n<b>last</b> line");
		assert.deepEqual(await page.locator("#components tbody th").allTextContents(),
			["remoting host", "display", "desktop session"]);
		assert.equal(await page.textContent("[data-component=session] td"), "waiting");
	});

pageTest("the countdown runs, and says when it is over", async ({ host, page }) => {
	host.status = sessionDown(2.5);
	await page.goto(`${host.url}#link=goodlink`);
	await waitForState(page, "status");
	for (const text of ["in 2 s", "in 1 s", "any moment"])
		await page.waitForFunction((expected) =>
			document.getElementById("status-next").textContent === expected, text, { timeout: 3000 });
});

pageTest("no display at all is told, and the picture returns by itself",
	async ({ host, page }) => {
		host.picture = null;
		host.status = statusOf([component("display", "failed", {
			since: later(-7), last_end: { text: "Xorg is not installed", at: later(-7), log_tail: [] },
		})], "failed");
		await page.goto(`${host.url}#link=goodlink`);
		await waitForState(page, "status");
		assert.equal(await page.textContent("#status-title"), "The display has failed");
		assert.match(await page.textContent("#status-action"), /given up.*afar start/);
		assert.ok(await page.isHidden("#status-log-section"));
		assert.ok(await page.isHidden("#status-next-row"));
		host.viewer.sendStatus(ALL_READY);
		await page.waitForFunction(() =>
			/on its way/.test(document.getElementById("status-title").textContent));
		host.viewer.sendScreen(64, 64);
		await waitForState(page, "connected");
	});

pageTest("on the way to a picture nobody sees the status page", async ({ host, page }) => {
	await page.addInitScript(() => {
		window.states = [];
		new MutationObserver(() => window.states.push(document.documentElement.dataset.state))
			.observe(document, { subtree: true, attributeFilter: ["data-state"] });
	});
	await connect({ host, page });
	assert.ok(!(await page.evaluate(() => window.states)).includes("status"));
});

pageTest("a picture gives way to the status page and comes back", async ({ host, page }) => {
	const viewer = await connect({ host, page });

	viewer.sendStatus(sessionDown(9));
	await waitForState(page, "status");
	assert.ok(await page.isHidden("#toolbar"));
	viewer.sendStatus(ALL_READY);
	await waitForState(page, "connected");
	assert.equal(await page.evaluate(() => document.activeElement.id), "screen");
	viewer.sendScreen(0, 0);
	await waitForState(page, "status");
	viewer.cut();
	await waitForState(page, "connected");
});

pageTest("a part that hangs is told over the picture, which would only stand still", async ({ host, page }) => {
	const viewer = await connect({ host, page });
	const trouble = (text) => statusOf([
		component("host", "ready"), component("session", "ready"),
		component("display", "ready", { trouble: text }),
	]);

	assert.ok(await page.isHidden("#notice"));
	viewer.sendStatus(trouble("does not answer"));
	await page.waitForFunction(() => document.getElementById("notice-text").textContent
		=== "The display does not answer.");
	assert.ok(await page.isVisible("#notice"));
	assert.ok(await page.isVisible("#screen"));
	/* Without a picture it is what the page is about. */
	viewer.sendScreen(0, 0);
	await waitForState(page, "status");
	assert.equal(await page.textContent("#status-title"), "The display does not answer");
	assert.ok(await page.isHidden("#notice"));
	viewer.sendScreen(64, 64);
	viewer.sendStatus(trouble(null));
	await waitForState(page, "connected");
	await page.waitForFunction(() => document.getElementById("notice").hidden);
});

pageTest("a status page stays under the notice while the host is away", async ({ host, page }) => {
	host.status = sessionDown(30);
	await page.goto(`${host.url}#link=goodlink`);
	await waitForState(page, "status");
	host.deaf = true;
	host.viewer.cut();
	await waitForState(page, "reconnecting");
	assert.ok(await page.isVisible("#status-page"));
	assert.ok(await page.isVisible("#notice"));
	host.deaf = false;
	await waitForState(page, "status");
});

pageTest("the page fits 360 pixels", async ({ host, page }) => {
	const overflow = () => page.evaluate(() =>
		document.documentElement.scrollWidth - document.documentElement.clientWidth);

	await page.goto(host.url);
	await waitForState(page, "signin");
	assert.equal(await overflow(), 0);
	host.status = sessionDown(30);
	host.status.components[2].last_end.log_tail.push("a long line ".repeat(20));
	await page.goto("about:blank");
	await page.goto(`${host.url}#link=goodlink`);
	await waitForState(page, "status");
	assert.equal(await overflow(), 0);
	assert.ok((await page.locator("#status-page .card").boundingBox()).width <= 360);
	host.viewer.sendStatus(ALL_READY);
	await waitForState(page, "connected");
	await page.keyboard.press("Control+Alt+Shift+M");
	await page.waitForFunction(() => {
		const { left, right } = document.getElementById("toolbar-panel").getBoundingClientRect();
		return left >= 0 && right <= 360;
	});
}, { viewport: { width: 360, height: 640 } });

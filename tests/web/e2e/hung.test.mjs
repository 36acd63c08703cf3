// SPDX-License-Identifier: BSD-3-Clause

// What hangs is told over the picture, and then ended; the browser goes on by itself (SUP-08).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { Desktop, until } from "./desktop.mjs";

const NOTICED_MS = 10000;

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

test("an X server, then a host, that are stopped while somebody looks on", async () => {
	const desktop = await Desktop.start(
		["--display", "xvfb", "--size", "801x601", "--session", "exec openbox"],
		{ conf: "[relaunch]\nhealthy_after=1\nfast_delay=0.2\n" });

	try {
		const { page, context } = await openPage(browser, desktop.link);
		await waitForState(page, "connected");
		const { pid } = await desktop.component("display");
		process.kill(pid, "SIGSTOP");
		await page.waitForFunction(() => !document.getElementById("notice").hidden);
		assert.equal(await page.textContent("#notice-text"), "The display is stopped by a signal.");
		assert.ok(await page.isVisible("#screen"));
		await until("a new display", async () => {
			const display = await desktop.component("display");
			return display.state === "ready" && display.pid !== pid;
		}, NOTICED_MS);
		await waitForState(page, "connected", NOTICED_MS);
		assert.ok(await page.isHidden("#notice"));
		assert.match((await desktop.component("display")).last_end.text, /did not answer/);

		const host = await desktop.component("host");
		process.kill(host.pid, "SIGSTOP");
		await desktop.untilBack(host.pid, NOTICED_MS);
		await waitForState(page, "connected", NOTICED_MS);
		await context.close();
	} finally {
		await desktop.destroy();
	}
});

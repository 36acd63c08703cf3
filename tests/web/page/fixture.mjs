// SPDX-License-Identifier: BSD-3-Clause

// What the page's tests share: one browser, and for each test a fake host and a page of its
// own, which must end without a word of complaint from the browser.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { FakeHost } from "../fake-host.mjs";

const ASSETS = join(process.env.AFAR_BUILD ?? "build", "web");

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

// body gets { host, page, context }; options: of the browser's context.
export function pageTest(name, body, options = {}) {
	test(name, async () => {
		const host = new FakeHost();

		await host.listen(ASSETS);
		const { context, page, faults } = await openPage(browser, null, options);
		try {
			await body({ host, page, context });
			assert.deepEqual(faults, []);
		} finally {
			await context.close();
			host.close();
		}
	});
}

// Opens the page with a link and waits for its picture, and until the page has said so: that comes
// after the state, and would stand among what a test has the page send.
export async function connect({ host, page }) {
	host.links.add("goodlink");
	await page.goto(`${host.url}#link=goodlink`);
	await waitForState(page, "connected");
	await host.viewer.waitFor((m) => m.name === "ACK");
	return host.viewer;
}

// Names of what the viewer sent, from the nth message on.
export function names(viewer, from = 0) {
	return viewer.messages.slice(from).map((message) => message.name);
}

// Messages without the time when they came.
export function plain(messages) {
	return messages.map(({ at, ...rest }) => rest);
}

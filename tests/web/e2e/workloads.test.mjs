// SPDX-License-Identifier: BSD-3-Clause

// After every workload of `make bench` the canvas is, pixel for pixel, what X has in its
// framebuffer: in Chromium, in Chromium without WebCodecs and in Firefox, who look at the same
// desktop. AFAR_SOAK=1: for longer, on both displays, with each browser alone as well, and with
// Firefox without WebCodecs.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, launchFirefox, openPage, waitForState } from "../browser.mjs";
import { BUILD, Desktop, readScreen } from "./desktop.mjs";
import { hash, waitForHash, waitForPicture } from "./picture.mjs";

const SOAK = Boolean(process.env.AFAR_SOAK);
const WORKLOADS = [
	"typing", "copy", "repaint", "drag", "menu", "switch", "text", "photo", "video", "idle",
];
/* What goes as PICTUREs as long as it moves, on any machine: a photo takes long to draw. */
const CODED = ["text", "video"];
const WIDTH = 1001, HEIGHT = 701; /* no multiples of a tile's 64 pixels */
const RATE = 60;
const SECONDS = SOAK ? 3 : 1;
const SHOWN_MIN = 10;
const RUNS_MAX = 20;
const REST_MS = 20000;

const desktops = []; /* not yet destroyed */
let chromium, firefox, home;

before(async () => {
	home = await mkdtemp(join(tmpdir(), "afar-firefox-"));
	[chromium, firefox] = await Promise.all([launch(), launchFirefox(home)]);
});

after(async () => {
	await Promise.all([chromium.close(), firefox.close()]);
	for (const desktop of desktops)
		await desktop.destroy();
	await rm(home, { recursive: true });
});

// It is the worker that looks for them. Chromium then holds it for one from another network, who
// needs leave for a WebSocket to this machine.
async function withoutWebCodecs({ page, context, kind }) {
	if (kind.browser() === chromium)
		await context.grantPermissions(["local-network-access"]);
	await page.route("**/worker.js", async (route) => {
		const response = await route.fetch();
		const { "content-encoding": _, ...headers } = response.headers();

		await route.fulfill({ headers, body: `delete self.VideoDecoder;${await response.text()}` });
	});
}

// In the page: pictures that were coded are what it draws as images.
function countImages() {
	const real = CanvasRenderingContext2D.prototype.drawImage;

	window.nImages = 0;
	CanvasRenderingContext2D.prototype.drawImage = function (...args) {
		real.apply(this, args);
		window.nImages += this.canvas.id === "screen" ? 1 : 0;
	};
}

// codecs: which its pictures must have been of, all in one line; a photo may be a JPEG to anybody.
const CHROMIUM = { name: "Chromium", browser: () => chromium, codecs: /vp9|h264/ };
const CHROMIUM_PLAIN = { name: "Chromium without WebCodecs", browser: () => chromium,
	codecs: /^jpeg$/, prepare: withoutWebCodecs };
const FIREFOX = { name: "Firefox", browser: () => firefox, codecs: /jpeg|vp9|h264/ };
const FIREFOX_PLAIN = { name: "Firefox without WebCodecs", browser: () => firefox,
	codecs: /^jpeg$/, prepare: withoutWebCodecs };

// One of these kinds in front of a desktop.
class Viewer {
	static async open(desktop, kind) {
		const self = Object.assign(new Viewer(), { desktop, kind });

		Object.assign(self, await openPage(kind.browser(), null,
			{ viewport: { width: 1100, height: 800 } }));
		await kind.prepare?.(self);
		await self.page.addInitScript(countImages);
		await self.page.goto(await desktop.makeLink());
		await waitForState(self.page, "connected", REST_MS);
		self.id = Math.max(...(await desktop.stats()).viewers.map(({ id }) => id));
		return self;
	}

	// What the host counts of it.
	async stats() {
		return (await this.desktop.stats()).viewers.find(({ id }) => id === this.id);
	}

	// What it was shown: frames, and coded pictures.
	async count() {
		const { acknowledged } = await this.stats();

		return { frames: acknowledged, images: await this.page.evaluate(() => window.nImages) };
	}
}

// Runs the workload until every viewer was shown something of it.
async function runUntilShown(work, viewers, name) {
	const counts = () => Promise.all(viewers.map((viewer) => viewer.count()));
	const before = await counts();

	for (let run = 0; run < RUNS_MAX; run++) {
		work.say(`run ${SECONDS} ${RATE}`);
		assert.match(await work.line(), /^begun/);
		assert.match(await work.line(), /^ended/);
		const now = await counts();
		if (name === "idle" || now.every(({ frames, images }, i) =>
			frames - before[i].frames >= SHOWN_MIN
			&& (images > before[i].images || !CODED.includes(name))))
			return;
	}
	assert.fail(`${name} was not shown`);
}

async function waitForRest(viewer, screen) {
	try {
		await waitForPicture(viewer.page, screen, REST_MS);
	} catch (error) {
		const { frames, acknowledged } = await viewer.stats();

		error.message = `${viewer.kind.name}: ${error.message}, `
			+ `${acknowledged} of ${frames} frames painted`;
		throw error;
	}
}

// All of these at one desktop.
function testWorkloads(display, kinds) {
	const who = `${display}, ${kinds.map(({ name }) => name).join(" + ")}`;
	const viewers = [];
	let desktop, reader;

	test(`${who}: the desktop is seen`, async () => {
		desktop = await Desktop.start(["--display", display, "--size", `${WIDTH}x${HEIGHT}`,
			"--session", "openbox"]);
		desktops.push(desktop);
		reader = await desktop.fake("screen");
		for (const kind of kinds)
			viewers.push(await Viewer.open(desktop, kind));
	});

	for (const name of WORKLOADS) {
		test(`${who}: ${name} ends exact`, async () => {
			const work = await desktop.client(join(BUILD, "tests/bench/workload"), name);

			try {
				assert.equal(await work.line(), `ready ${WIDTH} ${HEIGHT}`);
				await runUntilShown(work, viewers, name);
				const screen = await readScreen(reader);
				await Promise.all(viewers.map((viewer) => waitForRest(viewer, screen)));
				/* And it stays so. */
				for (const { page, kind } of viewers)
					assert.ok(await waitForHash(page, hash(screen), 0), kind.name);
			} finally {
				await work.end();
			}
		});
	}

	test(`${who}: each was sent what it decodes, and none complains`, async () => {
		assert.equal(viewers.length, kinds.length);
		for (const viewer of viewers) {
			const { operations } = await viewer.stats();
			const sent = ["jpeg", "vp9", "h264"].filter((codec) => operations[codec] > 0);

			assert.match(sent.join(" "), viewer.kind.codecs, viewer.kind.name);
			assert.deepEqual(viewer.faults, []);
		}
		await Promise.all(viewers.map(({ context }) => context.close()));
		await desktops.pop().destroy();
	});
}

for (const display of SOAK ? ["xorg", "xvfb"] : ["xorg"]) {
	testWorkloads(display, [CHROMIUM, CHROMIUM_PLAIN, FIREFOX]);
	for (const kind of SOAK ? [CHROMIUM, CHROMIUM_PLAIN, FIREFOX, FIREFOX_PLAIN] : [])
		testWorkloads(display, [kind]);
}

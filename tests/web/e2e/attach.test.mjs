// SPDX-License-Identifier: BSD-3-Clause

// A display that somebody else has started is served (D-1): typed into from the page, waited for
// when it ends, and the picture returns with the next one of that number.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, waitForState } from "../browser.mjs";
import { Desktop, isAlive, Program, fake, readScreen, until } from "./desktop.mjs";
import { hash, waitForHash, waitForPicture } from "./picture.mjs";

const SIZE = "1001x701";

let browser;

before(async () => {
	browser = await launch();
});

after(() => browser.close());

function counted(bytes) {
	return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

// An Xvfb with an authority file in the desktop's home: one entry, for any host and any number.
class Screen {
	static async start(desktop, number = null) {
		const self = new Screen();
		const authority = join(desktop.home, ".Xauthority");

		self.authority = authority;
		await writeFile(authority, Buffer.concat([Buffer.from([0xff, 0xff]), counted(Buffer.alloc(0)),
			counted(Buffer.alloc(0)), counted(Buffer.from("MIT-MAGIC-COOKIE-1")),
			counted(randomBytes(16))]), { mode: 0o600 });
		self.process = spawn("Xvfb", [...number === null ? [] : [`:${number}`], "-auth", authority,
			"-displayfd", "3", "-nolisten", "tcp", "-noreset", "-screen", "0", `${SIZE}x24`],
		{ env: desktop.env, stdio: ["ignore", "ignore", "ignore", "pipe"] });
		self.ended = once(self.process, "close");
		self.number = Number((await once(self.process.stdio[3], "data"))[0].toString());
		self.env = { ...desktop.env, DISPLAY: `:${self.number}`, XAUTHORITY: authority };
		self.clients = [];
		return self;
	}

	run(program, ...args) {
		const client = spawn(program, args, { env: this.env, stdio: "ignore" });

		this.clients.push(client);
		return client;
	}

	async kill() {
		this.process.kill("SIGKILL");
		await this.ended;
		await rm(`/tmp/.X11-unix/X${this.number}`, { force: true });
		await rm(`/tmp/.X${this.number}-lock`, { force: true });
	}

	async end() {
		for (const client of this.clients)
			client.kill();
		this.process.kill();
		await this.ended;
		await rm(this.authority);
	}
}

async function type(page, text) {
	for (const letter of text)
		await page.keyboard.press(letter === "\n" ? "Enter" : `Key${letter.toUpperCase()}`);
}

test("typing into a display of another's, its end, and the next one", async () => {
	const locker = "#!/bin/sh\necho \"$DISPLAY\" >>\"$HOME/locked\"\n";
	const desktop = await Desktop.create();
	const read = (name) => readFile(join(desktop.home, name), "utf8").catch(() => "");
	let screen = await Screen.start(desktop);

	try {
		const { number } = screen;
		await writeFile(join(desktop.home, "locker"), locker);
		await chmod(join(desktop.home, "locker"), 0o755);
		await writeFile(join(desktop.home, ".config/afar/afar.conf"),
			`[display]\nlock_on_leave = ${join(desktop.home, "locker")}\n`);
		screen.run("openbox", "--startup", "xterm -e sh -c 'cat >$HOME/typed'");
		await desktop.begin(["--display", `attach:${number}`]);
		const { context, page, faults } = await openPage(browser, desktop.link);
		await waitForState(page, "connected");

		await until("the terminal has the focus", async () => {
			await page.keyboard.press("Enter");
			return await read("typed") !== "";
		});
		await type(page, "attached\n");
		await until("the text came", async () => (await read("typed")).endsWith("attached\n"));

		await screen.kill();
		await waitForState(page, "status", 3000);
		assert.equal(await page.textContent("#status-title"), "The display is down");
		assert.match(await page.textContent("#status-reason"),
			new RegExp(`display :${number} is gone; afar waits for it`));
		assert.equal(await read("locked"), "");

		screen = await Screen.start(desktop, number);
		await waitForState(page, "connected", 3000);
		screen.run(fake("scene"), "hold", "42");
		const reader = new Program(fake("screen"), [], screen.env);
		let former = null;
		await until("the scene stands and is seen", async () => {
			const wanted = hash(await readScreen(reader));
			const same = wanted === former && await waitForHash(page, wanted, 0);
			former = wanted;
			return same;
		}, 10000);
		await waitForPicture(page, await readScreen(reader), 1000);
		await reader.end();
		assert.deepEqual(faults, []);

		await context.close();
		await until("the screen was locked", async () => await read("locked") === `:${number}\n`);
		await desktop.stop();
		assert.ok(await isAlive(screen.process.pid), "the display outlives afar");
	} finally {
		await screen.end();
		await desktop.destroy();
	}
});

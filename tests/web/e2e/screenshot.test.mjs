// SPDX-License-Identifier: BSD-3-Clause

// The picture in the README: the fallback session as a browser shows it. Written to the file
// $AFAR_SCREENSHOT; without that the scene is only played.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { launch, openPage, readPicture, waitForState } from "../browser.mjs";
import { BUILD, delay, Desktop, readScreen, until } from "./desktop.mjs";
import { waitForPicture } from "./picture.mjs";

const SIZE = { width: 1280, height: 800 };
const HOST_NAME = "willow";

const RC = `
PS1='\\[\\e[1;32m\\]ada@${HOST_NAME}\\[\\e[0m\\]:\\[\\e[1;34m\\]~\\[\\e[0m\\]$ '
HISTFILE=
eval "$(dircolors -b)"
alias ls='ls --color=always'
cd "$HOME/work"
printf '\\e]0;ada@${HOST_NAME}\\a'
`;

// What stands on the desktop in place of the one terminal.
const AUTOSTART = `
xterm -title 'afar(1)' -geometry 76x29+548+104 -e sh -c 'man -l "${BUILD}/docs/afar.1" || sleep 60' &
xterm -geometry 84x17+32+392 -e bash --rcfile "$HOME/.rc" -i &
wait
`;

async function furnish(desktop) {
	const config = execFileSync(join(BUILD, "src/afar-host"),
		["--make-identity", `--host-name=${HOST_NAME}`], { input: "" });

	await writeFile(join(desktop.home, ".config/afar/host.json"),
		JSON.stringify(JSON.parse(config).config));
	await chmod(join(desktop.home, ".config/afar/host.json"), 0o600);
	await writeFile(join(desktop.home, ".rc"), RC);
	await mkdir(join(desktop.home, ".config/openbox"));
	await writeFile(join(desktop.home, ".config/openbox/autostart"), AUTOSTART);
	await mkdir(join(desktop.home, "work/letters"), { recursive: true });
	for (const name of ["garden.svg", "notes.txt", "seeds.csv", "letters/june.txt"])
		await writeFile(join(desktop.home, "work", name), "x".repeat(1843));
	await writeFile(join(desktop.home, "work/water"), "#!/bin/sh\n", { mode: 0o755 });
}

// Types what a shell shall do; all of it is on unshifted keys.
async function enter(page, text) {
	const CODES = { " ": "Space", "-": "Minus" };

	for (const letter of text)
		await page.keyboard.press(CODES[letter] ?? `Key${letter.toUpperCase()}`);
	await page.keyboard.press("Enter");
}

// Waits until the screen stays as it is, and the page shows it.
async function settle(page, reader) {
	let former = Buffer.alloc(0);

	await until("the screen rests", async () => {
		const screen = await readScreen(reader);
		const same = former.equals(screen.rgb);
		former = screen.rgb;
		await delay(150);
		return same && waitForPicture(page, screen, 500).then(() => true, () => false);
	}, 10000);
}

test("the fallback session in a browser, as the README shows it", async () => {
	const desktop = await Desktop.create({
		env: {
			PATH: `${join(BUILD, "src")}:${process.env.PATH}`,
			MANWIDTH: "74",
			MANROFFOPT: "-rHY=0", /* words whole */
			MANPAGER: "less",
			LESS: "-R",
			LC_ALL: "C.UTF-8",
			TZ: "UTC",
		},
	});
	const browser = await launch();

	try {
		await furnish(desktop);
		await desktop.begin(["--size", `${SIZE.width}x${SIZE.height}`,
			"--session", `exec '${join(BUILD, "packaging/session/session")}'`]);
		const { page, faults } = await openPage(browser, desktop.link, { viewport: SIZE });
		await waitForState(page, "connected");
		const reader = await desktop.fake("screen");
		await settle(page, reader);
		const bare = await readPicture(page);

		await page.mouse.click(300, 600);
		for (const command of ["ls -go", "afar status"]) {
			await settle(page, reader);
			await enter(page, command);
		}
		await page.mouse.move(330, 740);
		await settle(page, reader);
		assert.ok(!bare.rgb.equals((await readPicture(page)).rgb));
		await page.click("#toolbar-toggle");
		await page.waitForFunction(() =>
			document.getElementById("latency").textContent.endsWith(" ms"));
		await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished)));
		assert.equal(await page.title(), `${HOST_NAME} – afar`);
		const png = await page.screenshot();
		assert.ok(png.length > 20000);
		if (process.env.AFAR_SCREENSHOT)
			await writeFile(process.env.AFAR_SCREENSHOT, png);
		assert.deepEqual(faults, []);
	} finally {
		await browser.close();
		await desktop.destroy();
	}
});

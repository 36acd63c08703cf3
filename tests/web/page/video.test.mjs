// SPDX-License-Identifier: BSD-3-Clause

// What the host's own codecs make, decoded by Chromium's WebCodecs in a worker: each picture comes
// out at once, and is the one that went in.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pageTest } from "./fixture.mjs";

const BUILD = process.env.AFAR_BUILD ?? "build";
const SOURCE = fileURLToPath(new URL("../../../web/src/", import.meta.url));
const CODECS = { vp9: 2, h264: 3 };

// The pictures that tests/web/pictures.c makes: { key, coded, rgb }.
function makePictures(...args) {
	const bytes = execFileSync(join(BUILD, "tests/web/pictures"), args.map(String),
		{ maxBuffer: 1 << 28 });
	const pictures = [];
	let at = 0;
	const u32 = () => bytes.readUInt32LE((at += 4) - 4);
	const block = () => {
		const size = u32();
		return bytes.subarray(at, at += size);
	};

	while (at < bytes.length)
		pictures.push({ key: u32() === 1, coded: block(), rgb: block() });
	return pictures;
}

const CODE = execFileSync("esbuild", ["--bundle", "--format=iife", "--global-name=video",
	"--log-level=warning", "--loader=ts"], {
	cwd: SOURCE, input: 'export * from "./picture/video";',
}).toString();

// In the page: decodes the pictures one after another, each only when the one before has come out.
// Returns their pixels as RGB, in base64.
async function decodeInPage({ codec, at, pictures }) {
	const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
	// Held by the page, as by a connection: else Chromium collects it in the middle of waiting.
	const decoder = window.decoder = new window.video.VideoPictures();
	const seen = [];

	for (const { key, coded } of pictures) {
		const { image } = await decoder.decode(codec, key, at, fromBase64(coded));
		const context = new OffscreenCanvas(at.width, at.height)
			.getContext("2d", { willReadFrequently: true });

		context.drawImage(image, 0, 0, ...at.half ? [at.width / 2, at.height / 2] : [at.width, at.height],
			0, 0, at.width, at.height);
		image.close();
		const { data } = context.getImageData(0, 0, at.width, at.height);
		let text = "";
		for (let i = 0; i < data.length; i += 4)
			text += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
		seen.push(btoa(text));
	}
	decoder.close();
	return seen;
}

function psnr(a, b) {
	let sum = 0;

	assert.equal(a.length, b.length);
	for (let i = 0; i < a.length; i++)
		sum += (a[i] - b[i]) ** 2;
	return sum === 0 ? 99 : 10 * Math.log10(255 ** 2 * a.length / sum);
}

// How far the mean of a channel is off: what a wrong matrix or range does, and no PSNR tells.
function shift(a, b, channel) {
	let sum = 0;

	for (let i = channel; i < a.length; i += 3)
		sum += a[i] - b[i];
	return Math.abs(sum / (a.length / 3));
}

pageTest("this browser decodes VP9 and H.264", async ({ host, page }) => {
	await page.goto(host.url);
	await page.evaluate(`${CODE}; window.video = video;`);
	assert.deepEqual(await page.evaluate(() => window.video.VideoPictures.codecs()),
		["vp9", "h264"]);
});

for (const codec of ["vp9", "h264"]) {
	for (const [width, height, half] of [[320, 200], [640, 360], [161, 95], [96, 64],
		[640, 360, true], [163, 95, true]]) {
		const name = `${codec} of ${width}×${height}${half ? ", by half," : ""}`;

		pageTest(`${name} is what was sent`, async ({ host, page }) => {
			const pictures = makePictures(codec, width, height, 10, 6, half ? "half" : "");

			assert.deepEqual(pictures.map(({ key }) => key),
				pictures.map((_, nth) => nth === 0 || nth === 6));
			await page.goto(host.url);
			await page.evaluate(`${CODE}; window.video = video;`);
			const seen = await page.evaluate(decodeInPage, {
				codec: CODECS[codec],
				at: { x: 3, y: 5, width, height, half: Boolean(half) },
				pictures: pictures.map(({ key, coded }) => ({ key, coded: coded.toString("base64") })),
			});
			assert.equal(seen.length, pictures.length);
			pictures.forEach(({ rgb }, nth) => {
				const picture = Buffer.from(seen[nth], "base64");
				const db = psnr(picture, rgb);
				const shifts = [0, 1, 2].map((channel) => shift(picture, rgb, channel));

				assert.ok(db >= (half ? 25 : 28), `picture ${nth} has ${db.toFixed(1)} dB`);
				assert.ok(Math.max(...shifts) < 2.5, `colours are off by ${shifts}`);
			});
		});
	}
}

pageTest("a damaged picture is told, and the next key picture is seen", async ({ host, page }) => {
	const [picture] = makePictures("vp9", 64, 64, 1);

	await page.goto(host.url);
	await page.evaluate(`${CODE}; window.video = video;`);
	const said = await page.evaluate(async (coded) => {
		const bytes = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
		const decoder = window.decoder = new window.video.VideoPictures();
		const at = { x: 0, y: 0, width: 64, height: 64, half: false };
		const problem = await decoder.decode(2, true, at, new Uint8Array(100).fill(0x5a))
			.then(() => "decoded", (error) => error.message);
		const { image } = await decoder.decode(2, true, at, bytes);
		const width = image.displayWidth;

		image.close();
		decoder.close();
		return [problem, width];
	}, picture.coded.toString("base64"));
	assert.match(said[0], /vp9 picture was not decoded: \w/);
	assert.equal(said[1], 64);
});

// SPDX-License-Identifier: BSD-3-Clause

// The small pure parts: keys, wheel, scaling, back-off, status, words.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { importSource } from "../bundle.mjs";
import { component, statusOf } from "../fake-host.mjs";

const { evdevCode } = await importSource("input/keys");
const { WheelCounter } = await importSource("input/wheel");
const { placePicture } = await importSource("picture/scaling");
const { backoffMs } = await importSource("net/backoff");
const { culprit, hidesPicture, parseStatus } = await importSource("net/status");
const { formatSeconds } = await importSource("ui/duration");
const { formatMs } = await importSource("ui/times");

const EVDEV_HEADER = "/usr/include/linux/input-event-codes.h";

test("keys have the codes of the kernel's header", { skip: !existsSync(EVDEV_HEADER) }, () => {
	const header = readFileSync(EVDEV_HEADER, "utf8");
	const cases = {
		Escape: "ESC", Digit1: "1", Digit0: "0", Minus: "MINUS", Equal: "EQUAL", Tab: "TAB",
		KeyQ: "Q", KeyP: "P", BracketLeft: "LEFTBRACE", BracketRight: "RIGHTBRACE",
		Enter: "ENTER", ControlLeft: "LEFTCTRL", KeyA: "A", KeyL: "L", Semicolon: "SEMICOLON",
		Quote: "APOSTROPHE", Backquote: "GRAVE", ShiftLeft: "LEFTSHIFT", Backslash: "BACKSLASH",
		KeyZ: "Z", KeyM: "M", Comma: "COMMA", Period: "DOT", Slash: "SLASH",
		ShiftRight: "RIGHTSHIFT", AltLeft: "LEFTALT", Space: "SPACE", CapsLock: "CAPSLOCK",
		F1: "F1", F10: "F10", F11: "F11", F12: "F12", F13: "F13", F24: "F24",
		NumLock: "NUMLOCK", ScrollLock: "SCROLLLOCK", PrintScreen: "SYSRQ", Pause: "PAUSE",
		NumpadMultiply: "KPASTERISK", Numpad7: "KP7", Numpad5: "KP5", Numpad0: "KP0",
		NumpadSubtract: "KPMINUS", NumpadAdd: "KPPLUS", NumpadDecimal: "KPDOT",
		NumpadEnter: "KPENTER", NumpadDivide: "KPSLASH", NumpadEqual: "KPEQUAL",
		NumpadComma: "KPCOMMA", NumpadParenLeft: "KPLEFTPAREN", NumpadParenRight: "KPRIGHTPAREN",
		ControlRight: "RIGHTCTRL", AltRight: "RIGHTALT", MetaLeft: "LEFTMETA",
		MetaRight: "RIGHTMETA", ContextMenu: "COMPOSE", Home: "HOME", ArrowUp: "UP",
		PageUp: "PAGEUP", ArrowLeft: "LEFT", ArrowRight: "RIGHT", End: "END", ArrowDown: "DOWN",
		PageDown: "PAGEDOWN", Insert: "INSERT", Delete: "DELETE", Backspace: "BACKSPACE",
		IntlBackslash: "102ND", IntlRo: "RO", IntlYen: "YEN", Convert: "HENKAN",
		NonConvert: "MUHENKAN", KanaMode: "KATAKANAHIRAGANA", Lang1: "HANGEUL", Lang2: "HANJA",
		Lang3: "KATAKANA", Lang4: "HIRAGANA", Lang5: "ZENKAKUHANKAKU",
		AudioVolumeMute: "MUTE", AudioVolumeDown: "VOLUMEDOWN", AudioVolumeUp: "VOLUMEUP",
		MediaTrackNext: "NEXTSONG", MediaPlayPause: "PLAYPAUSE", MediaTrackPrevious: "PREVIOUSSONG",
		MediaStop: "STOPCD", MediaRecord: "RECORD", MediaRewind: "REWIND", MediaPlay: "PLAY",
		MediaFastForward: "FASTFORWARD", MediaSelect: "CONFIG", Eject: "EJECTCD",
		BrowserStop: "STOP", BrowserFavorites: "BOOKMARKS", BrowserBack: "BACK",
		BrowserForward: "FORWARD", BrowserHome: "HOMEPAGE", BrowserRefresh: "REFRESH",
		BrowserSearch: "SEARCH", LaunchApp1: "COMPUTER", LaunchApp2: "CALC", LaunchMail: "MAIL",
		LaunchScreenSaver: "COFFEE", MailSend: "SEND", MailReply: "REPLY",
		MailForward: "FORWARDMAIL", BrightnessDown: "BRIGHTNESSDOWN", BrightnessUp: "BRIGHTNESSUP",
		DisplayToggleIntExt: "SWITCHVIDEOMODE", Power: "POWER", Sleep: "SLEEP", WakeUp: "WAKEUP",
		Suspend: "SUSPEND", Again: "AGAIN", Props: "PROPS", Undo: "UNDO", Copy: "COPY",
		Open: "OPEN", Paste: "PASTE", Find: "FIND", Cut: "CUT", Help: "HELP", New: "NEW",
		Redo: "REDO", Close: "CLOSE", Print: "PRINT", Save: "SAVE",
	};

	for (const [code, name] of Object.entries(cases)) {
		const [, value] = header.match(new RegExp(`^#define KEY_${name}\\s+(\\w+)`, "m")) ?? [];
		assert.equal(evdevCode(code), Number(value), code);
	}
});

test("every key that a document may name has a code for X, or none", () => {
	const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) => evdevCode(`Key${letter}`));
	const digits = [..."0123456789"].flatMap((digit) =>
		[evdevCode(`Digit${digit}`), evdevCode(`Numpad${digit}`)]);
	const functions = Array.from({ length: 24 }, (_, i) => evdevCode(`F${i + 1}`));
	const all = [...letters, ...digits, ...functions];

	assert.ok(all.every((code) => code >= 1 && code <= 247));
	assert.equal(new Set(all).size, all.length);
	for (const name of ["", "Unidentified", "Fn", "constructor", "__proto__"])
		assert.equal(evdevCode(name), 0);
});

test("one notch is 120, whatever the browser calls it", () => {
	const cases = [
		["Chromium's notch in CSS pixels", { deltaY: 100 }, 0, 120],
		["a notch of Chromium on Linux", { deltaY: 120, wheelDeltaY: -120 }, 0, 120],
		["three notches at once, up", { deltaY: -360, wheelDeltaY: 360 }, 0, -360],
		["a page that is zoomed", { deltaY: 53.3, wheelDeltaY: -120 }, 0, 120],
		["a simulated wheel", { deltaY: -200, wheelDeltaY: 120 }, 0, -240],
		["Firefox's three lines", { deltaY: 3, deltaMode: 1 }, 0, 120],
		["a page", { deltaY: 1, deltaMode: 2 }, 0, 360],
		["sideways", { deltaX: -100 }, -120, 0],
		["turned sideways by Shift", { deltaX: 100, shiftKey: true }, 0, 120],
	];

	for (const [name, event, dx, dy] of cases) {
		const given = { deltaX: 0, deltaY: 0, deltaMode: 0, shiftKey: false, ...event };
		assert.deepEqual(new WheelCounter().count(given), { dx, dy }, name);
	}
});

test("fractions of the wheel add up", () => {
	const counter = new WheelCounter();
	let sum = 0;

	for (let i = 0; i < 100; i++)
		sum += counter.count({ deltaX: 0, deltaY: 0.7, deltaMode: 0, shiftKey: false }).dy;
	assert.ok(Math.abs(sum - 84) <= 1, String(sum));
});

test("a picture fits, centred, on whole device pixels", () => {
	const cases = [
		// mode, picture, window, ratio → left, top, width, height, sharp
		["fit", 1280, 720, 1280, 720, 1, 0, 0, 1280, 720, true],
		["fit", 1920, 1080, 960, 600, 1, 0, 30, 960, 540, false],
		["fit", 1280, 720, 2560, 1500, 1, 0, 30, 2560, 1440, true],
		["fit", 1280, 720, 1300, 740, 1, 10, 10, 1280, 720, true],
		["fit", 1280, 720, 1600, 900, 1, 0, 0, 1600, 900, false],
		["fit", 1280, 720, 640, 360, 2, 0, 0, 640, 360, true],
		// Zoomed to 110 % a window of 1920×1080 has 1745.45…×981.81… CSS pixels.
		["fit", 1920, 1080, 1745, 981, 1.1, 0, 0, 1920 / 1.1, 1080 / 1.1, true],
		["fit", 1920, 1080, 1740, 981, 1.1, 0, 1 / 1.1, 1914 / 1.1, 1077 / 1.1, false],
		["fit", 1920, 1080, 1919, 1080, 1, 0, 0, 1919, 1079, false],
		["actual", 1920, 1080, 960, 600, 1, 0, 0, 1920, 1080, true],
		["actual", 1280, 720, 1280, 720, 2, 320, 180, 640, 360, true],
		["actual", 640, 480, 801, 601, 1, 80, 60, 640, 480, true],
		["actual", 300, 200, 400, 300, 1.5, 100, 250 / 3, 200, 400 / 3, true],
	];

	for (const [mode, w, h, W, H, ratio, left, top, width, height, sharp] of cases)
		assert.deepEqual(placePicture(mode, w, h, W, H, ratio),
			{ left, top, width, height, sharp }, `${mode} ${w}×${h} in ${W}×${H} at ${ratio}`);
});

test("tries follow at once, then ever slower, up to five seconds", () => {
	const delays = Array.from({ length: 9 }, (_, nth) => backoffMs(nth, 0));

	assert.deepEqual(delays, [0, 250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
	assert.equal(backoffMs(5000, 0), 5000);
	assert.equal(backoffMs(2, 1), 375);
});

test("the part to blame is the first that is down and has a reason", () => {
	const end = { text: "exit status 1", at: null, log_tail: ["a", "b"] };
	const blame = (...components) =>
		culprit(parseStatus(statusOf(components)))?.name ?? null;

	assert.equal(blame(component("display", "ready"), component("session", "ready")), null);
	assert.equal(blame(component("session", "waiting"), component("display", "starting")), "display");
	assert.equal(blame(component("session", "waiting", { last_end: end }),
		component("display", "waiting", { last_end: end })), "display");
	assert.equal(blame(component("display", "ready"), component("bus", "failed"),
		component("session", "waiting")), "bus");
	assert.equal(blame(component("host", "failed"), component("display", "ready"),
		component("pipewire", "off")), "host");
	assert.equal(blame(component("pipewire", "failed"), component("session", "failed")), "session");
});

test("a session that waits or has failed hides its bare screen", () => {
	const hides = (state) => hidesPicture(parseStatus(statusOf([component("session", state)])));

	assert.deepEqual(["waiting", "failed", "starting", "ready", "stopping", "off"].map(hides),
		[true, true, false, false, false, false]);
});

test("a status document may be odd", () => {
	assert.equal(parseStatus({}), null);
	assert.deepEqual(parseStatus({ state: "ready", components: 5 }).components, []);
	const odd = parseStatus({ state: "x", components: [null, 3, "s", [], {}, {
		name: "n".repeat(5000), state: 4, since: "yesterday", next_try: 12, restarts: "many",
		last_end: { text: null, log_tail: "no list" },
	}] });
	assert.equal(odd.components.length, 2);
	assert.equal(odd.components[1].name.length, 1024);
	assert.deepEqual(odd.components[1].lastEnd, { text: "", at: null, logTail: [] });
	assert.equal(odd.components[1].nextTry, null);
	assert.equal(odd.components[1].restarts, 0);
	const many = parseStatus({ state: "x", components: Array(1000).fill({}) });
	assert.equal(many.components.length, 64);
});

test("a machine's clock that is wrong is allowed for", () => {
	const now = new Date(Date.now() + 3600_000).toISOString();

	assert.ok(Math.abs(parseStatus({ state: "x", now }).clockAhead - 3600_000) < 1000);
	assert.equal(parseStatus({ state: "x" }).clockAhead, 0);
});

test("durations are for people", () => {
	const cases = [[-3, "0 s"], [8.9, "8 s"], [60, "1 min"], [125, "2 min 5 s"],
		[12000, "3 h 20 min"], [400000, "4 days"]];

	for (const [seconds, text] of cases)
		assert.equal(formatSeconds(seconds), text);
});

test("stage times have as many digits as they are good for", () => {
	const cases = [[0.1, "0.10 ms"], [9.99, "9.99 ms"], [16.7, "17 ms"], [654, "654 ms"],
		[Infinity, "> 655 ms"], [NaN, "–"]];

	for (const [ms, text] of cases)
		assert.equal(formatMs(ms), text);
});

test("the host allows the script in index.html, by its hash", () => {
	const source = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
	const [, script] = /<script>(.*?)<\/script>/s.exec(source("web/index.html"));
	const hash = createHash("sha256").update(script).digest("base64");

	assert.ok(source("src/host/transport/answer.c").includes(`'sha256-${hash}'`), hash);
});

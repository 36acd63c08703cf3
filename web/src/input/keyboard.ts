/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The keyboard while the picture has the focus: every key goes to the desktop, none to the
 * browser, but for one chord that leads to the toolbar. What is held is remembered, so that a
 * key up belongs to a key down, and that nothing stays pressed which the page lost sight of.
 */

import { encodeKey } from "../net/wire";
import { evdevCode } from "./keys";

interface KeyboardEvents {
	send(message: ArrayBuffer): void;
	/* The chord: the user wants to leave the picture. */
	handleLeave(): void;
}

/* F keys and shorter chords belong to the desktop. */
export const LEAVE_CHORD = "Ctrl+Alt+Shift+M";

function isLeaveChord(event: KeyboardEvent): boolean {
	return event.code === "KeyM" && event.ctrlKey && event.altKey && event.shiftKey;
}

const IS_MAC = /^Mac/.test(navigator.platform);
const IS_WINDOWS = /^Win/.test(navigator.platform);
/* How soon after its false Control the real AltGr comes. */
const ALTGR_MS = 5;

function isHeldFlag(event: KeyboardEvent, key: string): boolean {
	return event.getModifierState(key) || (key === "Alt" && event.getModifierState("AltGraph"));
}

const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];

export class Keyboard {
	/* code → what the browser called the key when it went down */
	private readonly held = new Map<string, string>();
	private controlAt = 0;

	constructor(target: HTMLElement, private readonly events: KeyboardEvents) {
		target.addEventListener("keydown", (event) => this.handleDown(event));
		target.addEventListener("keyup", (event) => this.handleUp(event));
	}

	/* The host was told to let go of everything, or has done so by itself. */
	forget(): void {
		this.held.clear();
	}

	get holdsAny(): boolean {
		return this.held.size > 0;
	}

	private handleDown(event: KeyboardEvent): void {
		event.preventDefault();
		if (event.repeat)
			return;
		if (isLeaveChord(event)) {
			this.events.handleLeave();
			return;
		}
		this.releaseLost(event);
		this.dropFalseControl(event);
		this.press(event.code, event.key);
		if (IS_MAC && event.code === "CapsLock")
			this.release(event.code);
	}

	private handleUp(event: KeyboardEvent): void {
		event.preventDefault();
		if (IS_MAC && event.code === "CapsLock") {
			/* There, down means switched on and up switched off. */
			this.press(event.code, event.key);
		}
		this.release(event.code);
		/* macOS never tells of keys that go up while Command is down. */
		if (IS_MAC && event.key === "Meta")
			this.releaseWhere((key) => !MODIFIERS.includes(key));
	}

	private press(code: string, key: string): void {
		const evdev = evdevCode(code);

		if (evdev === 0 || this.held.has(code))
			return;
		this.held.set(code, key);
		this.events.send(encodeKey(true, evdev));
	}

	private release(code: string): void {
		if (this.held.delete(code))
			this.events.send(encodeKey(false, evdevCode(code)));
	}

	private releaseWhere(matches: (key: string) => boolean): void {
		for (const [code, key] of [...this.held]) {
			if (matches(key))
				this.release(code);
		}
	}

	/* A window manager that took a chord keeps its keys' way up; the flags still tell. */
	private releaseLost(event: KeyboardEvent): void {
		this.releaseWhere((key) => MODIFIERS.includes(key) && key !== event.key
			&& !isHeldFlag(event, key));
	}

	/* On Windows AltGr comes as a Control that nobody pressed and the right Alt. */
	private dropFalseControl(event: KeyboardEvent): void {
		if (!IS_WINDOWS)
			return;
		if (event.code === "ControlLeft")
			this.controlAt = event.timeStamp;
		else if (event.code === "AltRight" && event.timeStamp - this.controlAt < ALTGR_MS)
			this.release("ControlLeft");
	}
}

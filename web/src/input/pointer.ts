/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The pointer over the picture: motion at most every 4 ms, the first at once and the last
 * always; buttons after the motion that led to them. Touch acts as the left button.
 */

import {
	BUTTON_BACK, BUTTON_FORWARD, BUTTON_LEFT, BUTTON_MIDDLE, BUTTON_RIGHT,
	encodeButton, encodeMotion, encodeWheel,
} from "../net/wire";
import { WheelCounter, WheelInput } from "./wheel";

interface PointerEvents {
	send(message: ArrayBuffer): void;
	/* Where on the desktop's screen a place in the window is. */
	toScreen(clientX: number, clientY: number): { x: number; y: number };
}

const MOTION_MS = 4;

/* Bits of MouseEvent.buttons. */
const BUTTONS = [
	{ bit: 1, button: BUTTON_LEFT },
	{ bit: 2, button: BUTTON_RIGHT },
	{ bit: 4, button: BUTTON_MIDDLE },
	{ bit: 8, button: BUTTON_BACK },
	{ bit: 16, button: BUTTON_FORWARD },
];

export class Pointer {
	private readonly wheel = new WheelCounter();
	private held = 0; /* bits as in MouseEvent.buttons */
	private x = -1; /* as last sent */
	private y = -1;
	private sentAt = 0;
	private pending: PointerEvent | null = null;
	private timer = 0;

	constructor(target: HTMLElement, private readonly events: PointerEvents) {
		/* Raw updates come as the mouse moves, pointermove waits for the next frame. */
		if ("onpointerrawupdate" in window)
			target.addEventListener("pointerrawupdate", (event) =>
				this.handleMove(event as PointerEvent));
		target.addEventListener("pointermove", (event) => this.handleMove(event));
		target.addEventListener("pointerdown", (event) => {
			target.setPointerCapture(event.pointerId);
			this.handleButtons(event, event.buttons);
		});
		target.addEventListener("pointerup", (event) =>
			this.handleButtons(event, event.buttons));
		target.addEventListener("pointercancel", (event) => this.handleButtons(event, 0));
		target.addEventListener("wheel", (event) => this.handleWheel(event), { passive: false });
		target.addEventListener("contextmenu", (event) => event.preventDefault());
		/* Back and forward belong to the desktop, and a middle click does not paste here. */
		for (const type of ["mousedown", "mouseup", "auxclick"])
			target.addEventListener(type, (event) => {
				if ((event as MouseEvent).button !== 0)
					event.preventDefault();
			});
	}

	/* The host was told to let go of everything, or has done so by itself. */
	forget(): void {
		this.held = 0;
		this.x = this.y = -1;
	}

	get holdsAny(): boolean {
		return this.held !== 0;
	}

	/* Sends a motion that waits: before a key, so that it goes where the pointer is. */
	flush(): void {
		const event = this.pending;

		if (!event)
			return;
		this.pending = null;
		clearTimeout(this.timer);
		this.sendMotion(event);
	}

	private handleMove(event: PointerEvent): void {
		if (!event.isPrimary)
			return;
		/* With one button down, others come and go as moves. */
		if (event.type === "pointermove" && event.button >= 0) {
			this.handleButtons(event, event.buttons);
			return;
		}
		if (this.pending) {
			this.pending = event;
			return;
		}
		const wait = this.sentAt + MOTION_MS - performance.now();

		if (wait <= 0) {
			this.sendMotion(event);
			return;
		}
		this.pending = event;
		this.timer = setTimeout(() => this.flush(), wait);
	}

	private sendMotion(event: MouseEvent): void {
		const { x, y } = this.events.toScreen(event.clientX, event.clientY);

		if (x === this.x && y === this.y)
			return;
		this.x = x;
		this.y = y;
		this.sentAt = performance.now();
		this.events.send(encodeMotion(x, y));
	}

	/* Lets go of a motion that this newer place has overtaken. */
	private place(event: MouseEvent): void {
		this.pending = null;
		clearTimeout(this.timer);
		({ x: this.x, y: this.y } = this.events.toScreen(event.clientX, event.clientY));
	}

	private handleButtons(event: PointerEvent, now: number): void {
		if (!event.isPrimary)
			return;
		this.flush();
		this.place(event);
		for (const { bit, button } of BUTTONS) {
			if ((now ^ this.held) & bit)
				this.events.send(encodeButton((now & bit) !== 0, button, this.x, this.y));
		}
		this.held = now;
	}

	private handleWheel(event: WheelEvent): void {
		const { dx, dy } = this.wheel.count(event as WheelInput);

		event.preventDefault();
		this.place(event);
		if (dx !== 0 || dy !== 0)
			this.events.send(encodeWheel(dx, dy, this.x, this.y));
	}
}

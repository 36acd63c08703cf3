/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The toolbar: a small handle at the top of the picture that slides out. Open or shut it takes
 * no room from the picture; shut it costs nothing and measures nothing.
 */

import { LEAVE_CHORD } from "../input/keyboard";
import type { ScaleMode } from "../picture/scaling";
import { element, setText } from "./dom";
import { Times } from "./times";

export interface ToolbarEvents {
	handleOpen(): void;
	/* The user is done with it: the picture wants the keys. */
	handleClose(): void;
	handleScale(): void;
	handleFullScreen(): void;
	/* An arrow key, in steps. */
	handlePan(dx: number, dy: number): void;
}

const PANS: Record<string, [number, number]> = {
	ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export class Toolbar {
	private readonly bar = element("toolbar");
	private readonly panel = element("toolbar-panel");
	private readonly toggle = element<HTMLButtonElement>("toolbar-toggle");
	private readonly scale = element<HTMLButtonElement>("scale");
	private readonly fullScreen = element<HTMLButtonElement>("fullscreen");
	private readonly help = element("toolbar-help");
	readonly times = new Times();

	constructor(private readonly events: ToolbarEvents) {
		this.toggle.addEventListener("click", () => this.isOpen ? this.close() : this.open());
		this.scale.addEventListener("click", () => events.handleScale());
		this.fullScreen.addEventListener("click", () => events.handleFullScreen());
		this.bar.addEventListener("keydown", (event) => this.handleKey(event));
		this.fullScreen.hidden = !document.fullscreenEnabled;
		this.update();
	}

	get isOpen(): boolean {
		return this.bar.dataset.open === "true";
	}

	show(visible: boolean): void {
		this.bar.hidden = !visible;
		if (!visible)
			this.setOpen(false);
	}

	open(): void {
		if (this.bar.hidden)
			return;
		this.setOpen(true);
		this.scale.focus();
		this.events.handleOpen();
	}

	close(): void {
		if (!this.isOpen)
			return;
		this.setOpen(false);
		this.events.handleClose();
	}

	setSize(width: number, height: number): void {
		setText(element("size"), `${width} × ${height}`);
	}

	setConnection(state: "connected" | "reconnecting", hostName: string): void {
		const target = element("connection");

		target.dataset.state = state;
		setText(target, state === "connected"
			? `Connected${hostName && ` to ${hostName}`}` : "Reconnecting…");
	}

	setMode(mode: ScaleMode): void {
		const actual = mode === "actual";

		setText(this.scale, actual ? "Fit to window" : "Actual size");
		this.scale.title = actual ? "Scale the picture to the window"
			: "One pixel of the desktop on each pixel of this screen";
		setText(this.help, `Esc: back to the desktop. ${actual ? "Arrow keys move the picture. " : ""}`
			+ `${LEAVE_CHORD} comes back here.`);
	}

	/* After a change of full screen. */
	update(): void {
		setText(this.fullScreen, document.fullscreenElement ? "Leave full screen" : "Full screen");
	}

	private setOpen(open: boolean): void {
		this.bar.dataset.open = String(open);
		this.toggle.setAttribute("aria-expanded", String(open));
		this.panel.inert = !open;
	}

	private handleKey(event: KeyboardEvent): void {
		const pan = PANS[event.key];

		if (event.key === "Escape") {
			event.preventDefault();
			this.close();
		} else if (pan) {
			event.preventDefault();
			this.events.handlePan(pan[0], pan[1]);
		}
	}
}

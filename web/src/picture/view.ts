/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where the canvas lies in the window and how large it looks. Keeps what it has set, so that a
 * pointer's place is found without asking the browser for a layout.
 */

import { Placement, placePicture, ScaleMode } from "./scaling";

const MODE_KEY = "afar.scale";
const PAN_STEP_PX = 80;

export class View {
	mode: ScaleMode = localStorage.getItem(MODE_KEY) === "actual" ? "actual" : "fit";

	private placement: Placement = { left: 0, top: 0, width: 1, height: 1, sharp: true };
	private width = 1;
	private height = 1;

	/* handleScale: a screen pixel's size has changed. */
	constructor(private readonly viewport: HTMLElement,
		private readonly canvas: HTMLCanvasElement,
		private readonly handleScale: () => void) {
		window.addEventListener("resize", () => this.update());
		this.watchRatio();
	}

	/* CSS pixels of one screen pixel. */
	get scale(): number {
		return this.placement.width / this.width;
	}

	setSize(width: number, height: number): void {
		this.width = width;
		this.height = height;
		this.update();
	}

	setMode(mode: ScaleMode): void {
		this.mode = mode;
		localStorage.setItem(MODE_KEY, mode);
		this.update();
	}

	toScreen(clientX: number, clientY: number): { x: number; y: number } {
		const { left, top, width, height } = this.placement;
		const scrolls = this.mode === "actual";
		const x = clientX - left + (scrolls ? this.viewport.scrollLeft : 0);
		const y = clientY - top + (scrolls ? this.viewport.scrollTop : 0);
		const clamp = (value: number, n: number) => Math.max(0, Math.min(n - 1, Math.floor(value)));

		return {
			x: clamp(x * this.width / width, this.width),
			y: clamp(y * this.height / height, this.height),
		};
	}

	/* Moves a picture that is larger than the window, by steps. */
	pan(dx: number, dy: number): void {
		this.viewport.scrollBy(dx * PAN_STEP_PX, dy * PAN_STEP_PX);
	}

	private update(): void {
		const style = this.canvas.style;
		const placement = placePicture(this.mode, this.width, this.height,
			window.innerWidth, window.innerHeight, window.devicePixelRatio);

		this.placement = placement;
		this.viewport.dataset.mode = this.mode;
		style.left = `${placement.left}px`;
		style.top = `${placement.top}px`;
		style.width = `${placement.width}px`;
		style.height = `${placement.height}px`;
		style.imageRendering = placement.sharp ? "pixelated" : "auto";
		this.handleScale();
	}

	/* Zoom, or a window that is dragged to another screen. */
	private watchRatio(): void {
		const query = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);

		query.addEventListener("change", () => {
			this.watchRatio();
			this.update();
		}, { once: true });
	}
}

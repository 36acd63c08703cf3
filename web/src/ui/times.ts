/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where the time goes, from a key press to the picture: the stages of the newest frame that told
 * of them, under the toolbar's round trip when that is clicked. Frames carry the times anyway.
 */

import { STAGES } from "../net/wire";
import { element, setText } from "./dom";

/* How often numbers may change, for somebody to read them. */
const STEP_MS = 250;

const NAMES = [...STAGES, "network", "decode", "paint", "in all"];

export class Times {
	private readonly toggle = element<HTMLButtonElement>("latency-toggle");
	private readonly list = element("times");
	private readonly cells: HTMLElement[];
	private stages: number[] = []; /* of NAMES but the last; NaN: not known */
	private network = NaN;
	private renderedAt = -STEP_MS;
	private timer = 0;

	constructor() {
		this.cells = NAMES.map((name) => {
			const row = document.createElement("div");
			const term = document.createElement("dt");
			const value = document.createElement("dd");

			term.textContent = name;
			row.dataset.stage = name;
			row.append(term, value);
			this.list.append(row);
			return value;
		});
		this.toggle.addEventListener("click", () => {
			this.list.hidden = !this.list.hidden;
			this.toggle.setAttribute("aria-expanded", String(!this.list.hidden));
			this.render();
		});
		this.render();
	}

	setRoundTrip(ms: number): void {
		setText(element("latency"), `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
		this.network = ms / 2;
	}

	/* times: of STAGES, or null when the frame does not tell. All in ms. */
	setFrame(times: number[] | null, decodeMs: number, paintMs: number): void {
		if (!times)
			return;
		this.stages = [...times, this.network, decodeMs, paintMs];
		if (this.list.hidden || this.timer !== 0)
			return;
		this.timer = setTimeout(() => this.render(),
			Math.max(0, this.renderedAt + STEP_MS - performance.now()));
	}

	private render(): void {
		const known = this.stages.filter((ms) => !Number.isNaN(ms));
		const sum = known.reduce((total, ms) => total + ms, 0);

		clearTimeout(this.timer);
		this.timer = 0;
		this.renderedAt = performance.now();
		this.cells.forEach((cell, nth) => {
			const last = nth === this.cells.length - 1;
			const ms = last ? (known.length > 0 ? sum : NaN) : this.stages[nth] ?? NaN;

			setText(cell, formatMs(ms));
			cell.parentElement?.style.setProperty("--share",
				last || !(ms <= sum) || sum === 0 ? "0" : String(ms / sum));
		});
	}
}

/* "0.42 ms", "17 ms"; Infinity is a frame's word for 655 ms or more. */
export function formatMs(ms: number): string {
	if (Number.isNaN(ms))
		return "–";
	return ms === Infinity ? "> 655 ms" : `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
}

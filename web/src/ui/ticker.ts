/* SPDX-License-Identifier: BSD-3-Clause */

/* Calls once a second while something on the page counts; otherwise no timer runs. */

export class Ticker {
	private timer = 0;
	private wanted = false;

	constructor(private readonly tick: () => void) {
		document.addEventListener("visibilitychange", () => this.update());
	}

	start(): void {
		this.wanted = true;
		this.update();
	}

	stop(): void {
		this.wanted = false;
		this.update();
	}

	private update(): void {
		clearInterval(this.timer);
		this.timer = 0;
		if (!this.wanted || document.hidden)
			return;
		this.tick();
		/* The tick itself may have found that nothing counts any more. */
		if (this.wanted)
			this.timer = setInterval(this.tick, 1000);
	}
}

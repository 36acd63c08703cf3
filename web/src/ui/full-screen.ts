/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Full screen, with the keys that the system keeps for itself otherwise (Alt+Tab, Escape)
 * where the browser can hand them over. Holding Escape always leads out.
 */

/* Chromium's Keyboard Lock, not in the library of types. */
interface LockingNavigator {
	keyboard?: { lock?(): Promise<void>; unlock?(): void };
}

export class FullScreen {
	constructor(handleChange: () => void) {
		document.addEventListener("fullscreenchange", () => {
			const { keyboard } = navigator as LockingNavigator;

			if (document.fullscreenElement)
				keyboard?.lock?.().catch(() => { /* then without */ });
			else
				keyboard?.unlock?.();
			handleChange();
		});
	}

	toggle(): void {
		/* A browser that refuses stays as it is, and the button says so. */
		const done = document.fullscreenElement
			? document.exitFullscreen()
			: document.documentElement.requestFullscreen({ navigationUI: "hide" });

		done.catch(() => undefined);
	}
}

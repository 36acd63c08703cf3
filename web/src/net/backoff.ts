/* SPDX-License-Identifier: BSD-3-Clause */

/* When to try again after a cut: at once, then 0.25 s, 0.5 s … 5 s, each a little by chance. */

const FIRST_MS = 250;
const LAST_MS = 5000;
/* Many pages that lost the same host do not come back in step. */
const JITTER = 0.25;

/* The delay before the nth try in a row, from 0; chance: 0…1. */
export function backoffMs(nth: number, chance: number): number {
	if (nth === 0)
		return 0;
	const delay = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(nth - 1, 16));

	return delay * (1 - JITTER * chance);
}

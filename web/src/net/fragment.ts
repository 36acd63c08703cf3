/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The link's token arrives in the page's fragment, `#link=TOKEN`, which no server sees. It is
 * taken out of the address, and of the history, before anything else runs: main.ts imports
 * this module first.
 */

import { isToken } from "./wire";

/* The token in the page's address, once; null: none. */
export function takeLink(): string | null {
	const token = new URLSearchParams(location.hash.slice(1)).get("link");

	if (location.hash !== "")
		history.replaceState(null, "", location.pathname + location.search);
	return isToken(token) ? token : null;
}

export const firstLink = takeLink();

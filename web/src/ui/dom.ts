/* SPDX-License-Identifier: BSD-3-Clause */

/* The elements of index.html by their ids, which tests use as well. */

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
	const found = document.getElementById(id);

	if (!found)
		throw new Error(`index.html lacks #${id}`);
	return found as T;
}

/* Writes only what changes: a screen reader would say it again. */
export function setText(target: HTMLElement, text: string): void {
	if (target.textContent !== text)
		target.textContent = text;
}

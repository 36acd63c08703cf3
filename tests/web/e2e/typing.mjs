// SPDX-License-Identifier: BSD-3-Clause

// A person at a US keyboard.

/* A US keyboard: code of each key, what it gives, and what it gives with Shift. */
const KEYS = [
	...[..."`1234567890-="].map((plain, i) => [["Backquote", "Digit1", "Digit2", "Digit3",
		"Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9", "Digit0", "Minus",
		"Equal"][i], plain, "~!@#$%^&*()_+"[i]]),
	...[..."abcdefghijklmnopqrstuvwxyz"].map((letter) =>
		[`Key${letter.toUpperCase()}`, letter, letter.toUpperCase()]),
	["BracketLeft", "[", "{"], ["BracketRight", "]", "}"], ["Backslash", "\\", "|"],
	["Semicolon", ";", ":"], ["Quote", "'", "\""], ["Comma", ",", "<"], ["Period", ".", ">"],
	["Slash", "/", "?"], ["Space", " ", " "],
];

export async function type(page, text) {
	for (const character of text) {
		const [code, plain] = KEYS.find((key) => key.slice(1).includes(character));
		const shifted = character !== plain;

		if (shifted)
			await page.keyboard.down("ShiftLeft");
		await page.keyboard.press(code);
		if (shifted)
			await page.keyboard.up("ShiftLeft");
	}
}

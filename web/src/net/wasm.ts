/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * web/wasm/ as functions, and its memory, which has no other order than what its users agree on:
 * from heapStart on it is theirs from one message of the host to the next.
 */

import bytes from "decoder.wasm";

interface Exports {
	memory: WebAssembly.Memory;
	heap_start(): number;
	inflate(input: number, size: number, out: number, nKnown: number, room: number): number;
	decode(kind: number, body: number, out: number, stride: number, width: number,
		height: number): void;
}

const PAGE = 64 * 1024;

const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
const { memory, heap_start, inflate, decode } = instance.exports as unknown as Exports;

export { decode, inflate };
export const heapStart = heap_start();

/* inflate()'s result when it finds no room; another negative one: the data is damaged. */
export const TOO_SMALL = -2;

/* Sees to it that memory reaches up to end. What view() gave before is then void. */
export function reserve(end: number): void {
	const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);

	if (missing > 0)
		memory.grow(missing);
}

export function view(at: number, size: number): Uint8Array {
	return new Uint8Array(memory.buffer, at, size);
}

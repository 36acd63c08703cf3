/* SPDX-License-Identifier: BSD-3-Clause */

/* The part of Debian's node-pako that inflate.ts uses: zlib's own interface, in JavaScript. */

declare module "pako/lib/zlib/inflate.js" {
	import type { ZStream } from "pako/lib/zlib/zstream.js";

	export function inflateInit2(stream: ZStream, windowBits: number): number;
	export function inflate(stream: ZStream, flush: number): number;
	export function inflateReset(stream: ZStream): number;
}

declare module "pako/lib/zlib/zstream.js" {
	export class ZStream {
		input: Uint8Array | null;
		next_in: number;
		avail_in: number;
		output: Uint8Array | null;
		next_out: number;
		avail_out: number;
	}
	export default ZStream;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Raw deflate streams (RFC 1951) of docs/protocol.md, bounded in what they may grow to.
 *
 * Inflated by web/wasm/inflate.c: ten times as fast as zlib in JavaScript, also in the first
 * picture, before an engine has learnt what is worth compiling (tests/web/measure-decoding.mjs).
 * And not by DecompressionStream, since it adds promises and tasks to each key press, and cannot
 * say "flushed".
 */

import { heapStart, inflate, reserve, TOO_SMALL, view } from "./wasm";

/* What ends every flush, left out on the wire. */
const FLUSH_TAIL = new Uint8Array([0x00, 0x00, 0xff, 0xff]);

const WINDOW = 32 * 1024;
const FIRST_ROOM = 256 * 1024;

export class Inflater {
	/* The last that came out, at its end. */
	private readonly window = new Uint8Array(WINDOW);
	private nKnown = 0;

	/*
	 * Inflates one flushed message whose tail was left out. The result is a view of the
	 * decoder's memory that the next call, of any inflater, overwrites. Throws on damaged data
	 * and when more than limit bytes come out.
	 */
	message(deflated: Uint8Array, limit: number): Uint8Array {
		return this.run(deflated, FLUSH_TAIL, limit);
	}

	/* Inflates one whole stream of exactly size bytes. */
	static whole(deflated: Uint8Array, size: number): Uint8Array {
		const inflated = new Inflater().run(deflated, new Uint8Array(0), size);

		if (inflated.length !== size)
			throw new RangeError("a deflate stream of the wrong size");
		return inflated;
	}

	/* Memory: the input, the window, the output. What finds no room is done again in more. */
	private run(deflated: Uint8Array, tail: Uint8Array, limit: number): Uint8Array {
		const size = deflated.length + tail.length;
		const out = heapStart + size + WINDOW;
		let room = Math.min(limit, FIRST_ROOM);
		let n = TOO_SMALL;

		for (;; room = Math.min(limit, room * 4)) {
			reserve(out + room);
			view(heapStart, deflated.length).set(deflated);
			view(heapStart + deflated.length, tail.length).set(tail);
			view(out - WINDOW, WINDOW).set(this.window);
			n = inflate(heapStart, size, out, this.nKnown, room);
			if (n !== TOO_SMALL)
				break;
			if (room === limit)
				throw new RangeError("a deflate stream that grows too large");
		}
		if (n < 0)
			throw new RangeError("a damaged deflate stream");
		this.window.set(view(out + n - WINDOW, WINDOW));
		this.nKnown = Math.min(WINDOW, this.nKnown + n);
		return view(out, n);
	}
}

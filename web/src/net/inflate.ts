/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Raw deflate streams (RFC 1951) of docs/protocol.md, bounded in what they may grow to.
 *
 * zlib in JavaScript and not DecompressionStream, since it inflates synchronously per message:
 * the browser's own stream adds promises and tasks to each key press, and cannot say "flushed".
 */

/*!
 * Contains parts of pako 2.1 (https://github.com/nodeca/pako), a port of zlib.
 * (C) 1995-2013 Jean-loup Gailly and Mark Adler, (C) 2014-2017 Vitaly Puzrin and Andrey Tupitsin
 *
 * This software is provided 'as-is', without any express or implied warranty. In no event will
 * the authors be held liable for any damages arising from the use of this software.
 * Permission is granted to anyone to use this software for any purpose, including commercial
 * applications, and to alter it and redistribute it freely, subject to the following
 * restrictions: 1. The origin of this software must not be misrepresented; you must not claim
 * that you wrote the original software. If you use this software in a product, an
 * acknowledgment in the product documentation would be appreciated but is not required.
 * 2. Altered source versions must be plainly marked as such, and must not be misrepresented as
 * being the original software. 3. This notice may not be removed or altered from any source
 * distribution.
 */

import * as zlib from "pako/lib/zlib/inflate.js";
import ZStream from "pako/lib/zlib/zstream.js";

const Z_OK = 0;
const Z_STREAM_END = 1;
const Z_BUF_ERROR = -5;
const Z_SYNC_FLUSH = 2;
const RAW_15_BITS = -15;

/* What ends every flush, left out on the wire. */
const FLUSH_TAIL = new Uint8Array([0x00, 0x00, 0xff, 0xff]);

const FIRST_SIZE = 64 * 1024;
/* Beyond this the buffer is not kept for the next message. */
const KEPT_SIZE = 4 * 1024 * 1024;

export class Inflater {
	private readonly stream = new ZStream();
	private output: Uint8Array = new Uint8Array(FIRST_SIZE);

	constructor() {
		zlib.inflateInit2(this.stream, RAW_15_BITS);
	}

	/*
	 * Inflates one flushed message whose tail was left out. The result is a view that the
	 * next call overwrites. Throws on damaged data and when more than limit bytes come out.
	 */
	message(deflated: Uint8Array, limit: number): Uint8Array {
		if (this.output.length > KEPT_SIZE)
			this.output = new Uint8Array(FIRST_SIZE);
		const n = this.run(deflated, 0, limit);
		return this.output.subarray(0, this.run(FLUSH_TAIL, n, limit));
	}

	/* Inflates one whole stream of exactly size bytes. */
	static whole(deflated: Uint8Array, size: number): Uint8Array {
		const self = new Inflater();
		self.output = new Uint8Array(size + 1);
		if (self.run(deflated, 0, size) !== size)
			throw new RangeError("a deflate stream of the wrong size");
		return self.output.subarray(0, size);
	}

	/* Returns where the output, which begins at next, ends. */
	private run(input: Uint8Array, next: number, limit: number): number {
		const stream = this.stream;

		stream.input = input;
		stream.next_in = 0;
		stream.avail_in = input.length;
		stream.next_out = next;
		for (;;) {
			stream.output = this.output;
			stream.avail_out = this.output.length - stream.next_out;
			const result = zlib.inflate(stream, Z_SYNC_FLUSH);
			if (stream.next_out > limit)
				throw new RangeError("a deflate stream that grows too large");
			/* "No progress" is zlib's word for nothing left to say. */
			if (result !== Z_OK && result !== Z_BUF_ERROR && result !== Z_STREAM_END)
				throw new RangeError(`a damaged deflate stream (${result})`);
			if (stream.avail_out > 0)
				break;
			this.grow();
		}
		if (stream.avail_in > 0)
			throw new RangeError("bytes after the end of a deflate stream");
		return stream.next_out;
	}

	private grow(): void {
		const larger = new Uint8Array(this.output.length * 2);
		larger.set(this.output);
		this.output = larger;
	}
}

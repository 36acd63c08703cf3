/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Moving pictures: PICTUREs of codec VP9 and H.264 (docs/protocol.md), decoded by the browser's
 * WebCodecs. Pictures of one codec, one rectangle and one size are one sequence, with a decoder of
 * its own, until another one begins at a place where it is.
 */

export const CODEC_VP9 = 2;
export const CODEC_H264 = 3;

/* As SIGN_IN's "decodes" names them, and as WebCodecs does: 8 bits, 4:2:0, up to level 5.2. */
const FORMATS: { [codec: number]: { name: string; codec: string } } = {
	[CODEC_VP9]: { name: "vp9", codec: "vp09.00.52.08" },
	[CODEC_H264]: { name: "h264", codec: "avc1.42E034" },
};

/* What the host makes of a screen's sRGB. A browser would guess, and by the picture's size. */
const COLOURS = {
	primaries: "bt709", transfer: "iec61966-2-1", matrix: "smpte170m", fullRange: false,
};

/* Far more than a host has at a time; a decoder keeps several pictures. */
const SEQUENCES_MAX = 8;

export interface Rectangle {
	x: number;
	y: number;
	width: number;
	height: number;
}

export interface Place extends Rectangle {
	half: boolean; /* its pictures have half as many pixels each way, rounded up */
}

/* A side of a picture for a place. */
export function codedSide(side: number, half: boolean): number {
	return half ? Math.ceil(side / 2) : side;
}

/* The caller closes the image. It is larger than it should be by a column or row if that is odd. */
export interface VideoPicture {
	image: VideoFrame;
}

interface Waiting {
	timestamp: number;
	resolve(picture: VideoPicture): void;
	reject(error: Error): void;
}

function even(side: number): number {
	return side + side % 2;
}

function configOf(codec: number, codedWidth: number, codedHeight: number): VideoDecoderConfig {
	return {
		codec: FORMATS[codec].codec,
		codedWidth,
		codedHeight,
		colorSpace: COLOURS,
		optimizeForLatency: true,
	};
}

function overlap(a: Rectangle, b: Rectangle): boolean {
	return a.x < b.x + b.width && b.x < a.x + a.width
		&& a.y < b.y + b.height && b.y < a.y + a.height;
}

function isSame(a: Place, b: Place): boolean {
	return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
		&& a.half === b.half;
}

/* One decoder, and those who wait for its pictures. */
class Sequence {
	private readonly decoder: VideoDecoder;
	private readonly waiting: Waiting[] = [];
	private readonly width: number;
	private readonly height: number;
	private timestamp = 0;
	ended = false;

	constructor(readonly codec: number, readonly at: Place) {
		this.width = even(codedSide(at.width, at.half));
		this.height = even(codedSide(at.height, at.half));
		this.decoder = new VideoDecoder({
			output: (frame) => this.handleFrame(frame),
			error: (error) => this.end(error.message),
		});
		this.decoder.configure(configOf(codec, this.width, this.height));
	}

	decode(key: boolean, bytes: Uint8Array): Promise<VideoPicture> {
		return new Promise((resolve, reject) => {
			const timestamp = this.timestamp++;

			this.waiting.push({ timestamp, resolve, reject });
			try {
				this.decoder.decode(new EncodedVideoChunk(
					{ type: key ? "key" : "delta", timestamp, data: bytes }));
			} catch (error) {
				this.end(error instanceof Error ? error.message : String(error));
			}
		});
	}

	/* Those who wait are told why. */
	end(problem: string): void {
		if (this.ended)
			return;
		this.ended = true;
		for (const { reject } of this.waiting.splice(0))
			reject(new Error(`a ${FORMATS[this.codec].name} picture was not decoded: ${problem}`));
		try {
			this.decoder.close();
		} catch {
			/* it closes itself after an error */
		}
	}

	private handleFrame(frame: VideoFrame): void {
		const { width, height } = this;
		const nth = this.waiting.findIndex(({ timestamp }) => timestamp === frame.timestamp);

		if (nth < 0) {
			frame.close();
			return;
		}
		if (frame.displayWidth !== width || frame.displayHeight !== height) {
			const size = `${frame.displayWidth}×${frame.displayHeight}`;

			frame.close();
			this.end(`it is ${size}, for ${width}×${height}`);
			return;
		}
		this.waiting.splice(nth, 1)[0].resolve({ image: frame });
	}
}

/* One connection's, who holds it: Chromium collects a decoder that only its own promise holds. */
export class VideoPictures {
	private sequences: Sequence[] = []; /* the one used last is the last one */

	/* What this browser decodes, of "vp9" and "h264". */
	static async codecs(): Promise<string[]> {
		const names: string[] = [];

		if (typeof VideoDecoder === "undefined")
			return names;
		for (const codec of [CODEC_VP9, CODEC_H264]) {
			try {
				const { supported } =
					await VideoDecoder.isConfigSupported(configOf(codec, 1920, 1080));
				if (supported)
					names.push(FORMATS[codec].name);
			} catch {
				/* a browser that does not even know the name */
			}
		}
		return names;
	}

	/*
	 * Pictures of a sequence come out in the order in which they went in. Rejected with an Error:
	 * not decodable, or not decoded because the sequence is over. It can go on with a key picture.
	 */
	async decode(codec: number, key: boolean, at: Place, bytes: Uint8Array):
		Promise<VideoPicture> {
		if (!FORMATS[codec])
			throw new Error(`a picture of codec ${codec}`);
		return this.sequenceFor(codec, key, at).decode(key, bytes);
	}

	close(): void {
		for (const sequence of this.sequences.splice(0))
			sequence.end("the connection has ended");
	}

	private sequenceFor(codec: number, key: boolean, at: Place): Sequence {
		this.sequences = this.sequences.filter(({ ended }) => !ended);
		let sequence = this.sequences.find((one) => one.codec === codec && isSame(one.at, at));

		if (!sequence && !key)
			throw new Error(`a ${FORMATS[codec].name} picture without the one that it builds on`);
		this.sequences = this.sequences.filter((one) => {
			if (one === sequence)
				return false;
			if (overlap(one.at, at))
				one.end("another one has begun in its place");
			return !one.ended;
		});
		if (this.sequences.length >= SEQUENCES_MAX)
			this.sequences.shift()?.end("too many at a time");
		sequence ??= new Sequence(codec, { ...at });
		this.sequences.push(sequence);
		return sequence;
	}
}

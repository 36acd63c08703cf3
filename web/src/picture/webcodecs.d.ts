/* SPDX-License-Identifier: BSD-3-Clause */

/* The part of W3C's WebCodecs that we use: Debian 12's TypeScript does not know it. */

interface VideoFrame {
	readonly displayWidth: number;
	readonly displayHeight: number;
	readonly timestamp: number;
	close(): void;
}

interface VideoDecoderConfig {
	codec: string;
	codedWidth?: number;
	codedHeight?: number;
	colorSpace?: { primaries: string; transfer: string; matrix: string; fullRange: boolean };
	optimizeForLatency?: boolean;
}

declare class EncodedVideoChunk {
	constructor(init: { type: "key" | "delta"; timestamp: number; data: Uint8Array });
}

declare class VideoDecoder {
	static isConfigSupported(config: VideoDecoderConfig): Promise<{ supported?: boolean }>;
	constructor(init: { output(frame: VideoFrame): void; error(error: Error): void });
	configure(config: VideoDecoderConfig): void;
	decode(chunk: EncodedVideoChunk): void;
	close(): void;
}

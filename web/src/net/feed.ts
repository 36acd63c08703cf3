/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames and screens on their way from the worker to the page, in the host's order: a frame
 * waits until its pictures are decoded, and for the page to have painted the one before.
 * Those that wait are painted together, so a page that falls behind shows the newest state.
 */

import type { Piece } from "../picture/steps";
import type { PlacedImage } from "../picture/pictures";
import type { FrameEvent, FromWorker } from "./channel";

/* Keeps a picture's place while it is being decoded. */
export interface PendingImage {
	pending: true;
}

export interface CompleteFrame {
	type: "frame";
	seq: number;
	parts: (Piece | PlacedImage | PendingImage)[];
	times: number[] | null;
	decodeMs: number;
	wholeAt: number; /* when its last message had come, as performance.now() has it */
}

type ScreenEvent = { type: "screen"; width: number; height: number };

/* One that is with the page. */
interface Painting {
	seq: number;
	decodeMs: number;
}

export interface FeedEvents {
	emit(event: FromWorker, transfer: Transferable[]): void;
	handlePainted(seq: number, decodeMs: number, paintMs: number): void;
}

export class Feed {
	private waiting: (CompleteFrame | ScreenEvent)[] = [];
	private painting: Painting[] = [];

	constructor(private readonly events: FeedEvents) {
	}

	push(event: CompleteFrame | ScreenEvent): void {
		this.waiting.push(event);
		this.pump();
	}

	/* The page has painted what it was given. */
	painted(ms: number): void {
		const painting = this.painting;

		this.painting = [];
		for (const { seq, decodeMs } of painting)
			this.events.handlePainted(seq, decodeMs, ms);
		this.pump();
	}

	/* Nothing more goes to the page. */
	close(): void {
		for (const event of this.waiting.splice(0)) {
			if (event.type === "frame")
				event.parts.splice(0).forEach(dropPart);
		}
	}

	/* Also after a picture has come. */
	pump(): void {
		for (let next = this.waiting[0]; next; next = this.waiting[0]) {
			if (next.type === "screen") {
				this.events.emit(next, []);
				this.waiting.shift();
			} else if (this.painting.length > 0 || !isReady(next)) {
				return;
			} else {
				this.emitFrames();
			}
		}
	}

	private emitFrames(): void {
		const frames: CompleteFrame[] = [];
		const transfer: Transferable[] = [];

		while (this.waiting[0]?.type === "frame" && isReady(this.waiting[0]))
			frames.push(this.waiting.shift() as CompleteFrame);
		/* To wait for the page is ours, too: the host would take it for the link's. */
		for (const frame of frames)
			frame.decodeMs = Math.max(frame.decodeMs, performance.now() - frame.wholeAt);
		const parts = frames.flatMap((frame) => frame.parts) as FrameEvent["parts"];
		const { times, decodeMs } = frames[frames.length - 1];

		for (const part of parts)
			transfer.push("buffer" in part ? part.buffer : part.image);
		this.painting = frames;
		this.events.emit({ type: "frame", parts, times, decodeMs }, transfer);
	}
}

/* Images hold memory of the browser's until they are closed. */
export function dropPart(part: CompleteFrame["parts"][0]): void {
	if ("image" in part)
		part.image.close();
}

function isReady(frame: CompleteFrame): boolean {
	return !frame.parts.some((part) => "pending" in part);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One connection's messages from the host, in their turn: sign-in first, rectangles only on a
 * screen, pieces of one frame together. Knows no socket, so that tests feed it bytes.
 */

import { decodeRectangles, maxFrameBytes, maxFramePixels, Patches } from "../picture/rectangles";
import type { FromWorker } from "./channel";
import { Inflater } from "./inflate";
import { BadMessage, CursorImage, decode, Frame, ServerMessage } from "./wire";

/* Takes what the page is to know, and the buffers that go over to it. */
type Emit = (event: FromWorker, transfer: ArrayBuffer[]) => void;

export class Stream {
	private readonly inflater = new Inflater();
	private state: "signing-in" | "welcome" | "refused" = "signing-in";
	private width = 0;
	private height = 0;
	private pieces: Patches[] = [];
	private seq: number | null = null; /* of the frame whose pieces are awaited */

	constructor(private readonly emit: Emit) {
	}

	/* Throws an Error with words for the user when the message is bad. */
	handleMessage(bytes: Uint8Array): void {
		const message = decode(bytes);

		this.checkTurn(message);
		switch (message.type) {
		case "welcome":
			this.state = "welcome";
			this.emit(message, []);
			break;
		case "refused":
			this.state = "refused";
			this.emit(message, []);
			break;
		case "screen":
			this.width = message.width;
			this.height = message.height;
			this.pieces = [];
			this.seq = null;
			this.emit(message, []);
			break;
		case "frame":
			this.handleFrame(message);
			break;
		case "cursor":
			this.handleCursor(message);
			break;
		case "pong":
			this.emit({ ...message, at: performance.timeOrigin + performance.now() }, []);
			break;
		case "status":
			this.emit(message, []);
			break;
		}
	}

	private checkTurn(message: ServerMessage): void {
		const first = message.type === "welcome" || message.type === "refused";

		if (this.state === "refused" || first !== (this.state === "signing-in"))
			throw new BadMessage(`${message.type.toUpperCase()} out of its turn`);
		if (message.type === "frame" && this.width === 0)
			throw new BadMessage("FRAME without a screen");
	}

	private handleFrame(frame: Frame): void {
		if (this.seq !== null && this.seq !== frame.seq)
			throw new BadMessage("FRAME in the middle of another");
		const painted = this.pieces.reduce((sum, piece) => sum + piece.nPixels, 0);
		const bytes =
			this.inflater.message(frame.deflated, maxFrameBytes(this.width, this.height));

		this.pieces.push(decodeRectangles(bytes, this.width, this.height,
			maxFramePixels(this.width, this.height) - painted));
		this.seq = frame.seq;
		if (frame.more)
			return;
		const pieces = this.pieces;
		this.pieces = [];
		this.seq = null;
		this.emit({ type: "frame", seq: frame.seq, pieces }, pieces.map((piece) => piece.buffer));
	}

	private handleCursor(cursor: CursorImage): void {
		const { type, width, height, hotX, hotY } = cursor;
		const pixels = width === 0
			? new ArrayBuffer(0)
			: Inflater.whole(cursor.deflated, width * height * 4).slice().buffer;

		this.emit({ type, width, height, hotX, hotY, pixels }, [pixels]);
	}
}

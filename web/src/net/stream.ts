/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One connection's messages from the host, in their turn: sign-in first, parts of one frame
 * together, one seq after the other. Knows no socket, so that tests feed it bytes.
 */

import { Operations } from "../picture/operations";
import { Pictures } from "../picture/pictures";
import { forEachStep, Piece, Step } from "../picture/steps";
import type { FromWorker } from "./channel";
import { CompleteFrame, dropPart, Feed, PendingImage } from "./feed";
import { Inflater } from "./inflate";
import {
	BadMessage, CursorImage, decode, decodeEcho, encodeAck, Frame, Picture, ServerMessage,
	UNDER_WAY_MAX,
} from "./wire";

export interface StreamEvents {
	/* Something for the page, and the buffers that go over to it. */
	emit(event: FromWorker, transfer: Transferable[]): void;
	/* A message for the host. */
	send(message: ArrayBuffer): void;
	/* The host would like a second connection, which is to show this key. */
	handleTwin(key: Uint8Array): void;
	/* A coded picture turned out to be bad, which is known later than its message came. */
	handleBadPicture(problem: unknown): void;
}

export class Stream {
	private readonly inflaters: Inflater[] = [];
	private readonly pictures: Pictures;
	private readonly feed: Feed;
	private state: "signing-in" | "welcome" | "refused" = "signing-in";
	private operations = new Operations(0, 0);
	private frame = newFrame(0);
	private isWhole = true; /* that frame, the newest */
	private painted = 0; /* seq */

	/* codecs: what the host was told that we decode. */
	constructor(private readonly events: StreamEvents, codecs: string[]) {
		this.pictures = new Pictures(codecs);
		this.feed = new Feed({
			emit: events.emit,
			handlePainted: (seq, decodeMs, paintMs) => {
				this.painted = seq;
				events.send(encodeAck(seq, decodeMs, paintMs));
			},
		});
	}

	/* Throws an Error with words for the user when the message is bad. */
	handleMessage(bytes: Uint8Array): void {
		const message = decode(bytes);

		this.checkTurn(message);
		switch (message.type) {
		case "welcome":
			this.state = "welcome";
			this.events.emit(message, []);
			break;
		case "refused":
			this.state = "refused";
			this.events.emit(message, []);
			break;
		case "screen":
			this.operations = new Operations(message.width, message.height);
			if (!this.isWhole)
				this.frame.parts.splice(0).forEach(dropPart);
			this.feed.push(message);
			break;
		case "frame":
		case "picture":
			this.handlePart(message);
			break;
		case "cursor":
			this.handleCursor(message);
			break;
		case "pong":
			this.events.emit({ ...message, at: performance.timeOrigin + performance.now() }, []);
			break;
		case "status":
			this.events.emit(message, []);
			break;
		case "twin":
			this.events.handleTwin(message.key);
			break;
		}
	}

	/* By the second connection. Throws as handleMessage() does. */
	handleEcho(bytes: Uint8Array): void {
		const { seq, width, height, deflated } = decodeEcho(bytes);
		const newest = this.isWhole ? this.frame.seq : this.frame.seq - 1;

		/* Its frame was faster, or one of the two knows of another screen already. */
		if ((seq - newest | 0) <= 0 || !this.operations.isOf(width, height))
			return;
		/* With no slots: it may not need any. */
		const operations = new Operations(width, height);
		const piece = operations.decode(new Inflater().message(deflated, operations.maxBytes));
		forEachStep(piece, (step) => {
			if (step !== Step.PATCH)
				throw new BadMessage("an ECHO that needs more than itself");
		});
		this.events.emit({ type: "echo", piece }, [piece.buffer]);
	}

	/* The page has painted the newest frame event. */
	handlePainted(ms: number): void {
		this.feed.painted(ms);
	}

	/* The connection has ended. */
	close(): void {
		this.feed.close();
		this.frame.parts.splice(0).forEach(dropPart);
		this.pictures.close();
	}

	private checkTurn(message: ServerMessage): void {
		const first = message.type === "welcome" || message.type === "refused";

		if (this.state === "refused" || first !== (this.state === "signing-in"))
			throw new BadMessage(`${message.type.toUpperCase()} out of its turn`);
	}

	private handlePart(message: Frame | Picture): void {
		const start = performance.now();

		this.checkSeq(message.seq);
		const { frame } = this;
		if (message.type === "frame")
			frame.parts.push(this.decodeFrame(message));
		else
			this.decodePicture(message, start);
		frame.decodeMs += performance.now() - start;
		if (message.more)
			return;
		frame.times = message.times;
		frame.wholeAt = performance.now();
		this.isWhole = true;
		this.feed.push(frame);
	}

	private checkSeq(seq: number): void {
		const expected = this.isWhole ? this.frame.seq + 1 >>> 0 : this.frame.seq;

		if (seq !== expected)
			throw new BadMessage(`frame ${seq} in the place of ${expected}`);
		if (!this.isWhole)
			return;
		if ((seq - this.painted >>> 0) > UNDER_WAY_MAX)
			throw new BadMessage("more frames than may be under way");
		this.frame = newFrame(seq);
		this.isWhole = false;
		this.operations.beginSeq();
	}

	private decodeFrame({ stream, deflated }: Frame): Piece {
		const inflater = this.inflaters[stream] ??= new Inflater();

		return this.operations.decode(inflater.message(deflated, this.operations.maxBytes));
	}

	/* Its place among the parts is kept while it is being decoded. */
	private decodePicture(picture: Picture, start: number): void {
		const { frame } = this;
		const place: PendingImage = { pending: true };

		this.operations.checkFill(picture.x, picture.y, picture.width, picture.height);
		frame.parts.push(place);
		this.pictures.decode(picture).then((image) => {
			const nth = frame.parts.indexOf(place);

			if (nth >= 0)
				frame.parts.splice(nth, 1, ...image ? [image] : []);
			else
				image?.image.close();
			frame.decodeMs = Math.max(frame.decodeMs, performance.now() - start);
			this.feed.pump();
		}).catch((problem) => this.events.handleBadPicture(problem));
	}

	private handleCursor(cursor: CursorImage): void {
		const { type, width, height, hotX, hotY } = cursor;
		const pixels = width === 0
			? new ArrayBuffer(0)
			: Inflater.whole(cursor.deflated, width * height * 4).slice().buffer;

		this.events.emit({ type, width, height, hotX, hotY, pixels }, [pixels]);
	}
}

function newFrame(seq: number): CompleteFrame {
	return { type: "frame", seq, parts: [], times: null, decodeMs: 0, wholeAt: 0 };
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the page and its worker say to each other. The page encodes what goes to the host, as
 * it is small; the worker passes it on at once, and takes apart what comes back.
 */

import type { Piece } from "../picture/steps";
import type { PlacedImage } from "../picture/pictures";
import type { StatusDocument } from "./status";
import type { Credential, Refused, Welcome } from "./wire";

/* An ArrayBuffer is a message for the host, lost when there is no connection. */
export type ToWorker =
	| ArrayBuffer
	/* index.html's, before the page itself runs: an "open" is about to come. */
	| { type: "connect" }
	| { type: "open"; credential: Credential }
	/* The newest frame event is on the canvas; ms: how long that took. */
	| { type: "painted"; ms: number }
	| { type: "close" };

/*
 * What one frame, or several that are painted together, have changed, in the order in which it is
 * to be done. The next comes when this one is painted. Times are the newest frame's, in ms.
 */
export interface FrameEvent {
	type: "frame";
	parts: (Piece | PlacedImage)[];
	times: number[] | null; /* of STAGES */
	decodeMs: number;
}

/* What a frame will paint that is still to come. */
export interface EchoEvent {
	type: "echo";
	piece: Piece; /* of patches only */
}

export interface CursorEvent {
	type: "cursor";
	width: number; /* 0: no cursor */
	height: number;
	hotX: number;
	hotY: number;
	pixels: ArrayBuffer; /* RGBA, not premultiplied */
}

export type FromWorker =
	| Welcome
	| Refused
	| FrameEvent
	| EchoEvent
	| CursorEvent
	| { type: "status"; document: StatusDocument }
	| { type: "screen"; width: number; height: number }
	/* at: when it came, ms since 1970, whenever the page gets to hear of it. */
	| { type: "pong"; cookie: number; at: number }
	/* The connection ended; problem: the host said something wrong, in words. */
	| { type: "closed"; problem: string | null };

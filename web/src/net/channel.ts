/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the page and its worker say to each other. The page encodes what goes to the host, as
 * it is small; the worker passes it on at once, and takes apart what comes back.
 */

import type { Patches } from "../picture/rectangles";
import type { StatusDocument } from "./status";
import type { Refused, Welcome } from "./wire";

/* An ArrayBuffer is a message for the host, lost when there is no connection. */
export type ToWorker =
	| ArrayBuffer
	| { type: "open"; url: string; signIn: ArrayBuffer }
	| { type: "close" };

export interface FrameEvent {
	type: "frame";
	seq: number;
	pieces: Patches[];
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
	| CursorEvent
	| { type: "status"; document: StatusDocument }
	| { type: "screen"; width: number; height: number }
	/* at: when it came, ms since 1970, whenever the page gets to hear of it. */
	| { type: "pong"; cookie: number; at: number }
	/* The connection ended; problem: the host said something wrong, in words. */
	| { type: "closed"; problem: string | null };

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The messages of docs/protocol.md as pure functions: what the page says is encoded here, what
 * the host says is checked and taken apart here. Whatever is too short, too long, of unknown
 * type or out of range is a BadMessage, and the connection ends. src/wire/stream.c is the
 * host's side. Frames are taken apart in picture/operations.ts.
 */

import { parseStatus, StatusDocument } from "./status";

export const PROTOCOL_VERSION = 2;
export const SUB_PROTOCOL = "afar.2";
/* Close codes that a page may use are 1000 and 3000 up: this stands for RFC 6455's 1002. */
export const CLOSE_BAD_MESSAGE = 4000;

export class BadMessage extends Error {}

/* Which way in; the body of SIGN_IN. */
export type Credential = { link: string } | { pin: string } | { resume: string };

export const REFUSALS = ["link", "pin", "resume", "limit", "version", "busy"] as const;
export type Refusal = typeof REFUSALS[number];

/* X11's order: 4 to 7 are its wheel, which WHEEL carries. */
export const BUTTON_LEFT = 1;
export const BUTTON_MIDDLE = 2;
export const BUTTON_RIGHT = 3;
export const BUTTON_BACK = 8;
export const BUTTON_FORWARD = 9;

const enum Client {
	SIGN_IN = 0x01,
	ACK = 0x02,
	KEY = 0x03,
	MOTION = 0x04,
	BUTTON = 0x05,
	WHEEL = 0x06,
	RELEASE = 0x07,
	PING = 0x08,
	JOIN = 0x09,
}

const enum Server {
	WELCOME = 0x81,
	REFUSED = 0x82,
	STATUS = 0x83,
	SCREEN = 0x84,
	FRAME = 0x85,
	CURSOR = 0x86,
	PONG = 0x87,
	PICTURE = 0x88,
	TWIN = 0x89,
	ECHO = 0x8a,
}

/* Flags of FRAME and PICTURE. */
const MORE = 0x01;
const TIMES = 0x02;
const STREAM_SHIFT = 2; /* FRAME's, two bits */
const KEY = 0x04; /* PICTURE's, and */
const HALF = 0x08;
const FRAME_FLAGS = 0x0f;
const PICTURE_FLAGS = MORE | TIMES | KEY | HALF;

/* How many frames a host may have sent that are not acknowledged. */
export const UNDER_WAY_MAX = 16;

export const CODEC_JPEG = 1;
export const CODEC_VP9 = 2;
export const CODEC_H264 = 3;
/* What SIGN_IN calls them. */
export const CODECS: Record<number, string> = {
	[CODEC_JPEG]: "jpeg", [CODEC_VP9]: "vp9", [CODEC_H264]: "h264",
};

/* Stage times, in their order, and what they count. */
export const STAGES =
	["input", "application", "damage", "capture", "analyse", "encode", "queue"] as const;
const TICKS_PER_MS = 100;
const TICKS_MAX = 0xffff; /* that or more */

/* Far above any real cursor; browsers show none above 128. */
const CURSOR_SIDE_MAX = 1024;
const JSON_MAX = 1024 * 1024;
const SIGN_IN_MAX = 1024;
const TEXT_MAX = 256;
const TWIN_KEY_SIZE = 16;
const RETRY_MAX = 7 * 24 * 3600;

function message(type: Client, size: number): DataView {
	const view = new DataView(new ArrayBuffer(1 + size));

	view.setUint8(0, type);
	return view;
}

function u16(value: number): number {
	return Math.max(0, Math.min(0xffff, Math.round(value)));
}

function i16(value: number): number {
	return Math.max(-0x8000, Math.min(0x7fff, Math.round(value)));
}

/* decodes: of CODECS, what this browser does. */
export function encodeSignIn(credential: Credential, decodes: string[]): ArrayBuffer {
	const json = new TextEncoder().encode(
		JSON.stringify({ version: PROTOCOL_VERSION, ...credential, decodes, twin: true }));

	if (json.length > SIGN_IN_MAX)
		throw new RangeError("a credential that is too long");
	const bytes = new Uint8Array(1 + json.length);
	bytes[0] = Client.SIGN_IN;
	bytes.set(json, 1);
	return bytes.buffer;
}

export function encodeAck(seq: number, decodeMs: number, paintMs: number): ArrayBuffer {
	const view = message(Client.ACK, 8);

	view.setUint32(1, seq, true);
	view.setUint16(5, u16(decodeMs * TICKS_PER_MS), true);
	view.setUint16(7, u16(paintMs * TICKS_PER_MS), true);
	return view.buffer;
}

export function encodeKey(down: boolean, code: number): ArrayBuffer {
	const view = message(Client.KEY, 3);

	view.setUint8(1, down ? 1 : 0);
	view.setUint16(2, code, true);
	return view.buffer;
}

export function encodeMotion(x: number, y: number): ArrayBuffer {
	const view = message(Client.MOTION, 4);

	view.setUint16(1, u16(x), true);
	view.setUint16(3, u16(y), true);
	return view.buffer;
}

export function encodeButton(down: boolean, button: number, x: number, y: number): ArrayBuffer {
	const view = message(Client.BUTTON, 6);

	view.setUint8(1, down ? 1 : 0);
	view.setUint8(2, button);
	view.setUint16(3, u16(x), true);
	view.setUint16(5, u16(y), true);
	return view.buffer;
}

export function encodeWheel(dx: number, dy: number, x: number, y: number): ArrayBuffer {
	const view = message(Client.WHEEL, 8);

	view.setInt16(1, i16(dx), true);
	view.setInt16(3, i16(dy), true);
	view.setUint16(5, u16(x), true);
	view.setUint16(7, u16(y), true);
	return view.buffer;
}

export function encodeRelease(): ArrayBuffer {
	return message(Client.RELEASE, 0).buffer;
}

export function encodePing(cookie: number): ArrayBuffer {
	const view = message(Client.PING, 4);

	view.setUint32(1, cookie, true);
	return view.buffer;
}

/* nBefore: inputs that were sent by the first connection only. */
export function encodeJoin(key: Uint8Array, nBefore: number): ArrayBuffer {
	const view = message(Client.JOIN, TWIN_KEY_SIZE + 4);

	new Uint8Array(view.buffer).set(key, 1);
	view.setUint32(1 + TWIN_KEY_SIZE, nBefore, true);
	return view.buffer;
}

/* Of what is encoded here: does it tell what the user does? */
export function isInput(message: ArrayBuffer): boolean {
	const [type] = new Uint8Array(message, 0, 1);

	return type >= Client.KEY && type <= Client.RELEASE;
}

export interface Welcome {
	type: "welcome";
	hostName: string;
	resume: string | null;
}

export interface Refused {
	type: "refused";
	reason: Refusal;
	retryAfter: number; /* seconds */
}

/* What FRAME and PICTURE begin with. */
interface Part {
	seq: number;
	more: boolean;
	times: number[] | null; /* of STAGES, ms; NaN: not known */
}

export interface Frame extends Part {
	type: "frame";
	stream: number;
	deflated: Uint8Array;
}

export interface Picture extends Part {
	type: "picture";
	codec: number;
	key: boolean;
	half: boolean; /* it has half as many pixels each way as its rectangle, rounded up */
	x: number;
	y: number;
	width: number;
	height: number;
	coded: Uint8Array;
}

export interface CursorImage {
	type: "cursor";
	width: number; /* 0: no cursor */
	height: number;
	hotX: number;
	hotY: number;
	deflated: Uint8Array;
}

export interface Echo {
	seq: number; /* of the frame that has the same */
	width: number; /* of its screen */
	height: number;
	deflated: Uint8Array;
}

export type ServerMessage =
	| Welcome
	| Refused
	| { type: "status"; document: StatusDocument }
	| { type: "screen"; width: number; height: number }
	| Frame
	| Picture
	| CursorImage
	| { type: "pong"; cookie: number }
	| { type: "twin"; key: Uint8Array };

/* Of what a WebSocket gives. Throws BadMessage. */
export function bytesOf(data: unknown): Uint8Array {
	if (!(data instanceof ArrayBuffer))
		throw new BadMessage("a message that is not binary");
	return new Uint8Array(data);
}

/* The views in what it returns are into bytes. Throws BadMessage. */
export function decode(bytes: Uint8Array): ServerMessage {
	if (bytes.length < 1)
		throw new BadMessage("an empty message");
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

	switch (bytes[0]) {
	case Server.WELCOME:
		return decodeWelcome(bytes);
	case Server.REFUSED:
		return decodeRefused(bytes);
	case Server.STATUS:
		return decodeStatus(bytes);
	case Server.SCREEN:
		return decodeScreen(view);
	case Server.FRAME:
		return decodeFrame(view, bytes);
	case Server.PICTURE:
		return decodePicture(view, bytes);
	case Server.CURSOR:
		return decodeCursor(view, bytes);
	case Server.PONG:
		expectSize(view, 5, "PONG");
		return { type: "pong", cookie: view.getUint32(1, true) };
	case Server.TWIN:
		expectSize(view, 1 + TWIN_KEY_SIZE, "TWIN");
		return { type: "twin", key: bytes.slice(1) };
	default:
		throw new BadMessage(`an unknown message, 0x${bytes[0].toString(16)}`);
	}
}

/* By the second connection nothing else comes. Throws BadMessage. */
export function decodeEcho(bytes: Uint8Array): Echo {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

	if (bytes[0] !== Server.ECHO || bytes.length < 10)
		throw new BadMessage("no ECHO by the second connection");
	return {
		seq: view.getUint32(1, true),
		width: view.getUint16(5, true),
		height: view.getUint16(7, true),
		deflated: bytes.subarray(9),
	};
}

function expectSize(view: DataView, size: number, name: string): void {
	if (view.byteLength !== size)
		throw new BadMessage(`${name} of ${view.byteLength} bytes`);
}

function decodeJson(bytes: Uint8Array, name: string): Record<string, unknown> {
	let value: unknown;

	if (bytes.length > JSON_MAX)
		throw new BadMessage(`${name} of ${bytes.length} bytes`);
	try {
		const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(1));
		value = JSON.parse(text);
	} catch {
		throw new BadMessage(`${name} that is no JSON`);
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new BadMessage(`${name} that is no JSON object`);
	return value as Record<string, unknown>;
}

function decodeWelcome(bytes: Uint8Array): Welcome {
	const json = decodeJson(bytes, "WELCOME");

	if (json.version !== PROTOCOL_VERSION)
		throw new BadMessage("WELCOME of another version");
	return {
		type: "welcome",
		hostName: typeof json.host_name === "string" ? json.host_name.slice(0, TEXT_MAX) : "",
		resume: isToken(json.resume) ? json.resume : null,
	};
}

/* A link or resume token: base64url. */
export function isToken(value: unknown): value is string {
	return typeof value === "string" && /^[A-Za-z0-9_-]{1,128}$/.test(value);
}

function decodeRefused(bytes: Uint8Array): Refused {
	const json = decodeJson(bytes, "REFUSED");
	const reason = REFUSALS.find((known) => known === json.reason);
	const after = json.retry_after;

	if (!reason)
		throw new BadMessage("REFUSED for an unknown reason");
	return {
		type: "refused",
		reason,
		retryAfter: typeof after === "number" && after > 0 ? Math.min(after, RETRY_MAX) : 0,
	};
}

function decodeStatus(bytes: Uint8Array): ServerMessage {
	const document = parseStatus(decodeJson(bytes, "STATUS"));

	if (!document)
		throw new BadMessage("STATUS that is no status document");
	return { type: "status", document };
}

function decodeScreen(view: DataView): ServerMessage {
	expectSize(view, 5, "SCREEN");
	const width = view.getUint16(1, true);
	const height = view.getUint16(3, true);

	if ((width === 0) !== (height === 0))
		throw new BadMessage(`SCREEN of ${width}×${height}`);
	return { type: "screen", width, height };
}

/* Returns where it ends as well. */
function decodePart(view: DataView, name: string, knownFlags: number): Part & { end: number } {
	const flags = view.byteLength > 1 ? view.getUint8(1) : 0;
	const timed = (flags & TIMES) !== 0;
	const end = timed ? 6 + STAGES.length * 2 : 6;

	if (view.byteLength < end)
		throw new BadMessage(`${name} of ${view.byteLength} bytes`);
	if ((flags & ~knownFlags) || (timed && (flags & MORE)))
		throw new BadMessage(`${name} with flags 0x${flags.toString(16)}`);
	return {
		seq: view.getUint32(2, true),
		more: (flags & MORE) !== 0,
		times: timed ? STAGES.map((_, nth) => decodeTime(view.getUint16(6 + nth * 2, true))) : null,
		end,
	};
}

function decodeTime(ticks: number): number {
	return ticks === 0 ? NaN : ticks === TICKS_MAX ? Infinity : ticks / TICKS_PER_MS;
}

function decodeFrame(view: DataView, bytes: Uint8Array): Frame {
	const { end, ...part } = decodePart(view, "FRAME", FRAME_FLAGS);

	return {
		type: "frame",
		...part,
		stream: bytes[1] >> STREAM_SHIFT,
		deflated: bytes.subarray(end),
	};
}

function decodePicture(view: DataView, bytes: Uint8Array): Picture {
	const { end, ...part } = decodePart(view, "PICTURE", PICTURE_FLAGS);

	if (bytes.length < end + 10)
		throw new BadMessage(`PICTURE of ${bytes.length} bytes`);
	return {
		type: "picture",
		...part,
		codec: bytes[end],
		key: (bytes[1] & KEY) !== 0,
		half: (bytes[1] & HALF) !== 0,
		x: view.getUint16(end + 1, true),
		y: view.getUint16(end + 3, true),
		width: view.getUint16(end + 5, true),
		height: view.getUint16(end + 7, true),
		coded: bytes.subarray(end + 9),
	};
}

function decodeCursor(view: DataView, bytes: Uint8Array): CursorImage {
	if (bytes.length < 9)
		throw new BadMessage(`CURSOR of ${bytes.length} bytes`);
	const width = view.getUint16(1, true);
	const height = view.getUint16(3, true);
	const hotX = view.getUint16(5, true);
	const hotY = view.getUint16(7, true);

	if (width > CURSOR_SIDE_MAX || height > CURSOR_SIDE_MAX || (width > 0 && height === 0))
		throw new BadMessage(`CURSOR of ${width}×${height}`);
	if (width > 0 && (hotX >= width || hotY >= height))
		throw new BadMessage("CURSOR with its hot spot outside");
	return { type: "cursor", width, height, hotX, hotY, deflated: bytes.subarray(9) };
}

// SPDX-License-Identifier: BSD-3-Clause

// A host for the page's tests: serves the built page and speaks docs/protocol.md, written
// from that page alone and with nothing but node's own library, so that it can disagree with
// both afar-host and the page. By hand:
//
//	node tests/web/fake-host.mjs build/web

import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";

const ASSETS = {
	"/": ["index.html", "text/html; charset=utf-8"],
	"/app.js": ["app.js", "text/javascript; charset=utf-8"],
	"/worker.js": ["worker.js", "text/javascript; charset=utf-8"],
	"/style.css": ["style.css", "text/css; charset=utf-8"],
	"/icon.svg": ["icon.svg", "image/svg+xml"],
};

// The page has one script of its own text, which the host allows by its hash.
function contentPolicy(html) {
	const [, script] = /<script>(.*?)<\/script>/s.exec(html);
	const hash = createHash("sha256").update(script).digest("base64");

	return `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-${hash}'; `
		+ "worker-src 'self'; "
		+ "style-src 'self'; img-src 'self' data: blob:; connect-src 'self'";
}

const WS_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Messages from the page: type → name and the fields of its body.
const CLIENT_MESSAGES = {
	0x01: ["SIGN_IN", (body) => JSON.parse(body.toString())],
	0x02: ["ACK", (body) => ({
		seq: body.readUInt32LE(0), decode: body.readUInt16LE(4), paint: body.readUInt16LE(6),
	}), 8],
	0x03: ["KEY", (body) => ({ down: body[0], code: body.readUInt16LE(1) }), 3],
	0x04: ["MOTION", (body) => ({ x: body.readUInt16LE(0), y: body.readUInt16LE(2) }), 4],
	0x05: ["BUTTON", (body) => ({
		down: body[0], button: body[1], x: body.readUInt16LE(2), y: body.readUInt16LE(4),
	}), 6],
	0x06: ["WHEEL", (body) => ({
		dx: body.readInt16LE(0), dy: body.readInt16LE(2),
		x: body.readUInt16LE(4), y: body.readUInt16LE(6),
	}), 8],
	0x07: ["RELEASE", () => ({}), 0],
	0x08: ["PING", (body) => ({ cookie: body.readUInt32LE(0) }), 4],
	0x09: ["JOIN", (body) => ({
		key: body.subarray(0, 16).toString("hex"), before: body.readUInt32LE(16),
	}), 20],
};

function decodeClientMessage(bytes) {
	const [name, decode, size] = CLIENT_MESSAGES[bytes[0]] ?? [];
	const body = bytes.subarray(1);

	if (!name || (size !== undefined && size !== body.length))
		throw new Error(`bad message from the page: ${bytes.toString("hex")}`);
	return { name, ...decode(body) };
}

export function message(type, ...parts) {
	return Buffer.concat([Buffer.from([type]), ...parts]);
}

export function u16(...values) {
	const bytes = Buffer.alloc(values.length * 2);

	values.forEach((value, i) => bytes.writeUInt16LE(value, i * 2));
	return bytes;
}

export function u32(value) {
	const bytes = Buffer.alloc(4);

	bytes.writeUInt32LE(value);
	return bytes;
}

function jsonMessage(type, value) {
	return message(type, Buffer.from(JSON.stringify(value)));
}

// A rectangle's header; body: a Buffer.
export function rectangle(kind, x, y, w, h, body) {
	return Buffer.concat([Buffer.from([kind]), u16(x, y), Buffer.from([w - 1, h - 1]), body]);
}

export function solid(x, y, w, h, rgb) {
	return rectangle(0, x, y, w, h, Buffer.from(rgb));
}

// colours: list of [r, g, b]; indices: w·h of them, row by row.
export function paletted(x, y, w, h, colours, indices) {
	const n = colours.length;
	const bits = n <= 2 ? 1 : n <= 4 ? 2 : n <= 16 ? 4 : 8;
	const stride = Math.ceil(w * bits / 8);
	const rows = Buffer.alloc(stride * h);

	for (let row = 0; row < h; row++) {
		for (let column = 0; column < w; column++)
			rows[row * stride + (column * bits >> 3)] |=
				indices[row * w + column] << 8 - bits - column * bits % 8;
	}
	return rectangle(1, x, y, w, h,
		Buffer.concat([Buffer.from([n - 1]), Buffer.from(colours.flat()), rows]));
}

// rgb: w·h·3 bytes.
export function raw(x, y, w, h, rgb) {
	return rectangle(2, x, y, w, h, Buffer.from(rgb));
}

// The same as three planes of differences.
export function delta(x, y, w, h, rgb) {
	const planes = Buffer.alloc(w * h * 3);

	for (let i = 0; i < w * h; i++) {
		const from = i % w > 0 ? i - 1 : i - w;
		const [r, g, b] = [0, 1, 2].map((c) => rgb[i * 3 + c] - (from < 0 ? 0 : rgb[from * 3 + c]));
		planes[i] = g;
		planes[w * h + i] = r - g;
		planes[2 * w * h + i] = b - g;
	}
	return rectangle(3, x, y, w, h, planes);
}

export function copy(x, y, w, h, fromX, fromY) {
	return Buffer.concat([Buffer.from([4]), u16(x, y, w, h, fromX, fromY)]);
}

export function store(column, row, slot) {
	return Buffer.concat([Buffer.from([5]), u16(column, row, slot)]);
}

export function cached(column, row, slot) {
	return Buffer.concat([Buffer.from([6]), u16(column, row, slot)]);
}

// A picture in memory, 3 bytes a pixel.
export class Picture {
	constructor(width, height) {
		this.width = width;
		this.height = height;
		this.rgb = Buffer.alloc(width * height * 3);
	}

	fill(x, y, w, h, rgb) {
		for (let row = y; row < y + h; row++) {
			for (let column = x; column < x + w; column++)
				this.rgb.set(rgb, (row * this.width + column) * 3);
		}
	}

	cut(x, y, w, h) {
		return Buffer.concat(Array.from({ length: h }, (_, row) => {
			const start = ((y + row) * this.width + x) * 3;
			return this.rgb.subarray(start, start + w * 3);
		}));
	}

	// As COPY has it.
	move(x, y, w, h, fromX, fromY) {
		const rgb = this.cut(fromX, fromY, w, h);

		for (let row = 0; row < h; row++)
			rgb.copy(this.rgb, ((y + row) * this.width + x) * 3, row * w * 3, (row + 1) * w * 3);
	}

	// Of SOLID, PALETTE and DELTA what has fewest bytes for that rectangle.
	encode(x, y, w, h) {
		const rgb = this.cut(x, y, w, h);
		const seen = new Map();
		const indices = [];

		for (let i = 0; i < rgb.length && seen.size <= 256; i += 3) {
			const colour = rgb.readUIntBE(i, 3);
			if (!seen.has(colour))
				seen.set(colour, seen.size);
			indices.push(seen.get(colour));
		}
		const colours = [...seen.keys()].map((c) => [c >> 16, c >> 8 & 255, c & 255]);
		if (colours.length === 1)
			return solid(x, y, w, h, colours[0]);
		return colours.length <= 256 && colours.length <= w * h
			? paletted(x, y, w, h, colours, indices) : delta(x, y, w, h, rgb);
	}

	// Everything inside, cut into tiles.
	tiles(x = 0, y = 0, w = this.width, h = this.height) {
		const list = [];

		for (let top = y; top < y + h; top += 64) {
			for (let left = x; left < x + w; left += 64)
				list.push(this.encode(left, top, Math.min(64, x + w - left),
					Math.min(64, y + h - top)));
		}
		return Buffer.concat(list);
	}
}

// One of a connection's four.
export class DeflateStream {
	constructor() {
		this.deflate = createDeflateRaw({ level: 1 });
		this.chunks = [];
		this.deflate.on("data", (chunk) => this.chunks.push(chunk));
	}

	// The next piece, its flush's last four bytes left out.
	async piece(bytes) {
		this.chunks = [];
		this.deflate.write(bytes);
		await new Promise((resolve) => this.deflate.flush(constants.Z_SYNC_FLUSH, resolve));
		const piece = Buffer.concat(this.chunks);

		if (piece.subarray(-4).toString("hex") !== "0000ffff")
			throw new Error("a flush that does not end as RFC 1951 has it");
		return piece.subarray(0, -4);
	}
}

function flagsOf(more, times) {
	return (more ? 1 : 0) | (times ? 2 : 0);
}

// A FRAME with these operations, on stream, the nth.
export async function frameMessage(stream, nth, seq, operations, { more = false, times = null } = {}) {
	return message(0x85, Buffer.from([flagsOf(more, times) | nth << 2]), u32(seq),
		u16(...times ?? []), await stream.piece(operations));
}

// What is deflated is whole by itself, but for the flush's last four bytes.
export async function echoMessage(seq, width, height, operations) {
	return message(0x8a, u32(seq), u16(width, height), await new DeflateStream().piece(operations));
}

export function pictureMessage(seq, codec, x, y, w, h, coded,
	{ more = false, times = null, key = false } = {}) {
	return message(0x88, Buffer.from([flagsOf(more, times) | (key ? 4 : 0)]), u32(seq),
		u16(...times ?? []), Buffer.from([codec]), u16(x, y, w, h), coded);
}

// One viewer's WebSocket. Emits "message" for each decoded message and "close".
export class Viewer extends EventEmitter {
	constructor(host, socket) {
		super();
		this.host = host;
		this.socket = socket;
		this.messages = [];
		this.seq = 0;
		this.pending = Buffer.alloc(0);
		this.streams = Array.from({ length: 4 }, () => new DeflateStream());
		this.closeCode = null;
		socket.setNoDelay(true);
		socket.on("data", (chunk) => this.#feed(chunk));
		socket.on("error", () => undefined);
		socket.on("close", () => this.emit("close"));
	}

	#feed(chunk) {
		this.pending = Buffer.concat([this.pending, chunk]);
		for (;;) {
			const bytes = this.pending;
			if (bytes.length < 2)
				return;
			let size = bytes[1] & 0x7f;
			let at = 2;
			if (size === 126) {
				if (bytes.length < 4)
					return;
				size = bytes.readUInt16BE(2);
				at = 4;
			}
			if (bytes.length < at + 4 + size)
				return;
			const mask = bytes.subarray(at, at + 4);
			const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + size))
				.map((byte, i) => byte ^ mask[i & 3]);
			this.pending = bytes.subarray(at + 4 + size);
			this.#handle(bytes[0] & 0x0f, Buffer.from(payload));
		}
	}

	#handle(opcode, payload) {
		if (opcode === 8) {
			this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
			this.close(1000);
			return;
		}
		const decoded = decodeClientMessage(payload);
		decoded.at = performance.now();
		this.messages.push(decoded);
		this.emit("message", decoded);
		this.host.handleMessage(this, decoded);
	}

	#frame(opcode, payload) {
		const header = Buffer.alloc(10);
		let n = 2;

		header[0] = 0x80 | opcode;
		if (payload.length < 126) {
			header[1] = payload.length;
		} else if (payload.length < 65536) {
			header[1] = 126;
			header.writeUInt16BE(payload.length, 2);
			n = 4;
		} else {
			header[1] = 127;
			header.writeBigUInt64BE(BigInt(payload.length), 2);
			n = 10;
		}
		this.socket.write(Buffer.concat([header.subarray(0, n), payload]));
	}

	send(bytes) {
		this.#frame(2, bytes);
	}

	sendText(text) {
		this.#frame(1, Buffer.from(text));
	}

	close(code) {
		const body = Buffer.alloc(2);

		body.writeUInt16BE(code);
		if (!this.socket.writableEnded) {
			this.#frame(8, body);
			this.socket.end();
		}
	}

	// As if the host had died.
	cut() {
		this.socket.destroy();
	}

	// Waits for the first message, from the nth on, for which matches() holds.
	async waitFor(matches, { from = 0, timeout = 5000 } = {}) {
		const found = this.messages.slice(from).find(matches);

		if (found)
			return found;
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.off("message", listener);
				reject(new Error(`no such message; got ${JSON.stringify(this.messages.slice(from))}`));
			}, timeout);
			const listener = (decoded) => {
				if (!matches(decoded))
					return;
				clearTimeout(timer);
				this.off("message", listener);
				resolve(decoded);
			};
			this.on("message", listener);
		});
	}

	sendStatus(document) {
		this.send(jsonMessage(0x83, document));
	}

	sendScreen(width, height) {
		this.send(message(0x84, u16(width, height)));
	}

	// Sends the pieces as one frame and returns its seq.
	async sendFrame(...pieces) {
		return this.sendTimedFrame(null, ...pieces);
	}

	// times: seven, in 10 µs.
	async sendTimedFrame(times, ...pieces) {
		const seq = ++this.seq;

		for (let i = 0; i < pieces.length; i++)
			this.send(await frameMessage(this.streams[0], 0, seq, pieces[i],
				{ more: i < pieces.length - 1, times: i < pieces.length - 1 ? null : times }));
		return seq;
	}

	// Sends and waits for the acknowledgement.
	async show(...pieces) {
		const seq = await this.sendFrame(...pieces);

		await this.waitFor((m) => m.name === "ACK" && m.seq === seq);
		return seq;
	}

	sendCursor(width, height, hotX, hotY, rgba) {
		this.send(message(0x86, u16(width, height, hotX, hotY), deflateRawSync(rgba)));
	}
}

export function component(name, state, more = {}) {
	return {
		name, state, pid: null, since: null, restarts: 0, next_try: null, last_end: null, ...more,
	};
}

export function statusOf(components, state = "ready") {
	const now = new Date().toISOString();

	return {
		version: "0", state, now, since: now, url: null, supervisor_pid: 1, guard_pid: 1,
		display: ":20", components, viewers: [],
	};
}

export const ALL_READY = statusOf([
	component("host", "ready"), component("display", "ready"), component("bus", "ready"),
	component("session", "ready"),
]);

// Emits "viewer" when one has signed in.
export class FakeHost extends EventEmitter {
	status = ALL_READY;
	picture = new Picture(640, 400); // null: no screen
	viewers = []; // every connection so far, the newest last
	links = new Set(["goodlink"]);
	resumes = new Set();
	pin = "12345678";
	refuseAll = null; // { reason, retry_after }
	requests = [];
	before = {}; // what to put before an asset, by its URL

	async listen(assets) {
		const policy = contentPolicy(readFileSync(join(assets, "index.html"), "utf8"));

		this.server = createServer((request, response) => {
			const [name, type] = ASSETS[request.url] ?? [];

			this.requests.push(request.url);
			response.writeHead(name ? 200 : 404, {
				"content-type": type ?? "text/plain",
				"content-security-policy": policy,
				"x-content-type-options": "nosniff",
				"cache-control": "no-cache",
			});
			response.end(name ? (this.before[request.url] ?? "") + readFileSync(join(assets, name)) : "");
		});
		this.server.on("upgrade", (request, socket) => this.#upgrade(request, socket));
		await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
		this.url = `http://127.0.0.1:${this.server.address().port}/`;
	}

	#upgrade(request, socket) {
		const accept = createHash("sha1")
			.update(request.headers["sec-websocket-key"] + WS_GUID).digest("base64");

		if (request.url !== "/ws" || request.headers["sec-websocket-protocol"] !== "afar.2") {
			socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
			return;
		}
		if (this.deaf) {
			socket.destroy();
			return;
		}
		socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			+ `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`
			+ "Sec-WebSocket-Protocol: afar.2\r\n\r\n");
		this.viewers.push(new Viewer(this, socket));
	}

	handleMessage(viewer, decoded) {
		if (decoded.name === "SIGN_IN")
			this.#signIn(viewer, decoded);
		else if (decoded.name === "PING")
			viewer.send(message(0x87, u32(decoded.cookie)));
	}

	#refusal({ version, link, pin, resume }) {
		if (this.refuseAll)
			return this.refuseAll;
		if (version !== 2)
			return { reason: "version", retry_after: 0 };
		if (link !== undefined)
			return this.links.delete(link) ? null : { reason: "link", retry_after: 0 };
		if (pin !== undefined)
			return pin === this.pin ? null : { reason: "pin", retry_after: 0 };
		return this.resumes.has(resume) ? null : { reason: "resume", retry_after: 0 };
	}

	async #signIn(viewer, credential) {
		const refusal = this.#refusal(credential);

		if (refusal) {
			viewer.send(jsonMessage(0x82, refusal));
			viewer.close(4001);
			return;
		}
		const resume = credential.resume ?? `resume-${this.viewers.length}`;
		this.resumes.add(resume);
		viewer.send(jsonMessage(0x81, {
			version: 2, host_name: "willow", resume, resume_seconds: 43200, viewer: this.viewers.length,
		}));
		viewer.sendStatus(this.status);
		if (this.picture) {
			viewer.sendScreen(this.picture.width, this.picture.height);
			await viewer.sendFrame(this.picture.tiles());
		} else {
			viewer.sendScreen(0, 0);
		}
		this.emit("viewer", viewer);
	}

	get viewer() {
		return this.viewers[this.viewers.length - 1];
	}

	close() {
		for (const viewer of this.viewers)
			viewer.cut();
		this.server.closeAllConnections();
		this.server.close();
	}
}

// Something to look at: a sky, a window, a line of text.
export function paintDesktop(picture) {
	const { width, height } = picture;

	for (let y = 0; y < height; y++) {
		const t = y / height;
		picture.fill(0, y, width, 1, [30 + 40 * t, 70 + 60 * t, 130 + 50 * t].map(Math.round));
	}
	picture.fill(0, height - 28, width, 28, [32, 36, 46]);
	const w = Math.round(width * 0.5), h = Math.round(height * 0.55);
	const x = Math.round(width * 0.2), y = Math.round(height * 0.18);
	picture.fill(x, y, w, 24, [58, 66, 84]);
	picture.fill(x, y + 24, w, h, [22, 24, 30]);
	for (let line = 0; line < 12; line++) {
		for (let i = 0; i < 20 + (line * 37) % 30; i++)
			picture.fill(x + 10 + i * 8, y + 34 + line * 18, 6, 10, [120, 200, 140]);
	}
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
	const host = new FakeHost();

	host.picture = new Picture(1280, 720);
	paintDesktop(host.picture);
	await host.listen(process.argv[2] ?? "build/web");
	console.log(`${host.url}#link=goodlink   PIN ${host.pin}`);
	host.on("viewer", (viewer) => viewer.on("message", (decoded) => console.log(decoded)));
}

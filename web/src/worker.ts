/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The worker: owns the WebSocket, inflates and decodes. The page says when to connect and with
 * which credential; whether and when to try again is decided there.
 */

import type { FromWorker, ToWorker } from "./net/channel";
import { Stream } from "./net/stream";
import { Twin } from "./net/twin";
import {
	bytesOf, CLOSE_BAD_MESSAGE, Credential, encodeJoin, encodeSignIn, isInput, SUB_PROTOCOL,
} from "./net/wire";
import { findCodecs } from "./picture/pictures";

/* The library of types for pages and the one for workers exclude each other. */
interface Scope {
	onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
	postMessage(message: FromWorker, transfer: Transferable[]): void;
}

const scope = self as unknown as Scope;

/* Asked for at once, since some browsers take their time over it. */
const codecsFound = findCodecs();

function connect(): WebSocket {
	const scheme = location.protocol === "https:" ? "wss:" : "ws:";
	const socket = new WebSocket(`${scheme}//${location.host}/ws`, SUB_PROTOCOL);

	socket.binaryType = "arraybuffer";
	return socket;
}

/* One attempt to connect, and the connection that comes of it. */
class Connection {
	private stream: Stream | null = null; /* null: not signed in */
	private ended = false;
	private twin: Twin | null = null; /* once the host has asked for one */
	private nInputs = 0; /* sent so far */

	/* socket may be open already. */
	constructor(private readonly socket: WebSocket, credential: Credential) {
		if (socket.readyState === WebSocket.OPEN)
			this.signIn(credential);
		socket.onopen = () => this.signIn(credential);
		socket.onmessage = (event) => this.handleMessage(event.data);
		socket.onclose = () => this.end(null);
	}

	handlePainted(ms: number): void {
		this.stream?.handlePainted(ms);
	}

	send(message: ArrayBuffer): void {
		if (this.socket.readyState !== WebSocket.OPEN)
			return;
		this.socket.send(message);
		if (!isInput(message))
			return;
		this.twin?.send(message);
		this.nInputs++;
	}

	close(): void {
		this.ended = true;
		this.twin?.close();
		this.stream?.close();
		this.socket.close();
	}

	private async signIn(credential: Credential): Promise<void> {
		const codecs = await codecsFound;

		this.stream = new Stream({
			emit: (event, transfer) => scope.postMessage(event, transfer),
			send: (message) => this.send(message),
			handleTwin: (key) => this.join(key),
			handleBadPicture: (problem) => this.fail(problem),
		}, codecs);
		this.send(encodeSignIn(credential, codecs));
	}

	private join(key: Uint8Array): void {
		this.twin?.close();
		this.twin = new Twin(connect(), {
			join: () => encodeJoin(key, this.nInputs),
			handleMessage: (bytes) => this.stream?.handleEcho(bytes),
			handleProblem: (problem) => this.fail(problem),
		});
	}

	private handleMessage(data: unknown): void {
		if (this.ended)
			return;
		try {
			const bytes = bytesOf(data);

			/* No host says nothing: so it looks when one was killed in the middle of a message. */
			if (bytes.length === 0) {
				this.end(null);
				this.close();
				return;
			}
			if (!this.stream)
				throw new RangeError("a message before the sign-in");
			this.stream.handleMessage(bytes);
		} catch (error) {
			this.fail(error);
		}
	}

	/* The host said something wrong. */
	private fail(error: unknown): void {
		this.end(error instanceof Error ? error.message : String(error));
		this.socket.close(CLOSE_BAD_MESSAGE);
	}

	private end(problem: string | null): void {
		if (this.ended)
			return;
		this.ended = true;
		this.twin?.close();
		this.stream?.close();
		scope.postMessage({ type: "closed", problem }, []);
	}
}

let connection: Connection | null = null;
let early: WebSocket | null = null; /* connects while the page is still being loaded */

function takeEarly(): WebSocket | null {
	const socket = early;

	early = null;
	return socket && socket.readyState <= WebSocket.OPEN ? socket : null;
}

scope.onmessage = ({ data }) => {
	if (data instanceof ArrayBuffer) {
		connection?.send(data);
		return;
	}
	switch (data.type) {
	case "connect":
		early = connect();
		break;
	case "open":
		connection?.close();
		connection = new Connection(takeEarly() ?? connect(), data.credential);
		break;
	case "painted":
		connection?.handlePainted(data.ms);
		break;
	case "close":
		connection?.close();
		connection = null;
		takeEarly()?.close();
		break;
	}
};

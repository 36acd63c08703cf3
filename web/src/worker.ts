/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The worker: owns the WebSocket, inflates and decodes. The page says when to connect and with
 * which credential; whether and when to try again is decided there.
 */

import type { FromWorker, ToWorker } from "./net/channel";
import { Stream } from "./net/stream";
import { CLOSE_BAD_MESSAGE, SUB_PROTOCOL } from "./net/wire";

/* The library of types for pages and the one for workers exclude each other. */
interface Scope {
	onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
	postMessage(message: FromWorker, transfer: ArrayBuffer[]): void;
}

const scope = self as unknown as Scope;

/* One attempt to connect, and the connection that comes of it. */
class Connection {
	private readonly socket: WebSocket;
	private readonly stream: Stream;
	private ended = false;

	constructor(url: string, signIn: ArrayBuffer) {
		this.stream = new Stream((event, transfer) => scope.postMessage(event, transfer));
		this.socket = new WebSocket(url, SUB_PROTOCOL);
		this.socket.binaryType = "arraybuffer";
		this.socket.onopen = () => this.socket.send(signIn);
		this.socket.onmessage = (event) => this.handleMessage(event.data);
		this.socket.onclose = () => this.end(null);
	}

	send(message: ArrayBuffer): void {
		if (this.socket.readyState === WebSocket.OPEN)
			this.socket.send(message);
	}

	close(): void {
		this.ended = true;
		this.socket.close();
	}

	private handleMessage(data: unknown): void {
		if (this.ended)
			return;
		try {
			if (!(data instanceof ArrayBuffer))
				throw new RangeError("a message that is not binary");
			/* No host says nothing: so it looks when one was killed in the middle of a message. */
			if (data.byteLength === 0) {
				this.end(null);
				this.close();
				return;
			}
			this.stream.handleMessage(new Uint8Array(data));
		} catch (error) {
			this.end(error instanceof Error ? error.message : String(error));
			this.socket.close(CLOSE_BAD_MESSAGE);
		}
	}

	private end(problem: string | null): void {
		if (this.ended)
			return;
		this.ended = true;
		scope.postMessage({ type: "closed", problem }, []);
	}
}

let connection: Connection | null = null;

scope.onmessage = ({ data }) => {
	if (data instanceof ArrayBuffer) {
		connection?.send(data);
	} else if (data.type === "open") {
		connection?.close();
		connection = new Connection(data.url, data.signIn);
	} else {
		connection?.close();
		connection = null;
	}
};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The second connection of docs/protocol.md: what the user does goes by both, and what comes of
 * it comes by both. Without it, or when it ends, the first goes on as ever.
 */

import { bytesOf } from "./wire";

export interface TwinEvents {
	/* What it sends first. From then on it is to be given all that the first connection sends. */
	join(): ArrayBuffer;
	/* Throws an Error when the message is bad. */
	handleMessage(bytes: Uint8Array): void;
	handleProblem(problem: unknown): void;
}

export class Twin {
	private joined = false;
	private ended = false;

	constructor(private readonly socket: WebSocket, private readonly events: TwinEvents) {
		socket.onopen = () => {
			socket.send(events.join());
			this.joined = true;
		};
		socket.onmessage = ({ data }) => this.handleMessage(data);
	}

	/* Of what is sent before it has joined the host knows that it is missing. */
	send(message: ArrayBuffer): void {
		if (this.joined && this.socket.readyState === WebSocket.OPEN)
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
			const bytes = bytesOf(data);

			/* So it looks when a host was killed: the first connection ends as well. */
			if (bytes.length > 0)
				this.events.handleMessage(bytes);
		} catch (error) {
			this.events.handleProblem(error);
		}
	}
}

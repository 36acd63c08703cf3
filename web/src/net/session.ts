/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Being signed in, as the page sees it: which credential opens the next connection, when a cut
 * one is tried again, and where the resume token lies. Sockets are the worker's; time and
 * chance come from the browser.
 *
 * No timer runs on a connection that is well and silent: whether a host is still there is
 * asked only when the user does something and has heard nothing for a while.
 */

import { backoffMs } from "./backoff";
import type { FromWorker, ToWorker } from "./channel";
import { Credential, encodePing, isToken, Refused, Welcome } from "./wire";

/* From open to WELCOME or REFUSED. Behind ssh -L a host that hangs still accepts. */
const ATTEMPT_MS = 10_000;
const SILENT_MS = 3_000;
const PROBE_MS = 5_000;

const RESUME_KEY = "afar.resume";
const LINK_KEY = "afar.link";
const RELOADED_KEY = "afar.reloaded";

export type Phase =
	| "signed-out"
	| "connecting"
	| "open"
	| "reconnecting" /* was open before, and the credential is thought good */
	| "refused"
	| "failed"; /* the host said something that this page does not understand */

export interface SessionEvents {
	/* The phase changed, or its refusal or problem did. */
	handlePhase(): void;
	handleWelcome(welcome: Welcome): void;
	handleMessage(message: FromWorker): void;
	handleLatency(ms: number): void;
}

export class Session {
	phase: Phase = "signed-out";
	refusal: Refused | null = null; /* of phase refused */
	problem = ""; /* of phase failed; also why a PIN got no answer */

	private credential: Credential | null = null;
	private wasOpen = false;
	private nTries = 0; /* in a row */
	private retryTimer = 0;
	private attemptTimer = 0;
	private probeTimer = 0;
	private heard = 0;
	private cookie = 0;
	private pinged = 0;

	constructor(private readonly worker: Worker, private readonly events: SessionEvents) {
		worker.onmessage = ({ data }) => this.handleMessage(data);
	}

	/* Uses the link if there is one, else what a former page of this tab has left. */
	start(link: string | null): void {
		const kept = link ?? sessionStorage.getItem(LINK_KEY);
		const resume = sessionStorage.getItem(RESUME_KEY);

		sessionStorage.removeItem(LINK_KEY);
		if (isToken(kept))
			this.signIn({ link: kept });
		else if (isToken(resume))
			this.signIn({ resume });
		else
			this.handleNoCredential();
	}

	signIn(credential: Credential): void {
		this.credential = credential;
		this.nTries = 0;
		this.wasOpen = false;
		this.problem = "";
		this.open();
	}

	get usesPin(): boolean {
		return this.credential !== null && "pin" in this.credential;
	}

	/* After a refusal or a problem that may have passed. */
	get canTryAgain(): boolean {
		return this.credential !== null && !this.usesPin;
	}

	tryAgain(): void {
		if (this.credential)
			this.open();
	}

	/* Input for the host; lost while there is no connection. */
	send(message: ArrayBuffer): void {
		if (this.phase !== "open")
			return;
		this.post(message);
		if (this.probeTimer === 0 && performance.now() - this.heard > SILENT_MS)
			this.probe();
	}

	/* A frame event is on the canvas; ms: how long that took. */
	acknowledge(ms: number): void {
		this.post({ type: "painted", ms });
	}

	/* Measures the round trip; handleLatency tells it. One at a time. */
	ping(): void {
		if (this.phase !== "open" || this.pinged !== 0)
			return;
		this.cookie = (this.cookie + 1) >>> 0;
		this.pinged = performance.timeOrigin + performance.now();
		this.post(encodePing(this.cookie));
	}

	/* The network is back, or the user is: do not wait for the timer, nor trust the silence. */
	nudge(): void {
		if (this.retryTimer !== 0)
			this.open();
		else if (this.phase === "open" && this.probeTimer === 0)
			this.probe();
	}

	private post(message: ToWorker): void {
		this.worker.postMessage(message);
	}

	private setPhase(phase: Phase): void {
		this.phase = phase;
		this.events.handlePhase();
	}

	private clearTimers(): void {
		clearTimeout(this.retryTimer);
		clearTimeout(this.attemptTimer);
		clearTimeout(this.probeTimer);
		this.retryTimer = this.attemptTimer = this.probeTimer = 0;
		this.pinged = 0;
	}

	private open(): void {
		if (!this.credential)
			return;
		this.clearTimers();
		this.attemptTimer = setTimeout(() => this.handleCut(), ATTEMPT_MS);
		this.post({ type: "open", credential: this.credential });
		this.setPhase(this.wasOpen ? "reconnecting" : "connecting");
	}

	/*
	 * A host that hangs cannot tell, and its supervisor sees only connections that are not
	 * accepted: so there is a new one, whose answer does not matter.
	 */
	private probe(): void {
		this.probeTimer = setTimeout(() => this.handleCut(), PROBE_MS);
		this.ping();
		fetch("/icon.svg", { method: "HEAD", cache: "no-store" }).catch(() => undefined);
	}

	private handleNoCredential(): void {
		/* index.html may have expected one. */
		this.post({ type: "close" });
		this.setPhase("signed-out");
	}

	private handleMessage(message: FromWorker): void {
		this.heard = performance.now();
		if (this.probeTimer !== 0) {
			clearTimeout(this.probeTimer);
			this.probeTimer = 0;
		}
		switch (message.type) {
		case "welcome":
			this.handleWelcome(message);
			break;
		case "refused":
			this.handleRefused(message);
			break;
		case "closed":
			this.handleClosed(message.problem);
			break;
		case "pong":
			this.handlePong(message.cookie, message.at);
			break;
		default:
			this.events.handleMessage(message);
			break;
		}
	}

	private handleWelcome(welcome: Welcome): void {
		this.clearTimers();
		sessionStorage.removeItem(RELOADED_KEY);
		if (welcome.resume) {
			this.credential = { resume: welcome.resume };
			sessionStorage.setItem(RESUME_KEY, welcome.resume);
		}
		this.nTries = 0;
		this.wasOpen = true;
		this.events.handleWelcome(welcome);
		this.setPhase("open");
	}

	private handleRefused(refusal: Refused): void {
		const resume = sessionStorage.getItem(RESUME_KEY);

		this.clearTimers();
		/* Already here: the close that follows is then no cut, whatever comes next. */
		this.phase = "refused";
		this.refusal = refusal;
		if (refusal.reason === "version" && this.reloadOnce())
			return;
		if (refusal.reason === "link" && isToken(resume)) {
			/* A used link, opened again in the tab that it signed in. */
			this.signIn({ resume });
			return;
		}
		if (refusal.reason === "resume")
			sessionStorage.removeItem(RESUME_KEY);
		if (refusal.reason === "resume" || refusal.reason === "link")
			this.credential = null;
		if (refusal.retryAfter > 0 && this.canTryAgain)
			this.retryTimer = setTimeout(() => this.open(), refusal.retryAfter * 1000);
		this.setPhase("refused");
	}

	/* An old page of a host that has been upgraded. False: it is not that. */
	private reloadOnce(): boolean {
		if (sessionStorage.getItem(RELOADED_KEY))
			return false;
		sessionStorage.setItem(RELOADED_KEY, "1");
		if (this.credential && "link" in this.credential)
			sessionStorage.setItem(LINK_KEY, this.credential.link);
		location.reload();
		return true;
	}

	private handlePong(cookie: number, at: number): void {
		if (cookie !== this.cookie || this.pinged === 0)
			return;
		this.events.handleLatency(Math.max(0, at - this.pinged));
		this.pinged = 0;
	}

	private handleClosed(problem: string | null): void {
		if (problem !== null) {
			this.clearTimers();
			this.problem = problem;
			this.setPhase("failed");
		} else if (this.phase !== "refused") {
			this.handleCut();
		}
	}

	/* The connection is gone, or counts as gone. */
	private handleCut(): void {
		this.clearTimers();
		this.post({ type: "close" });
		if (this.usesPin) {
			/* A PIN is tried when the user says so: wrong ones are counted. */
			this.credential = null;
			this.problem = "The host did not answer. Try again.";
			this.setPhase("signed-out");
			return;
		}
		this.retryTimer = setTimeout(() => this.open(), backoffMs(this.nTries++, Math.random()));
		this.setPhase(this.wasOpen ? "reconnecting" : "connecting");
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The page: puts session, picture, input and the pages around them together, and decides which
 * of them is seen. What is seen is told in data-state of the root element:
 *
 *	signin, connecting, connected, reconnecting, status, refused
 */

import { firstLink, takeLink } from "./net/fragment";

import { Keyboard } from "./input/keyboard";
import { Pointer } from "./input/pointer";
import type { FrameEvent, FromWorker } from "./net/channel";
import { Session } from "./net/session";
import { hidesPicture, StatusDocument, troubled } from "./net/status";
import { encodeRelease } from "./net/wire";
import { Cursor } from "./picture/cursor";
import { Painter } from "./picture/painter";
import { View } from "./picture/view";
import { element, setText } from "./ui/dom";
import { FullScreen } from "./ui/full-screen";
import { SignInPage } from "./ui/sign-in";
import { StatusPage, tellTrouble } from "./ui/status-page";
import { Toolbar } from "./ui/toolbar";

/* index.html has it started already. */
declare const worker: Worker;

type State = "signin" | "connecting" | "connected" | "reconnecting" | "status" | "refused";

/* How often the latency is measured while the toolbar is open and the user does something. */
const LATENCY_MS = 1000;

const viewport = element("viewport");
const canvas = element<HTMLCanvasElement>("screen");

let status: StatusDocument | null = null;
let hasScreen: boolean | null = null; /* SCREEN was not 0, 0; null: none has come yet */
let hostName = "";
let measuredAt = -LATENCY_MS;

const cursor = new Cursor(canvas);
const view: View = new View(viewport, canvas, () => cursor.setScale(view.scale));
const painter = new Painter(canvas, () => {
	view.setSize(painter.width, painter.height);
	toolbar.setSize(painter.width, painter.height);
	render();
});

const session = new Session(worker, {
	handlePhase() {
		if (session.phase !== "open")
			forgetInput();
		render();
	},
	handleWelcome(welcome) {
		hostName = welcome.hostName;
		document.title = hostName ? `${hostName} – afar` : "afar";
		canvas.setAttribute("aria-label", hostName ? `Desktop of ${hostName}` : "Desktop");
		status = null;
		hasScreen = null;
	},
	handleMessage,
	handleLatency: (ms) => toolbar.times.setRoundTrip(ms),
});

const keyboard = new Keyboard(canvas, {
	send(message) {
		pointer.flush();
		send(message);
	},
	handleLeave() {
		release();
		toolbar.open();
	},
});

const pointer = new Pointer(canvas, {
	send,
	toScreen: (x, y) => view.toScreen(x, y),
});

const signInPage = new SignInPage({
	handlePin: (pin) => session.signIn({ pin }),
	handleTryAgain: () => session.tryAgain(),
});

const statusPage = new StatusPage();

const toolbar: Toolbar = new Toolbar({
	handleOpen: measureLatency,
	handleClose: () => canvas.focus({ preventScroll: true }),
	handleScale() {
		view.setMode(view.mode === "fit" ? "actual" : "fit");
		toolbar.setMode(view.mode);
	},
	handleFullScreen: () => fullScreen.toggle(),
	handlePan: (dx, dy) => view.pan(dx, dy),
});

const fullScreen: FullScreen = new FullScreen(() => toolbar.update());

function handleMessage(message: FromWorker): void {
	switch (message.type) {
	case "frame":
		handleFrame(message);
		break;
	case "echo":
		painter.paintEcho(message.piece);
		break;
	case "cursor":
		cursor.set(message);
		break;
	case "screen":
		hasScreen = message.width > 0;
		painter.setScreen(message.width, message.height);
		render();
		break;
	case "status":
		status = message.document;
		render();
		break;
	}
}

function handleFrame(frame: FrameEvent): void {
	const start = performance.now();

	painter.paint(frame);
	const paintMs = performance.now() - start;
	session.acknowledge(paintMs);
	if (toolbar.isOpen)
		toolbar.times.setFrame(frame.times, frame.decodeMs, paintMs);
}

function send(message: ArrayBuffer): void {
	session.send(message);
	if (toolbar.isOpen)
		measureLatency();
}

function measureLatency(): void {
	const now = performance.now();

	if (now - measuredAt < LATENCY_MS)
		return;
	measuredAt = now;
	session.ping();
}

function forgetInput(): void {
	keyboard.forget();
	pointer.forget();
}

function release(): void {
	if (keyboard.holdsAny || pointer.holdsAny)
		session.send(encodeRelease());
	forgetInput();
}

function findState(): State {
	switch (session.phase) {
	case "signed-out":
		return "signin";
	case "refused":
	case "failed":
		return "refused";
	case "reconnecting":
		return "reconnecting";
	case "connecting":
		return "connecting";
	case "open":
		/* A first STATUS comes before SCREEN: to fill that page takes longer than that. */
		if (status && (hasScreen === false || hidesPicture(status)))
			return "status";
		return painter.width > 0 ? "connected" : "connecting";
	}
}

/* Which page is seen; on a cut the last one stays, under a notice. */
function render(): void {
	const state = findState();
	const root = document.documentElement.dataset;
	const former = root.state;
	const signingIn = state === "signin" || state === "refused"
		|| (state === "connecting" && session.usesPin);

	root.state = state;
	renderSignIn(state, signingIn);
	if (state !== "reconnecting") {
		viewport.hidden = state !== "connected";
		if (state === "status" && status)
			statusPage.show(status, hostName);
		else
			statusPage.hide();
		toolbar.show(state === "connected");
	}
	element("connecting").hidden = state !== "connecting" || signingIn;
	renderNotice(state);
	toolbar.setConnection(state === "reconnecting" ? "reconnecting" : "connected", hostName);
	if (state === "connected" && former !== "connected" && !toolbar.isOpen)
		canvas.focus({ preventScroll: true });
}

/* Over the last picture, which would otherwise just stand still. */
function renderNotice(state: State): void {
	const component = state === "connected" && status ? troubled(status) : null;
	const text = state === "reconnecting" ? "Reconnecting…"
		: component ? `${tellTrouble(component)}.` : "";

	setText(element("notice-text"), text);
	element("notice").hidden = text === "";
}

function renderSignIn(state: State, signingIn: boolean): void {
	const { refusal } = session;

	if (!signingIn) {
		signInPage.hide();
		return;
	}
	signInPage.show();
	signInPage.setBusy(state === "connecting");
	if (session.phase === "refused" && refusal)
		signInPage.sayRefused(refusal.reason, refusal.retryAfter, session.canTryAgain);
	else if (session.phase === "failed")
		signInPage.say(`The host sent something that this page does not understand `
			+ `(${session.problem}), and the connection was closed.`, session.canTryAgain);
	else
		signInPage.say(session.problem, false);
}

canvas.addEventListener("blur", release);
window.addEventListener("blur", release);
window.addEventListener("pagehide", release);
window.addEventListener("online", () => session.nudge());
document.addEventListener("visibilitychange", () => {
	if (document.hidden)
		release();
	else
		session.nudge();
});
/* A new link, pasted into this tab's address. */
window.addEventListener("hashchange", () => {
	const link = takeLink();

	if (link)
		session.signIn({ link });
});
canvas.addEventListener("pointerdown", () => toolbar.close());

toolbar.setMode(view.mode);
session.start(firstLink);

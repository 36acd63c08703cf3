/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The document of `afar status --json` (afar(1), src/wire/status.h) as the page reads it. The
 * writer may be newer: unknown keys are ignored and what is missing or odd counts as absent.
 */

export interface ComponentEnd {
	text: string;
	at: number | null; /* ms since 1970 */
	logTail: string[]; /* oldest first */
}

export interface Component {
	name: string;
	state: string; /* off, waiting, starting, ready, stopping, failed */
	since: number | null;
	restarts: number;
	nextTry: number | null;
	trouble: string; /* of one that runs: "does not answer"; "": none */
	lastEnd: ComponentEnd | null;
}

export interface StatusDocument {
	state: string; /* starting, ready, degraded, failed, stopped */
	components: Component[];
	clockAhead: number; /* of the machine before the browser's clock, ms */
}

const COMPONENTS_MAX = 64;
const LOG_LINES_MAX = 64;
const LINE_MAX = 1024;

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
	return typeof value === "string" ? value.slice(0, LINE_MAX) : "";
}

function time(value: unknown): number | null {
	const ms = typeof value === "string" ? Date.parse(value) : NaN;

	return Number.isFinite(ms) ? ms : null;
}

function parseEnd(value: unknown): ComponentEnd | null {
	if (!isObject(value))
		return null;
	const tail = Array.isArray(value.log_tail) ? value.log_tail : [];

	return {
		text: text(value.text),
		at: time(value.at),
		logTail: tail.slice(-LOG_LINES_MAX).map(text),
	};
}

function parseComponent(value: Json): Component {
	return {
		name: text(value.name),
		state: text(value.state),
		since: time(value.since),
		restarts: typeof value.restarts === "number" ? value.restarts : 0,
		nextTry: time(value.next_try),
		trouble: text(value.trouble),
		lastEnd: parseEnd(value.last_end),
	};
}

/* Null: not a status document at all. */
export function parseStatus(json: Json): StatusDocument | null {
	if (typeof json.state !== "string")
		return null;
	const components = Array.isArray(json.components) ? json.components : [];
	const now = time(json.now);

	return {
		state: text(json.state),
		components: components.slice(0, COMPONENTS_MAX).filter(isObject).map(parseComponent),
		clockAhead: now === null ? 0 : now - Date.now(),
	};
}

/*
 * Whose fault a missing picture is: the others wait for the ones before them. Components not
 * named here (bus, sound) come last: a desktop can be seen without them.
 */
const BLAME_ORDER = ["display", "pre-session", "session", "host", "bus"];

function rank(component: Component): number {
	const at = BLAME_ORDER.indexOf(component.name);

	return at < 0 ? BLAME_ORDER.length : at;
}

function ranked(components: Component[]): Component[] {
	return components.sort((a, b) => rank(a) - rank(b));
}

function isDown(component: Component): boolean {
	return component.state !== "ready" && component.state !== "off";
}

/* One that runs and is in trouble; null: none. */
export function troubled(document: StatusDocument): Component | null {
	return ranked(document.components.filter((component) => component.trouble !== ""))[0] ?? null;
}

/* The component to tell of, or null when all is well. */
export function culprit(document: StatusDocument): Component | null {
	const down = ranked(document.components.filter(isDown));

	/* While one waits for its next try, those that end with it are started again already. */
	return down.find((component) => component.state === "failed")
		?? down.find((component) => component.nextTry !== null)
		?? down.find((component) => component.lastEnd)
		?? down[0] ?? troubled(document);
}

/* A display without a session is a bare black screen, which is no picture. */
export function hidesPicture(document: StatusDocument): boolean {
	return document.components.some((component) =>
		(component.name === "session" || component.name === "pre-session")
		&& (component.state === "waiting" || component.state === "failed"));
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * In place of a missing picture: which part is down, why, since when, what afar does about it
 * and when, and the end of its log. Never a black screen.
 */

import { Component, culprit, StatusDocument } from "../net/status";
import { element, setText } from "./dom";
import { formatSeconds, formatTime } from "./duration";
import { Ticker } from "./ticker";

const NAMES: Record<string, string> = {
	"display": "display",
	"bus": "session bus",
	"pipewire": "sound server",
	"pipewire-pulse": "sound server for PulseAudio programs",
	"session-manager": "sound session manager",
	"pre-session": "command before the session",
	"session": "desktop session",
	"host": "remoting host",
	"crash-uploader": "crash uploader",
};

const STATES: Record<string, string> = {
	off: "not used",
	waiting: "waiting",
	starting: "starting",
	ready: "running",
	stopping: "stopping",
	failed: "failed",
};

export function componentName(name: string): string {
	return NAMES[name] ?? name;
}

export function tellTrouble(component: Component): string {
	return `The ${componentName(component.name)} ${component.trouble}`;
}

export function title(component: Component | null): string {
	if (!component)
		return "The picture is on its way";
	const name = componentName(component.name);

	if (component.trouble)
		return tellTrouble(component);
	switch (component.state) {
	case "failed":
		return `The ${name} has failed`;
	case "starting":
		return `The ${name} is starting`;
	case "stopping":
		return `The ${name} is stopping`;
	default:
		return component.lastEnd ? `The ${name} is down` : `Waiting for the ${name}`;
	}
}

export function action(component: Component | null): string {
	if (!component)
		return "Everything is running. The picture appears here by itself.";
	switch (component.state) {
	case "failed":
		return "afar has given up on it. Look at the log below, mend the cause, then run "
			+ "“afar stop” and “afar start” on the machine.";
	case "starting":
		return "afar is starting it. The picture appears here by itself.";
	case "stopping":
		return "It is being ended.";
	case "ready":
		return "afar asks it again. The picture appears here by itself.";
	default:
		return component.nextTry !== null
			? "afar starts it again by itself. You need not do anything."
			: "afar starts it as soon as what it depends on is running.";
	}
}

export class StatusPage {
	private readonly page = element("status-page");
	private readonly next = element("status-next");
	private readonly since = element("status-since");
	private readonly log = element("status-log");
	private readonly rows = element("components").querySelector("tbody") as HTMLElement;
	private readonly ticker = new Ticker(() => this.tick());
	private component: Component | null = null;
	private document: StatusDocument | null = null;

	show(document: StatusDocument, hostName: string): void {
		this.page.hidden = false;
		setText(element("status-host"), hostName);
		if (document === this.document)
			return;
		this.document = document;
		this.component = culprit(document);
		this.fill(this.component);
		this.rows.replaceChildren(...document.components.map(componentRow));
		this.ticker.start();
	}

	hide(): void {
		this.page.hidden = true;
		this.document = null;
		this.ticker.stop();
	}

	private fill(component: Component | null): void {
		const end = component?.lastEnd;
		const log = end?.logTail.join("\n") ?? "";
		const restarts = component?.restarts ?? 0;

		setText(element("status-title"), title(component));
		setText(element("status-reason"), end ? `It ended: ${end.text || "no reason is known"}.` : "");
		setText(element("status-action"), action(component));
		setText(element("status-restarts"), restarts === 1 ? "once" : `${restarts} times`);
		element("status-restarts-row").hidden = restarts === 0;
		element("status-since-row").hidden = !component?.since;
		element("status-next-row").hidden = !component?.nextTry;
		element("status-log-section").hidden = log === "";
		if (this.log.textContent !== log) {
			this.log.textContent = log;
			this.log.scrollTop = this.log.scrollHeight;
		}
	}

	private tick(): void {
		const component = this.component;
		const now = Date.now() + (this.document?.clockAhead ?? 0);

		if (component?.since)
			setText(this.since, `${formatTime(component.since, now)} `
				+ `(${formatSeconds((now - component.since) / 1000)} ago)`);
		if (component?.nextTry) {
			const left = Math.ceil((component.nextTry - now) / 1000);
			setText(this.next, left > 0 ? `in ${formatSeconds(left)}` : "any moment");
		}
		if (!component?.since && !component?.nextTry)
			this.ticker.stop();
	}
}

function componentRow(component: Component): HTMLElement {
	const row = document.createElement("tr");
	const name = document.createElement("th");
	const state = document.createElement("td");
	const since = document.createElement("td");

	name.scope = "row";
	name.textContent = componentName(component.name);
	state.textContent = STATES[component.state] ?? component.state;
	state.dataset.state = component.state;
	since.textContent = component.since ? formatTime(component.since, Date.now()) : "";
	row.dataset.component = component.name;
	row.append(name, state, since);
	return row;
}

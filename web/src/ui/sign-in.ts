/* SPDX-License-Identifier: BSD-3-Clause */

/* The sign-in page: a PIN, how to get another way in, and why the last try was refused. */

import type { Refusal } from "../net/wire";
import { element, setText } from "./dom";
import { formatSeconds } from "./duration";
import { Ticker } from "./ticker";

const PIN_DIGITS = 8;

const REFUSED: Record<Refusal, string> = {
	link: "This link has been used already, or has expired. A new one comes from “afar link”; "
		+ "or sign in with the PIN.",
	pin: "That PIN is not right.",
	resume: "Your sign-in has ended. Please sign in again.",
	limit: "Too many tries. The host takes no more for a while.",
	version: "This page and the host are of different versions, and loading the page again did "
		+ "not help. Close this tab and open a new link.",
	busy: "The host is busy and cannot take another viewer now.",
};

export interface SignInEvents {
	handlePin(pin: string): void;
	handleTryAgain(): void;
}

export class SignInPage {
	private readonly page = element("sign-in-page");
	private readonly form = element<HTMLFormElement>("sign-in-form");
	private readonly pin = element<HTMLInputElement>("pin");
	private readonly button = element<HTMLButtonElement>("sign-in");
	private readonly again = element<HTMLButtonElement>("try-again");
	private readonly message = element("message");
	private readonly countdown = element("countdown");
	private readonly ticker = new Ticker(() => this.tick());
	private until = 0; /* performance.now() when the next try may come; 0: at once */

	constructor(private readonly events: SignInEvents) {
		this.form.addEventListener("submit", (event) => {
			event.preventDefault();
			this.submit();
		});
		this.again.addEventListener("click", () => events.handleTryAgain());
		this.pin.addEventListener("input", () => this.pin.removeAttribute("aria-invalid"));
	}

	show(): void {
		if (!this.page.hidden)
			return;
		this.page.hidden = false;
		this.pin.focus();
	}

	hide(): void {
		this.page.hidden = true;
		this.pin.value = "";
		this.setWait(0);
	}

	setBusy(busy: boolean): void {
		this.button.disabled = busy || this.until !== 0;
		this.form.setAttribute("aria-busy", String(busy));
		setText(this.button, busy ? "Signing in…" : "Sign in");
	}

	/* Empty text: nothing to say. canTryAgain: there is more to try than a PIN. */
	say(text: string, canTryAgain: boolean): void {
		setText(this.message, text);
		this.message.hidden = text === "";
		this.again.hidden = !canTryAgain;
	}

	sayRefused(reason: Refusal, retryAfter: number, canTryAgain: boolean): void {
		this.say(REFUSED[reason], canTryAgain);
		this.setWait(retryAfter);
		if (reason === "pin") {
			this.pin.setAttribute("aria-invalid", "true");
			this.pin.value = "";
		}
		this.pin.focus();
	}

	private setWait(seconds: number): void {
		this.until = seconds > 0 ? performance.now() + seconds * 1000 : 0;
		if (this.until !== 0)
			this.ticker.start();
		else
			this.stopWaiting();
	}

	private stopWaiting(): void {
		this.until = 0;
		this.ticker.stop();
		this.countdown.hidden = true;
		this.button.disabled = this.again.disabled = false;
	}

	private tick(): void {
		const left = Math.ceil((this.until - performance.now()) / 1000);

		if (left <= 0) {
			this.stopWaiting();
			this.say("You can try again now.", !this.again.hidden);
			return;
		}
		this.button.disabled = this.again.disabled = true;
		this.countdown.hidden = false;
		setText(this.countdown, `Next try in ${formatSeconds(left)}`);
	}

	private submit(): void {
		const pin = this.pin.value.replace(/[\s-]/g, "");

		if (this.button.disabled)
			return;
		if (!/^\d+$/.test(pin) || pin.length !== PIN_DIGITS) {
			this.say(`The PIN has ${PIN_DIGITS} digits.`, false);
			this.pin.setAttribute("aria-invalid", "true");
			this.pin.focus();
			return;
		}
		this.events.handlePin(pin);
	}
}

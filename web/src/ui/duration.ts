/* SPDX-License-Identifier: BSD-3-Clause */

/* Times for people. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/* "8 s", "2 min 5 s", "3 h 20 min", "4 days". */
export function formatSeconds(seconds: number): string {
	const s = Math.max(0, Math.floor(seconds));

	if (s < MINUTE)
		return `${s} s`;
	if (s < HOUR)
		return s % MINUTE === 0 ? `${s / MINUTE} min` : `${Math.floor(s / MINUTE)} min ${s % MINUTE} s`;
	if (s < 2 * DAY)
		return `${Math.floor(s / HOUR)} h ${Math.floor(s % HOUR / MINUTE)} min`;
	return `${Math.floor(s / DAY)} days`;
}

/* The time of day, with the date when it was not today. */
export function formatTime(ms: number, now: number): string {
	const time = new Date(ms);
	const sameDay = time.toDateString() === new Date(now).toDateString();

	return sameDay ? time.toLocaleTimeString() : time.toLocaleString();
}

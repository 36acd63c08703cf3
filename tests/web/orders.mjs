// SPDX-License-Identifier: BSD-3-Clause

// Obeys lines of JSON on stdin with one line of JSON each, what orders[line.do] returns, or
// {"error"}. First it says "ready". @check: called after each, throws what is wrong besides.

import { createInterface } from "node:readline";

export async function obey(orders, check = () => {}) {
	console.log("ready");
	for await (const line of createInterface({ input: process.stdin })) {
		const order = JSON.parse(line);
		let answer;

		try {
			answer = await orders[order.do](order);
			check();
		} catch (error) {
			answer = { error: String(error).split("\n")[0] };
		}
		console.log(JSON.stringify(answer));
	}
}

// SPDX-License-Identifier: BSD-3-Clause

// Imports a module of web/src as the page would have it: bundled by esbuild.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const BUILD = resolve(process.env.AFAR_BUILD ?? "build");
const SOURCE = fileURLToPath(new URL("../../web/src/", import.meta.url));

// names: as in "net/wire". Returns all their exports in one object.
export async function importSource(...names) {
	const directory = mkdtempSync(join(tmpdir(), "afar-web-"));
	const out = join(directory, "bundle.mjs");
	const entry = names.map((name) => `export * from "./${name}";`).join("\n");

	try {
		execFileSync("esbuild", ["--bundle", "--format=esm", "--log-level=warning",
			`--outfile=${out}`, "--loader=ts", "--loader:.wasm=binary"], {
			cwd: SOURCE,
			input: entry,
			env: { ...process.env, NODE_PATH: join(BUILD, "web") },
		});
		return await import(pathToFileURL(out).href);
	} finally {
		rmSync(directory, { recursive: true });
	}
}

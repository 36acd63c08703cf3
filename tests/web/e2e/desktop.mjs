// SPDX-License-Identifier: BSD-3-Clause

// A whole desktop for a test: the real programs of the build directory, with a home, a runtime
// directory and a log of their own, so that any number of them run side by side.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const BUILD = resolve(process.env.AFAR_BUILD ?? "build");
export const AFAR = join(BUILD, "src/afar");
const LEAKCHECK = fileURLToPath(new URL("../../leakcheck/leakcheck.py", import.meta.url));
const START_MS = 30000;
const STEP_MS = 15;

export function fake(name) {
	return join(BUILD, "tests/fakes", `fake-${name}`);
}

export function delay(ms) {
	return new Promise((done) => setTimeout(done, ms));
}

// Waits until check() returns something true, and returns that. For what nobody tells of.
export async function until(what, check, timeout = 5000) {
	const end = performance.now() + timeout;

	for (;;) {
		const found = await check();
		if (found)
			return found;
		if (performance.now() > end)
			throw new Error(`${timeout} ms passed before ${typeof what === "function" ? what() : what}`);
		await delay(STEP_MS);
	}
}

// What the environment of a test must not lend to a desktop.
function cleanEnvironment() {
	const env = { ...process.env };

	for (const name of Object.keys(env)) {
		if (/^(DISPLAY|XAUTHORITY|WAYLAND_DISPLAY|DBUS_.*|XDG_.*|SESSION_MANAGER|NODE_.*|AFAR_.*)$/
			.test(name))
			delete env[name];
	}
	return env;
}

// A program that is asked by lines on its stdin.
export class Program {
	constructor(path, args, env) {
		this.process = spawn(path, args, { env, stdio: ["pipe", "pipe", "inherit"] });
		this.process.stdin.on("error", () => undefined);
		this.chunks = [];
		this.size = 0;
		this.wake = () => undefined;
		this.process.stdout.on("data", (chunk) => {
			this.chunks.push(chunk);
			this.size += chunk.length;
			this.wake();
		});
		this.ended = new Promise((done) => this.process.on("close", () => {
			this.isOver = true;
			this.wake();
			done();
		}));
	}

	say(line) {
		this.process.stdin.write(`${line}\n`);
	}

	async #more() {
		if (this.isOver)
			throw new Error(`${this.process.spawnfile} has ended`);
		await new Promise((done) => {
			this.wake = done;
		});
	}

	#all() {
		this.chunks = [Buffer.concat(this.chunks)];
		return this.chunks[0];
	}

	#take(n) {
		const bytes = this.#all();

		this.chunks = [bytes.subarray(n)];
		this.size = this.chunks[0].length;
		return bytes.subarray(0, n);
	}

	async line() {
		for (;;) {
			const at = this.#all().indexOf(10);
			if (at >= 0)
				return this.#take(at + 1).toString().slice(0, -1);
			await this.#more();
		}
	}

	async bytes(n) {
		while (this.size < n)
			await this.#more();
		return this.#take(n);
	}

	async end() {
		this.process.kill("SIGKILL");
		await this.ended;
	}
}

// The framebuffer as X has it, read by a connection of its own: { width, height, rgb }.
export async function readScreen(reader) {
	reader.say("read");
	const [width, height] = (await reader.line()).split(" ").map(Number);

	return { width, height, rgb: await reader.bytes(width * height * 3) };
}

// Zombies do not count: they only wait to be reaped by somebody else.
export async function isAlive(pid) {
	try {
		const stat = await readFile(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
	} catch {
		return false;
	}
}

// The pids of all that carry this directory as HOME.
export async function processesOf(home) {
	const found = [];

	for (const name of await readdir("/proc")) {
		if (!/^\d+$/.test(name))
			continue;
		try {
			const environment = await readFile(`/proc/${name}/environ`, "utf8");
			if (environment.split("\0").includes(`HOME=${home}`) && await isAlive(name))
				found.push(Number(name));
		} catch {
			// It has ended, or is not ours to look at.
		}
	}
	return found;
}

export class Desktop {
	// conf: the text of afar.conf; env: on top of a clean environment; prefix: a command to run
	// `afar start` under.
	static async create({ conf = "", env = {}, prefix = [] } = {}) {
		const self = new Desktop();

		self.home = await mkdtemp(join(tmpdir(), "afar-e2e-"));
		self.runtime = join(self.home, "run");
		self.prefix = prefix;
		self.env = {
			...cleanEnvironment(),
			HOME: self.home,
			XDG_RUNTIME_DIR: self.runtime,
			XDG_STATE_HOME: join(self.home, "state"),
			...env,
		};
		await mkdir(self.runtime, { mode: 0o700 });
		await mkdir(join(self.home, ".config/afar"), { recursive: true, mode: 0o700 });
		if (conf)
			await writeFile(join(self.home, ".config/afar/afar.conf"), conf);
		self.programs = [];
		await self.leakcheck("snapshot", "--home", self.home, "--runtime", self.runtime);
		return self;
	}

	// A desktop that is ready. options: of `afar start`.
	static async start(options, more = {}) {
		const self = await Desktop.create(more);

		try {
			await self.begin(options);
		} catch (error) {
			error.message += `\n${await self.log()}`;
			await self.destroy();
			throw error;
		}
		return self;
	}

	async begin(options) {
		const [program, ...args] = [...this.prefix, AFAR, "start", ...options];
		const { stdout } = await run(program, args, { env: this.env, timeout: START_MS });

		this.pin = /PIN of this desktop is (\d{8})/.exec(stdout)?.[1] ?? this.pin;
		this.link = /^\s*(http:\S+#link=\S+)$/m.exec(stdout)?.[1];
		this.url = this.link?.replace(/#.*/, "");
	}

	async afar(...args) {
		return (await run(AFAR, args, { env: this.env })).stdout;
	}

	async makeLink() {
		return (await this.afar("link")).trim();
	}

	async status() {
		return JSON.parse(await this.afar("status", "--json"));
	}

	async component(name) {
		return (await this.status()).components.find((component) => component.name === name);
	}

	// Its one viewer is back, at another host than the one of this pid. That it was away may be
	// over before anybody can see it: the page says "reconnecting" for 8 ms.
	async untilBack(pid, timeout) {
		await until("the viewer is back at another host", async () => {
			const { components, viewers } = await this.status();
			const host = components.find((component) => component.name === "host");

			return host.pid && host.pid !== pid && viewers.length === 1;
		}, timeout);
	}

	// The environment of an X client.
	async clientEnvironment() {
		return {
			...this.env,
			DISPLAY: (await this.status()).display,
			XAUTHORITY: join(this.runtime, "afar/xauthority"),
		};
	}

	// A program on this desktop; ended with it.
	async client(path, ...args) {
		const program = new Program(path, args, await this.clientEnvironment());

		this.programs.push(program);
		return program;
	}

	// One of tests/fakes.
	async fake(name, ...args) {
		return this.client(fake(name), ...args);
	}

	async stats() {
		return JSON.parse(await this.afar("stats", "--json"));
	}

	async log() {
		try {
			return await readFile(join(this.home, "state/afar/afar.log"), "utf8");
		} catch {
			return "";
		}
	}

	async stop() {
		await this.afar("stop");
	}

	async leakcheck(command, ...options) {
		await run("python3", [LEAKCHECK, command, join(this.home, "before"), ...options]);
	}

	// With an error that says what is left over.
	async destroy() {
		await Promise.all(this.programs.map((program) => program.end()));
		await this.stop().catch(() => undefined);
		try {
			await this.leakcheck("compare");
		} catch (error) {
			throw new Error(`left over: ${error.stdout}${error.stderr}`);
		} finally {
			await this.remove();
		}
	}

	async remove() {
		for (const pid of await processesOf(this.home)) {
			try {
				process.kill(pid, "SIGKILL");
			} catch {
				// It has ended meanwhile.
			}
		}
		await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
	}
}

// Runs a command to its end and returns its exit status.
export async function exitStatus(path, args, env) {
	const child = spawn(path, args, { env, stdio: "ignore" });
	const [code] = await once(child, "close");

	return code;
}

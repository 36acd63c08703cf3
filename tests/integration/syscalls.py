#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The supervisor is killed at its k-th system call, from its start until it is ready: SUP-12.

syscalls.py [BUILD-DIRECTORY]. By strace(1), which kills and is gone; the supervisor that follows
runs without. Whatever k is, the desktop is there in the end or `afar start` says that it is not,
nothing is left behind, and the next start works. A seeded choice of k; AFAR_SOAK=1: every one.
"""
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import homes
from homes import *
from hosting import *

SOAK = bool(os.environ.get("AFAR_SOAK"))
SEED = int(os.environ.get("AFAR_SEED") or random.randrange(1 << 32))
N_QUICK = 24
N_LANES = 3  # they mostly wait
XVFB = ("--display", "xvfb")


class Traced:
    """An installation whose supervisors wait for a tracer, when the test wants to trace one."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="afar-traced-", dir="/var/tmp")
        for name in ("afar", "afar-guard", "afar-host"):
            shutil.copy2(os.path.join(BUILD, "src", name), self.path)
        real = os.path.join(self.path, "real")
        os.mkdir(real)
        for name in ("afar-supervisor", "afar-host"):
            shutil.copy2(os.path.join(BUILD, "src", name), real)
        self.gate, self.pid_file = os.path.join(self.path, "gate"), os.path.join(self.path, "pid")
        program = os.path.join(self.path, "afar-supervisor")
        with open(program, "w") as f:
            f.write(f"""#!/bin/sh
if [ -p {self.gate} ]; then
	echo $$ >{self.pid_file}.new && mv {self.pid_file}.new {self.pid_file}
	read -r line <{self.gate}
	rm {self.gate}
fi
exec {real}/afar-supervisor "$@"
""")
        os.chmod(program, 0o755)
        homes.AFAR = os.path.join(self.path, "afar")

    def start(self, home, *options):
        """`afar start`, whose first supervisor is traced: (exit status, what it said and complained)."""
        os.mkfifo(self.gate)
        starting = subprocess.Popen(
            home.command("start", *XVFB, "--session", "exec openbox"), env=home.env, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: os.path.exists(self.pid_file), "a supervisor", 20 * SLOW)
        with open(self.pid_file) as f:
            pid = f.read().strip()
        os.unlink(self.pid_file)
        tracer = subprocess.Popen(["strace", "-p", pid, *options], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        check("attached" in tracer.stderr.readline(), "strace cannot attach")
        self.open_gate(starting)
        try:
            out, err = starting.communicate(timeout=60 * SLOW)
        except subprocess.TimeoutExpired:
            check(False, "it does not end:", processes_of(home.path), home.log()[-2000:])
        if os.path.exists(self.gate):  # it did not come as far
            os.unlink(self.gate)
        tracer.terminate()
        tracer.communicate()
        return starting.returncode, out, err

    def open_gate(self, starting):
        """To whoever waits there: nobody does any more when the start was given up meanwhile."""
        def is_open():
            try:
                fd = os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                return starting.poll() is not None
            try:
                os.write(fd, b"go\n")
            except BrokenPipeError:
                pass  # killed as it was let through
            os.close(fd)
            return True
        wait_for(is_open, "somebody at the gate", 60 * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        homes.AFAR = AFAR_IN_USE
        shutil.rmtree(self.path, ignore_errors=True)


AFAR_IN_USE = homes.AFAR


def list_calls(programs):
    """All from the start until it is ready, as "read:3" for its third: so strace(1) counts them."""
    with Home() as home:
        record = os.path.join(home.path, "calls")
        code, out, err = programs.start(home, "-o", record)
        check(code == 0, out, err)
        counts, calls = collections.Counter(), []
        with open(record, errors="replace") as f:
            for name in re.findall(r"^(\w+)\(", f.read(), re.M):
                counts[name] += 1
                calls.append(f"{name}:{counts[name]}")
        home.afar("stop")
        home.is_free_of_processes()
    check(len(calls) > 500, len(calls), "calls: was it traced?")
    return calls


def try_one(programs, call):
    """Returns whether the start succeeded all the same."""
    with Home() as home:
        name, nth = call.split(":")
        code, out, err = programs.start(home, "-o", "/dev/null", "-e",
                                        f"inject={name}:signal=KILL:when={nth}")
        check(code in (0, 1), call, code, out, err)
        if code == 0:
            home.wait_state("ready")
            check(home.afar("stop")[0] == 0, call)
        else:
            check(err, call, "a failure without a word", out)
            home.afar("stop")
        home.nothing_is_left()
        out = home.up(*XVFB)
        home.wait_state("ready")
        check(home.afar("stop")[0] == 0, call)
        home.nothing_is_left()
        return code == 0


def lane(chosen):
    """What one process tries; the number of starts that went on is what it says last."""
    survived = n_bad = 0
    with Traced() as programs:
        for call in chosen:
            try:
                survived += try_one(programs, call)
            except Exception as error:
                print(f"# at {call}: {error}", flush=True)
                n_bad += 1
    print(survived)
    return min(n_bad, 1)


def killed_at_any_system_call_it_is_replaced_and_the_next_start_works():
    with Traced() as programs:
        chosen = list_calls(programs)
    n = len(chosen)
    if not SOAK:
        chosen = random.Random(SEED).sample(chosen, N_QUICK)
    lanes = [subprocess.Popen(
        [sys.executable, __file__, BUILD, "lane", *chosen[i::N_LANES]],
        stdout=subprocess.PIPE, text=True) for i in range(N_LANES)]
    said = [lane.communicate()[0].splitlines() for lane in lanes]
    bad = [line for lines in said for line in lines if line.startswith("# ")]
    check(all(lane.returncode == 0 for lane in lanes), f"of {n}:", *bad[:10])
    survived = sum(int(lines[-1]) for lines in said)
    print(f"# {len(chosen)} of {n} system calls; {survived} starts went on to be ready")
    check(survived > len(chosen) // 2, survived)


if __name__ == "__main__":
    if sys.argv[2:3] == ["lane"]:
        sys.exit(lane(sys.argv[3:]))
    print(f"# seed {SEED}", flush=True)
    sys.exit(run([killed_at_any_system_call_it_is_replaced_and_the_next_start_works]))

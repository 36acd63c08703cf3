#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The supervisor is killed at its k-th system call, from its start until it is ready: SUP-12.

syscalls.py [BUILD-DIRECTORY]. By strace(1), which kills and is gone; the supervisor that follows
runs without. Whatever k is, the desktop is there in the end or `afar start` says that it is not,
nothing is left behind, and the next start works. A seeded choice of k; AFAR_SOAK=1: every one.
"""
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
XVFB = ("--display", "xvfb")


class Traced:
    """An installation whose first supervisor runs under strace."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="afar-traced-", dir="/var/tmp")
        for name in ("afar", "afar-guard", "afar-host"):
            shutil.copy2(os.path.join(BUILD, "src", name), self.path)
        real = os.path.join(self.path, "real")
        os.mkdir(real)
        for name in ("afar-supervisor", "afar-host"):
            shutil.copy2(os.path.join(BUILD, "src", name), real)
        self.flag = os.path.join(self.path, "trace")
        with open(os.path.join(self.path, "afar-supervisor"), "w") as f:
            f.write(f"""#!/bin/sh
if mv {self.flag} {self.flag}.taken 2>/dev/null; then
	set -- $(cat {self.flag}.taken) -- {real}/afar-supervisor "$@"
	exec strace -D -qq "$@"
fi
exec {real}/afar-supervisor "$@"
""")
        os.chmod(os.path.join(self.path, "afar-supervisor"), 0o755)
        homes.AFAR = os.path.join(self.path, "afar")

    def trace(self, *options):
        """The next supervisor that is started."""
        with open(self.flag, "w") as f:
            f.write(" ".join(options))

    def was_traced(self):
        return not os.path.exists(self.flag)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        homes.AFAR = AFAR_IN_USE
        shutil.rmtree(self.path, ignore_errors=True)


AFAR_IN_USE = homes.AFAR


def count_calls(programs):
    """How many there are from the start until it is ready."""
    with Home() as home:
        record = os.path.join(home.path, "calls")
        programs.trace("-o", record)
        home.up(*XVFB)
        with open(record, errors="replace") as f:
            n = sum(1 for line in f if re.match(r"\w+\(", line))
        home.afar("stop")
        home.is_free_of_processes()
    check(n > 500, n, "calls: was it traced?")
    return n


def try_one(programs, k):
    """Returns whether the start succeeded all the same."""
    with Home() as home:
        left = Leftovers(home)
        programs.trace("-o", "/dev/null", "-e", f"inject=all:signal=KILL:when={k}")
        code, out, err = home.start(*XVFB)
        check(programs.was_traced(), "it was not traced")
        check(code in (0, 1), k, code, out, err)
        if code == 0:
            home.wait_state("ready")
            check(home.afar("stop")[0] == 0, k)
        else:
            check(err, k, "a failure without a word", out)
            home.afar("stop")
        left.check()
        out = home.up(*XVFB)
        home.wait_state("ready")
        check(home.afar("stop")[0] == 0, k)
        left.check()
        return code == 0


def killed_at_any_system_call_it_is_replaced_and_the_next_start_works():
    with Traced() as programs:
        n = count_calls(programs)
        chosen = range(1, n + 1) if SOAK else sorted(random.Random(SEED).sample(range(1, n + 1), N_QUICK))
        survived = 0
        for k in chosen:
            try:
                survived += try_one(programs, k)
            except Exception as error:
                raise Failed(f"at system call {k} of {n}: {error}") from error
        print(f"# {len(chosen)} of {n} system calls; {survived} starts went on to be ready")
        check(survived > len(chosen) // 2, survived)


print(f"# seed {SEED}", flush=True)
if __name__ == "__main__":
    sys.exit(run([killed_at_any_system_call_it_is_replaced_and_the_next_start_works]))

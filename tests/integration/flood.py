#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""SUP-15: a session that prints without end costs neither disk nor time, and is not held up.

flood.py [BUILD-DIRECTORY]. The session is told how much by tests/fakes/child.c. AFAR_SOAK=1: a
whole GiB.
"""
import os
import re
import signal
import sys
import time

from hosting import *
from homes import *

FAKE = os.path.join(BUILD, "tests", "fakes", "fake-child")
MEGABYTES = 1024 if os.environ.get("AFAR_SOAK") else 256
FILE_MAX = 10 << 20


class Told:
    """A home whose session is a fake that waits at the gate, floods, says why and goes on."""

    def __init__(self, home, how):
        self.home = home
        self.fakes = os.path.join(home.path, "fakes")
        os.mkdir(self.fakes)
        os.symlink(FAKE, os.path.join(home.path, "talker"))
        with open(os.path.join(self.fakes, "talker.how"), "w") as f:
            f.write(how)
        os.mkfifo(os.path.join(self.fakes, "gate"))
        # A window manager makes the desktop ready before the flood; what it says is not counted.
        session = f"openbox >/dev/null 2>&1 & AFAR_TEST_FAKES={self.fakes} exec {home.path}/talker"
        home.up(session=session)

    def open_gate(self):
        with open(os.path.join(self.fakes, "gate"), "w"):
            pass

    def flood(self):
        """(slowest write, all of them), in seconds; None before the end."""
        for name in os.listdir(self.fakes):
            path = os.path.join(self.fakes, name, "flood")
            if name.startswith("talker.") and os.path.exists(path):
                with open(path) as f:
                    return [int(word) / 1e6 for word in f.read().split()]
        return None


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1))


def log_sizes(home):
    directory = os.path.join(home.path, ".local/state/afar")
    return {name: os.stat(os.path.join(directory, name)).st_size for name in os.listdir(directory)}


# SUP-15
def a_session_that_floods_is_neither_blocked_nor_does_it_take_time_or_room():
    how = f"print before\\n\nawait gate\nflood {MEGABYTES * 1024}\nprint the reason\\n\nhang\n"
    with Home() as home:
        told = Told(home, how)
        supervisor = home.status()["supervisor_pid"]
        cpu, rss, asked = cpu_seconds(supervisor), resident_kib(supervisor), []
        began = time.monotonic()
        told.open_gate()
        while not told.flood():
            at = time.monotonic()
            check(home.status()["state"] == "ready", home.status())
            asked.append(time.monotonic() - at)
            check(time.monotonic() < began + 60 * SLOW, "the flood does not end")
        slowest, took = told.flood()
        cpu = cpu_seconds(supervisor) - cpu
        print(f"# {MEGABYTES} MiB in {took:.2f} s, {cpu / took:.1%} of a core; the slowest write "
              f"{slowest * 1e3:.1f} ms; {len(asked)} questions, the slowest {max(asked) * 1e3:.1f} ms; "
              f"resident {rss} to {resident_kib(supervisor)} KiB", flush=True)
        # `make bench` holds it to SUP-15's 20 %; these are what no busy machine explains.
        check(cpu / took <= 0.6, "CPU", cpu, "of", took)
        check(slowest <= 0.5, "a write took", slowest)
        check(max(asked) <= 0.5, "an answer took", max(asked))
        # What comes now is heard soon, with what was left out, though nobody says any more.
        wait_for(lambda: "session: the reason\n" in home.log(), "the last line", 10)
        sizes = log_sizes(home)
        check(set(sizes) <= {"afar.log", "afar.log.1", "afar.log.2"}, sizes)
        check(sum(sizes.values()) <= 2 << 20 and max(sizes.values()) <= FILE_MAX, sizes)
        log = home.log()
        left_out = sum(map(int, re.findall(r"session: \[(\d+) bytes are left out here", log)))
        kept = len(re.findall(r"session: x{63}$", log, re.M)) * 64
        check(left_out + kept == MEGABYTES << 20, left_out, kept, MEGABYTES << 20)
        check("session: before\n" in log, "what came before is gone")
        check(resident_kib(supervisor) - rss <= 256, "memory", rss, resident_kib(supervisor))
        home.afar("stop")


# SUP-15
def the_last_words_of_a_flood_are_the_reason_that_status_tells():
    how = "await gate\nflood 65536\nprint the reason\\n\nexit 7\n"
    with Home("[relaunch]\nfast_delay = 60\n") as home:
        Told(home, how).open_gate()
        wait_for(lambda: home.component("session")["last_end"], "its end", 20 * SLOW)
        end = home.component("session")["last_end"]
        check(end["code"] == 7 and end["log_tail"][-1] == "the reason", end)
        check("session: the reason\n" in home.log(), "it is not in the log")
        home.afar("stop")


# SOK-01
def after_a_rotation_the_guard_writes_to_the_new_file_too():
    with Home() as home:
        home.up()
        path = os.path.join(home.path, ".local/state/afar/afar.log")
        with open(path, "a") as f:
            f.write("x" * 63 + "\n")
            f.truncate(FILE_MAX)
        status = home.status()
        home.afar("reload")
        wait_for(lambda: os.path.exists(path + ".1"), "another file")
        os.kill(status["supervisor_pid"], signal.SIGKILL)
        wait_for(lambda: "guard: the supervisor was killed by signal 9" in home.log(), "its words")
        check(os.stat(path + ".1").st_size == FILE_MAX, os.stat(path + ".1"))
        for pid in (status["guard_pid"], home.status()["supervisor_pid"]):
            check(not any(".log.1" in kind for kind in Fds(pid).kinds), Fds(pid).kinds)
        home.afar("stop")


tests = [
    a_session_that_floods_is_neither_blocked_nor_does_it_take_time_or_room,
    the_last_words_of_a_flood_are_the_reason_that_status_tells,
    after_a_rotation_the_guard_writes_to_the_new_file_too,
]
if __name__ == "__main__":
    sys.exit(run(tests))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each child is killed in each phase of its life: SUP-01.

phases.py [BUILD-DIRECTORY]. Real Xvfb, openbox, bus and PipeWire; the pre-session, which our own
flavour has in /etc, is a fake under the contract. The decisions are the contract's: a host alone is
started again, a display or session takes the desktop with it, one part of the sound all three.
"""
import os
import signal
import subprocess
import sys

from contract_home import ContractHome
from homes import *
from hosting import *

XVFB = ("--display", "xvfb")
SOUND = ("pipewire", "pipewire-pulse", "session-manager")
DESKTOP = ("display", "bus", "session", *SOUND)
PRE_SESSION = "chrome-remote-desktop-pre-session"
CHILDREN = ("display", "session", "host", *SOUND)


def components(home):
    return {c["name"]: c for c in home.status().get("components", ())}


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def await_all(home):
    seen = {}

    def all_ready():
        seen.update(components(home))
        return all(seen[name]["state"] == "ready" for name in (*DESKTOP, "host"))
    wait_for(all_ready, "all is ready", 20 * SLOW)
    return seen


def begin(home):
    """A start that nobody waits for; returns its process."""
    return subprocess.Popen(home.command("start", *XVFB, "--session", "exec openbox"), env=home.env,
                            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def await_pid(home, name, states):
    seen = {}

    def is_there():
        try:
            seen.update(components(home).get(name, {}))
        except Failed:  # nobody answers yet
            return False
        return seen.get("pid") and seen["state"] in states
    wait_for(is_there, f"{name} in {states}", 20 * SLOW)
    return seen["pid"]


def just_forked(home, name):
    starting = begin(home)
    kill(await_pid(home, name, ("starting", "ready")))
    starting.wait(30 * SLOW)


def before_it_is_ready(home, name):
    """In a desktop that starts anew, as soon as its next process is there."""
    home.up(*XVFB)
    before = await_all(home)
    kill(before[name]["pid"])

    second = []

    def is_there():
        pid = components(home)[name]["pid"]
        if pid not in (None, before[name]["pid"]):
            second.append(pid)
        return second
    wait_for(is_there, "the next one", 20 * SLOW)
    kill(second[0])


def ready(home, name):
    home.up(*XVFB)
    before = await_all(home)
    kill(before[name]["pid"])
    wait_for(lambda: components(home)[name]["restarts"] > before[name]["restarts"], "its end", 20 * SLOW)
    after = await_all(home)
    changed = {n for n in (*DESKTOP, "host") if after[n]["pid"] != before[n]["pid"]}
    wanted = {"host"} if name == "host" else set(SOUND) if name in SOUND else set(DESKTOP)
    check(changed == wanted, name, "changed", changed)
    check(after[name]["last_end"]["signal"] == 9 or name in SOUND, after[name])


def during_teardown(home, name):
    home.up(*XVFB)
    before = await_all(home)
    kill(before["display" if name == "session" else "session"]["pid"])
    kill(before[name]["pid"])


def during_a_reload(home, name):
    home.up(*XVFB)
    before = await_all(home)
    reload = subprocess.Popen(home.command("reload"), env=home.env, cwd="/",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kill(before[name]["pid"])
    check(reload.wait(20 * SLOW) == 0, "reload")


PHASES = (just_forked, before_it_is_ready, ready, during_teardown, during_a_reload)


def case(name, phase):
    def run_it():
        with Home() as home:
            phase(home, name)
            await_all(home)
            home.wait_state("ready")
            check(home.afar("stop")[0] == 0)
            home.nothing_is_left()
    run_it.__name__ = f"{name}_killed_{phase.__name__}".replace("-", "_")
    return run_it


# --- the pre-session ---


def run_with_pre_session(how, body):
    with ContractHome(scale=100) as home:
        home.gate("gate")
        home.tell("pre-session", how)
        daemon = home.start(etc={PRE_SESSION: (home.run_fake("pre-session"), 0o755)})
        body(home, daemon)
        daemon.news.wait("READY")
        check(daemon.stop() == 0)
        home.is_free_of_processes()


def a_pre_session_killed_while_it_runs_is_run_again():
    def body(home, daemon):
        kill(home.wait_launch("pre-session").pid)
        daemon.wait_line("Pre-session failed. Tearing down.")
        home.wait_launch("pre-session", 2)
        home.open_gate("gate")
    run_with_pre_session("await gate\n", body)


def a_pre_session_killed_during_a_reload_is_run_again():
    def body(home, daemon):
        pre = home.wait_launch("pre-session")
        daemon.signal(signal.SIGHUP)
        kill(pre.pid)
        daemon.wait_line("Pre-session failed. Tearing down.")
        home.wait_launch("pre-session", 2)
        home.open_gate("gate")
    run_with_pre_session("await gate\n", body)


def a_pre_session_killed_in_the_next_desktop_is_run_again():
    """While the last one is just down: its start is the teardown's end."""
    def body(home, daemon):
        home.open_gate("gate")
        daemon.news.wait("READY")
        kill(home.wait_launch("session").pid)
        kill(home.wait_launch("pre-session", 2).pid)
        home.wait_launch("pre-session", 3)
        home.open_gate("gate")
        home.wait_launch("session", 2)
    run_with_pre_session("await gate\n", body)


def a_pre_session_killed_while_all_is_ended_is_no_trouble():
    with ContractHome(scale=100) as home:
        home.gate("gate")
        home.tell("pre-session", "ignore 15\nawait gate\n")
        daemon = home.start(etc={PRE_SESSION: (home.run_fake("pre-session"), 0o755)})
        pre = home.wait_launch("pre-session")
        daemon.signal(signal.SIGTERM)
        daemon.wait_line("Sending SIGTERM to pre-session")
        kill(pre.pid)
        check(daemon.exit_status() == 0)
        home.is_free_of_processes()


tests = [case(name, phase) for name in CHILDREN for phase in PHASES] + [
    a_pre_session_killed_while_it_runs_is_run_again,
    a_pre_session_killed_during_a_reload_is_run_again,
    a_pre_session_killed_in_the_next_desktop_is_run_again,
    a_pre_session_killed_while_all_is_ended_is_no_trouble,
]
if __name__ == "__main__":
    if len(sys.argv) > 2:
        tests = [t for t in tests if sys.argv[2] in t.__name__]
    sys.exit(run(tests))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pids that mean another by now: nobody who has nothing to do with a desktop is signalled (SUP-11).

pids.py [BUILD-DIRECTORY] [NAME]. Needs root: in a name space of processes of its own it tells the
kernel which pid comes next (ns_last_pid), and so makes it use one again at once. Real daemons on
Xvfb with openbox. See confine.py for what that cannot harm.
"""
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys

import confine
from hosting import *
from homes import *
from leakcheck import descendants

XVFB = ("--display", "xvfb")
LAST_PID = "/proc/sys/kernel/ns_last_pid"


class Stranger:
    """Somebody else's process, which has got this pid, and leads a group as a shell's job does."""

    def __init__(self, pid):
        self.pid = pid
        wait_for(self.has_got_it, f"process {pid}")

    def has_got_it(self):
        """Unless a part of the desktop has forked in between."""
        with open(LAST_PID, "w") as f:
            f.write(str(self.pid - 1))
        self.process = subprocess.Popen(["sleep", "1000"], env={}, start_new_session=True)
        if self.process.pid == self.pid:
            return True
        self.close()
        return False

    def is_untouched(self):
        check(self.process.poll() is None, "the stranger was signalled:", self.process.returncode)

    def close(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def up(home, session="exec openbox"):
    """Until the last part has started: who has a pid for good is nobody's stranger."""
    home.up(*XVFB, session=session)
    for name in ("pipewire", "pipewire-pulse", "session-manager"):
        home.wait_ready(name)


def kill_both(home):
    """Guard and supervisor at once; the guard's pid is free then."""
    status = home.status()
    for pid in (status["guard_pid"], status["supervisor_pid"]):
        os.kill(pid, signal.SIGKILL)
    for pid in (status["guard_pid"], status["supervisor_pid"]):
        os.waitpid(pid, 0)  # of this name space we are the first process: they are ours
    return status["guard_pid"]


def the_guards_pid_in_a_stale_lock_is_nobodys_name():
    with Home() as home:
        up(home)
        with Stranger(kill_both(home)) as other:
            code, out, err = home.afar("status")
            check(code == 3, code, out, err)
            code, out, err = home.afar("stop")
            check(code == 0 and "not running" in out, code, out, err)
            other.is_untouched()
            out = home.up(*XVFB)
            check("what is left" in out, out)
            check(home.status()["guard_pid"] != other.pid)
            other.is_untouched()
            check(home.afar("stop")[0] == 0)
            other.is_untouched()


def nor_while_another_holds_the_lock():
    """As a start does between its lock and its guard's first word."""
    with Home() as home:
        up(home)
        with Stranger(kill_both(home)) as other:
            with open(os.path.join(home.config, "lock"), "r+b") as f:
                whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                fcntl.fcntl(f, fcntl.F_OFD_SETLK, whole)
                code, out, err = home.afar("stop")
                check(code == 1 and f"process {other.pid} cannot be told to stop" in err, code, out, err)
                home.afar("start", *XVFB)
                home.afar("status")
                home.afar("reload", "--exec")
                other.is_untouched()
            home.up(*XVFB)
            check(home.afar("stop")[0] == 0)
            other.is_untouched()


def adopted(home, name, session="exec openbox"):
    """The pids of a part that was adopted, and of the supervisor that has adopted it."""
    up(home, session)
    first = home.status()["supervisor_pid"]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: home.status().get("supervisor_pid") not in (None, first), "another supervisor")
    return home.wait_ready(name)["pid"], home.status()["supervisor_pid"]


def is_pending(pid, signo):
    with open(f"/proc/{pid}/status") as f:
        masks = re.findall(r"^(?:Shd|Sig)Pnd:\s+(\w+)", f.read(), re.M)
    return any(int(mask, 16) >> (signo - 1) & 1 for mask in masks)


def an_adopted_part_whose_end_is_told_late_is_nobodys_name():
    """The guard has reaped it already when the supervisor, which is not its parent, hears of it."""
    for name in ("session", "host", "display"):
        with Home() as home:
            pid, supervisor = adopted(home, name)
            os.kill(supervisor, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the guard reaps it")
            with Stranger(pid) as other:
                os.kill(supervisor, signal.SIGCONT)
                home.wait_ready(name, other_than=pid)
                other.is_untouched()
                check(home.afar("stop")[0] == 0)
                other.is_untouched()


def nor_when_it_is_to_be_ended():
    with Home() as home:
        pid, supervisor = adopted(home, "session")
        os.kill(supervisor, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the guard reaps it")
        with Stranger(pid) as other:
            stopping = subprocess.Popen(home.command("stop"), env=home.env, cwd="/",
                                        stdout=subprocess.DEVNULL)
            wait_for(lambda: is_pending(supervisor, signal.SIGTERM), "SIGTERM waits for it")
            os.kill(supervisor, signal.SIGCONT)
            check(stopping.wait(20) == 0)
            other.is_untouched()


def what_an_adopted_part_leaves_in_its_group_is_ended():
    """By the guard: what the parent does, who sees the end first, while the number is not free."""
    with Home() as home:
        pid, _ = adopted(home, "session", "sleep 1000 & exec openbox")
        left = [s.pid for s in descendants(pid) if s.name == "sleep"]
        check(len(left) == 1, left)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(left[0]), "it has ended")
        home.wait_ready("session", other_than=pid)
        check(home.afar("stop")[0] == 0)


tests = [
    the_guards_pid_in_a_stale_lock_is_nobodys_name,
    nor_while_another_holds_the_lock,
    an_adopted_part_whose_end_is_told_late_is_nobodys_name,
    nor_when_it_is_to_be_ended,
    what_an_adopted_part_leaves_in_its_group_is_ended,
]
if __name__ == "__main__":
    if not confine.is_confined():
        confine.run_confined()
    confine.settle()
    wanted = sys.argv[2:]
    sys.exit(run([t for t in tests if not wanted or any(w in t.__name__ for w in wanted)]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whole desktop environments, and that nothing of them is left: processes that made themselves
daemons, sockets, notes, authority.

environments.py [BUILD-DIRECTORY] [NAME]. Xfce and LXQt as Debian starts them, on Xvfb; a desktop
counts as started when its window manager manages its panel and its background. AFAR_SOAK=1: each
is stopped 20 times.
"""
import os
import subprocess
import sys

from hosting import *
from homes import *
from leakcheck import all_stats

N_STOPS = 20 if os.environ.get("AFAR_SOAK") else 1
WHOLE = os.path.join(BUILD, "tests", "fakes", "fake-desktop")


class Environment:
    def __init__(self, command, manager, *classes, files=()):
        self.command, self.whole, self.files = command, (manager, *classes), dict(files)

    def home(self):
        home = Home()
        for name, text in self.files.items():
            path = os.path.join(home.path, name)
            os.makedirs(os.path.dirname(path))
            with open(path, "w") as f:
                f.write(text)
        if home.user:
            subprocess.run(["chown", "-R", home.user, home.path], check=True)
        return home

    def up(self, home):
        home.up("--display", "xvfb", session=self.command)
        self.wait_whole(home)

    def wait_whole(self, home):
        authority = os.path.join(home.runtime, "afar", "xauthority")
        env = {**home.env, "DISPLAY": home.status()["display"], "XAUTHORITY": authority}
        done = subprocess.run([WHOLE, *self.whole], env=env, text=True, capture_output=True,
                              timeout=60)
        check(done.returncode == 0, done.stderr, home.log()[-2000:])


# One more bus, of nobody's who would end it; and without its list LXQt would ask for a manager.
XFCE = Environment("dbus-launch >/dev/null; exec startxfce4", "Xfwm4", "xfce4-panel", "xfdesktop")
LXQT = Environment(
    "dbus-launch >/dev/null; exec startlxqt", "Openbox", "lxqt-panel", "pcmanfm-qt",
    files={".config/lxqt/session.conf": "[General]\nwindow_manager=/usr/bin/openbox\n"},
)


def daemons(home):
    """Who has made itself a daemon, pid -> name: the guard's children but the supervisor."""
    status = home.status()
    return {s.pid: s.name for s in all_stats()
            if s.parent == status["guard_pid"] and s.pid != status["supervisor_pid"]}


# --- what happens to it, between its start and `afar stop` ---


def the_supervisor_is_killed(home):
    status = home.status()
    os.kill(status["supervisor_pid"], signal.SIGKILL)
    wait_for(lambda: home.status().get("supervisor_pid") not in (None, status["supervisor_pid"]),
             "another supervisor")
    home.wait_state("ready")


def the_supervisor_is_replaced(home):
    code, out, err = home.afar("reload", "--exec")
    check(code == 0, code, out, err)
    home.wait_state("ready")


def guard_and_supervisor_are_killed(home):
    home.kill_guard_and_supervisor()
    out = home.up("--display", "xvfb")
    check("what is left" in out, out)


def test_of(environment, *events, times=1):
    for _ in range(times):
        with environment.home() as home:
            environment.up(home)
            check("dbus-daemon" in daemons(home).values(), daemons(home))
            for event in events:
                event(home)
            code, out, err = home.afar("stop")
            check(code == 0, code, out, err)
            home.nothing_is_left()


# SUP-09
def xfce_is_stopped():
    test_of(XFCE, times=N_STOPS)


def lxqt_is_stopped():
    test_of(LXQT, times=N_STOPS)


# SUP-10
def xfce_is_stopped_after_its_supervisor_was_killed_and_another_replaced():
    test_of(XFCE, the_supervisor_is_killed, the_supervisor_is_replaced)


def lxqt_is_stopped_after_its_supervisor_was_killed_and_another_replaced():
    test_of(LXQT, the_supervisor_is_killed, the_supervisor_is_replaced)


def the_next_start_ends_xfce():
    test_of(XFCE, guard_and_supervisor_are_killed)


def the_next_start_ends_lxqt():
    test_of(LXQT, guard_and_supervisor_are_killed)


# --- a session that ends by itself ---


def log_out(session):
    """As the menu does it. It is refused until the last program has started."""
    with open(f"/proc/{session}/environ") as f:
        env = dict(variable.split("=", 1) for variable in f.read().split("\0") if variable)
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.xfce.SessionManager",
           "/org/xfce/SessionManager", "org.xfce.Session.Manager.Logout",
           "boolean:false", "boolean:false"]
    wait_for(lambda: subprocess.run(ask, env=env, capture_output=True).returncode == 0,
             "Xfce logs out", 20)


# A job that outlives its terminal is its user's, and so is the agent that it asks for keys: neither
# a log-out nor a crash ends it. Xfce ends its own at a log-out.
def what_its_user_left_running_lives_until_the_stop():
    with XFCE.home() as home:
        home.up("--display", "xvfb", session="setsid -f sleep 1000; exec startxfce4")
        XFCE.wait_whole(home)
        for end in (log_out, lambda pid: os.kill(pid, signal.SIGKILL)):
            before, pid = daemons(home), home.component("session")["pid"]
            end(pid)
            home.wait_ready("session", other_than=pid)
            XFCE.wait_whole(home)
            kept = before.keys() & daemons(home).keys()
            names = sorted(before[pid] for pid in kept)
            expected = ["sleep"] if end == log_out else ["sleep", "sleep", "ssh-agent"]
            check(names == expected, before, names)
        check(home.afar("stop")[0] == 0)
        home.nothing_is_left()


tests = [
    xfce_is_stopped,
    lxqt_is_stopped,
    xfce_is_stopped_after_its_supervisor_was_killed_and_another_replaced,
    lxqt_is_stopped_after_its_supervisor_was_killed_and_another_replaced,
    the_next_start_ends_xfce,
    the_next_start_ends_lxqt,
    what_its_user_left_running_lives_until_the_stop,
]
if os.geteuid() == 0 and os.environ.get("AFAR_TEST_USER"):
    # Of agents, which keep their memory to themselves, only root may read the environment.
    tests.append(as_user(os.environ["AFAR_TEST_USER"], the_next_start_ends_xfce))
if __name__ == "__main__":
    if len(sys.argv) > 2:
        tests = [t for t in tests if sys.argv[2] in t.__name__]
    sys.exit(run(tests))

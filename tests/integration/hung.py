#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hung, not dead (SUP-08), and all stopped at once, which is neither (SUP-07).

hung.py [BUILD-DIRECTORY]. Real desktops, parts of which are stopped. The supervisor is told when its
own child stops; where it must find out by itself, the part is a child of a shell's.
"""
import json
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import sys
import threading
import time

from hosting import *
from homes import *

ACK, KEY, FRAME = 0x02, 0x03, 0x85
MORE = 1
KEY_A = 30
STATUS_MS = 100
NOTICED = 10  # seconds from being needed
ALL_STOPPED = 600 if os.environ.get("AFAR_SOAK") else 15


class Viewer:
    """Signs in, and hears all that comes in a thread of its own, which says that it was painted."""

    upgrade, websocket = Host.upgrade, Host.websocket

    def __init__(self, home):
        url, link = home.afar("link")[1].strip().split("/#link=")
        self.address, port = url.removeprefix("http://").rsplit(":", 1)
        self.port = int(port)
        self.troubles, self.sizes, self.pongs, self.closed = [], [], 0, False
        self.ws = self.websocket()
        self.ws.send(bytes([SIGN_IN]) + json.dumps({"version": 2, "link": link}).encode())
        check(self.ws.message()[0] == WELCOME)
        self.ws.socket.settimeout(None)
        threading.Thread(target=self.hear, daemon=True).start()

    def connect(self):
        return socket.create_connection((self.address, self.port), DEADLINE)

    def hear(self):
        try:
            while True:
                kind, body = self.ws.message()
                if kind == STATUS:
                    components = json.loads(body)["components"]
                    self.troubles.append({c["name"]: c["trouble"] for c in components if c["trouble"]})
                elif kind == SCREEN:
                    self.sizes.append(struct.unpack("<HH", body))
                elif kind == PONG:
                    self.pongs += 1
                elif kind == FRAME and not body[0] & MORE:
                    self.ws.send(struct.pack("<B4sHH", ACK, body[1:5], 0, 0))
        except (OSError, Failed):
            self.closed = True

    def wait_screen(self, n=1):
        wait_for(lambda: [s for s in self.sizes if s != (0, 0)][n - 1:], "a picture", DEADLINE * SLOW)

    def type(self):
        for down in (1, 0):
            self.ws.send(bytes([KEY, down]) + struct.pack("<H", KEY_A))

    def ping(self):
        before = self.pongs
        self.ws.send(bytes([PING]) + bytes(4))
        wait_for(lambda: self.pongs > before, "a PONG", DEADLINE * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ws.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.ws.close()


class Clockwork:
    """Asks for the status again and again: how long does an answer take?"""

    def __init__(self, home):
        self.home, self.took, self.ended = home, [], False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended:
            begin = time.monotonic()
            self.home.status()
            self.took.append((time.monotonic() - begin) * 1000)
            time.sleep(0.05)  # others need the machine too

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()

    def check(self, what):
        self.__exit__()
        median = statistics.median(self.took)
        print(f"# afar status while {what}: median {median:.0f} ms, longest {max(self.took):.0f} ms,"
              f" {len(self.took)} times", flush=True)
        check(median < STATUS_MS * SLOW, median)


def switches(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M)[1])


def signal_all(some, signo):
    for pid in some:
        os.kill(pid, signo)


def pids(home):
    return {c["name"]: c["pid"] for c in home.status()["components"]}


def wait_trouble(home, name, trouble, seconds=NOTICED):
    wait_for(lambda: home.component(name)["trouble"] == trouble, f"{name} {trouble}", seconds * SLOW)


def check_killed(home, name, text="did not answer for 5 s and was killed"):
    end = home.component(name)["last_end"]
    check((end["signal"], end["text"]) == (signal.SIGKILL, text), end)
    check(text in home.log())


def tell(what, begin):
    print(f"# {what}: {time.monotonic() - begin:.1f} s", flush=True)


def hidden_xvfb(home):
    """An environment whose Xvfb is a child of a shell's: no signal tells when that stops."""
    directory = os.path.join(home.path, "bin")
    os.mkdir(directory)
    path = os.path.join(directory, "Xvfb")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\n{shutil.which('Xvfb')} \"$@\" &\necho $! >$HOME/xvfb\nwait\n")
    os.chmod(path, 0o755)
    return {"PATH": directory + ":" + os.environ["PATH"]}


def hidden_pid(home):
    with open(os.path.join(home.path, "xvfb")) as f:
        return int(f.read())


# SUP-08
def an_x_server_that_leaves_a_key_unanswered_is_ended():
    with Home() as home:
        home.up("--display", "xvfb", env=hidden_xvfb(home))
        before, stopped = pids(home), hidden_pid(home)
        with Viewer(home) as viewer:
            viewer.wait_screen()
            viewer.ping()
            os.kill(stopped, signal.SIGSTOP)
            with Clockwork(home) as clockwork:
                begin = time.monotonic()
                viewer.type()
                wait_for(lambda: {"display": "does not answer"} in viewer.troubles, "news",
                         NOTICED * SLOW)
                tell("an X server does not answer: whoever looks on is told", begin)
                wait_for(lambda: pids(home)["display"] != before["display"], "its end",
                         NOTICED * SLOW)
                tell("… and it is ended", begin)
                check(time.monotonic() - begin < NOTICED * SLOW)
                clockwork.check("an X server hangs")
            home.wait_state("ready")
            check_killed(home, "display")
            check(not is_alive(stopped), "it lives on")
            check(home.component("display")["restarts"] == 1)
            check(home.component("display")["trouble"] is None)
            viewer.wait_screen(2)
            check(not viewer.closed and pids(home)["host"] == before["host"], "the host ended too")
        check(home.afar("stop")[0] == 0)


# SUP-08
def an_x_server_that_is_stopped_is_left_alone_until_somebody_looks_on():
    with Home() as home:
        home.up("--display", "xvfb")
        before = pids(home)
        wait_for(lambda: "the desktop is ready" in home.log(), "the start", DEADLINE)
        os.kill(before["display"], signal.SIGSTOP)
        wait_trouble(home, "display", "is stopped by a signal", 1)
        check("is stopped by a signal" in home.afar("status")[1])
        status = home.status()
        quiet = [status["supervisor_pid"], status["guard_pid"], before["host"]]
        time.sleep(1.5)  # what the host still wanted of it
        counts = [switches(pid) for pid in quiet]
        time.sleep(NOTICED + 2)  # longer than what is needed may take
        check([switches(pid) for pid in quiet] == counts, "woken:", counts)
        check(pids(home) == before, "somebody ended it")
        os.kill(before["display"], signal.SIGCONT)
        wait_trouble(home, "display", None, 1)
        os.kill(before["display"], signal.SIGSTOP)
        begin = time.monotonic()
        with Viewer(home) as viewer:
            wait_for(lambda: {"display": "is stopped by a signal"} in viewer.troubles, "news",
                     DEADLINE * SLOW)
            home.wait_ready("display", other_than=before["display"], seconds=NOTICED)
            tell("a stopped X server, and somebody looks on: a new one", begin)
            viewer.wait_screen()
        check_killed(home, "display")
        check(home.afar("stop")[0] == 0)


# SUP-08
def a_host_that_is_stopped_is_ended_when_somebody_comes():
    with Home() as home:
        home.up("--display", "xvfb")
        before = pids(home)
        address = home.status()["url"].removeprefix("http://").strip("/")
        host, port = address.rsplit(":", 1)
        os.kill(before["host"], signal.SIGSTOP)
        wait_trouble(home, "host", "is stopped by a signal", 1)
        with socket.create_connection((host, int(port)), 3 * NOTICED) as s, Clockwork(home) as clockwork:
            begin = time.monotonic()
            s.sendall(f"GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            check(read_answer(s)[0] == 200, "no page")
            tell("a stopped host: a connection that waited gets the page", begin)
            check(time.monotonic() - begin < NOTICED * SLOW)
            clockwork.check("a host hangs")
        home.wait_state("ready")
        check_killed(home, "host")
        # One that says nothing to us is noticed as well.
        stopped = home.wait_ready("host")["pid"]
        os.kill(stopped, signal.SIGSTOP)
        begin = time.monotonic()
        check("does not run" in home.afar("link")[2], "who asked for a link is not told")
        check(time.monotonic() - begin < NOTICED * SLOW)
        home.wait_ready("host", other_than=stopped)
        check("/#link=" in home.afar("link")[1])
        now = pids(home)
        check({n: now[n] for n in now if n != "host"} == {n: before[n] for n in before if n != "host"},
              now, before)
        check(home.afar("stop")[0] == 0)


# SUP-08
def a_host_that_is_stopped_is_ended_while_somebody_looks_on():
    with Home() as home:
        home.up("--display", "xvfb")
        before = pids(home)
        with Viewer(home) as viewer:
            viewer.wait_screen()
            begin = time.monotonic()
            os.kill(before["host"], signal.SIGSTOP)
            home.wait_ready("host", other_than=before["host"], seconds=NOTICED)
            tell("a stopped host, and somebody looks on: a new one", begin)
            check_killed(home, "host")
        check(pids(home)["display"] == before["display"], "the display ended too")
        check(home.afar("stop")[0] == 0)


# SUP-08
def a_session_that_is_stopped_is_made_to_go_on_and_ended_when_that_does_not_help():
    with Home() as home:
        home.up("--display", "xvfb")
        before = pids(home)
        os.kill(before["session"], signal.SIGSTOP)
        wait_trouble(home, "session", "is stopped by a signal", 1)
        with Viewer(home) as viewer, Clockwork(home) as clockwork:
            viewer.wait_screen()
            begin = time.monotonic()
            wait_trouble(home, "session", None)
            tell("a stopped session goes on", begin)
            wait_for(lambda: viewer.troubles[-1:] == [{}], "news", DEADLINE)
            check(state_of(before["session"]) != "T" and pids(home) == before, pids(home))
            check("it is made to go on" in home.log())
            # Soon again: it does not want to.
            os.kill(before["session"], signal.SIGSTOP)
            home.wait_ready("session", other_than=before["session"], seconds=NOTICED)
            clockwork.check("a session hangs")
        check_killed(home, "session", "stood still for 5 s and was killed")
        check(home.afar("stop")[0] == 0)


# SUP-08
def a_stopped_session_manager_of_sound_is_ended_when_somebody_looks_on():
    with Home() as home:
        home.up("--display", "xvfb")
        before = home.wait_ready("session-manager")["pid"]
        session = pids(home)["session"]
        os.kill(before, signal.SIGSTOP)
        wait_trouble(home, "session-manager", "is stopped by a signal", 1)
        check(home.component("pipewire")["trouble"] is None)
        with Viewer(home):
            begin = time.monotonic()
            home.wait_ready("session-manager", other_than=before, seconds=NOTICED)
            tell("a stopped session manager, and somebody looks on: a new one", begin)
        check_killed(home, "session-manager", "stood still for 5 s and was killed")
        check(pids(home)["session"] == session, "the session ended too")
        check(home.afar("stop")[0] == 0)


# SUP-07
def all_stopped_for_a_while_go_on_as_if_nothing_had_been():
    with Home() as home:
        home.up("--display", "xvfb")
        home.wait_ready("session-manager")
        with Viewer(home) as viewer:
            viewer.wait_screen()
            status = home.status()
            before = pids(home)
            everybody = set(processes_of(home.path)) | set(filter(None, before.values()))
            everybody |= {status["supervisor_pid"], status["guard_pid"]}
            # These first, and last to go on: they are just being asked, and their time is over
            # when the others wake up.
            asked = {before["display"], before["host"]}
            viewer.type()
            signal_all(asked, signal.SIGSTOP)
            for name in ("display", "host"):
                wait_trouble(home, name, "is stopped by a signal", 1)
            signal_all(everybody - asked, signal.SIGSTOP)
            time.sleep(ALL_STOPPED)  # the time is what is tested
            signal_all(everybody - asked, signal.SIGCONT)
            home.status()  # it has looked at the time
            signal_all(asked, signal.SIGCONT)
            begin = time.monotonic()
            viewer.ping()
            tell("all go on: the viewer is answered", begin)
            viewer.type()
            time.sleep(NOTICED)  # whatever began to be counted has been
            check(pids(home) == before, pids(home), before)
            components = home.status()["components"]
            check(not [c for c in components if c["restarts"] or c["trouble"]], components)
            check(not viewer.closed, "the viewer was put out")
            viewer.ping()
        check(home.afar("stop")[0] == 0)


tests = [
    an_x_server_that_leaves_a_key_unanswered_is_ended,
    an_x_server_that_is_stopped_is_left_alone_until_somebody_looks_on,
    a_host_that_is_stopped_is_ended_when_somebody_comes,
    a_host_that_is_stopped_is_ended_while_somebody_looks_on,
    a_session_that_is_stopped_is_made_to_go_on_and_ended_when_that_does_not_help,
    a_stopped_session_manager_of_sound_is_ended_when_somebody_looks_on,
    all_stopped_for_a_while_go_on_as_if_nothing_had_been,
]
if __name__ == "__main__":
    sys.exit(run(tests))

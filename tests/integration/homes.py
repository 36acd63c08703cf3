# SPDX-License-Identifier: BSD-3-Clause
"""A home of its own for each daemon under test; nothing may be left of it afterwards.

Nothing but Python's standard library. Everything of a user's daemon hangs on HOME and
XDG_RUNTIME_DIR, so tests run beside each other, and beside the user's own desktop.
"""
import glob
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile

from hosting import BUILD, SCREEN, SLOW, Failed, Host, check, wait_for
from leakcheck import Leaks, is_alive, processes_of

AFAR_IN_USE = os.environ.get("AFAR_TEST_AFAR") or os.path.join(BUILD, "src", "afar")
AFAR = AFAR_IN_USE  # or that of an Installation

KEY = 0x03
# Evdev codes of letters: linux/input-event-codes.h.
CODES = {"h": 35, "e": 18, "l": 38, "o": 24, "\n": 28}

# Whom the daemons belong to: None, the one who runs the tests. Set by as_user().
USER = None

# The back-off of tests: outside of it after a second.
FAST = "[relaunch]\nhealthy_after = 1\nfast_delay = 0.2\nslow_delay = 60\n"


def as_user(user, test):
    """The same test with daemons of an ordinary user."""
    def run_it():
        global USER
        USER = user
        try:
            test()
        finally:
            USER = None
    run_it.__name__ = "as_an_ordinary_user_" + test.__name__
    return run_it


class Home:
    leaving_seconds = 5 * SLOW

    def __init__(self, conf=FAST, runtime=True):
        self.user = USER
        self.path = tempfile.mkdtemp(prefix="afar-home-", dir="/var/tmp")
        self.runtime = os.path.join(self.path, "run") if runtime else None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "DBUS_"))}
        self.env["HOME"] = self.path
        if self.runtime:
            os.mkdir(self.runtime, 0o700)
            self.env["XDG_RUNTIME_DIR"] = self.runtime
        self.config = os.path.join(self.path, ".config", "afar")
        os.makedirs(self.config, 0o700)
        self.write_conf(conf)
        if self.user:
            subprocess.run(["chown", "-R", self.user, self.path], check=True)
        uid = os.stat(self.path).st_uid
        self.leaks = Leaks([self.path], self.runtime, uid, displays=self.displays)

    def write_conf(self, text):
        with open(os.path.join(self.config, "afar.conf"), "w") as f:
            f.write(text)

    def command(self, *args):
        prefix = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"]
        return (prefix if self.user else []) + [AFAR, *args]

    def afar(self, *args, env=None, timeout=60):
        """(exit status, stdout, stderr)"""
        done = subprocess.run(
            self.command(*args), env={**self.env, **(env or {})}, cwd="/", text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
        )
        return done.returncode, done.stdout, done.stderr

    def start(self, *args, session="exec openbox", **more):
        options = ["--session", session] if session else []
        return self.afar("start", *options, *args, **more)

    def up(self, *args, **more):
        status, out, err = self.start(*args, **more)
        check(status == 0, "start failed:", out, err)
        return out

    def status(self):
        code, out, err = self.afar("status", "--json")
        check(code in (0, 3), "status failed:", code, err)
        return json.loads(out)

    def component(self, name):
        return next(c for c in self.status()["components"] if c["name"] == name)

    def log(self):
        with open(os.path.join(self.path, ".local/state/afar/afar.log"), errors="replace") as f:
            return f.read()

    def displays(self):
        """The numbers of its X servers so far."""
        found = set()
        for path in glob.glob(self.path + "/**/afar.log*", recursive=True, include_hidden=True):
            with open(path, errors="replace") as f:
                found |= set(map(int, re.findall(r"Starting \S+ on display :(\d+)", f.read())))
        return found

    def wait_state(self, state, seconds=20):
        """A daemon that does not listen yet is in none."""
        def has_it():
            try:
                return self.status().get("state") == state
            except Failed:
                return False
        wait_for(has_it, "state " + state, seconds * SLOW)

    def wait_ready(self, name, other_than=None, seconds=20):
        """Until the component is ready in another process than that; returns it."""
        seen = {}

        def is_there():
            seen.update(self.component(name))
            return seen["state"] == "ready" and seen["pid"] not in (None, other_than)
        wait_for(is_there, name + " is ready", seconds * SLOW)
        return seen

    def kill_guard_and_supervisor(self):
        """At once, until they are dead: before that the desktop still counts as running."""
        status = self.status()
        pids = [status["guard_pid"], status["supervisor_pid"]]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(map(is_alive, pids)), "guard and supervisor are dead")

    def is_free_of_processes(self, seconds=5):
        wait_for(lambda: not processes_of(self.path), "its processes have ended", seconds)

    def nothing_is_left(self, allowed=()):
        """Of this daemon; allowed: names in the runtime directory that may be there."""
        places = [os.path.join(self.runtime, name) for name in allowed] if self.runtime else []
        self.leaks.check(self.leaving_seconds, places)

    def end(self):
        """As its user would end it: what the test leaves running is no leak."""
        if os.path.exists(os.path.join(self.config, "lock")):
            code, out, err = self.afar("stop")
            check(code in (0, 3), "stop:", code, out, err)

    def close(self):
        """Ends what a failed test left, by pid."""
        for pid in processes_of(self.path):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        try:
            if failure is None:
                self.end()
                self.nothing_is_left()
        finally:
            self.close()
        check(failure or not os.path.exists(self.path), "the home is left:", self.path)


class Installation:
    """Programs of its own, so that a test can put others in their place. Without sound: that has
    files beside the programs."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="afar-programs-", dir="/var/tmp")
        os.chmod(self.path, 0o755)
        for name in ("afar", "afar-guard", "afar-supervisor", "afar-host"):
            shutil.copy2(os.path.join(BUILD, "src", name), self.path)

    def file(self, name):
        return os.path.join(self.path, name)

    def put(self, name, make):
        """As an upgrade does it: another file under the old name."""
        new = self.file(name + ".new")
        make(new)
        os.chmod(new, 0o755)
        os.rename(new, self.file(name))

    def __enter__(self):
        global AFAR
        AFAR = self.file("afar")
        return self

    def __exit__(self, *_):
        global AFAR
        AFAR = AFAR_IN_USE
        shutil.rmtree(self.path, ignore_errors=True)


class Page:
    """A viewer of a running daemon, as far as these tests need one."""

    def __init__(self, home):
        link = home.afar("link")[1].strip()
        host, port, token = re.match(r"http://([\d.]+):(\d+)/#link=(.+)", link).groups()
        self.host = Host.of_others(host, port)
        self.socket, welcome = self.host.welcome(link=token)
        self.resume = welcome["resume"]

    def size(self):
        """Of the next screen message; (0, 0): no picture."""
        return struct.unpack("<HH", self.socket.await_type(SCREEN))

    def await_size(self, wanted):
        while self.size() != wanted:
            pass

    def type(self, text):
        for letter in text:
            for down in (1, 0):
                self.socket.send(struct.pack("<BBH", KEY, down, CODES[letter]))

    def close(self):
        self.socket.close()

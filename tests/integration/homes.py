# SPDX-License-Identifier: BSD-3-Clause
"""A home of its own for each daemon under test, and what is left of it afterwards.

Nothing but Python's standard library. Everything of a user's daemon hangs on HOME and
XDG_RUNTIME_DIR, so tests run beside each other, and beside the user's own desktop.
"""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile

from hosting import BUILD, SCREEN, SLOW, Host, check, wait_for

AFAR = os.environ.get("AFAR_TEST_AFAR") or os.path.join(BUILD, "src", "afar")

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


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def processes_of(home):
    """Living processes that carry this home in their environment: pid -> command line."""
    mark = b"HOME=" + home.encode()
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark not in f.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                found[int(pid)] = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def owned(directory, uid):
    """What this user has in a directory that everybody writes to."""
    try:
        names = os.listdir(directory)
    except OSError:
        return set()
    mine = set()
    for name in names:
        path = os.path.join(directory, name)
        try:
            if os.lstat(path).st_uid == uid:
                mine.add(path)
        except OSError:
            continue
    return mine


class Home:
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

    def wait_state(self, state, seconds=20):
        wait_for(lambda: self.status().get("state") == state, "state " + state, seconds * SLOW)

    def wait_ready(self, name, other_than=None, seconds=20):
        """Until the component is ready in another process than that; returns it."""
        seen = {}

        def is_there():
            seen.update(self.component(name))
            return seen["state"] == "ready" and seen["pid"] not in (None, other_than)
        wait_for(is_there, name + " is ready", seconds * SLOW)
        return seen

    def is_free_of_processes(self, seconds=5):
        wait_for(lambda: not processes_of(self.path), "its processes have ended", seconds)

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

    def __exit__(self, *exc):
        self.close()


class Page:
    """A viewer of a running daemon, as far as these tests need one."""

    def __init__(self, home):
        link = home.afar("link")[1].strip()
        host, port, token = re.match(r"http://([\d.]+):(\d+)/#link=(.+)", link).groups()
        self.host = Host.__new__(Host)
        self.host.address, self.host.port = host, int(port)
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


class Leftovers:
    """What there was before; check() says what is new and should not be."""

    PLACES = ("/tmp", "/tmp/.X11-unix", "/tmp/.ICE-unix", "/dev/shm")

    def __init__(self, home):
        self.home = home
        self.uid = os.stat(home.path).st_uid
        self.before = self.look()

    def look(self):
        found = set()
        # Beside other tests only names that can be ours count: see mark().
        for place in self.PLACES:
            found |= owned(place, self.uid)
        for kind in ("shm", "sem", "msg"):
            with open("/proc/sysvipc/" + kind) as f:
                found |= {kind + " " + line.split()[1] for line in f.readlines()[1:]}
        return found

    def is_others(self, path):
        """X and ICE sockets that somebody still serves belong to tests beside us."""
        name = os.path.basename(path)
        if path.startswith("/tmp/.X11-unix/X") or path.startswith("/tmp/.ICE-unix/"):
            with open("/proc/net/unix") as f:
                return any(line.rstrip().endswith(path) for line in f)
        return not (name.startswith((".X", "afar-%d" % self.uid, "ssh-", "dbus-", "xorg")))

    def check(self, allowed=()):
        """allowed: names in the runtime directory that may be there."""
        self.home.is_free_of_processes()
        new = [p for p in self.look() - self.before if not self.is_others(p)]
        check(not new, "left over:", new)
        names = sorted(os.listdir(self.home.config))
        check("lock" not in names, names)
        if self.home.runtime:
            left = sorted(os.listdir(self.home.runtime))
            check(not [n for n in left if n not in ("at-spi", "dconf", *allowed)], left)
        check(not os.path.exists(os.path.join(self.home.path, ".Xauthority")), ".Xauthority")

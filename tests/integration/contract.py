# SPDX-License-Identifier: BSD-3-Clause
"""A place for the contract's command to run in, and fakes for all that it calls.

The fakes record how they were called. What the command looks for in /usr, /etc and /run is put
there in namespaces of the test's own, which takes root.
"""
import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile

from hosting import BUILD, SLOW, check, wait_for
from leakcheck import Leaks, processes_of

NAME = "chrome-remote-desktop"
ROOT = os.getuid() == 0

# Records argv, environment, standard input and descriptors in $RECORD/NAME.json, then does what
# $RECORD/NAME.do says: a shell text.
RECORDER = r'''#!/usr/bin/python3 -I
import json, os, sys
name = os.path.basename(sys.argv[0])
record = os.environ.get("RECORD")
fds = {f: os.readlink("/proc/self/fd/" + f) for f in os.listdir("/proc/self/fd")
       if os.path.islink("/proc/self/fd/" + f)}
tty = os.isatty(0)
text = "" if tty or "NO_STDIN" in os.environ else sys.stdin.read()
out = os.path.join(record, name + ".json")
with open(out + ".new", "w") as f:
    json.dump({"argv": sys.argv, "env": dict(os.environ), "stdin": text, "fds": fds,
               "sid": os.getsid(0), "pid": os.getpid()}, f)
os.rename(out + ".new", out)
try:
    with open(os.path.join(record, name + ".do")) as f:
        os.execv("/bin/sh", ["sh", "-c", f.read(), *sys.argv])
except FileNotFoundError:
    pass
'''

# As the original looks to others; ends on SIGTERM unless told to be stubborn.
ORIGINAL = r'''
import os, signal, sys
def note(signo, frame):
    with open(os.path.join(os.environ["RECORD"], "original.%d" % os.getpid()), "a") as f:
        f.write(signal.Signals(signo).name + "\n")
    if signo == signal.SIGTERM and "STUBBORN" not in os.environ:
        os._exit(0)
signal.signal(signal.SIGTERM, note)
signal.signal(signal.SIGHUP, note)
print("up", flush=True)
while True:
    signal.pause()
'''

SUPERVISOR = r'''#!/usr/bin/python3 -I
import json, os, signal, sys
record = os.environ["RECORD"]
def note(signo, frame):
    with open(os.path.join(record, "supervisor.signals"), "a") as f:
        f.write(signal.Signals(signo).name + "\n")
    if signo == signal.SIGTERM:
        os._exit(0)
signal.signal(signal.SIGTERM, note)
signal.signal(signal.SIGHUP, note)
fds = {f: os.readlink("/proc/self/fd/" + f) for f in os.listdir("/proc/self/fd")
       if os.path.islink("/proc/self/fd/" + f)}
guard = os.getppid()
with open("/proc/%d/cmdline" % guard, "rb") as f:
    cmdline = [a.decode() for a in f.read().split(b"\0")[:-1]]
out = os.path.join(record, "supervisor.json")
with open(out + ".new", "w") as f:
    json.dump({"argv": sys.argv, "guard": cmdline, "guard_pid": guard, "fds": fds,
               "env": dict(os.environ)}, f)
os.rename(out + ".new", out)
try:
    os.write(202, b"READY\n")
    os.close(202)
except OSError:
    pass
while True:
    signal.pause()
'''


def write(path, text, mode=0o755):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


class Place:
    """A home, and a directory that looks like the vendor's, with fakes in it."""

    def __init__(self, **env):
        self.path = tempfile.mkdtemp(prefix="afar-cli-", dir="/var/tmp")
        os.chmod(self.path, 0o755)
        self.home, self.dir, self.bin, self.path_dir, self.record, self.run_dir = (
            os.path.join(self.path, n) for n in ("home", "dir", "bin", "path", "record", "run"))
        for d in (self.home, self.dir, self.bin, self.path_dir, self.record, self.run_dir):
            os.mkdir(d, 0o700 if d == self.run_dir else 0o755)
        for program in ("afar", "afar-guard"):
            shutil.copy(os.path.join(BUILD, "src", program), self.bin)
        write(os.path.join(self.bin, "afar-supervisor"), SUPERVISOR)
        self.script = os.path.join(self.dir, NAME)
        os.symlink(os.path.join(self.bin, "afar"), self.script)
        self.fake("user-session")
        self.config = os.path.join(self.home, ".config", NAME)
        self.env = {
            "HOME": self.home, "PATH": self.path_dir + ":/usr/sbin:/usr/bin:/sbin:/bin",
            "RECORD": self.record, "USER": "root", "LOGNAME": "me", "SHELL": "/bin/sh",
            "XDG_RUNTIME_DIR": self.run_dir, **env,
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.children, self.daemons = [], []
        self.leaks = Leaks([self.path], self.run_dir, displays=set)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        try:
            self.end_children()
            if failure is None:
                self.leaks.check(5 * SLOW)
        finally:
            self.close()

    def end_children(self):
        for daemon in self.daemons:
            daemon.terminate()
            daemon.wait(20)
        for child in self.children:
            child.kill()
            child.wait()

    def close(self):
        """Ends what a failed test left, by pid: nobody else has this home."""
        for pid in processes_of(self.home):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.path, ignore_errors=True)

    def fake(self, name, do=None, directory=None):
        """A recording program; do: what it does then."""
        if do is not None:
            write(os.path.join(self.record, name + ".do"), do, 0o644)
        return write(os.path.join(directory or self.dir, name), RECORDER)

    def recorded_path(self, name):
        return os.path.join(self.record, name + ".json")

    def recorded(self, name):
        with open(self.recorded_path(name)) as f:
            return json.load(f)

    def was_called(self, name):
        return os.path.exists(self.recorded_path(name))

    def forget(self, name):
        if self.was_called(name):
            os.unlink(self.recorded_path(name))

    def call(self, *args, prefix=(), env=None, argv0=None, stdin="", **more):
        """(exit status, stdout, stderr)"""
        env = {k: v for k, v in {**self.env, **(env or {})}.items() if v is not None}
        done = subprocess.run(
            [*prefix, argv0 or self.script, *args], env=env, cwd=self.path, input=stdin, text=True,
            errors="surrogateescape", capture_output=True, timeout=more.pop("timeout", 60), **more)
        return done.returncode, done.stdout, done.stderr

    def default_config(self):
        name = hashlib.md5(socket.gethostname().encode()).hexdigest()
        return os.path.join(self.config, f"host#{name}.json")

    def start_original(self, *args, script=None, prefix=(), **env):
        """A Python process that runs a script of that name."""
        script = script or write(os.path.join(self.path_dir, NAME), ORIGINAL)
        if not os.path.exists(script):
            write(script, ORIGINAL)
        child = subprocess.Popen(
            [*prefix, "/usr/bin/python3", script, *args], env={**self.env, **env},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        check(child.stdout.readline() == "up\n", "the original did not start")
        child.stdout.close()
        return child

    def signals(self, child):
        try:
            with open(os.path.join(self.record, f"original.{child.pid}")) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def start_child(self, *args, pipe=True, **env):
        """As user-session runs it; (Popen, all that came on 202, what it printed)."""
        read_end, write_end = os.pipe()
        log = open(os.path.join(self.path, "log"), "w+")

        def become():
            os.dup2(write_end, 202)
        child = subprocess.Popen(
            [self.script, "--start", "--child-process", *args], env={**self.env, **env},
            cwd=self.path, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
            preexec_fn=become if pipe else None)
        self.daemons.append(child)
        os.close(write_end)
        with open(read_end) as f:
            news = f.read()
        log.seek(0)
        return child, news, log.read()


class World:
    """Prefix for a command in namespaces of its own: programs, files and the host's name."""

    def __init__(self, place, systemd=False, programs=(), without=(), hostname=None, etc=None,
                 x11=None, group=None):
        work = os.path.join(place.path, "world")
        steps = ["set -e", f"mkdir -p {work}", f"mount -t tmpfs none {work}"]
        for where in ("/usr/bin", "/usr/sbin"):
            mine = work + "/" + os.path.basename(where)
            steps += [f"mkdir {mine} {mine}.work",
                      f"mount -t overlay none -o lowerdir={where},upperdir={mine},"
                      f"workdir={mine}.work {where}"]
        for path in programs:
            place.fake(os.path.basename(path))
            steps.append(f"cp {place.dir}/{os.path.basename(path)} {path}")
        steps += [f"rm -f {path}" for path in without]
        steps.append("mount -t tmpfs none /run")
        if systemd:
            steps.append("mkdir -p /run/systemd/system")
        if hostname:
            steps.append(f"hostname {hostname}")
        if x11 is not None:
            steps.append("mkdir -p /etc/X11 && mount -t tmpfs none /etc/X11")
            for name, text in x11.items():
                steps.append(f"printf '%s' {shlex.quote(text)} >/etc/X11/{name}")
        if group is not None:
            path = write(os.path.join(place.path, "group"), group, 0o644)
            steps.append(f"mount --bind {path} /etc/group")
        self.prefix = ["unshare", "--mount", "--uts", "sh", "-c",
                       "\n".join(steps) + '\nexec "$@"', "sh"]

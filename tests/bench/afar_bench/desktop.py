# SPDX-License-Identifier: BSD-3-Clause
"""A desktop of its own for a measurement: afar with directories that nobody else uses."""

import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time


class CannotMeasure(Exception):
    pass


def run(argv, **options):
    """The output of a command that must succeed."""
    try:
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60,
                              **options).stdout
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or "").strip()
        raise CannotMeasure(f"{os.path.basename(argv[0])}: {said or error}") from error


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Desktop:
    """afar of that build directory, with openbox unless told otherwise. Not yet started."""

    def __init__(self, build, options=("--session", "openbox")):
        self.program = os.path.join(build, "src", "afar")
        self.options = list(options)
        self.directory = tempfile.mkdtemp(prefix="afar-bench-")
        self.env = {name: value for name, value in os.environ.items()
                    if name in ("PATH", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL")}
        for name in ("HOME", "XDG_STATE_HOME"):
            self.env[name] = os.path.join(self.directory, name.lower())
            os.mkdir(self.env[name], 0o700)
        # In memory, as /run/user/UID is: on a disk each fsync there would be measured, too.
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.env["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="afar-bench-", dir=shm)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
        for directory in (self.directory, self.env["XDG_RUNTIME_DIR"]):
            shutil.rmtree(directory, ignore_errors=True)

    def call(self, *args):
        return run([self.program, *args], env=self.env)

    def start(self):
        """Seconds from the command's start to its word that the desktop is ready."""
        start = time.monotonic()
        self.call("start", *self.options)
        return time.monotonic() - start

    def stop(self):
        subprocess.run([self.program, "stop"], env=self.env, capture_output=True, timeout=60,
                       check=False)

    def status(self):
        return json.loads(self.call("status", "--json"))

    def pid(self, component):
        pids = [c["pid"] for c in self.status()["components"] if c["name"] == component]
        if not pids or not pids[0]:
            raise CannotMeasure(f"{component} does not run")
        return pids[0]

    def port(self):
        return int(self.status()["url"].rstrip("/").rsplit(":", 1)[1])

    def link(self):
        for word in self.call("link").split():
            if "#link=" in word:
                return word
        raise CannotMeasure("afar link prints no link")

    def token(self):
        return self.link().split("#link=")[1]

    def x_environment(self):
        """DISPLAY and XAUTHORITY of the desktop, as its session has them."""
        with open(f"/proc/{self.pid('session')}/environ", "rb") as file:
            pairs = [v.split("=", 1) for v in file.read().decode().split("\0") if "=" in v]
        env = dict(pairs)
        return {name: env[name] for name in ("DISPLAY", "XAUTHORITY")}

    def x_argv(self, directory):
        """The X server's command line, for another one with -displayfd 3 and its authority and
        configuration in that directory."""
        with open(f"/proc/{self.pid('display')}/cmdline", "rb") as file:
            argv = file.read().decode().split("\0")[:-1]
        argv = [arg for arg in argv if not (arg.startswith(":") and arg[1:].isdigit())]
        for option, value in (("-displayfd", "3"),
                              ("-auth", os.path.join(directory, "authority"))):
            argv[argv.index(option) + 1] = value
        if "-configdir" in argv:
            at = argv.index("-configdir") + 1
            copy = os.path.join(directory, "xorg")
            shutil.copytree(argv[at], copy)
            argv = [arg.replace(argv[at], copy) for arg in argv]
        write_authority(os.path.join(directory, "authority"))
        return argv


def write_authority(path):
    """A cookie for any host and any display: family wild (65535), see Xsecurity(7)."""
    fields = (b"", b"", b"MIT-MAGIC-COOKIE-1", os.urandom(16))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(struct.pack(">H", 65535))
        for field in fields:
            file.write(struct.pack(">H", len(field)) + field)


class XServer:
    """An X server with no afar around it. argv has -displayfd, with any number."""

    def __init__(self, argv, authority):
        ours, its = os.pipe()
        command = [*argv]
        command[command.index("-displayfd") + 1] = str(its)
        self.process = subprocess.Popen(command, pass_fds=[its], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(its)
        with open(ours, encoding="ascii") as file:
            number = file.readline().strip()
        if not number:
            self.process.wait()
            raise CannotMeasure(f"{argv[0]} does not start")
        self.display = f":{number}"
        self.authority = authority

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()


class Child:
    """A helper program that runs beside a measurement. line: the first it wrote."""

    def __init__(self, argv, env=None, stderr=None):
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=stderr, text=True,
                                        env=env)
        self.line = self.process.stdout.readline().strip()
        if not self.line:
            self.process.wait()
            raise CannotMeasure(f"{os.path.basename(argv[0])} does not start")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False

# SPDX-License-Identifier: BSD-3-Clause
"""A machine of its own for a test script: what it mounts, installs and starts nobody else sees.

Needs root. Private are: mounts (overlays over the system's directories), processes, the network
(and with it the displays' sockets), and control groups. The last matters most: a systemd that finds
itself in the root of the control groups moves every process that is there, whoever's it is, into a
group of its own.
"""
import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

from hosting import Owner

INSIDE = "AFAR_CONFINED"
CGROUPS = "/sys/fs/cgroup"


def is_confined():
    return INSIDE in os.environ


def skip(why):
    print("1..0 # SKIP " + why, flush=True)
    sys.exit(77)


def find_cgroups():
    """Where the unified hierarchy has the group that we are in."""
    with open("/proc/self/mounts") as f:
        mounts = [line.split() for line in f]
    places = [m[1] for m in mounts if m[2] == "cgroup2"]
    with open("/proc/self/cgroup") as f:
        own = [line[3:].strip() for line in f if line.startswith("0::")]
    if not places or not own:
        skip("no unified hierarchy of control groups")
    return places[0] + own[0].rstrip("/")


def remove_cgroups(top):
    """Groups take a moment to be empty after the last process has ended."""
    end = time.monotonic() + 10
    for directory, _, _ in os.walk(top, topdown=False):
        while True:
            try:
                os.rmdir(directory)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)


def run_confined():
    """Runs this script again, confined; never returns."""
    if os.geteuid() != 0:
        skip("needs root")
    group = os.path.join(find_cgroups(), "afar-test-%d" % os.getpid())
    os.mkdir(group)

    def enter():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it ends when we do
        with open(os.path.join(group, "cgroup.procs"), "w") as f:
            f.write("0")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc",
             sys.executable, *sys.argv],
            preexec_fn=enter, env={**os.environ, INSIDE: "1"},
        )
    finally:
        remove_cgroups(group)
    sys.exit(done.returncode)


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def layers_of(directory):
    return "/run/layers/" + directory.strip("/").replace("/", "-")


def cover(*directories):
    """What is written below these directories from now on is ours alone."""
    for directory in directories:
        layers = layers_of(directory)
        for part in ("upper", "work"):
            os.makedirs(os.path.join(layers, part))
        mount("-t", "overlay", "overlay", directory, "-o",
              f"lowerdir={directory},upperdir={layers}/upper,workdir={layers}/work")


def settle():
    """Once inside: private mounts, an empty /run, and control groups of our own."""
    with open("/proc/self/cgroup") as f:
        if "0::/\n" not in f.read() or os.getpid() != 1:
            raise SystemExit("this is no place of our own")
    mount("--make-rprivate", "/")
    mount("-t", "cgroup2", "cgroup2", CGROUPS)
    # Whoever else were here would be moved by a systemd: 0 is the one who started us, outside.
    with open(os.path.join(CGROUPS, "cgroup.procs")) as f:
        others = {int(pid) for pid in f.read().split()} - {0, os.getpid()}
    if others:
        raise SystemExit(f"others are in our group: {others}")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    cover("/tmp")
    Owner.tmp = layers_of("/tmp") + "/upper"  # what others write shows through
    forget_displays()
    raise_loopback()


def raise_loopback():
    """The network of our own has one interface, which is down at first: netdevice(7)."""
    SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", request)[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def forget_displays():
    """Those of others, whom an X server could not find here: to it their locks would be stale."""
    for directory in ("/tmp", "/tmp/.X11-unix"):
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            if re.fullmatch(r"\.X\d+-lock|X\d+", name):
                os.unlink(os.path.join(directory, name))


def make_cgroup(name):
    path = os.path.join(CGROUPS, name)
    os.makedirs(path, exist_ok=True)
    return path


class UserManager:
    """systemd --user for a home, which knows our units and no others of the system's."""

    # What every unit depends on, empty.
    BASICS = {
        "default.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\n",
        "basic.target": "[Unit]\nDefaultDependencies=no\n",
        "shutdown.target": "[Unit]\nDefaultDependencies=no\n",
    }

    def __init__(self, home, units):
        self.home = home
        self.units = os.path.join(home.path, "units")
        os.makedirs(self.units)
        os.makedirs("/run/systemd/system", exist_ok=True)
        for name, text in {**self.BASICS, **units}.items():
            with open(os.path.join(self.units, name), "w") as f:
                f.write(text)
        group = make_cgroup("manager-%s" % os.path.basename(home.path))

        def enter():
            with open(os.path.join(group, "cgroup.procs"), "w") as f:
                f.write("0")
        # A manager's own files stay when it ends at once.
        home.leaks.allow(home.runtime + "/systemd", f"socket {home.runtime}/systemd/*")
        self.env = {**home.env, "SYSTEMD_UNIT_PATH": self.units}
        self.log_path = os.path.join(home.path, "manager.log")
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                ["/lib/systemd/systemd", "--user", "--log-target=console"], env=self.env,
                preexec_fn=enter, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def is_up(self):
        return os.path.exists(os.path.join(self.home.runtime, "systemd", "private"))

    def systemctl(self, *args, timeout=60):
        """(exit status, stdout, stderr)"""
        done = subprocess.run(["systemctl", "--user", *args], env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        return done.returncode, done.stdout, done.stderr

    def show(self, unit, *names):
        _, out, _ = self.systemctl("show", unit, "-p", ",".join(names))
        values = dict(line.split("=", 1) for line in out.splitlines())
        return values[names[0]] if len(names) == 1 else [values[n] for n in names]

    def close(self):
        self.systemctl("stop", "*@*.service")
        self.process.send_signal(signal.SIGRTMIN + 24)  # systemd(1): ends at once
        self.process.wait(20)


def without_user(unit):
    """A unit of the system's as one of a user's, for whom there is nobody to become."""
    return re.sub(r"(?m)^(User|PAMName|TTYPath|Conflicts)=.*\n", "", unit)

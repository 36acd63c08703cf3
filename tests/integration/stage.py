# SPDX-License-Identifier: BSD-3-Clause
"""A machine of its own for the setuid wrapper: users, PAM, /tmp and processes that nobody else sees.

Nothing but Python's standard library. enter() runs the script again in new mount and process
name spaces: whatever the tests do to /etc, /tmp, /dev and /mnt is gone with them, and so is every
process. The rest of the file system is read-only there: what tries to write elsewhere fails.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from hosting import BUILD, check
from leakcheck import Leaks

GROUP, GROUP_ID = "afar-group", 64000
ALICE, BOB = ("afar-alice", 64001), ("afar-bob", 64002)
ROOM = "/mnt/it's a $(room)"  # a path that needs quoting
HOMES = "/mnt/homes"
PAM = "/mnt/pam"  # what tests/fakes/pam.c reads and writes
CANARIES = "/mnt/canaries"

SERVICE = f"""account required /mnt/fake-pam.so dir={PAM}
session required /mnt/fake-pam.so dir={PAM}
session required pam_permit.so
auth required /mnt/fake-pam.so dir={PAM}
"""

# What the tests say in $HOME/do goes on from here.
SCRIPT = """#!/bin/bash
cd || exit 99
exec 3>>runs; echo "$$" >&3; exec 3>&-
printf '%s\\0' "$0" "$@" >args
env -0 >env
grep -E '^(Uid|Gid|Groups|SigBlk|SigIgn|Cap...|NoNewPrivs):' /proc/self/status >status
ls /proc/self/fd >fds
umask >umask
pwd >cwd
ulimit -S -c >core; ulimit -H -n >files; ulimit -f >size
[ ! -f do ] || . ./do
"""


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(77)


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def enter():
    """Comes back in the new name spaces, as their first process."""
    if os.geteuid() != 0:
        skip("needs root")
    if os.environ.get("AFAR_STAGE") == str(os.getppid()):
        return build()
    spaces = ["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*spaces, "true"], capture_output=True).returncode:
        skip("no name spaces here")
    os.environ["AFAR_STAGE"] = "0"  # the parent of the first process is outside
    os.execvp("unshare", [*spaces, sys.executable, *sys.argv])


def copy(source, to, mode, group=0):
    shutil.copyfile(source, to)
    os.chown(to, 0, group)
    os.chmod(to, mode)


def build():
    mount("-t", "tmpfs", "-o", "mode=755", "stage", "/mnt")
    for name in ("fake-pam.so", "fake-canary.so", "fake-hostile"):
        copy(os.path.join(BUILD, "tests", "fakes", name), "/mnt/" + name, 0o755)
    os.mkdir(ROOM)
    for name in ("afar-login", "user-session"):
        copy(os.path.join(BUILD, "src", "afar-login"), f"{ROOM}/{name}", 0o4754, GROUP_ID)
    for name in ("afar", "chrome-remote-desktop"):
        write(f"{ROOM}/{name}", SCRIPT, 0o755)
    make_etc()
    make_dev()
    mount("-t", "tmpfs", "-o", "mode=1777", "stage", "/tmp")
    mount("-t", "tmpfs", "-o", "mode=1777", "stage", "/var/tmp")
    mount("-o", "remount,bind,ro", "/")
    os.mkdir(PAM, 0o700)
    os.mkdir(HOMES)
    os.mkdir(CANARIES)
    for name, uid in (ALICE, BOB):
        os.mkdir(f"{HOMES}/{name}", 0o700)
        os.chown(f"{HOMES}/{name}", uid, uid)
    os.rename("/mnt/fake-canary.so", CANARIES + "/canary.so")
    for name in ("canary.sh", "env", "id", "sh", "cat", "gconv-modules"):
        write(f"{CANARIES}/{name}", "#!/bin/sh\n: >/tmp/canary\n", 0o755)


def write(path, text, mode=0o644):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def make_etc():
    shutil.copytree("/etc", "/mnt/etc", symlinks=True)
    with open("/mnt/etc/passwd", "a") as passwd, open("/mnt/etc/group", "a") as group:
        for name, uid in (ALICE, BOB):
            passwd.write(f"{name}:x:{uid}:{uid}::{HOMES}/{name}:/bin/sh\n")
            group.write(f"{name}:x:{uid}:\n")
        # Another name of Alice's, and one whose shell field is empty.
        passwd.write(f"afar-alias:x:{ALICE[1]}:{ALICE[1]}::{HOMES}/{ALICE[0]}:\n")
        group.write(f"{GROUP}:x:{GROUP_ID}:{ALICE[0]},afar-alias\n")
    for name in ("afar", "chrome-remote-desktop"):
        write("/mnt/etc/pam.d/" + name, SERVICE)
    write("/mnt/etc/profile", "")  # what this machine's logins get is none of ours
    mount("--bind", "/mnt/etc", "/etc")


def make_dev():
    mount("-t", "tmpfs", "-o", "mode=755", "stage", "/dev")
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod("/dev/" + name, 0o20666, os.makedev(1, minor))
        os.chmod("/dev/" + name, 0o666)
    os.mknod("/dev/tty", 0o20666, os.makedev(5, 0))
    os.chmod("/dev/tty", 0o666)
    os.symlink("/proc/self/fd", "/dev/fd")
    os.mkdir("/dev/pts")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666", "pts", "/dev/pts")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.mkdir("/dev/shm", 0o1777)


def syslog():
    """A socket that hears what goes to syslog(3)."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    s.settimeout(10)
    return s


def reap():
    """The first process inherits whatever is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def processes():
    """Those of others than ours, zombies apart: pid -> (name, uids)"""
    reap()
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status") as f:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        except OSError:
            continue
        if int(pid) != os.getpid() and not status["State"].startswith("Z"):
            found[int(pid)] = (status["Name"], [int(i) for i in status["Uid"].split()])
    return found


def end_all():
    """What a test that failed left."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    quiet()


def quiet(seconds=10):
    """Until nobody else is there."""
    end = time.monotonic() + seconds
    while processes():
        check(time.monotonic() < end, "left running:", processes())
        time.sleep(0.005)


@contextlib.contextmanager
def nothing_is_left():
    """Around a test: the stage is as empty afterwards as before, but for what stays on purpose."""
    leaks = Leaks(alone=True)
    leaks.allow("/tmp/chrome_remote_desktop*", "/tmp/hostile-*")  # logs; fakes/hostile.c's own
    yield
    quiet()
    leaks.check(10)

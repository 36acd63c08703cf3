#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""leakcheck finds a leak of each kind and names it, and takes nobody else's for ours.

test-leakcheck.py [BUILD-DIRECTORY]. Plants what it looks for, and takes it away again.
"""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ["AFAR_SOURCE"], "tests", "integration"))

import leakcheck
from contract_home import ContractHome
from homes import Home
from hosting import BUILD, Failed, check, run, wait_for
from leakcheck import Fds, Leaked, Leaks, Slopes

LEAKCHECK = os.path.join(os.environ["AFAR_SOURCE"], "tests", "leakcheck", "leakcheck.py")
LIBC = ctypes.CDLL(None, use_errno=True)
IPC_CREAT, IPC_RMID = 0o1000, 0
# Far from the displays of neighbours, and not twice the same.
NUMBER = 50000 + os.getpid() % 10000


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def take_own_tmp():
    """Daemons beside us remove what seems to be left of theirs, and leave something for a moment.
    Who is not root has to live with that."""
    CLONE_NEWNS = 0x20000
    if os.getuid() == 0 and LIBC.unshare(CLONE_NEWNS) == 0:
        mount("--make-rprivate", "/")
        mount("-t", "tmpfs", "-o", "mode=1777", "own", "/mnt")
        for path in (BUILD, os.environ["AFAR_SOURCE"]):
            if path.startswith("/tmp/"):
                os.makedirs("/mnt" + path[4:], exist_ok=True)
                mount("--rbind", path, "/mnt" + path[4:])
        mount("--rbind", "/mnt", "/tmp")
    for directory in ("/tmp/.X11-unix", "/tmp/.ICE-unix"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory)
            os.chmod(directory, 0o1777)


@contextlib.contextmanager
def a_place():
    """A home with a runtime directory, and what there is before."""
    home = tempfile.mkdtemp(prefix="afar-leak-", dir="/var/tmp")
    runtime = os.path.join(home, "run")
    os.mkdir(runtime, 0o700)
    try:
        yield home, Leaks([home], runtime)
    finally:
        shutil.rmtree(home)


def names(leaks, *words):
    """Each of the words is in a leak of its own, and there is no other."""
    found = leaks.find()
    check(len(found) == len(words) and all(any(w in f for f in found) for w in words),
          "wanted", words, "but", found)
    try:
        leaks.check(0)
    except Leaked as error:
        check(all(w in str(error) for w in words), error)
    else:
        check(False, "it is no failure")


def is_clean(leaks):
    check(leaks.find() == [], leaks.find())
    leaks.check(0)


def write(path, text=""):
    with open(path, "wb" if isinstance(text, bytes) else "w") as f:
        f.write(text)
    return path


def end(pid):
    """Somebody else's child, so its end has to be looked for."""
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not leakcheck.is_alive(pid), "its end")


def daemonise(env, cwd="/", program="exec sleep 1000"):
    """The pid of one that has left its parents."""
    done = subprocess.run(
        ["setsid", "sh", "-c", f"({program}) </dev/null >/dev/null 2>&1 & echo $!"],
        env={"PATH": os.environ["PATH"], **env}, cwd=cwd, capture_output=True, text=True, check=True)
    pid = int(done.stdout)
    wait_for(lambda: "echo $!" not in leakcheck.command_line(pid), "its own program")
    return pid


@contextlib.contextmanager
def a_child(script, *args, **more):
    """A Python process that has said that it is ready; it does its next step for each line."""
    child = subprocess.Popen([sys.executable, "-c", script, *args], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, **more)
    try:
        check(child.stdout.readline() == "ready\n", "it does not start")
        yield child
    finally:
        child.kill()
        child.communicate()


SLEEPER = "python3 -c 'import time; time.sleep(1000)'"

MAPPING = """
import mmap, sys
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
print("ready", flush=True)
sys.stdin.readline()
"""


def step(child):
    child.stdin.write("\n")
    child.stdin.flush()
    check(child.stdout.readline() == "done\n", "it has ended")


# --- each kind ---


def where_nothing_is_left_nothing_is_named():
    with a_place() as (home, leaks):
        is_clean(leaks)
        write(os.path.join(home, "file"))
        subprocess.run(["true"], env={"HOME": home}, check=True)
        is_clean(leaks)


def who_has_left_its_parents_is_named():
    with a_place() as (home, leaks):
        pid = daemonise({"HOME": home})
        names(leaks, f"process {pid} (sleep 1000), by its HOME")
        end(pid)
        is_clean(leaks)


def nor_does_an_empty_environment_hide_it():
    with a_place() as (home, leaks):
        log = write(os.path.join(home, "log"))
        for how, why in (
            ({"cwd": home}, home),
            ({"program": f"exec sleep 1000 3>>{log}"}, log),
            ({"program": f"exec {SLEEPER} {home}"}, "its command line"),
        ):
            pid = daemonise({}, **how)
            names(leaks, "by " + why)
            end(pid)
            is_clean(leaks)
        if Leaks.family.is_complete:
            pid = daemonise({})
            check(Leaks.family.may_have([pid]))
            names(leaks, "by having left us")
            end(pid)
            is_clean(leaks)


def a_child_that_nobody_waits_for_is_named():
    with a_place() as (_, leaks):
        child = subprocess.Popen(["true"])
        wait_for(lambda: leakcheck.stat_of(child.pid).state == "Z", "its end")
        names(leaks, f"zombie {child.pid} (true)")
        child.wait()
        is_clean(leaks)


def files_in_tmp_are_named():
    with a_place() as (home, leaks):
        prefix = f"/tmp/leakcheck-{os.getpid()}"
        planted = [
            write(f"/tmp/dbus-{os.getpid()}"),
            write(f"/tmp/.xfsm-ICE-{os.getpid()}"),
            # Whatever it is called: it says whose it is.
            write(prefix + "-1", f"# made for {home}/.config\n"),
            write(f"/tmp/x-{os.path.basename(home)}"),
        ]
        os.symlink(home + "/run", prefix + "-2")
        os.mkdir(prefix + "-3")
        write(prefix + "-3/inside", home)
        try:
            names(leaks, *planted, prefix + "-2", prefix + "-3")
        finally:
            for path in [*planted, prefix + "-2"]:
                os.unlink(path)
            shutil.rmtree(prefix + "-3")
        is_clean(leaks)


def shared_memory_is_named():
    with a_place() as (_, leaks):
        path = write(f"/dev/shm/leakcheck-{os.getpid()}", "x" * 4096)
        try:
            names(leaks, path)
        finally:
            os.unlink(path)
        is_clean(leaks)


def objects_of_system_v_are_named():
    with a_place() as (_, leaks):
        shm = LIBC.shmget(0, 8192, IPC_CREAT | 0o600)
        sem = LIBC.semget(0, 1, IPC_CREAT | 0o600)
        msg = LIBC.msgget(0, IPC_CREAT | 0o600)
        try:
            check(min(shm, sem, msg) >= 0, shm, sem, msg)
            names(leaks, f"SysV shm {shm}", f"SysV sem {sem}", f"SysV msg {msg}")
        finally:
            LIBC.shmctl(shm, IPC_RMID, None)
            LIBC.semctl(sem, 0, IPC_RMID)
            LIBC.msgctl(msg, IPC_RMID, None)
        is_clean(leaks)


def locks_and_sockets_of_displays_and_sessions_are_named():
    with a_place() as (_, leaks):
        gone = subprocess.Popen(["true"])
        gone.wait()
        planted = [write(f"/tmp/.X{NUMBER}-lock", f"{gone.pid:10}\n")]
        for path in (f"/tmp/.X11-unix/X{NUMBER}", f"/tmp/.ICE-unix/{gone.pid}"):
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(path)
                s.listen()
                planted.append(path)
        try:
            names(leaks, *planted)
            leaks.displays = lambda: {NUMBER + 1}
            names(leaks, planted[2])
            leaks.displays = lambda: {NUMBER}
            names(leaks, *planted)
        finally:
            for path in planted:
                os.unlink(path)
        is_clean(leaks)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f"\0/tmp/.X11-unix/X{NUMBER}")
            s.listen()
            names(leaks, f"socket @/tmp/.X11-unix/X{NUMBER}")
        is_clean(leaks)


def authority_entries_are_named():
    def entry(number, cookie):
        parts = (b"host", number, b"MIT-MAGIC-COOKIE-1", cookie)
        return struct.pack(">H", 256) + b"".join(struct.pack(">H", len(p)) + p for p in parts)

    with tempfile.TemporaryDirectory(prefix="afar-leak-", dir="/var/tmp") as home:
        path = write(os.path.join(home, ".Xauthority"), entry(b"7", b"of before"))
        leaks = Leaks([home])
        is_clean(leaks)
        write(path, entry(b"7", b"of before") + entry(b"21", b"left over") + entry(b"7", b"another"))
        names(leaks, "entry for :21", "entry for :7")
        write(path, b"\1\0\0\4ho")
        names(leaks, "entry for :? in " + path)
        os.unlink(path)
        is_clean(leaks)
        leaks = Leaks([home])
        write(path)
        names(leaks, path)


def what_lies_in_the_home_and_its_runtime_directory_is_named():
    with a_place() as (home, leaks):
        os.makedirs(os.path.join(home, ".config/afar"))
        lock = write(os.path.join(home, ".config/afar/lock"))
        half = write(os.path.join(home, ".config/afar/host.json.aB3xY9"))
        other = write(os.path.join(home, ".Xauthority-c"))
        link = os.path.join(home, "agent")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(link)
        os.makedirs(os.path.join(home, "run/afar/audio"))
        os.mkdir(os.path.join(home, "run/dconf"))
        names(leaks, lock, half, other, "socket " + link, home + "/run/afar")
        left = leaks.find(allowed=[home + "/run/*", "*/lock"])
        check(len(left) == 3 and not [words for words in left if "run/" in words], left)


def a_mount_is_named():
    if os.getuid() != 0:
        return
    with a_place() as (home, leaks):
        place = os.path.join(home, "a place")
        os.mkdir(place)
        mount("-t", "tmpfs", "leak", place)
        try:
            names(leaks, "mount at " + place)
        finally:
            subprocess.run(["umount", place], check=True)
        is_clean(leaks)


# --- whose it is ---


def what_belongs_to_others_is_not_named():
    with a_place() as (_, leaks), a_place() as (neighbour, _):
        path = f"/tmp/.X11-unix/X{NUMBER}"
        planted = [path, f"/tmp/.X{NUMBER}-lock", f"/tmp/dbus-{os.getpid()}",
                   f"/dev/shm/leakcheck-{os.getpid()}", f"/tmp/leakcheck-{os.getpid()}"]
        with socket.socket(socket.AF_UNIX) as served, contextlib.ExitStack() as stack:
            pid = daemonise({"HOME": neighbour})
            stack.callback(end, pid)
            served.bind(path)
            served.listen()
            write(planted[1], f"{os.getpid():10}\n")
            stack.enter_context(open(planted[2], "w"))
            write(planted[3], "x" * 4096)
            write(planted[4], "of nobody knows whom " + neighbour)
            stack.enter_context(a_child(MAPPING, planted[3]))
            stack.callback(lambda: [os.unlink(p) for p in planted])
            is_clean(leaks)
            # It is no blindness.
            seen = {words for items in leakcheck.look(leaks.owner).values() for words in items.values()}
            check(seen >= set(planted), seen)


def what_a_stranger_made_is_not_named_however_dead_he_is():
    """Where the kernel does not tell who is whose, it may be ours."""
    said = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout
    ours = int(said)
    for is_ours in (True, False):
        if not is_ours and not Leaks.family.is_complete:
            return
        if not is_ours:
            Leaks.family.known.discard(ours)
        with a_place() as (_, leaks):
            agent = tempfile.mkdtemp(prefix="ssh-", dir="/tmp")
            planted = [f"/tmp/.X{NUMBER}-lock", f"/tmp/.xfsm-ICE-{os.getpid()}",
                       f"/tmp/.ICE-unix/{ours}"]
            write(planted[0], f"{ours:10}\n")
            write(planted[1], f"remove netid=local/here:@/tmp/.ICE-unix/{ours}\n")
            for path in (f"{agent}/agent.{ours}", planted[2]):
                with socket.socket(socket.AF_UNIX) as s:
                    s.bind(path)
            try:
                names(leaks, *planted, agent) if is_ours else is_clean(leaks)
            finally:
                shutil.rmtree(agent)
                for path in planted:
                    os.unlink(path)
            is_clean(leaks)


def the_family_is_whoever_was_forked_below_us():
    if not Leaks.family.is_complete:
        return
    pid = daemonise({})
    check(Leaks.family.may_have([pid]) and not Leaks.family.may_have([1, os.getppid()]))
    end(pid)
    check(Leaks.family.may_have([pid]), "it is one of us for ever")
    check(Leaks.family.is_complete, "something was lost")


def alone_everything_counts():
    with a_place():
        leaks = Leaks(alone=True)
        leaks.allow("process *", "zombie *", "SysV *", "mount *", "socket *")  # of the real neighbours
        path = write(f"/tmp/leakcheck-{os.getpid()}")
        try:
            check(path in leaks.find(), leaks.find())
            pid = daemonise({})
            leaks.allowed.clear()
            found = leaks.find()
            check([words for words in found if words.startswith(f"process {pid} ")], found)
            end(pid)
        finally:
            os.unlink(path)


def what_goes_away_in_time_is_no_leak():
    with a_place() as (home, leaks):
        pid = daemonise({"HOME": home})
        names(leaks, f"process {pid} ")
        threading.Timer(0.3, end, [pid]).start()
        leaks.check(60)
        is_clean(leaks)
        write(os.path.join(home, "run", "file"))
        begin = time.monotonic()
        try:
            leaks.check(60)
        except Leaked:
            check(time.monotonic() - begin < 30, "nobody lives who could remove it")
        else:
            check(False, "it is no failure")


# --- by construction ---


def a_home_ends_with_it():
    for make in (Home, ContractHome):
        with make() as home:
            os.mkdir(os.path.join(home.runtime, "dconf"))
        check(not os.path.exists(home.path), "the home itself is left")
        try:
            with make() as home:
                home.leaving_seconds = 0
                pid = daemonise({"HOME": home.path})
        except Leaked as error:
            check(f"process {pid} " in str(error), error)
        else:
            check(False, "a leak is no failure")
        check(not os.path.exists(home.path), "the home is left")
        wait_for(lambda: not leakcheck.is_alive(pid), "it is ended")


def what_failed_before_is_what_is_told():
    for make in (Home, ContractHome):
        try:
            with make() as home:
                pid = daemonise({"HOME": home.path})
                check(False, "the test itself")
        except Failed as error:
            check("the test itself" in str(error), error)
        wait_for(lambda: not leakcheck.is_alive(pid), "it is ended")


# --- what lives long ---


GROWING = """
import os, socket, sys
print("ready", flush=True)
kept = []
for step in (
    lambda: kept.extend(os.pipe()),
    lambda: kept.append(socket.socket()),
    lambda: kept.append(os.pidfd_open(os.getpid())),
    lambda: kept.append(os.memfd_create("x")),
    lambda: (kept.append(open("file", "w")), os.unlink("file")),
    lambda: kept.append(b"x" * (1 << 20)),
):
    sys.stdin.readline()
    step()
    print("done", flush=True)
sys.stdin.readline()
"""


def descriptors_are_counted_by_kind():
    with a_place() as (home, _), a_child(GROWING, cwd=home) as child:
        before = Fds(child.pid)
        check(Fds(child.pid).since(before) == "" and len(before) == 3, before.kinds)
        before.settle(0)
        for words in ("+2 pipe", "+1 socket", "+1 pidfd", "+1 memfd", f"+1 {home}/file (deleted)"):
            then = Fds(child.pid)
            step(child)
            check(Fds(child.pid).since(then) == words, words, Fds(child.pid).since(then))
            try:
                then.settle(0)
            except Leaked as error:
                check(words in str(error) and str(child.pid) in str(error), error)
            else:
                check(False, words, "is no failure")
        check(Fds(child.pid).deleted == [home + "/file (deleted)"], Fds(child.pid).deleted)
        check(len(Fds(child.pid)) - len(before) == 6)
        # One that is missing is as wrong as one too many.
        check(before.since(Fds(child.pid)).startswith("-1 " + home), before.since(Fds(child.pid)))


def fails(slopes, words, **limits):
    try:
        slopes.check(seconds=0, **limits)
    except Leaked as error:
        check(words in str(error), error)
    else:
        check(False, words, "is no failure")


def memory_has_a_limit():
    with a_place() as (home, _), a_child(GROWING, cwd=home) as child:
        for _ in range(5):
            step(child)
        slopes = Slopes({"child": child.pid})
        slopes.check(rss_kib=256, seconds=0)
        step(child)
        check(900 < slopes.growth_kib()["child"] < 1500, slopes.growth_kib())
        fails(slopes, "'child'", rss_kib=256)
        slopes.check(rss_kib=2048, seconds=0)


# A child that it does not reap, and then one that leaves it.
GUARD = """
import os, subprocess, sys
print("ready", flush=True)
sys.stdin.readline()
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print("done", flush=True)
sys.stdin.readline()
os.wait()
print("done", flush=True)
sys.stdin.readline()
"""


def zombies_below_the_guard_and_who_has_left_it_are_named():
    with a_place() as (home, _), a_child(GUARD, env={"HOME": home}) as guard:
        slopes = Slopes({"guard": guard.pid}, guard=guard.pid, home=home)
        slopes.check(seconds=0)
        step(guard)
        fails(slopes, "zombies")
        step(guard)
        slopes.check(rss_kib=1024, seconds=0)
        pid = daemonise({"HOME": home})
        fails(slopes, f"orphans: {{{pid}: ")
        end(pid)
        slopes.check(rss_kib=1024, seconds=0)


# --- by hand ---


def call(*args):
    done = subprocess.run([LEAKCHECK, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(not done.stderr, done.stderr)
    return done.returncode, done.stdout


def the_command_does_the_same_in_two_steps():
    with a_place() as (home, _):
        snapshot = os.path.join(home, "snapshot")
        check(call("snapshot", snapshot, "--home", home, "--runtime", home + "/run") == (0, ""))
        check(call("compare", snapshot) == (0, ""))
        pid = daemonise({"HOME": home})
        os.mkdir(home + "/run/afar")
        status, out = call("compare", snapshot, "--within", "0")
        wanted = [home + "/run/afar", f"process {pid} (sleep 1000), by its HOME"]
        check(status == 1 and out.splitlines() == wanted, status, out)
        end(pid)
        os.rmdir(home + "/run/afar")
        check(call("compare", snapshot) == (0, ""))


tests = [
    where_nothing_is_left_nothing_is_named,
    who_has_left_its_parents_is_named,
    nor_does_an_empty_environment_hide_it,
    a_child_that_nobody_waits_for_is_named,
    files_in_tmp_are_named,
    shared_memory_is_named,
    objects_of_system_v_are_named,
    locks_and_sockets_of_displays_and_sessions_are_named,
    authority_entries_are_named,
    what_lies_in_the_home_and_its_runtime_directory_is_named,
    a_mount_is_named,
    what_belongs_to_others_is_not_named,
    what_a_stranger_made_is_not_named_however_dead_he_is,
    the_family_is_whoever_was_forked_below_us,
    alone_everything_counts,
    what_goes_away_in_time_is_no_leak,
    a_home_ends_with_it,
    what_failed_before_is_what_is_told,
    descriptors_are_counted_by_kind,
    memory_has_a_limit,
    zombies_below_the_guard_and_who_has_left_it_are_named,
    the_command_does_the_same_in_two_steps,
]
if __name__ == "__main__":
    take_own_tmp()
    sys.exit(run(tests))

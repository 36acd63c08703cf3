#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Attaching to a display that somebody else has started: D-1, CURT-2.

attach.py [BUILD-DIRECTORY]. The displays are real Xvfb servers on numbers of their own, with
openbox and xterm, started by hand as it were.
"""
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import homes
from hosting import *
from homes import *

def as_owner(home, *args):
    prefix = ["setpriv", "--reuid", home.user, "--regid", home.user, "--init-groups"]
    return (prefix if home.user else []) + [*args]


class Screen:
    """An Xvfb of the home's owner. number None: the server chooses; authority: a file.

    secret: nobody can tell from the command line where the authority is.
    """

    def __init__(self, home, authority, number=None, secret=False, options=()):
        self.home, self.clients, self.written = home, [], set()
        self.env = {**home.env, "XAUTHORITY": authority}
        self.cookie = os.urandom(16)
        self.write_authority(authority)
        read_end, write_end = os.pipe()
        argv = ["Xvfb", *([":%d" % number] if number is not None else []), "-auth",
                os.path.relpath(authority, home.path) if secret else authority,
                "-displayfd", str(write_end), "-nolisten", "tcp", "-noreset",
                "-screen", "0", "1003x707x24", *options]
        self.process = subprocess.Popen(
            as_owner(home, *argv), env=self.env, pass_fds=[write_end], cwd=home.path,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        check(line.endswith("\n"), "Xvfb does not start")
        self.number = int(line)
        self.name = self.env["DISPLAY"] = ":%d" % self.number

    def write_authority(self, path):
        """One entry, for any host and any number."""
        def counted(data):
            return struct.pack(">H", len(data)) + data
        with open(path + ".new", "wb") as f:
            f.write(b"\xff\xff" + counted(b"") + counted(b"") + counted(b"MIT-MAGIC-COOKIE-1")
                    + counted(self.cookie))
        if self.home.user:
            shutil.chown(path + ".new", self.home.user, self.home.user)
        os.rename(path + ".new", path)
        self.written.add(path)

    def run(self, *args):
        """A program on it that stays."""
        client = subprocess.Popen(as_owner(self.home, *args), env=self.env, cwd=self.home.path,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.clients.append(client)
        return client

    def ask(self, *args):
        return subprocess.run(as_owner(self.home, *args), env=self.env, text=True, check=True,
                              capture_output=True).stdout

    def kill(self):
        self.process.kill()
        self.process.wait()
        try:
            os.unlink("/tmp/.X11-unix/X%d" % self.number)
            os.unlink("/tmp/.X%d-lock" % self.number)
        except FileNotFoundError:
            pass

    def close(self):
        for client in self.clients:
            client.kill()
            client.wait()
        self.process.terminate()
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()
        for path in self.written:
            if os.path.exists(path):
                os.unlink(path)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def attach(home, screen, *more, expect=0, **how):
    code, out, err = home.start("--display", "attach" + screen.name, *more, session=None, **how)
    check(code == expect, "start:", code, out, err)
    return out, err


def authority_of(home):
    return os.path.join(home.path, ".Xauthority")


# --- a display that is there ---


def a_desktop_started_by_hand_is_served_typed_into_and_outlives_afar_stop():  # D-1, proof 6
    with Home() as home, Screen(home, authority_of(home)) as screen:
        screen.ask("setxkbmap", "-layout", "de", "-option", "ctrl:nocaps")
        keymap = screen.ask("setxkbmap", "-query")
        screen.run("openbox", "--startup", "xterm -e sh -c 'cat >$HOME/typed'")
        out, _ = attach(home, screen)
        check("The desktop is ready: display " + screen.name in out, out)
        status = home.status()
        check(status["state"] == "ready" and status["display"] == screen.name, status)
        states = {c["name"]: c["state"] for c in status["components"]}
        check(states.pop("host") == "ready" and states.pop("display") == "ready", states)
        check(set(states.values()) == {"off"}, states)
        mine = processes_of(home.path)
        check(not [c for c in mine.values() if "dbus-daemon" in c], mine)

        page = Page(home)
        page.await_size((1003, 707))
        typed = os.path.join(home.path, "typed")
        wait_for(lambda: os.path.exists(typed), "the shell runs", 10 * SLOW)

        def has_focus():
            page.type("\n")
            return os.path.getsize(typed)
        wait_for(has_focus, "the terminal has the focus", 10 * SLOW)
        page.type("hello\n")

        def text():
            with open(typed) as f:
                return f.read()
        wait_for(lambda: text().endswith("hello\n"), text, 10 * SLOW)
        page.close()

        ours = [status["supervisor_pid"], status["guard_pid"],
                *(c["pid"] for c in status["components"] if c["pid"])]
        theirs = set(processes_of(home.path)) - set(ours)
        check(len(theirs) >= 3, theirs)
        code, out, err = home.afar("stop")
        check(code == 0 and not any(map(is_alive, ours)), code, err)
        check(theirs <= set(processes_of(home.path)), "afar stop ended what is not its own")
        check(screen.ask("setxkbmap", "-query") == keymap, "the keymap was touched")
        check(not os.listdir(home.runtime), os.listdir(home.runtime))
        check("lock" not in os.listdir(home.config))


def its_authority_is_found_wherever_it_is():  # D-1
    def other_file(home):
        return os.path.join(home.path, "authority")

    def by_variable(home):
        with Screen(home, other_file(home)) as screen:
            attach(home, screen, env={"XAUTHORITY": other_file(home)})
            home.afar("stop")

    def by_command_line(home):
        with Screen(home, other_file(home)) as screen:
            attach(home, screen)
            home.afar("stop")

    def by_a_clients_environment(home):
        with Screen(home, other_file(home)) as screen:
            moved = os.path.join(home.path, "moved")
            os.rename(other_file(home), moved)
            screen.env["XAUTHORITY"] = moved
            screen.run("xterm")
            attach(home, screen)
            home.afar("stop")

    def none_is_needed(home):
        with Screen(home, other_file(home), options=["-ac"]) as screen:
            os.unlink(other_file(home))
            attach(home, screen)
            page = Page(home)
            page.await_size((1003, 707))
            page.close()
            home.afar("stop")

    def a_wrong_one_comes_first(home):
        with Screen(home, other_file(home)) as screen:
            good = screen.cookie
            screen.cookie = os.urandom(16)
            screen.write_authority(authority_of(home))
            screen.cookie = good
            attach(home, screen)
            check("/authority" in home.log(), home.log())
            home.afar("stop")

    for case in (by_variable, by_command_line, by_a_clients_environment, none_is_needed,
                 a_wrong_one_comes_first):
        with Home() as home:
            try:
                case(home)
            except Failed as error:
                raise Failed(case.__name__, error)


# --- a display that is not ---


def a_display_that_is_not_there_is_waited_for_and_waited_for_again():
    with Home("[relaunch]\nhealthy_after = 60\nslow_after = 2\ngive_up_after = 3\n") as home:
        with Screen(home, authority_of(home)) as first:
            number = first.number
        code, out, err = home.start("--display", "attach:%d" % number, session=None)
        check(code == 0 and "not there yet; afar waits" in out and "#link=" in out, code, out, err)
        status = home.status()
        display = home.component("display")
        check(status["state"] == "starting" and display["state"] == "waiting", status)
        check(display["next_try"] is None, display)
        page = Page(home)
        for i in range(6):
            with Screen(home, authority_of(home), number) as screen:
                begin = time.monotonic()
                page.await_size((1003, 707))
                check(time.monotonic() - begin < 1 * SLOW, "the picture took", time.monotonic() - begin)
                home.wait_state("ready", 5)
                if i % 2:
                    screen.kill()
            page.await_size((0, 0))
            wait_for(lambda: home.component("display")["state"] == "waiting", "it waits", 5)
            display = home.component("display")
            check("is gone; afar waits" in display["last_end"]["text"], display)
            check(display["restarts"] == 0 and display["next_try"] is None, display)
            check(home.status()["state"] == "degraded", home.status())
        page.close()
        home.afar("stop")


def switches(pid):
    with open(f"/proc/{pid}/status") as f:
        return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)


def waiting_is_no_polling():
    """Run alone, see below: others write to /tmp all the time."""
    with Home() as home:
        with Screen(home, authority_of(home)) as screen:
            attach(home, screen)
        pid = home.status()["supervisor_pid"]
        # For four seconds after the last event it looks again, less and less often.
        before = [None]

        def is_quiet():
            time.sleep(3)
            last, before[0] = before[0], switches(pid)
            return last == before[0]
        wait_for(is_quiet, "nothing happens in 3 s", 20)
        home.afar("stop")


def a_display_that_refuses_us_is_an_error_until_there_is_an_authority():
    with Home() as home:
        with Screen(home, os.path.join(home.path, "authority"), secret=True) as screen:
            out, err = attach(home, screen, expect=1)
            check("refuses us" in err and "xhost +si:localuser:" in err, err)
            check(err.count("\n") == 1, err)
            display = home.component("display")
            check(display["state"] == "waiting" and "xhost" in display["last_end"]["text"], display)
            screen.write_authority(authority_of(home))
            home.wait_state("ready", 10)
            home.afar("stop")


def a_server_that_hangs_is_told_and_blocks_nothing():
    with Home() as home, Screen(home, authority_of(home)) as screen:
        screen.process.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        daemon = subprocess.Popen(
            home.command("start", "--display", "attach" + screen.name), env=home.env, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        control = os.path.join(home.runtime, "afar", "control")
        wait_for(lambda: os.path.exists(control), "the daemon", 5 * SLOW)
        asked = time.monotonic()
        check(home.status()["state"] == "starting")
        check(time.monotonic() - asked < 1 * SLOW, "the loop was blocked")
        out, err = daemon.communicate(timeout=20)
        check(daemon.returncode == 1 and "does not answer" in err, out, err)
        check(time.monotonic() - begin < 15, "it took", time.monotonic() - begin)
        screen.process.send_signal(signal.SIGCONT)
        home.wait_state("ready", 5)
        home.afar("stop")


def a_display_of_another_user_is_not_believed():
    with Home() as mine:
        if os.geteuid() != 0 or mine.user or not os.environ.get("AFAR_TEST_USER"):
            return
        homes.USER = os.environ["AFAR_TEST_USER"]
        try:
            theirs = Home()
        finally:
            homes.USER = None
        with theirs, Screen(theirs, authority_of(theirs)) as screen:
            out, err = attach(mine, screen, expect=1,
                              env={"XAUTHORITY": authority_of(theirs)})
            check("belongs to " + theirs.user in err and err.count("\n") == 1, err)
            mine.afar("stop")


# --- the lock ---


LOCKER = '#!/bin/sh\necho "$DISPLAY $XAUTHORITY $*" >>"$HOME/locked"\n'


def write_program(home, name, text):
    path = os.path.join(home.path, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def locked(home):
    try:
        with open(os.path.join(home.path, "locked")) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def the_last_viewer_who_leaves_locks_the_screen():  # CURT-2
    with Home() as home, Screen(home, authority_of(home)) as screen:
        locker = write_program(home, "locker", LOCKER)
        home.write_conf("[display]\nlock_on_leave = %s one 'two $HOME\n" % locker)
        attach(home, screen)
        first, second = Page(home), Page(home)
        wait_for(lambda: len(home.status()["viewers"]) == 2, "two viewers")
        first.close()
        wait_for(lambda: len(home.status()["viewers"]) == 1, "one viewer")
        second.close()
        wait_for(lambda: locked(home), "the lock")
        wanted = "%s %s one 'two $HOME" % (screen.name, authority_of(home))
        check(locked(home) == [wanted], locked(home))
        third = Page(home)
        home.wait_state("ready")
        wait_for(lambda: len(home.status()["viewers"]) == 1, "one viewer")
        third.close()
        wait_for(lambda: len(locked(home)) == 2, "the lock")
        home.afar("stop")


def nothing_is_locked_unless_asked():
    with Home() as home, Screen(home, authority_of(home)) as screen:
        path = write_program(home, "bin/xdg-screensaver", LOCKER)
        attach(home, screen, env={"PATH": os.path.dirname(path) + ":" + os.environ["PATH"]})
        page = Page(home)
        wait_for(lambda: len(home.status()["viewers"]) == 1, "a viewer")
        page.close()
        wait_for(lambda: not home.status()["viewers"], "it is gone")
        home.afar("stop")
        check(not locked(home) and "locking" not in home.log(), locked(home))


def yes_takes_the_first_locker_that_works():
    with Home() as home, Screen(home, authority_of(home)) as screen:
        path = write_program(home, "bin/xdg-screensaver", LOCKER + "exit 4\n")
        write_program(home, "bin/xflock4", LOCKER)
        write_program(home, "bin/i3lock", LOCKER)
        home.write_conf("[display]\nlock_on_leave = yes\n")
        attach(home, screen, env={"PATH": os.path.dirname(path) + ":" + os.environ["PATH"]})
        page = Page(home)
        wait_for(lambda: len(home.status()["viewers"]) == 1, "a viewer")
        page.close()
        wait_for(lambda: len(locked(home)) >= 2, lambda: home.log())
        home.afar("stop")
        check([line.split()[2:] for line in locked(home)] == [["lock"], []], locked(home))


def what_guards_the_screen_outlives_afar_stop():
    with Home() as home, Screen(home, authority_of(home)) as screen:
        locker = write_program(home, "locker", LOCKER + "sleep 1000 &\necho $! >$HOME/pid\nwait\n")
        home.write_conf("[display]\nlock_on_leave = %s\n" % locker)
        attach(home, screen)
        page = Page(home)
        wait_for(lambda: len(home.status()["viewers"]) == 1, "a viewer")
        page.close()
        path = os.path.join(home.path, "pid")
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path), "the locker")
        with open(path) as f:
            pid = int(f.read())
        begin = time.monotonic()
        home.afar("stop")
        check(time.monotonic() - begin < 2 * SLOW, "stop waits for the locker")
        check(is_alive(pid) and screen.process.poll() is None, "it was ended")
        check(home.afar("status")[0] == 3)
        os.kill(pid, signal.SIGKILL)


def stopping_with_viewers_locks_too():
    with Home() as home, Screen(home, authority_of(home)) as screen:
        locker = write_program(home, "locker", "#!/bin/sh\nsleep 0.5\n" + LOCKER[10:])
        home.write_conf("[display]\nlock_on_leave = %s\n" % locker)
        attach(home, screen)
        page = Page(home)
        wait_for(lambda: len(home.status()["viewers"]) == 1, "a viewer")
        home.afar("stop")
        wait_for(lambda: locked(home), "the lock", 5)
        page.close()
        check(len(locked(home)) == 1, locked(home))


# --- whatever is there ---


def set_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        up = struct.pack("16sH22x", b"lo", 0x1)
        fcntl.ioctl(s, 0x8914, up)  # SIOCSIFFLAGS


def attach_without_a_number_takes_the_lowest_that_is_no_virtual_desktop():
    """Run alone, see below: nobody else's displays are here."""
    with Home() as home:
        code, out, err = home.start("--display", "attach", session=None)
        check(code == 0 and "there is no X display yet" in out, code, out, err)
        home.env["AFAR_SESSION"] = "1"
        with Screen(home, os.path.join(home.path, "three"), 3):
            del home.env["AFAR_SESSION"]
            with Screen(home, os.path.join(home.path, "twelve"), 12):
                home.wait_state("ready", 5)
                check(home.status()["display"] == ":12", home.status())
                with Screen(home, authority_of(home), 5):
                    check(home.status()["display"] == ":12", "it changed for no reason")
                    home.afar("stop")
                    home.afar("start", "--display", "attach")
                    check(home.status()["display"] == ":5", home.status())
                wait_for(lambda: home.status().get("display") == ":12", home.status, 5)
            home.wait_state("degraded", 5)
            display = home.component("display")
            check("no X display any more" in display["last_end"]["text"], display)
        home.afar("stop")


def a_socket_with_an_abstract_name_alone_is_found():
    with Home() as home, Screen(home, authority_of(home), 4) as screen:
        os.unlink("/tmp/.X11-unix/X4")
        attach(home, screen)
        home.afar("stop")
        code, out, err = home.start("--display", "attach", session=None)
        check(code == 0 and home.status()["display"] == ":4", out, err)
        home.afar("stop")


# $1: an empty directory, which becomes /tmp; the others stay where they are, even below /tmp.
ROOM = """
set -e
room=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=1777 none "$room"
mkdir -m 1777 "$room/.X11-unix"
for path in $KEEP; do
	case $path in
	/tmp/*)
		mkdir -p "$room/${path#/tmp/}"
		mount --rbind "$path" "$room/${path#/tmp/}"
	esac
done
mount --rbind "$room" /tmp
exec "$@"
"""


def without_a_number_the_lowest_display_is_found():
    """The tests above in a network and a /tmp of their own."""
    if os.geteuid() != 0 or homes.USER:
        return
    build, here = os.path.abspath(BUILD), os.path.dirname(os.path.abspath(__file__))
    keep = [build, os.path.dirname(here), os.path.dirname(os.path.dirname(os.path.abspath(AFAR)))]
    room = tempfile.mkdtemp(prefix="afar-room-", dir="/var/tmp")
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-c", ROOM, "sh", room, sys.executable,
             os.path.join(here, "attach.py"), build, "alone"],
            env={**os.environ, "KEEP": " ".join(keep)}, text=True, capture_output=True, timeout=120)
    finally:
        os.rmdir(room)
    check(done.returncode == 0, done.stdout, done.stderr)


tests = [
    a_desktop_started_by_hand_is_served_typed_into_and_outlives_afar_stop,
    its_authority_is_found_wherever_it_is,
    a_display_that_is_not_there_is_waited_for_and_waited_for_again,
    a_display_that_refuses_us_is_an_error_until_there_is_an_authority,
    a_server_that_hangs_is_told_and_blocks_nothing,
    a_display_of_another_user_is_not_believed,
    the_last_viewer_who_leaves_locks_the_screen,
    nothing_is_locked_unless_asked,
    yes_takes_the_first_locker_that_works,
    what_guards_the_screen_outlives_afar_stop,
    stopping_with_viewers_locks_too,
    without_a_number_the_lowest_display_is_found,
]
if os.geteuid() == 0 and os.environ.get("AFAR_TEST_USER"):
    tests += [
        as_user(os.environ["AFAR_TEST_USER"], test)
        for test in (
            a_desktop_started_by_hand_is_served_typed_into_and_outlives_afar_stop,
            its_authority_is_found_wherever_it_is,
            a_display_that_refuses_us_is_an_error_until_there_is_an_authority,
            the_last_viewer_who_leaves_locks_the_screen,
        )
    ]
if sys.argv[2:] == ["alone"]:
    set_up_loopback()
    tests = [
        attach_without_a_number_takes_the_lowest_that_is_no_virtual_desktop,
        a_socket_with_an_abstract_name_alone_is_found,
        waiting_is_no_polling,
    ]
if __name__ == "__main__":
    sys.exit(run(tests))

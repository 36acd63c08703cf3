#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Starts that cannot work: one clear line, the documented exit status, and nothing is left.

bad-input.py [BUILD-DIRECTORY]. What daemon.py does not have: other users' files, programs that
fail, a machine without a free port.
"""
import ctypes
import os
import pwd
import re
import shutil
import subprocess
import sys

import homes
from hosting import *
from homes import *

ORDINARY = os.environ.get("AFAR_TEST_USER")


def refused(home, pattern, *args, **more):
    """`afar start` fails with one line that matches."""
    code, out, err = home.start(*args, **more)
    check(code == 1 and re.search(pattern, err), code, out, err)
    check(err.startswith("afar: ") and err.count("\n") == 1, err)


def a_start_without_any_argument_at_all_says_how_to_use_it():
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        # Python does not let an argument list be empty; a hostile caller does.
        ctypes.CDLL(None).execv(homes.AFAR.encode(), (ctypes.c_char_p * 1)(None))
        os._exit(99)
    status = os.waitpid(pid, 0)[1]
    check(os.WIFEXITED(status) and os.WEXITSTATUS(status) == 2, status)


def an_identity_of_somebody_elses_is_refused():
    if os.geteuid() != 0:
        return
    with Home() as home:
        home.up()
        home.afar("stop")
        path = os.path.join(home.config, "host.json")
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        refused(home, r"host\.json.*chown")
        home.nothing_is_left()


def a_settings_file_that_is_none_is_named():
    with Home() as home:
        path = os.path.join(home.config, "afar.conf")
        os.unlink(path)
        os.mkdir(path)
        refused(home, r"afar\.conf")
        os.rmdir(path)
        os.mkfifo(path)
        refused(home, r"afar\.conf")
        os.unlink(path)
        with open(path, "w") as f:
            f.write("[display]\n" + "# much\n" * 2**18)
        refused(home, r"afar\.conf")
        for text in ("[display]\nno value\n", "[relaunch]\nslow_after = -1\n", "[server\n"):
            home.write_conf(text)
            refused(home, r"afar\.conf, line \d: ")
        home.nothing_is_left()


def what_others_may_write_is_not_run():
    with Home() as home:
        path = os.path.join(home.config, "session")
        with open(path, "w") as f:
            f.write("exec openbox\n")
        for mode in (0o666, 0o664, 0o777):
            os.chmod(path, mode)
            code, out, err = home.start(session=None)
            check(code == 1 and path in err and "go-w" in err, oct(mode), code, out, err)
            home.afar("stop")
        os.chmod(path, 0o644)
        home.up(session=None)
        home.afar("stop")
        conf = os.path.join(home.config, "afar.conf")
        os.chmod(conf, 0o666)
        refused(home, r"afar\.conf.*go-w")
        home.nothing_is_left()


def without_a_free_port_the_range_is_named():
    if os.geteuid() != 0:
        return
    # In a network of its own, so that nobody else misses the ports.
    script = """
import fcntl, os, socket, struct, sys
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1 | 64))  # SIOCSIFFLAGS: up
taken = [socket.create_server(("127.0.0.1", port)) for port in range(2327, 2427)]
for t in taken:
    t.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])
"""
    with Home() as home:
        probe = subprocess.run(["unshare", "--net", "true"], capture_output=True)
        if probe.returncode:
            return
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", script, homes.AFAR, "start"],
            env=home.env, cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=60,
        )
        check(done.returncode == 1 and "2327 to 2426" in done.stderr, done)
        check(done.stderr.count("\n") == 1, done.stderr)
        home.nothing_is_left()


def with_programs(home, host):
    """Copies of our programs, with a shell script in the host's place; the command's path."""
    directory = os.path.join(home.path, "bin")
    os.mkdir(directory)
    for name in ("afar", "afar-guard", "afar-supervisor"):
        shutil.copy(os.path.join(BUILD, "src", name), directory)
    if host:
        path = os.path.join(directory, "afar-host")
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + host)
        os.chmod(path, 0o755)
    return os.path.join(directory, "afar")


class Programs:
    """homes.AFAR is another one for a while."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.path, homes.AFAR = homes.AFAR, self.path

    def __exit__(self, *exc):
        homes.AFAR = self.path


def a_program_that_is_missing_is_named():
    with Home() as home, Programs(with_programs(home, None)):
        refused(home, "afar-host")
        os.unlink(os.path.join(home.path, "bin", "afar-supervisor"))
        check(home.start()[0] == 1)
        os.unlink(os.path.join(home.path, "bin", "afar-guard"))
        refused(home, "afar-guard")
        home.nothing_is_left()


def a_host_that_says_it_is_hopeless_is_given_up_with_its_words():
    with Home() as home:
        home.up()
        home.afar("stop")
        with Programs(with_programs(home, "printf 'the host says no' >&2; exit 101\n")):
            code, out, err = home.start()
            check(code == 1 and "gave up on the host: ended with exit status 101" in err, err)
            host = home.component("host")
            check(home.status()["state"] == "failed" and host["state"] == "failed", host)
            check(host["last_end"]["code"] == 101 and host["restarts"] == 0, host)
            check(host["last_end"]["log_tail"] == ["the host says no"], host)
            check(home.afar("link")[0] == 1, "nobody could use a link")
            check(home.afar("stop")[0] == 0)
            home.nothing_is_left()


def a_home_that_cannot_be_written_is_told():
    with Home() as home:
        shutil.rmtree(home.config)
        os.chmod(os.path.dirname(home.config), 0o500)
        refused(home, r"\.config/afar: Permission denied")
        check(not processes_of(home.path))


def what_lies_at_the_runtime_directorys_place_is_never_followed():
    uid = pwd.getpwnam(homes.USER).pw_uid
    place = "/tmp/afar-%d" % uid
    if os.path.lexists(place):
        return
    with Home(runtime=False) as home:
        trap = os.path.join(home.path, "trap")
        os.mkdir(trap, 0o777)
        os.chmod(trap, 0o777)
        os.symlink(trap, place)
        try:
            refused(home, re.escape(place))
            check(os.listdir(trap) == [], os.listdir(trap))
            check(os.path.islink(place), "it was removed, though it is not ours")
            check(not os.path.exists(os.path.join(home.config, "lock")))
        finally:
            os.unlink(place)
        home.up()
        home.afar("stop")
        check(not os.path.lexists(place), "our own is left")


tests = [
    a_start_without_any_argument_at_all_says_how_to_use_it,
    an_identity_of_somebody_elses_is_refused,
    a_settings_file_that_is_none_is_named,
    what_others_may_write_is_not_run,
    without_a_free_port_the_range_is_named,
    a_program_that_is_missing_is_named,
    a_host_that_says_it_is_hopeless_is_given_up_with_its_words,
]
if os.geteuid() == 0 and ORDINARY:
    tests += [
        as_user(ORDINARY, test)
        for test in (
            a_home_that_cannot_be_written_is_told,
            what_lies_at_the_runtime_directorys_place_is_never_followed,
        )
    ]
if __name__ == "__main__":
    sys.exit(run(tests))

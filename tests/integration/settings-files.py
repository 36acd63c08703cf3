#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Files that we read, of every kind that they may be, and what a running daemon makes of broken
ones. CFG-06, CFG-07; the contract's are in contract-hostile.py and contract-host.py.

settings-files.py [BUILD-DIRECTORY]. Real daemon and Xvfb.
"""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from hosting import *
from homes import *

SOON = 1 * SLOW
BOM = b"\xef\xbb\xbf"
KEPT = {"": 1, "afar": {"x": [1, 2.5, None]}, "größe": "\U0001f5a5", "b": 9007199254740993}

IDENTITY, IDENTITY_PIN = make_identity()


def with_key(text):
    return json.dumps(IDENTITY).encode()[:-1] + b", " + text + b"}"


# What host.json may have in it; is it taken?
IDENTITIES = {
    "nothing": (b"", False),
    "a byte order mark": (BOM + json.dumps(IDENTITY).encode(), False),
    "UTF-16": (json.dumps(IDENTITY).encode("utf-16"), False),
    "CRLF": (json.dumps(IDENTITY, indent=2).replace("\n", "\r\n").encode(), True),
    "two equal keys": (with_key(b'"host_id": "x"'), False),
    "two equal keys that we do not know": (with_key(b'"x": 1, "x": 1'), False),
    "keys that we do not know": (json.dumps({**IDENTITY, **KEPT}).encode(), True),
    "10 MiB": (with_key(b'"x": "' + b"y" * (10 << 20) + b'"'), False),
    "half a megabyte": (with_key(b'"x": "' + b"y" * (1 << 19) + b'"'), True),
    "100,000 brackets": (with_key(b'"x": ' + b"[" * 100000 + b"]" * 100000), False),
    "a NUL": (with_key(b'"x": "\0"'), False),
    "a NUL behind it": (json.dumps(IDENTITY).encode() + b"\0", False),
    "bytes that are no UTF-8": (with_key(b'"x": "\xff"'), False),
    "half a surrogate": (with_key(b'"x": "\\udc00"'), False),
    "a huge integer": (with_key(b'"x": ' + b"9" * 400), False),
    "a huge number": (with_key(b'"x": 1e999'), False),
    "half of it": (json.dumps(IDENTITY).encode()[:700], False),
    "a key of another kind": (json.dumps({**IDENTITY, "pin_hash": 7}).encode(), False),
    "a key too few": (json.dumps({k: v for k, v in IDENTITY.items() if k != "private_key"}).encode(),
                      False),
}

# The same for afar.conf: None, it is taken with a word about it.
SETTINGS = {
    "nothing": (b"", True),
    "a byte order mark": (BOM + b"[display]\nsizes = 640x480\n", True),
    "UTF-16": ("[display]\nsizes = 640x480\n".encode("utf-16"), False),
    "CRLF": (b"[display]\r\nsizes = 640x480\r\n", True),
    "two equal keys": (b"[display]\nsizes = 640x480\nsizes = 800x600\n", True),
    "a key that we do not know": (b"[display]\ncolour = blue\n", None),
    "a section that we do not know": (b"[colours]\nsky = blue\n", None),
    "10 MiB": (b"# much\n" * (10 * (1 << 20) // 7), False),
    "a line of 100,000": (b"[display]\nsizes = " + b"1" * 100000 + b"\n", False),
    "a NUL": (b"[display]\nsizes = 640x480\0\n[relaunch]\nslow_after = x\n", False),
    "bytes that are no UTF-8": (b"[session]\ncommand = \xff\xfe\n[display]\ntype = \xff\n", False),
    "a huge number": (b"[relaunch]\nslow_after = " + b"9" * 40 + b"\n", False),
    "a negative number": (b"[relaunch]\nfast_delay = -1\n", False),
    "100,000 brackets": (b"[" * 100000, False),
}

# What is no file, or nobody's that is to be believed: name -> how it is made of a good one.
KINDS = {
    "a directory": lambda path: (os.unlink(path), os.mkdir(path)),
    "a FIFO": lambda path: (os.unlink(path), os.mkfifo(path)),
    "a socket": lambda path: (os.unlink(path), socket.socket(socket.AF_UNIX).bind(path)),
    "a device without end": lambda path: (os.unlink(path), os.symlink("/dev/zero", path)),
    "a terminal": lambda path: (os.unlink(path), os.symlink("/dev/ptmx", path)),
    "a link to itself": lambda path: (os.unlink(path), os.symlink(path, path)),
    "a process's memory": lambda path: (os.unlink(path), os.symlink("/proc/self/mem", path)),
    "one that all may write": lambda path: os.chmod(path, 0o666),
    "one that a group may write": lambda path: os.chmod(path, 0o620),
    "a link to one that all may write": lambda path: (
        os.rename(path, path + ".there"), os.chmod(path + ".there", 0o646),
        os.symlink(path + ".there", path)),
}
if os.geteuid() == 0:
    NOBODY = pwd.getpwnam("nobody").pw_uid
    KINDS["another user's"] = lambda path: os.chown(path, NOBODY, -1)


class Made(Home):
    """One with an identity: making it may take its time."""

    def __init__(self, conf=FAST):
        super().__init__(conf)
        put(self, "host.json", json.dumps(IDENTITY).encode())


def put(home, name, data):
    path = os.path.join(home.config, name)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o600)
    return path


def outcome(home, *prefix, soon=SOON):
    """Of a start that goes as far as looking for an X server, and soon: what it says."""
    before = time.monotonic()
    done = subprocess.run(
        [*prefix, *home.command("start", "--display", "xvfb")], cwd="/", timeout=60,
        env={**home.env, "PATH": "/nonexistent"}, stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", errors="backslashreplace",
    )
    took = time.monotonic() - before
    check(done.returncode == 1 and took < soon, took, done)
    lines = done.stderr.splitlines()
    check(all(line.startswith("afar: ") for line in lines), lines)
    return lines


def is_refused(home, path, what, *prefix, soon=SOON):
    lines = outcome(home, *prefix, soon=soon)
    check(len(lines) == 1 and os.path.basename(path) in lines[0], what, lines)


def is_taken(home, what, *prefix, more=0, soon=SOON):
    lines = outcome(home, *prefix, soon=soon)
    check(len(lines) == 1 + more and "install" in lines[-1], what, lines)


def an_identity_of_any_contents_is_taken_or_refused_in_one_line():
    with Home() as home:
        for what, (data, good) in IDENTITIES.items():
            path = put(home, "host.json", data)
            if good:
                is_taken(home, what)
            else:
                is_refused(home, path, what)
            with open(path, "rb") as f:
                check(f.read() == data, what, "it was changed")


def what_we_do_not_know_in_an_identity_is_kept_when_it_is_saved():
    with Home() as home:
        put(home, "host.json", json.dumps({**KEPT, **IDENTITY}, indent=1).encode())
        check(home.afar("pin", "--new")[0] == 0)
        with open(os.path.join(home.config, "host.json"), encoding="utf-8") as f:
            after = json.load(f)
        check(list(after) == list({**KEPT, **IDENTITY}), "the order", list(after))
        check({k: after[k] for k in KEPT} == KEPT and after["pin_hash"] != IDENTITY["pin_hash"])


def what_is_no_file_of_ones_own_is_no_identity():
    for what, make in KINDS.items():
        with Home() as home:
            path = put(home, "host.json", json.dumps(IDENTITY).encode())
            make(path)
            home.leaks.allow("socket " + path)
            before = os.lstat(path)
            is_refused(home, path, what)
            code, out, err = home.afar("pin", "--new")
            check(code == 1 and not out and err.count("\n") == 1 and "host.json" in err, what, err)
            after = os.lstat(path)
            check((after.st_ino, after.st_mode) == (before.st_ino, before.st_mode), what)


def an_identity_behind_links_is_read_and_replaced_where_it_lies():
    with Home() as home:
        place = os.path.join(home.path, "dotfiles")
        os.mkdir(place)
        there, path = os.path.join(place, "identity"), os.path.join(home.config, "host.json")
        os.symlink("../../dotfiles/identity", path)
        is_taken(home, "a link to nothing: it is made there", soon=60)
        with open(there) as f:
            first = json.load(f)
        code, out, err = home.afar("pin", "--new")
        check(code == 0 and os.readlink(path) == "../../dotfiles/identity", code, out, err)
        with open(there) as f:
            check(json.load(f)["pin_hash"] != first["pin_hash"])
        check(os.listdir(place) == ["identity"] and os.stat(there).st_mode & 0o777 == 0o600)
        # Where there is no such directory nothing can be made.
        os.unlink(path)
        os.symlink("nowhere/identity", path)
        is_refused(home, path, "a link into nowhere", soon=60)  # what cannot be saved is made first


def settings_of_any_contents_are_taken_or_refused_in_one_line():
    with Made() as home:
        for what, (data, good) in SETTINGS.items():
            path = put(home, "afar.conf", data)
            if good is False:
                is_refused(home, path, what)
            else:
                is_taken(home, what, more=good is None)


def what_is_no_file_of_ones_own_is_no_settings_file():
    for what, make in KINDS.items():
        with Made() as home:
            path = put(home, "afar.conf", b"[display]\nsizes = 640x480\n")
            make(path)
            home.leaks.allow("socket " + path)
            is_refused(home, path, what)
    with Made() as home:
        path = put(home, "afar.conf", b"[display]\nsizes = 640x480\n")
        os.rename(path, path + ".there")
        os.symlink("afar.conf.there", path)
        is_taken(home, "a link")
        os.unlink(path + ".there")
        is_taken(home, "a link to nothing")


def the_systems_settings_are_believed_no_more_easily():
    if os.geteuid() != 0:
        return
    with Made() as home:
        etc = os.path.join(home.path, "etc")
        shutil.copytree("/etc", etc, symlinks=True)
        os.makedirs(os.path.join(etc, "afar"), exist_ok=True)
        path = os.path.join(etc, "afar", "afar.conf")
        inside = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                  f'PATH=/usr/bin:/bin mount --bind {etc} /etc && exec "$@"', "sh"]

        def fresh(data):
            subprocess.run(["rm", "-rf", path], check=True)
            with open(path, "wb") as f:
                f.write(data)
            os.chmod(path, 0o644)

        for what, (data, good) in SETTINGS.items():
            fresh(data)
            if good is False:
                is_refused(home, "/etc/afar/afar.conf", what, *inside)
            else:
                is_taken(home, what, *inside, more=good is None)
        for what, make in KINDS.items():
            if "a link to" in what:
                continue  # they would lead out of there
            fresh(b"[display]\nsizes = 640x480\n")
            make(path)
            home.leaks.allow("socket " + path)
            is_refused(home, "/etc/afar/afar.conf", what, *inside)


def what_is_no_file_of_ones_own_is_not_run_as_a_session():
    # That which is wrong with it stands in the log and in the status; the daemon runs on.
    for what, make in KINDS.items():
        if what == "a process's memory":
            continue  # to sh(1) as good as nothing
        with Made() as home:
            path = put(home, "session", b"exec openbox\n")
            make(path)
            home.leaks.allow("socket " + path)
            code, out, err = home.start("--display", "xvfb", session=None)
            if what == "a link to itself":
                check(code == 0, what, code, out, err)  # nobody can see it: the usual session
            else:
                check(code == 1 and path in err, what, code, out, err)
                check(home.component("session")["pid"] is None, what)
            check(home.component("host")["state"] == "ready", what)
            check(home.afar("stop")[0] == 0)


# --- CFG-07 ---


def ask_to_reload(home):
    """As a command does, on the control socket: the answer."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(DEADLINE)
        control.connect(os.path.join(home.runtime, "afar", "control"))
        control.sendall(b'{"type": "reload"}\n')
        return json.loads(control.makefile().readline())


def lets_in(home, pin):
    host = Host.of_others(*re.fullmatch(r"http://([\d.]+):(\d+)/", home.status()["url"]).groups())
    ws = host.sign_in(pin=pin)
    kind, body = ws.message()
    ws.close()
    return kind == WELCOME


def a_reload_of_broken_files_leaves_all_as_it_was():
    broken = {what: data for what, (data, good) in IDENTITIES.items() if not good}
    with Home() as home:
        good = json.dumps(IDENTITY).encode()
        path = put(home, "host.json", good)
        home.up("--display", "xvfb")
        before = {c["name"]: c["pid"] for c in home.status()["components"]}
        guard, words = home.status()["guard_pid"], "the configuration stays as it was"

        def by_signal():
            os.kill(guard, signal.SIGHUP)
            return {"reason": ""}

        def attempt(what, ask):
            said = home.log().count(words)
            reason = ask().get("reason")
            wait_for(lambda: home.log().count(words) > said, "it says so of " + what, 10 * SLOW)
            check(home.log().count(words) == said + 1, what)
            check(reason is not None and (ask is by_signal or "host.json" in reason), what, reason)

        for what, data in broken.items():
            put(home, "host.json", data)
            attempt(what, lambda: ask_to_reload(home))
            attempt(what, by_signal)
        os.unlink(path)
        attempt("none", by_signal)
        for what, make in KINDS.items():
            make(put(home, "host.json", good))
            attempt(what, by_signal)
            subprocess.run(["rm", "-rf", path, path + ".there"], check=True)
        # The settings are read at the start alone.
        put(home, "host.json", good)
        home.write_conf("[server\nlisten = 8.8.8.8:80\n")
        check(ask_to_reload(home)["type"] == "reply")
        check({c["name"]: c["pid"] for c in home.status()["components"]} == before, "a restart")
        check(home.status()["state"] == "ready" and home.status()["guard_pid"] == guard)
        check(lets_in(home, IDENTITY_PIN))
        # And a good one counts at once, without another host.
        other, pin = make_identity()
        put(home, "host.json", json.dumps(other).encode())
        check(ask_to_reload(home)["type"] == "reply")
        check(lets_in(home, pin))
        check(home.component("host")["pid"] == before["host"])
        check(home.afar("stop")[0] == 0)


# SOK-03
def a_guard_that_cannot_be_executed_is_told_in_one_line_and_nothing_leaks():
    """In a build with sanitizers a leak would be the command's end."""
    with Installation() as programs, Home() as home:
        programs.put("afar-guard", lambda path: open(path, "w").close())
        for how in ((), ("--foreground",)):
            code, out, err = home.start(*how)
            check(code == 1 and not out and err.count("\n") == 1, how, code, out, err)
            check("cannot start " + programs.file("afar-guard") in err, how, err)
        home.nothing_is_left()


tests = [
    an_identity_of_any_contents_is_taken_or_refused_in_one_line,
    what_we_do_not_know_in_an_identity_is_kept_when_it_is_saved,
    what_is_no_file_of_ones_own_is_no_identity,
    an_identity_behind_links_is_read_and_replaced_where_it_lies,
    settings_of_any_contents_are_taken_or_refused_in_one_line,
    what_is_no_file_of_ones_own_is_no_settings_file,
    the_systems_settings_are_believed_no_more_easily,
    what_is_no_file_of_ones_own_is_not_run_as_a_session,
    a_reload_of_broken_files_leaves_all_as_it_was,
    a_guard_that_cannot_be_executed_is_told_in_one_line_and_nothing_leaks,
]
if __name__ == "__main__":
    sys.exit(run(tests))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad input under the contract: configuration files, variables, session scripts, and bytes on the
pipes towards the daemon. Each has a defined outcome, and soon.

contract-hostile.py [BUILD-DIRECTORY]. Real daemon and Xvfb, all else is fake.
"""
import json
import os
import signal
import sys
import time

from contract_home import *
from hosting import *

VALID = json.dumps(CONFIG).encode()
SOON = 2 * SLOW


def with_key(text):
    """The valid configuration with more in it."""
    return VALID[:-1] + b", " + text + b"}"


def pairs(text):
    return json.loads(text, object_pairs_hook=lambda p: p)


def is_refused(home, what, words="Failed to load config: "):
    daemon = home.start()
    check(daemon.exit_status() == 1, what)
    check(time.monotonic() - daemon.started < SOON, what, "took too long")
    daemon.log.wait_end()
    check(any(words in line for line in daemon.log.texts()), what, daemon.log.texts())
    check(not home.hosts() and not home.launches("session"), what)
    check(len(daemon.log.texts()) < 10, what, daemon.log.texts())


# CFG-2, CFG-3
def files_that_are_no_configuration_are_refused():
    broken = {
        "nothing": b"",
        "a byte order mark": b"\xef\xbb\xbf" + VALID,
        "UTF-16": VALID.decode().encode("utf-16"),
        "half of it": VALID[: len(VALID) // 2],
        "something behind it": VALID + b"x",
        "a NUL": with_key(b'"x": "\0"'),
        "a NUL behind it": VALID + b"\0",
        "bytes that are no UTF-8": with_key(b'"x": "\xff\xfe"'),
        "half a surrogate": with_key(b'"x": "\\ud800'),
        "100,000 brackets": b"[" * 100000,
        "100,000 objects": with_key(b'"x": ' + b'{"a":' * 100000 + b"1" + b"}" * 100001),
        "an array": b"[" + VALID + b"]",
        "a number": b"7",
        "comments": b"// x\n" + VALID,
        "single quotes": VALID.replace(b'"', b"'"),
        "not a number": with_key(b'"x": nan'),
        "zeros": b"\0" * (1 << 20),
    }
    for what, data in broken.items():
        with ContractHome(config=None) as home:
            home.write(home.config_file, data)
            is_refused(home, what)


# CFG-2
def what_is_no_file_is_refused_at_once():
    def fifo(path):
        os.mkfifo(path)

    def loop(path):
        os.symlink(path, path)

    kinds = {
        "a directory": os.mkdir,
        "a FIFO": fifo,
        "a link to itself": loop,
        "a link to nothing": lambda path: os.symlink("/nonexistent/x", path),
        "a device without end": lambda path: os.symlink("/dev/zero", path),
        "a process's memory": lambda path: os.symlink("/proc/self/mem", path),
    }
    for what, make in kinds.items():
        with ContractHome(config=None) as home:
            make(home.config_file)
            is_refused(home, what)


# CFG-1, CFG-7, KEY-1
def odd_but_right_ones_reach_the_host_as_they_are():
    odd = {
        "CRLF": json.dumps(CONFIG, indent=2).replace("\n", "\r\n").encode(),
        "blanks": b" \t\r\n" + VALID + b"\n\n ",
        "large numbers": with_key(b'"x": [9223372036854775807, -9223372036854775808, 1e308]'),
        "names that are no names": with_key(b'"": 1, "\\n": 2, "\\u0001": 3, "afar": {"x": 1}'),
        "quotes": with_key(b'"x": "\\"$(touch canary)`;\\\\\\u2028"'),
        "half a megabyte": with_key(b'"x": "' + b"y" * 500000 + b'"'),
        "600 arrays": with_key(b'"x": ' + b"[" * 600 + b"]" * 600),
    }
    for what, data in odd.items():
        with ContractHome(config=None) as home:
            home.write(home.config_file, data)
            daemon = home.up()
            check(pairs(home.wait_host().stdin()) == pairs(data), what)
            check(daemon.stop() == 0, what)
            with open(home.config_file, "rb") as f:
                check(f.read() == data, what, "was changed")


# CFG-1
def of_two_equal_keys_the_last_counts():
    with ContractHome(config=None) as home:
        home.write(home.config_file, with_key(b'"host_id": "the last"'))
        daemon = home.up()
        daemon.wait_line("Using host_id: the last")
        check(json.loads(home.wait_host().stdin())["host_id"] == "the last")
        daemon.stop()


# CFG-1, CFG-3
def keys_of_another_kind_are_refused_or_handed_on():
    values = (True, 7, 1.5, [], {}, ["x"], {"x": 1})
    for key in ("host_id", "host_name", "service_account", "oauth_refresh_token", "private_key",
                "host_owner", "usage_stats_consent"):
        for value in values:
            config = {**CONFIG, key: value}
            with ContractHome(config) as home:
                daemon = home.start()
                if key == "host_id":
                    check(daemon.exit_status() == 1, key, value)
                    continue
                daemon.news.wait("READY")
                check(json.loads(home.wait_host().stdin()) == config, key, value)
                check(daemon.stop() == 0, key, value)


# CFG-5, MSG-2
def an_id_cannot_forge_a_line_of_the_log():
    with ContractHome({**CONFIG, "host_id": "a\nREADY\nMSG:b\r\x1b[2Jc" + "x" * 100000}) as home:
        daemon = home.up()
        daemon.news.wait_end()
        check(daemon.messages().count("READY") == 1 and daemon.messages()[-1] == "READY")
        check(all(m.startswith("MSG:") for m in daemon.messages()[:-1]), daemon.messages()[:3])
        check(not [l for l in daemon.log.texts() if "\x1b" in l or l.startswith("READY")])
        check(daemon.stop() == 0)


# SIZE-2, START-8, SESS-2
def variables_have_a_defined_outcome_and_reach_no_shell():
    canary = "$(touch {0}/canary)`touch {0}/canary`;touch {0}/canary;'\"\n touch {0}/canary\n"
    names = ("CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS", "CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES",
             "CHROME_REMOTE_DESKTOP_USE_XVFB", "USER", "LD_LIBRARY_PATH", "DISPLAY", "LANG", "TZ",
             "XDG_SESSION_ID", "DBUS_SESSION_BUS_ADDRESS", "XDG_STATE_HOME", "XDG_CONFIG_HOME",
             "SHELL", "TMPDIR", "TERM")
    for name in names:
        for value in ("", canary, "relative/path", "x" * 120000, "/nonexistent", "\x7f\x01\xff"):
            with ContractHome() as home:
                value = value.format(home.path) if value is canary else value
                home.env[name] = value
                daemon = home.start()
                # A bus that is not there is the session's own trouble.
                bus = name == "DBUS_SESSION_BUS_ADDRESS"
                daemon.news.wait("Starting Xvfb" if bus else "READY")
                daemon.stop()
                check(daemon.process.returncode == 0, name, value[:50])
                check(not os.path.exists(os.path.join(home.path, "canary")), name)


# SESS-1, SESS-2, START-8
def a_home_of_any_name_is_a_home():
    for name in ("with space", "it's", '"quoted"', "$(touch canary)", "`touch canary`", "a;b|c&d",
                 "-n", "*", "größe", "new\nline", "\\", "a" * 200, "$HOME", "%s%n"):
        with ContractHome() as home:
            folder = home.make("homes/" + name)
            os.rename(os.path.join(home.path, ".config"), os.path.join(folder, ".config"))
            home.env["HOME"] = folder
            config = os.path.join(folder, ".config", NAME, os.path.basename(home.config_file))
            home.write(os.path.join(folder, ".chrome-remote-desktop-session"),
                       home.run_fake("session"), 0o755)
            daemon = home.up(config=config)
            session = home.wait_launch("session")
            check(session.cwd == folder and session.env["HOME"] == folder, name, session.cwd)
            check(daemon.stop() == 0, name)
            check(not os.path.exists(os.path.join(folder, "canary")), name)
            for pid in processes_of(folder):
                check(False, name, "left", pid)


def a_runtime_directory_of_any_name_has_a_bus():
    for name in ("with space", "#1", "a,b;c=d%20", "größe", "$(touch canary)", "new\nline"):
        with ContractHome() as home:
            home.env["XDG_RUNTIME_DIR"] = home.make("runs/" + name, 0o700)
            daemon = home.up()
            address = home.wait_launch("session").env["DBUS_SESSION_BUS_ADDRESS"]
            check(address.startswith("unix:path=") and address.count(",") <= 1, address)
            check(not daemon.log.find("Failure count"), name, daemon.log.texts())
            check(daemon.stop() == 0, name)


# SESS-1, SESS-2
def session_scripts_of_any_kind_run_or_fail_and_the_daemon_goes_on():
    def write(data, mode):
        def make(path):
            with open(path, "wb") as f:
                f.write(data)
            os.chmod(path, mode)
        return make

    kinds = {
        "no first line": (write(b"", 0o755), True),
        "an interpreter that is not there": (write(b"#!/nonexistent/sh\n", 0o755), False),
        "an empty file": (write(b"", 0o755), False),
        "an empty one to read": (write(b"", 0o644), False),
        "garbage": (write(os.urandom(4096), 0o755), False),
        "NULs": (write(b"\0" * 4096, 0o644), False),
        "a directory": (os.mkdir, False),
        "a link to nothing": (lambda path: os.symlink("/nonexistent/x", path), None),
        "a link to itself": (lambda path: os.symlink(path, path), None),
        "a FIFO": (os.mkfifo, None),
    }
    for what, (make, runs) in kinds.items():
        with ContractHome() as home:
            path = os.path.join(home.path, ".chrome-remote-desktop-session")
            os.unlink(path)
            make(path)
            if runs:
                home.write(path, f"exec {home.dir}/session\n", 0o755)
            daemon = home.start()
            if runs:
                home.wait_launch("session")
            elif runs is False:
                daemon.wait_line("Failure count for 'session' is now 1")
            else:
                # Nobody reads it, or it does not exist: then the chooser comes.
                daemon.wait_line("Launching X session: ")
            check(daemon.process.poll() is None, what, daemon.log.texts()[-5:])
            check(daemon.stop() == 0, what)


def rss_kb(home):
    pid = next(pid for pid, line in processes_of(home.path).items() if "supervisor" in line)
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


# OUT-1
def a_flood_of_output_is_passed_on_and_takes_no_memory():
    for how in ("flood 20000\n", "print " + "x" * 60000 + "\n" + "flood 5000\n"):
        with ContractHome() as home:
            home.gate("gate")
            home.tell("session", f"await gate\n{how}print \\nlast\\n\nhang\n")
            daemon = home.up()
            before = rss_kb(home)
            home.open_gate("gate")
            daemon.out.wait("Session output: last", seconds=60)
            check(rss_kb(home) - before < 2000 * COST, rss_kb(home) - before)
            lines = [line for _, line in daemon.out.lines]
            check(all(line.startswith(b"Session output: ") for line in lines))
            check(sum(len(line) + 1 - 16 for line in lines) > 5000 * 1024)
            check(daemon.stop() == 0)


# OUT-1
def bytes_one_at_a_time_and_a_pipe_that_never_ends_are_no_trouble():
    with ContractHome() as home:
        home.gate("gate")
        home.tell("session", "\n".join(f"print \\x{b:02x}" for b in range(256)) + "\nprint \\n\n"
                             "print end\\n\nawait gate\nexit 0\n")
        # One that lives on in a session of its own has the pipe still.
        home.write_script(".chrome-remote-desktop-session",
                          f"#!/bin/sh\nsetsid sleep 1000 &\nexec {home.dir}/session\n")
        daemon = home.up()
        daemon.out.wait("Session output: end")
        with daemon.out.changed:
            whole = b"\n".join(line for _, line in daemon.out.lines[:2])
        check(whole == b"Session output: " + bytes(range(10)) + b"\nSession output: " + bytes(range(11, 256)), whole)
        home.open_gate("gate")
        daemon.wait_line("Failure count for 'session' is now 1")
        home.wait_launch("session", 2)
        check(daemon.stop() == 0)


# MSG-1, MSG-3
def a_parent_that_does_not_read_holds_up_nothing():
    with ContractHome() as home:
        home.gate("gate")
        home.tell_host("read\nawait gate\nready\nhang\n")
        daemon = home.start(hear=None)
        home.wait_host().stdin()
        # Twice what a pipe holds.
        for _ in range(2500):
            daemon.signal(signal.SIGHUP)
            time.sleep(0.0005)
        home.open_gate("gate")
        daemon.wait_line("Host ready to receive connections.")
        check(daemon.stop() == 0)


tests = [
    files_that_are_no_configuration_are_refused,
    what_is_no_file_is_refused_at_once,
    odd_but_right_ones_reach_the_host_as_they_are,
    of_two_equal_keys_the_last_counts,
    keys_of_another_kind_are_refused_or_handed_on,
    an_id_cannot_forge_a_line_of_the_log,
    variables_have_a_defined_outcome_and_reach_no_shell,
    a_home_of_any_name_is_a_home,
    a_runtime_directory_of_any_name_has_a_bus,
    session_scripts_of_any_kind_run_or_fail_and_the_daemon_goes_on,
    a_flood_of_output_is_passed_on_and_takes_no_memory,
    bytes_one_at_a_time_and_a_pipe_that_never_ends_are_no_trouble,
    a_parent_that_does_not_read_holds_up_nothing,
]
if __name__ == "__main__":
    sys.exit(run(tests))

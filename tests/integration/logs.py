#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`afar logs`: what it shows of a log that is there, and of one that grows while it looks.

logs.py [BUILD-DIRECTORY]. The log is written here, as the daemon does; none runs.
"""
import os
import subprocess
import sys
import time

from contract_home import Output
from hosting import *
from homes import *


def stamp(ago):
    """The time so many seconds ago, as a line of the log has it."""
    at = time.time() - ago
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".%03dZ" % (at % 1 * 1000)


class Log:
    """The three files of a home."""

    def __init__(self, home):
        self.home = home
        self.directory = os.path.join(home.path, ".local/state/afar")
        self.path = os.path.join(self.directory, "afar.log")
        os.makedirs(self.directory)

    def add(self, text, suffix=""):
        with open(self.path + suffix, "a") as f:
            f.write(text)

    def rotate(self):
        if os.path.exists(self.path + ".1"):
            os.rename(self.path + ".1", self.path + ".2")
        os.rename(self.path, self.path + ".1")

    def shown(self, *args):
        code, out, err = self.home.afar("logs", *args)
        check(code == 0 and not err, args, code, err)
        return out


class Following:
    """`afar logs --follow`, and what it has said."""

    def __init__(self, home, *args):
        self.process = subprocess.Popen(
            home.command("logs", "--follow", *args), env=home.env, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.out = Output(self.process.stdout)

    def cpu_ticks(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))

    def end(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(10)
        self.out.wait_end()
        self.process.stderr.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()


def filled(home):
    """Ten lines over three files, a minute apart, the last a minute ago."""
    log = Log(home)
    names = ("info supervisor", "session", "warning host", "session")
    for i in range(10):
        suffix = ".2" if i < 3 else ".1" if i < 6 else ""
        log.add(f"{stamp((10 - i) * 60)} {names[i % 4]}: line {i}\n", suffix)
    return log


def numbers(text):
    return [int(line.rsplit(" ", 1)[1]) for line in text.splitlines()]


# --- what is there ---


def the_files_are_one_text_in_order():
    with Home() as home:
        log = filled(home)
        check(numbers(log.shown()) == list(range(10)), log.shown())
        log.add("its end is still to come")
        check(log.shown().endswith("line 9\nits end is still to come\n"), log.shown())


def the_last_lines_are_counted_over_all_files():
    with Home() as home:
        log = filled(home)
        for option in (("-n", "5"), ("-n5",), ("--lines=5",), ("--lines", "5")):
            check(numbers(log.shown(*option)) == [5, 6, 7, 8, 9], option)
        check(log.shown("-n", "0") == "")
        for all_of_them in ("10", "11", "1000000", "all"):
            check(numbers(log.shown("-n", all_of_them)) == list(range(10)), all_of_them)


def since_takes_what_people_write():
    with Home() as home:
        log = filled(home)
        for since, count in (
            ("90 s", 1), ("3 min 30 s ago", 3), ("330s", 5), ("1h", 10), ("2 days ago", 10),
            ("now", 0), ("1970-01-01", 10), (stamp(210), 3), ("2999-12-31", 0),
        ):
            check(len(numbers(log.shown("--since", since))) == count, since)
        # Here is not where the log's clock is.
        home.env["TZ"] = "TST-14"
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 14 * 3600 - 210))
        check(len(numbers(log.shown("--since", local))) == 3, local)


def components_are_chosen_by_name():
    with Home() as home:
        log = filled(home)
        check(numbers(log.shown("--component", "session")) == [1, 3, 5, 7, 9])
        check(numbers(log.shown("--component=host", "--component=supervisor")) == [0, 2, 4, 6, 8])
        # All wishes together: counted is what is left.
        some = ("--component", "session", "--since", "450 s", "-n", "2")
        check(numbers(log.shown(*some)) == [7, 9], log.shown(*some))
        # None of late is none; none at all is a slip of the pen.
        check(log.shown("--component", "host", "--since", "now") == "")
        code, out, err = home.afar("logs", "--component", "sesion")
        check(code == 1 and err.count("\n") == 1 and not out, code, out, err)
        check("supervisor, session, host" in err, err)


def wrong_options_are_one_line():
    cases = [("-n",), ("-n", "-1"), ("-n", "x"), ("-n", "1000001"), ("--since",), ("--since", "soon"),
             ("--component",), ("session",), ("-x",), ("-xf",), ("--nonsense",), ("--follow=x",)]
    with Home() as home:
        filled(home)
        for case in cases:
            code, out, err = home.afar("logs", *case)
            check(code == 2 and not out, case, code, out, err)
            check(err.startswith("afar: ") and err.count("\n") == 1, case, err)
            check(case[-1].split("=")[0] in err, case, err)


# LOG-1
def without_a_log_one_line_says_where_it_would_be():
    with Home() as home:
        path = os.path.join(home.path, ".local/state/afar/afar.log")
        for options in ((), ("--follow",)):
            code, out, err = home.afar("logs", *options)
            check(code == 1 and not out and err.count("\n") == 1 and path in err, code, out, err)


def a_reader_that_has_enough_ends_it():
    with Home() as home:
        log = Log(home)
        log.add(f"{stamp(0)} session: one\n" * 100000)
        done = subprocess.run(
            ["sh", "-c", '("$@"; echo $? >&2) | head -n 1', "sh", *home.command("logs")],
            env=home.env, capture_output=True, text=True, timeout=30,
        )
        check(done.stdout.endswith("session: one\n") and done.stderr == "0\n", done)


# --- what comes ---


def following_begins_with_the_last_lines_and_ends_with_ctrl_c():
    with Home() as home:
        log = filled(home)
        log.add(f"{stamp(1)} session: line 10\n{stamp(1)} session: line 11\n")
        with Following(home) as following:
            following.out.wait("line 11")
            check(numbers("\n".join(following.out.texts())) == list(range(2, 12)))
            log.add(f"{stamp(0)} session: now")
            log.add(" whole\n")
            following.out.wait("session: now whole")
            check(len(following.out.texts()) == 11, following.out.texts())
            check(following.end() == -signal.SIGINT, "as from any Ctrl-C")


def following_goes_on_over_rotations_and_removals():
    with Home() as home:
        log = filled(home)
        with Following(home, "-n", "all") as following:
            following.out.wait("line 9")
            for i in range(10, 30):
                log.add(f"{stamp(0)} session: line {i}\n")
                if i % 3 == 0:
                    following.out.wait(f"line {i}")  # more than three files there never are
                    log.rotate()
            following.out.wait("line 29")
            os.unlink(log.path)
            log.add(f"{stamp(0)} session: line 30\n")
            following.out.wait("line 30")
            check(numbers("\n".join(following.out.texts())) == list(range(31)))


def following_shows_only_what_is_wanted():
    with Home() as home:
        log = filled(home)
        wanted = ("--component", "session", "--since", "200 s")
        with Following(home, *wanted) as following:
            following.out.wait("line 9")
            log.add(f"{stamp(0)} host: line 10\n{stamp(0)} session: line 11\n")
            following.out.wait("line 11")
            check(numbers("\n".join(following.out.texts())) == [7, 9, 11], following.out.texts())


def following_waits_for_a_log_that_is_still_to_come():
    with Home() as home:
        log = Log(home)
        with Following(home) as following:
            log.add(f"{stamp(0)} info supervisor: hello\n")
            following.out.wait("hello")


def following_rests_while_nothing_comes():
    with Home() as home:
        log = filled(home)
        with Following(home) as following:
            following.out.wait("line 9")
            wait_for(lambda: is_asleep(following.process.pid), "it is asleep")
            before = switches(following.process.pid)
            log.add(f"{stamp(0)} session: line 10\n")
            following.out.wait("line 10")
            wait_for(lambda: is_asleep(following.process.pid), "it is asleep again")
            check(switches(following.process.pid) - before <= 5, "more than one wake-up")


def following_ends_when_its_reader_does():
    with Home() as home:
        filled(home)
        following = subprocess.Popen(
            home.command("logs", "-f"), env=home.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        following.stdout.readline()
        following.stdout.close()
        check(following.wait(10) == 0, "nothing came, and yet it noticed")


def following_ends_when_the_directory_does():
    with Home() as home:
        log = filled(home)
        with Following(home) as following:
            following.out.wait("line 9")
            os.rename(log.directory, log.directory + "-old")
            check(following.process.wait(10) == 1)
            check(b"is gone" in following.process.stderr.read())


def is_asleep(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "S"


def switches(pid):
    with open(f"/proc/{pid}/status") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt"))


tests = [
    the_files_are_one_text_in_order,
    the_last_lines_are_counted_over_all_files,
    since_takes_what_people_write,
    components_are_chosen_by_name,
    wrong_options_are_one_line,
    without_a_log_one_line_says_where_it_would_be,
    a_reader_that_has_enough_ends_it,
    following_begins_with_the_last_lines_and_ends_with_ctrl_c,
    following_goes_on_over_rotations_and_removals,
    following_shows_only_what_is_wanted,
    following_waits_for_a_log_that_is_still_to_come,
    following_rests_while_nothing_comes,
    following_ends_when_its_reader_does,
    following_ends_when_the_directory_does,
]
if __name__ == "__main__":
    sys.exit(run(tests))

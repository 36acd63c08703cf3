#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The contract about the end: signals, how children are ended, and what is left, which is nothing.

contract-end.py [BUILD-DIRECTORY]. Real daemon and Xvfb, all else is fake.
"""
import json
import os
import signal
import sys
import time

from contract_home import *
from hosting import *
from homes import is_alive


def ordered(daemon, *texts):
    """These came in this order."""
    times = [daemon.wait_line(text) for text in texts]
    check(times == sorted(times), list(zip(texts, times)))


def nothing_is_left(home):
    home.nothing_is_left()
    check(sorted(os.listdir(home.config)) == [os.path.basename(home.config_file)],
          os.listdir(home.config))


# SIG-1, TERM-1..3, CLI-10
def a_signal_ends_everything_and_nothing_is_left():
    for signo in (signal.SIGTERM, signal.SIGINT):
        with ContractHome({**CONFIG, "usage_stats_consent": True}) as home:
            daemon = home.up()
            home.wait_launch("crash-uploader")
            home.wait_launch("session")
            daemon.signal(signo)
            check(daemon.exit_status() == 0, signo)
            daemon.log.wait_end()
            ordered(daemon, "Caught signal: ", "Cleanup.", "Sending SIGTERM to host proc")
            # Others may have ended before, as the question for a version does.
            texts = daemon.log.texts()
            at = next(i for i, line in enumerate(texts) if "Sending SIGTERM to host proc" in line)
            check([line for line in texts[at:] if "wait() returned (" in line], texts[at:])
            for name in ("host", "crash-uploader", "session", "display server"):
                check(daemon.log.find(f"Sending SIGTERM to {name} proc (pid="), name)
            check(not daemon.log.find("SIGKILL"), daemon.log.texts())
            nothing_is_left(home)


# SIG-1
def the_signal_that_came_is_named_once():
    for signo in (signal.SIGTERM, signal.SIGINT):
        with ContractHome() as home:
            daemon = home.up()
            daemon.signal(signo)
            check(daemon.exit_status() == 0)
            daemon.log.wait_end()
            told = [line for _, line in daemon.log.find("Caught signal: ")]
            check(len(told) == 1 and told[0].endswith(f"Caught signal: {int(signo)}"), told)


# MSG-4, TERM-3
def who_waits_is_released_as_failed_when_it_ends_before():
    with ContractHome() as home:
        home.tell_host("read\nhang\n")
        daemon = home.start()
        home.wait_host().stdin()
        check(daemon.stop() == 0)
        daemon.news.wait_end()
        check("READY" not in daemon.messages(), daemon.messages())


# TERM-1, TERM-2
def who_does_not_obey_is_killed_after_ten_seconds_all_of_them_together():
    with ContractHome() as home:
        home.tell_host("ignore 15\nread\nready\nhang\nhang\n")
        home.tell("session", "ignore 15\nhang\nhang\n")
        daemon = home.up()
        pids = [home.wait_host().pid, home.wait_launch("session").pid]
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        check(daemon.exit_status(30) == 0)
        took = time.monotonic() - begin
        check(9.5 < took < 11 + SLOW, took)
        daemon.wait_line(":ERROR:Timed out - sending SIGKILL")
        check(not any(map(is_alive, pids)), pids)


# TERM-2, D-17
def what_has_left_its_parents_is_ended_too():
    with ContractHome() as home:
        home.write_script(".chrome-remote-desktop-session",
                          f"#!/bin/sh\nsetsid sh -c 'sleep 1000 & sleep 1000' &\nexec {home.dir}/session\n")
        daemon = home.up()
        wait_for(lambda: [l for l in processes_of(home.path).values() if "sleep 1000" in l],
                 "the daemonised ones")
        begin = time.monotonic()
        check(daemon.stop() == 0)
        check(time.monotonic() - begin < 3 * SLOW, "it took", time.monotonic() - begin)
        check(not processes_of(home.path), processes_of(home.path))


# SIG-1
def a_signal_during_the_start_is_heeded():
    with ContractHome() as home:
        home.fake_x("Xvfb", "hang\n")
        daemon = home.start()
        home.wait_launch("Xvfb")
        check(daemon.stop() == 0)
        check(not home.hosts() and not home.launches("session"))


# SUP-2, SUP-4, INH-4
def after_a_failure_the_counts_are_kept_in_the_process():
    with ContractHome() as home:
        home.tell("session", "exit 1\n")
        daemon = home.start()
        ordered(daemon, "Failure count for 'session' is now 1", "Waiting before relaunching",
                "Failure count for 'session' is now 2", "Failure count for 'session' is now 3")
        check(not daemon.log.find("Relaunching self"), daemon.log.texts())
        first, second = home.wait_launch("session"), home.wait_launch("session", 2)
        check(second.start - first.start > 5 / 30 - 0.02, second.start - first.start)
        daemon.stop()


# SUP-5
def waiting_costs_nothing():
    with ContractHome(scale=1) as home:
        home.tell_host("exit 1\n")
        daemon = home.start()
        home.wait_host()
        daemon.wait_line("Failure count for 'host' is now 1")
        supervisor = next(pid for pid, line in processes_of(home.path).items()
                          if "supervisor" in line)
        before = switches(supervisor)
        home.wait_host(2)
        check(switches(supervisor) - before < 20, switches(supervisor) - before)
        daemon.stop()


def switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)


# SUP-7, SUP-2, BLAME-1
def an_x_server_that_dies_takes_all_with_it_and_all_comes_back():
    with ContractHome() as home:
        daemon = home.up()
        session, host = home.wait_launch("session"), home.wait_host()
        x = next(pid for pid, line in processes_of(home.path).items() if line.startswith("Xvfb "))
        os.kill(x, signal.SIGKILL)
        daemon.wait_line(f"wait() returned ({x},9)")
        daemon.wait_line("Failure count for 'Display server' is now 1")
        daemon.wait_line("Failure count for 'session' is now 0")
        daemon.wait_line("Failure count for 'host' is now 0")
        check(home.wait_launch("session", 2).start > session.start)
        check(json.loads(home.wait_host(2).stdin()) == CONFIG)
        check(not is_alive(host.pid) and not is_alive(session.pid))
        check(daemon.stop() == 0)


# TERM-3, XCH-4, D-17
def a_killed_x_server_leaves_no_socket_and_no_entry():
    with ContractHome(scale=3) as home:
        daemon = home.up()
        display = home.wait_launch("session").env["DISPLAY"]
        path = "/tmp/.X11-unix/X" + display[1:]
        before = os.lstat(path).st_ino
        x = next(pid for pid, line in processes_of(home.path).items() if line.startswith("Xvfb "))
        os.kill(x, signal.SIGKILL)
        # Before there is another, which would take the number; a neighbour's may.
        daemon.wait_line("Failure count for 'Display server' is now 1")
        check(not os.path.lexists(path) or os.lstat(path).st_ino != before, path, "is left")
        check(daemon.stop() == 0)
        check(len(home.launches("session")) == 1, "there was another")
        check(int(display[1:]) in home.displays(), home.displays(), display)
        nothing_is_left(home)


tests = [
    a_signal_ends_everything_and_nothing_is_left,
    the_signal_that_came_is_named_once,
    who_waits_is_released_as_failed_when_it_ends_before,
    what_has_left_its_parents_is_ended_too,
    a_signal_during_the_start_is_heeded,
    after_a_failure_the_counts_are_kept_in_the_process,
    waiting_costs_nothing,
    an_x_server_that_dies_takes_all_with_it_and_all_comes_back,
    a_killed_x_server_leaves_no_socket_and_no_entry,
    who_does_not_obey_is_killed_after_ten_seconds_all_of_them_together,
]
if __name__ == "__main__":
    sys.exit(run(tests))

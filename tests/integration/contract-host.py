#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The contract about the host: how it is called, when it is ready, what its ends mean, and how it
gets another configuration.

contract-host.py [BUILD-DIRECTORY]. Real daemon and Xvfb, all else is fake. Needs root for a mount
namespace.
"""
import datetime
import json
import os
import signal
import stat
import sys

from contract_home import *
from hosting import *

WORDS = {
    100: "Host configuration is invalid",
    101: "Host ID has been deleted",
    102: "OAuth credentials are invalid",
    103: "Host domain is blocked by policy",
    105: "Username is blocked by policy",
    106: "Host has been deleted",
    107: "Remote access is disallowed by policy",
    108: "This CPU is not supported",
}
DELETED = (101, 106)
OTHER = {**CONFIG, "host_name": "another"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def is_pending(pid, signo):
    status = read(f"/proc/{pid}/status")
    return any(int(line.split()[1], 16) & 1 << (signo - 1)
               for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd")))


def fails_at_once(name, how):
    home = ContractHome(scale=QUICK)
    home.tell(name, how)
    return home


# HL-1, LOG-3
def it_is_called_with_these_arguments_and_streams():
    with ContractHome() as home:
        home.gate("gate")
        home.tell_host("read\nprint out\\n\ncomplain err\\n\nready\nhang\n")
        daemon = home.up()
        host = home.wait_host()
        check(host.plain_argv() == [f"{home.dir}/{NAME}-host", "--host-config=-",
                                    "--ssh-auth-sockname=/tmp/chromoting.lina.ssh_auth_sock",
                                    "--signal-parent"], host.argv)
        sound = [i for i, arg in enumerate(host.argv) if arg.startswith("--audio-pipe-name=")]
        check(sound in ([], [2]), host.argv)
        check(host.fds.keys() == {"0", "1", "2"}, host.fds)
        # Its words are its own: no prefix.
        daemon.log.wait("err")
        daemon.out.wait("out")
        check("err" in daemon.log.texts() and "out" in daemon.out.texts(), daemon.out.texts())
        check(host.stdin() == home.hosts()[0].stdin())
        daemon.stop()


# HL-3
def one_that_does_not_read_its_configuration_is_no_trouble():
    with ContractHome({**CONFIG, "large": "x" * 900000}) as home:
        home.tell_host("ready\nhang\n")
        daemon = home.up()
        check(daemon.stop() == 0)


# SIG-3, HL-2
def only_the_hosts_own_signal_means_that_it_is_ready():
    with ContractHome() as home:
        home.gate("gate")
        home.tell_host("read\nawait gate\nready\nready\nhang\n")
        daemon = home.start()
        home.wait_host().stdin()
        parent = int(read(f"/proc/{home.hosts()[0].pid}/stat").rsplit(")", 1)[1].split()[1])
        os.kill(parent, signal.SIGUSR1)
        # While it is pending another one, the host's, would be the same to the kernel.
        wait_for(lambda: not is_pending(parent, signal.SIGUSR1), "it was heard", SECONDS)
        os.kill(parent, signal.SIGHUP)
        daemon.wait_line("SIGHUP caught")
        check(not daemon.log.find("Host ready"), "a stranger's signal counted")
        check("READY" not in daemon.messages())
        home.open_gate("gate")
        daemon.news.wait("READY")
        check(daemon.stop() == 0)


# EXIT-1, EXIT-2, CFG-6
def hopeless_ends_are_told_and_end_everything_with_0():
    for status, words in WORDS.items():
        with ContractHome() as home:
            os.chmod(home.config_file, 0o640)
            before = read(home.config_file)
            home.tell_host(f"read\nexit {status}\n")
            daemon = home.start()
            check(daemon.exit_status() == 0, status)
            daemon.wait_line(f":INFO:{words} - exiting.")
            daemon.wait_line("Cleanup.")
            daemon.news.wait_end()
            check("READY" not in daemon.messages(), status)
            check(len(home.hosts()) == 1 and not home.launches("report"), status)
            if status in DELETED:
                check(read(home.config_file) == "{}", status, read(home.config_file))
                check(stat.S_IMODE(os.stat(home.config_file).st_mode) & 0o077 == 0, status)
            else:
                check(read(home.config_file) == before, status)


# CFG-6
def a_configuration_that_cannot_be_cleared_is_told_and_no_more():
    with ContractHome() as home:
        folder = home.make("elsewhere")
        config = home.write(os.path.join(folder, "host.json"), read(home.config_file))
        home.tell_host("read\nexit 106\n")
        read_only = f"mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}'"
        daemon = home.start(config=config, prepare=read_only)
        check(daemon.exit_status() == 0)
        daemon.wait_line(":ERROR:Failed to save config: ")
        check(json.loads(read(config)) == CONFIG, read(config))


# SUP-9, EXIT-1, SUP-6
def other_ends_are_told_and_only_the_host_is_started_again():
    cases = [("exit 0", "Host exited with status 0.", 0), ("exit 1", "Host exited with status 1.", 256),
             ("exit 104", "Host exited with status 104.", 104 * 256),
             ("kill 9", "Host terminated by signal 9.", 9),
             ("kill 15", "Host terminated by signal 15.", 15)]
    for how, words, wait_status in cases:
        with ContractHome() as home:
            home.gate("gate")
            home.tell_host(f"read\nready\nawait gate\n{how}\n")
            daemon = home.up()
            first = home.wait_host()
            home.open_gate("gate")
            ended = daemon.wait_line(words)
            daemon.wait_line(f"wait() returned ({first.pid},{wait_status})")
            daemon.wait_line("Failure count for 'host' is now 1")
            second = home.wait_host(2)
            check(second.start > ended, how)
            check(json.loads(second.stdin()) == CONFIG)
            check(len(home.launches("session")) == 1, "the session was started again")
            check(not daemon.log.find("Sending SIGTERM"), daemon.log.texts())
            daemon.stop()


# SUP-3, SUP-5, CONST-3, INH-2..4
def it_is_started_again_at_the_contracts_times():
    scale, slack = 100, 0.15 * SLOW
    with ContractHome(scale=scale) as home:
        home.tell_host("exit 1\n")
        daemon = home.start()
        check(daemon.exit_status(30 * SLOW) == 1)
        check(len(home.hosts()) == 15, len(home.hosts()))
        # By the daemon's own clock: how soon a child gets to run is the machine's affair.
        lines = [line for _, line in daemon.log.find("Launching host process")]
        starts = [datetime.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()
                  for line in lines]
        check(len(starts) == 15, lines)
        gaps = [b - a for a, b in zip(starts, starts[1:])]
        for number, gap in enumerate(gaps, 1):
            wanted = (5 if number <= 5 else 60) / scale
            check(wanted - 0.02 * SLOW < gap < wanted + slack, f"gap {number}: {gap:.3f} s, not {wanted} s")


# SUP-1, SUP-3, OFF-1
def what_fails_too_often_ends_the_daemon_and_the_reason_is_reported():
    cases = [(f"{NAME}-host", "exit 1\n", "host", "HOST_RETRIES_EXCEEDED"),
             ("session", "exit 0\n", "session", "SESSION_RETRIES_EXCEEDED"),
             ("Xvfb", "exit 1\n", "Display server", "X_SERVER_RETRIES_EXCEEDED"),
             ("crash-uploader", "exit 1\n", "Crash uploader", "CRASH_UPLOADER_RETRIES_EXCEEDED")]
    for name, how, label, reason in cases:
        with ContractHome({**CONFIG, "usage_stats_consent": True}, scale=QUICK) as home:
            if name == "Xvfb":
                home.fake_x(name, how)
            else:
                home.tell(name, how)
            daemon = home.start()
            check(daemon.exit_status(30 * SLOW) == 1, label)
            daemon.wait_line(f"Failure count for '{label}' is now 15")
            daemon.wait_line(f":ERROR:Too many launch failures of '{label}', exiting.")
            daemon.wait_line("Attempting to report offline reason: " + reason)
            daemon.wait_line("Cleanup.")
            report = home.launches("report")
            check(len(report) == 1 and len(home.launches(name)) >= 15, label, len(home.launches(name)))
            check(report[0].argv == [f"{home.dir}/{NAME}-host", "--host-config=-",
                                     f"--report-offline-reason={reason}"], report[0].argv)
            check(json.loads(report[0].stdin()) == {**CONFIG, "usage_stats_consent": True})


# OFF-1
def a_report_that_fails_changes_nothing():
    with fails_at_once(f"{NAME}-host", "exit 1\n") as home:
        home.tell("report", "kill 11\n")
        daemon = home.start()
        check(daemon.exit_status() == 1 and len(home.launches("report")) == 1)


# OFF-1, D-25
def a_report_that_hangs_is_ended_after_30_seconds():
    with fails_at_once(f"{NAME}-host", "exit 1\n") as home:
        home.tell("report", "hang\n")
        daemon = home.start()
        begin = home.wait_launch("report").start
        check(daemon.exit_status(45) == 1)
        took = time.monotonic() - begin
        check(29.5 < took < 33, took)


# SIG-2, CLI-11, D-21
def another_configuration_reaches_a_new_host_and_is_no_failure():
    with ContractHome() as home:
        daemon = home.up()
        first = home.wait_host()
        first.stdin()
        home.write_config(OTHER)
        daemon.signal(signal.SIGHUP)
        daemon.wait_line("SIGHUP caught, restarting host.")
        daemon.wait_line(f"Sending SIGTERM to host proc (pid={first.pid})")
        second = home.wait_host(2)
        check(json.loads(second.stdin()) == OTHER)
        daemon.wait_line("Failure count for 'host' is now 0")
        check(len(home.launches("session")) == 1, "the session was started again")
        check(daemon.stop() == 0)


# SIG-2, D-21, CFG-2
def the_same_configuration_or_a_broken_one_leaves_the_host_alone():
    for text, words in ((None, "the configuration has not changed"),
                        ("{", ":ERROR:Failed to load config: "),
                        ("[]", ":ERROR:Failed to load config: "),
                        (json.dumps({**CONFIG, "host_id": ""}), ":ERROR:Failed to load config: ")):
        with ContractHome() as home:
            daemon = home.up()
            home.wait_host().stdin()
            if text is not None:
                home.write(home.config_file, text)
            daemon.signal(signal.SIGHUP)
            daemon.wait_line("SIGHUP caught, restarting host.")
            daemon.wait_line(words)
            # What it had is what the next host gets.
            os.kill(home.hosts()[0].pid, signal.SIGKILL)
            check(json.loads(home.wait_host(2).stdin()) == CONFIG, text)
            check(not daemon.log.find("Sending SIGTERM to host"), daemon.log.texts())
            daemon.stop()


# SIG-2
def of_many_signals_at_once_the_last_configuration_counts():
    with ContractHome() as home:
        daemon = home.up()
        home.wait_host().stdin()
        for number in range(200):
            if number == 199:
                home.write_config(OTHER)
            daemon.signal(signal.SIGHUP)
        check(json.loads(home.wait_host(2).stdin()) == OTHER)
        check(daemon.stop() == 0 and len(home.hosts()) == 2)


# SUP-10, CRU-1
def the_crash_uploaders_end_touches_nobody():
    with ContractHome({**CONFIG, "usage_stats_consent": True}) as home:
        home.gate("gate")
        home.tell("crash-uploader", "await gate\nexit 1\n")
        daemon = home.up()
        home.wait_launch("crash-uploader")
        home.open_gate("gate")
        daemon.wait_line("Failure count for 'Crash uploader' is now 1")
        home.wait_launch("crash-uploader", 2)
        check(len(home.hosts()) == len(home.launches("session")) == 1)
        check(not daemon.log.find("Sending SIGTERM"), daemon.log.texts())
        check(daemon.stop() == 0)


tests = [
    it_is_called_with_these_arguments_and_streams,
    one_that_does_not_read_its_configuration_is_no_trouble,
    only_the_hosts_own_signal_means_that_it_is_ready,
    hopeless_ends_are_told_and_end_everything_with_0,
    a_configuration_that_cannot_be_cleared_is_told_and_no_more,
    other_ends_are_told_and_only_the_host_is_started_again,
    a_report_that_fails_changes_nothing,
    another_configuration_reaches_a_new_host_and_is_no_failure,
    the_same_configuration_or_a_broken_one_leaves_the_host_alone,
    of_many_signals_at_once_the_last_configuration_counts,
    the_crash_uploaders_end_touches_nobody,
    it_is_started_again_at_the_contracts_times,
    what_fails_too_often_ends_the_daemon_and_the_reason_is_reported,
    a_report_that_hangs_is_ended_after_30_seconds,
]
if __name__ == "__main__":
    sys.exit(run(tests))

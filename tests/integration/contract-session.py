#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The contract about pre-session and session: which script, how it is run, in which environment,
what becomes of its output, and what its end means.

contract-session.py [BUILD-DIRECTORY]. Real daemon and Xvfb, all else is fake. What lies in /etc is
there for the daemon alone, in a mount namespace: these tests need root.
"""
import os
import platform
import re
import signal
import sys
import time

from contract_home import *
from hosting import *

SESSION, PRE_SESSION = "chrome-remote-desktop-session", "chrome-remote-desktop-pre-session"


def session_file(home):
    return os.path.join(home.path, ".chrome-remote-desktop-session")


def launch_line(daemon, what="Launching X session: "):
    daemon.wait_line(what)
    return daemon.log.find(what)[0][1].split(what)[1]


def pid_of_display(home):
    """The X server of this home."""
    found = [pid for pid, line in processes_of(home.path).items() if line.startswith("Xvfb ")]
    check(len(found) == 1, "X servers:", found)
    return found[0]


# SESS-1, CONST-6
def the_users_script_goes_before_the_systems_and_the_chooser_is_last():
    with ContractHome() as home:
        system = {SESSION: (f"#!/bin/sh\nHERE=etc exec {home.dir}/session\n", 0o755)}
        daemon = home.up(etc=system)
        check("HERE" not in home.wait_launch("session").env, "the system's came first")
        daemon.stop()
        os.unlink(session_file(home))
        daemon = home.start(etc=system)
        check(home.wait_launch("session", 2).env["HERE"] == "etc")
        check(launch_line(daemon) == f"['/bin/sh', '-c', '/etc/{SESSION}']", launch_line(daemon))
        daemon.stop()
        daemon = home.start(etc={SESSION: (None, 0)})
        chooser = home.wait_launch("chooser")
        check(chooser.argv == [f"{home.dir}/{NAME}-host", "--type=xsession_chooser"], chooser.argv)
        check(chooser.cwd == home.path and chooser.env["DISPLAY"], chooser.cwd)
        daemon.stop()


# SESS-2
def executable_scripts_are_run_and_others_read_by_sh():
    with ContractHome() as home:
        # Only its first line tells that it is no shell script.
        home.write(session_file(home), f"#!/usr/bin/awk -f\nBEGIN {{ system(\"{home.dir}/session\") }}\n",
                   0o755)
        daemon = home.up()
        check(launch_line(daemon) == f"['/bin/sh', '-c', '{session_file(home)}']")
        daemon.stop()
    with ContractHome() as home:
        home.write(session_file(home), f"exec {home.dir}/session\n", 0o644)
        daemon = home.up()
        check(launch_line(daemon) == f"['/bin/sh', '{session_file(home)}']")
        daemon.stop()


# SESS-3
def the_session_has_no_input_one_pipe_for_output_and_begins_at_home():
    with ContractHome() as home:
        daemon = home.up()
        session = home.wait_launch("session")
        check(session.cwd == home.path, session.cwd)
        check(session.fds.keys() == {"0", "1", "2"}, session.fds)
        check(session.fds["0"] == "/dev/null", session.fds)
        check(session.fds["1"].startswith("pipe:") and session.fds["1"] == session.fds["2"])
        daemon.stop()


# OUT-1
def each_line_of_output_comes_with_its_prefix_byte_for_byte():
    with ContractHome() as home:
        home.gate("gate")
        home.tell("session", "print one\\ntwo \\xff\\x00\\x1b[0m\\x0d\\n\\n\ncomplain err\\nlast words\n"
                             "await gate\nhang\n")
        daemon = home.start()
        daemon.out.wait("Session output: err")
        home.open_gate("gate")
        lines = [line for _, line in daemon.out.lines]
        check(lines[:4] == [b"Session output: one", b"Session output: two \xff\0\x1b[0m\r",
                            b"Session output: ", b"Session output: err"], lines)
        daemon.stop()
        daemon.out.wait("last words")
        check(daemon.out.lines[4][1] == b"Session output: last words", daemon.out.lines)


# OUT-1
def a_line_of_any_length_stays_one_line():
    with ContractHome() as home:
        long = "long " + "x" * 60000
        home.tell("session", f"print {long}\\nshort\\n\nhang\n")
        daemon = home.start()
        daemon.out.wait("short")
        lines = [line.decode() for _, line in daemon.out.lines]
        check(lines == ["Session output: " + long, "Session output: short"],
              [(len(line), line[:40]) for line in lines])
        daemon.stop()


# ENV-1, ENV-4, ENV-5, CONST-1
def everybody_has_our_environment_and_what_the_desktop_adds():
    with ContractHome() as home:
        home.fake_x("Xvfb", "become /usr/bin/Xvfb\n")
        home.env.update(SOMETHING="else", EMPTY="", SSH_AUTH_SOCK="/mine", GDK_BACKEND="wayland",
                        XDG_SESSION_TYPE="tty", DISPLAY=":7", XAUTHORITY="/none", TMPDIR="/var/tmp")
        daemon = home.up()
        session, host, x = (home.wait_launch(n) for n in ("session", f"{NAME}-host", "Xvfb"))
        for launch in (session, host):
            kept = {k: v for k, v in home.env.items()
                    if k not in ("SSH_AUTH_SOCK", "GDK_BACKEND", "XDG_SESSION_TYPE", "DISPLAY",
                                 "XAUTHORITY", "PWD", "OLDPWD", "SHLVL", "_")}
            for name, value in kept.items():
                check(launch.env.get(name) == value, launch.name, name, launch.env.get(name))
            for name, value in {
                "CHROME_REMOTE_DESKTOP_SESSION": "1",
                "GDK_BACKEND": "x11",
                "XDG_SESSION_TYPE": "x11",
                "XAUTHORITY": os.path.join(home.path, ".Xauthority"),
                "SSH_AUTH_SOCK": "/tmp/chromoting.lina.ssh_auth_sock",
            }.items():
                check(launch.env.get(name) == value, launch.name, name, launch.env.get(name))
            check(re.fullmatch(r":\d+", launch.env["DISPLAY"]) and launch.env["DISPLAY"] != ":7")
            check(int(launch.env["DISPLAY"][1:]) >= 20, launch.env["DISPLAY"])
        check(f"--ssh-auth-sockname={session.env['SSH_AUTH_SOCK']}" in host.argv, host.argv)
        check(x.env["CHROME_REMOTE_DESKTOP_SESSION"] == "1" and x.env["SOMETHING"] == "else")
        daemon.stop()


# ENV-7
def only_the_x_server_has_no_tmpdir():
    with ContractHome() as home:
        home.fake_x("Xvfb", "become /usr/bin/Xvfb\n")
        daemon = home.up(env={"TMPDIR": home.path})
        check("TMPDIR" not in home.launches("Xvfb")[0].env)
        check(home.wait_launch("session").env["TMPDIR"] == home.path)
        check(home.wait_host().env["TMPDIR"] == home.path)
        daemon.stop()


# ENV-2
def a_browser_profile_of_the_sessions_own_is_named():
    cases = [
        ((), {}),
        (("chrome-profile",), {"CHROME_USER_DATA_DIR": "chrome-profile"}),
        (("chrome-config",), {"CHROME_CONFIG_HOME": "chrome-config"}),
        (("chrome-profile", "chrome-config"), {"CHROME_CONFIG_HOME": "chrome-config"}),
    ]
    for folders, wanted in cases:
        with ContractHome() as home:
            for folder in folders:
                os.mkdir(os.path.join(home.config, folder))
            daemon = home.up()
            env = home.wait_launch("session").env
            came = {n: env[n] for n in ("CHROME_USER_DATA_DIR", "CHROME_CONFIG_HOME") if n in env}
            check(came == {n: os.path.join(home.config, v) for n, v in wanted.items()}, came)
            daemon.stop()


# ENV-3
def software_gl_comes_before_other_libraries():
    a = platform.machine() + "-linux-gnu"
    ours = f"/usr/lib/mesa-diverted/{a}:/usr/lib/{a}/mesa:/usr/lib/{a}/dri:/usr/lib/{a}/gallium-pipe"
    for old, wanted in ((None, ours), ("/opt/a:/opt/b", ours + ":/opt/a:/opt/b")):
        with ContractHome() as home:
            daemon = home.up(env={"LD_LIBRARY_PATH": old} if old else None)
            for launch in (home.wait_launch("session"), home.wait_host()):
                check(launch.env["LD_LIBRARY_PATH"] == wanted, launch.env["LD_LIBRARY_PATH"])
            daemon.stop()


# PRE-1, LSES-1, N-2
def a_pre_session_comes_before_all_else():
    for mode in (0o755, 0o644):
        with ContractHome() as home:
            home.fake_x("Xvfb", "become /usr/bin/Xvfb\n")
            home.gate("gate")
            home.tell("pre-session", "print made\\nready\\n\ncomplain too\\n\nawait gate\n")
            etc = {PRE_SESSION: (home.run_fake("pre-session"), mode)}
            daemon = home.start(etc=etc)
            pre = home.wait_launch("pre-session")
            check(pre.cwd == home.path and pre.fds["0"] == "/dev/null", pre.cwd, pre.fds)
            daemon.out.wait("Pre-session output: made")
            daemon.out.wait("Pre-session output: too")
            for name in ("Xvfb", "session", f"{NAME}-host"):
                check(not home.launches(name), name, "came before it ended")
            home.open_gate("gate")
            daemon.news.wait("READY")
            session = home.wait_launch("session")
            check(session.start > home.launches("Xvfb")[0].start > pre.start)
            shell = f"['/bin/sh', '-c', '/etc/{PRE_SESSION}']" if mode & 1 else (
                f"['/bin/sh', '/etc/{PRE_SESSION}']")
            check(launch_line(daemon, "Launching pre-session: ") == shell)
            check(daemon.stop() == 0 and len(home.launches("pre-session")) == 1)


# PRE-2, SUP-3
def a_pre_session_that_fails_is_a_failure_of_the_session():
    with ContractHome(scale=QUICK) as home:
        home.tell("pre-session", "exit 3\n")
        daemon = home.start(etc={PRE_SESSION: (home.run_fake("pre-session"), 0o755)})
        check(daemon.exit_status() == 1)
        daemon.wait_line("Pre-session failed. Tearing down.", 15)
        daemon.wait_line("Failure count for 'session' is now 15")
        daemon.wait_line("Too many launch failures of 'session', exiting.")
        check(home.wait_launch("report").argv[-1].endswith("=SESSION_RETRIES_EXCEEDED"))
        check(len(home.launches("pre-session")) >= 15, len(home.launches("pre-session")))
        check(not home.launches("session") and not home.hosts(), "something was started")
        check("READY" not in daemon.messages())


# PRE-2
def a_pre_session_that_never_ends_is_ended_after_30_seconds():
    with ContractHome(scale=1) as home:
        home.tell("pre-session", "hang\n")
        daemon = home.start(etc={PRE_SESSION: (home.run_fake("pre-session"), 0o755)})
        pre = home.wait_launch("pre-session")
        failed = daemon.wait_line("Pre-session failed. Tearing down.", seconds=40)
        check(29.5 < failed - pre.start < 31, failed - pre.start)
        daemon.wait_line("Failure count for 'session' is now 1")
        daemon.stop()


# SUP-8, SUP-2, SUP-6, BLAME-1
def a_session_that_ends_soon_is_counted_and_all_starts_anew():
    with ContractHome(scale=5) as home:
        home.gate("gate")
        home.tell("session", "await gate\nexit 3\n")
        daemon = home.up()
        host, x = home.wait_host(), pid_of_display(home)
        home.open_gate("gate")
        daemon.wait_line(",768)")
        check(re.search(r":wait\(\) returned \(\d+,768\)$", daemon.log.find(",768)")[0][1]))
        ended = daemon.wait_line("Failure count for 'session' is now 1")
        daemon.wait_line(f"Sending SIGTERM to host proc (pid={host.pid})")
        daemon.wait_line(f"wait() returned ({x},0)")
        daemon.wait_line("Failure count for 'Display server' is now 0")
        daemon.wait_line("Failure count for 'host' is now 0")
        daemon.wait_line("Waiting before relaunching")
        again = home.wait_launch("session", 2)
        check(home.wait_host(2).start > ended and again.start > ended)
        check(pid_of_display(home) != x, "the same X server")
        check(daemon.process.poll() is None, "it ended")
        check(daemon.stop() == 0)


# SUP-8, SUP-2, CONST-5
def a_session_that_ends_after_a_while_is_a_logout_and_the_daemon_ends_with_41():
    with ContractHome(scale=120) as home:
        home.gate("gate")
        home.tell("session", "await gate\nexit 7\n")
        daemon = home.up()
        began = max(home.wait_launch("session").start, home.wait_host().start)
        wait_for(lambda: time.monotonic() > began + 60 / 120 + 0.1, "a minute by its clock")
        home.open_gate("gate")
        check(daemon.exit_status() == 41)
        daemon.wait_line("Failure count for 'session' is now 0")
        daemon.wait_line("Relaunching self")
        daemon.wait_line("Cleanup.")
        home.is_free_of_processes()
        check(len(home.launches("session")) == 1 and not home.launches("report"))


# A life of less than 12 seconds is short.
SHORT = 5


# BLAME-1, SUP-7
def a_session_that_ends_while_the_x_server_is_dead_is_not_to_blame():
    for signo in (signal.SIGSTOP, signal.SIGKILL):
        with ContractHome(scale=SHORT) as home:
            home.gate("gate")
            home.tell("session", "await gate\n")
            daemon = home.up()
            os.kill(pid_of_display(home), signo)
            if signo == signal.SIGSTOP:  # it is there, but no longer answers
                home.open_gate("gate")
            daemon.wait_line("Failure count for 'Display server' is now 1")
            daemon.wait_line("Failure count for 'session' is now 0")
            check(not daemon.log.find("'session' is now 1"), daemon.log.texts())
            home.wait_launch("session", 2)
            daemon.stop()


# BLAME-1: xdpyinfo, which the original asks, waits too
def an_x_server_that_is_slow_to_answer_is_not_to_blame():
    with ContractHome(scale=SHORT) as home:
        home.gate("gate")
        home.tell("session", "await gate\n")
        daemon = home.up()
        display = pid_of_display(home)
        os.kill(display, signal.SIGSTOP)
        home.open_gate("gate")
        time.sleep(2.5)  # so slow
        os.kill(display, signal.SIGCONT)
        daemon.wait_line("Failure count for 'session' is now 1")
        home.wait_launch("session", 2)
        check(not daemon.log.find("'Display server' is now 1"), daemon.log.texts())
        daemon.stop()


tests = [
    the_users_script_goes_before_the_systems_and_the_chooser_is_last,
    executable_scripts_are_run_and_others_read_by_sh,
    the_session_has_no_input_one_pipe_for_output_and_begins_at_home,
    each_line_of_output_comes_with_its_prefix_byte_for_byte,
    a_line_of_any_length_stays_one_line,
    everybody_has_our_environment_and_what_the_desktop_adds,
    only_the_x_server_has_no_tmpdir,
    a_browser_profile_of_the_sessions_own_is_named,
    software_gl_comes_before_other_libraries,
    a_pre_session_comes_before_all_else,
    a_pre_session_that_fails_is_a_failure_of_the_session,
    a_session_that_ends_soon_is_counted_and_all_starts_anew,
    a_session_that_ends_after_a_while_is_a_logout_and_the_daemon_ends_with_41,
    a_session_that_ends_while_the_x_server_is_dead_is_not_to_blame,
    an_x_server_that_is_slow_to_answer_is_not_to_blame,
    a_pre_session_that_never_ends_is_ended_after_30_seconds,
]
if __name__ == "__main__":
    sys.exit(run(tests))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The setuid PAM wrapper, for real: setuid root, called by ordinary users, with real PAM.

login.py [BUILD-DIRECTORY]. Runs in name spaces of its own (stage.py). AFAR_SOAK=1: ten times as
many hostile calls, and the time limit of two minutes is waited for.
"""
import fcntl
import os
import pty
import random
import re
import resource
import select
import shutil
import signal
import stat
import subprocess
import sys
import time

import stage
from hosting import *
from stage import ALICE, BOB, GROUP_ID, HOMES, PAM, ROOM

SOAK = bool(os.environ.get("AFAR_SOAK"))
USER_SESSION, AFAR_LOGIN = f"{ROOM}/user-session", f"{ROOM}/afar-login"
HOME = f"{HOMES}/{ALICE[0]}"
FAST_END = "printf 'MSG:hello\\nREADY\\n' >&202; exec 202>&-"


# --- calling it ---


def become(user, spoil=None):
    def prepare():
        if spoil:
            spoil(False)
        if user:
            os.setgroups([GROUP_ID] if user == ALICE else [])
            os.setresgid(user[1], user[1], user[1])
            os.setresuid(user[1], user[1], user[1])
        if spoil:
            spoil(True)
    return prepare


def call(*args, user=ALICE, program=USER_SESSION, spoil=None, env=None, **more):
    """Starts it; stdout and stderr are pipes."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [program, *args], env={"PATH": "/usr/bin:/bin", **(env or {})}, cwd="/",
        preexec_fn=become(user, spoil), **{**streams, **more},
    )


def ended(process, seconds=20):
    """(exit status, stdout, stderr)"""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, (out or b"").decode(), (err or b"").decode()


def run_it(*args, **more):
    done = ended(call(*args, **more))
    stage.quiet()
    return done


def fresh(do=None, **pam):
    """Nothing is there of an earlier test; what the script and PAM will do."""
    stage.end_all()
    for directory in (PAM, HOME, f"{HOMES}/{BOB[0]}", "/tmp"):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
    if do:
        stage.write(HOME + "/do", do)
    for name, value in pam.items():
        stage.write(f"{PAM}/{name.replace('_', '-')}", value + "\n")


def pam_log():
    """[(what, {pid, user, ruid …})]"""
    try:
        with open(PAM + "/log") as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        what, pid, *fields = line.split(" ")
        found.append((what, {"pid": pid, **dict(field.split("=", 1) for field in fields)}))
    return found


def count(what):
    return sum(1 for w, _ in pam_log() if w == what)


def check_closed(times=1):
    check(count("open") == count("close") == times, pam_log())
    check(count("establish") == count("delete"), pam_log())


def saw(name, user=ALICE):
    """What the script wrote down."""
    with open(f"{HOMES}/{user[0]}/{name}", newline="") as f:
        return f.read()


def runs(user=ALICE):
    try:
        return len(saw("runs", user).splitlines())
    except FileNotFoundError:
        return 0


def script_args():
    return saw("args").split("\0")[1:-1]


def script_env():
    return dict(pair.split("=", 1) for pair in saw("env").split("\0")[:-1])


def script_status(user=ALICE):
    return dict(line.split(":\t", 1) for line in saw("status", user).splitlines())


def logs():
    return [f"/tmp/{n}" for n in os.listdir("/tmp")
            if re.fullmatch(r"chrome_remote_desktop_\d{8}_\d{6}_\w{6}", n)]


def log_text():
    check(len(logs()) == 1, os.listdir("/tmp"))
    with open(logs()[0], errors="replace") as f:
        return f.read()


def no_canary():
    check(not os.path.exists("/tmp/canary"), "something of the caller's was run or loaded")


def check_script_is(user):
    """All four ids, the groups and nothing that root could do."""
    status = script_status(user)
    check(status["Uid"].split() == [str(user[1])] * 4, status)
    check(status["Gid"].split() == [str(user[1])] * 4, status)
    groups = {user[1], GROUP_ID} if user == ALICE else {user[1]}
    check(set(map(int, status["Groups"].split())) == groups, status)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        check(int(status[name], 16) == 0, status)


class Held:
    """A session whose script waits until it is told to go on: release(), and then end()."""

    def __init__(self, after="exit 0", before="", args=("start", "--foreground"), **more):
        fresh(f"{before}\nmkfifo go; exec 9<>go; echo here; read x <&9\n{after}\n")
        self.process = call(*args, **more)
        check(self.process.stdout.readline() == b"here\n", "no session", pam_log())
        self.outer = self.process.pid
        self.inner = children(self.outer)[0]
        self.shell = children(self.inner)[0]

    def signal(self, pid, signo):
        """To one of these. A trap is run when the script waits: before that it would go on to wait."""
        wait_for(lambda: state_of(self.shell) == "S", "the script to wait")
        os.kill(pid, signo)

    def release(self):
        fd = os.open(HOME + "/go", os.O_WRONLY)
        os.write(fd, b"\n")
        os.close(fd)

    def end(self):
        done = ended(self.process)
        stage.quiet()
        return done


# --- how it is called ---


def without_setuid_it_says_so_before_all_else():  # US-3
    fresh()
    plain = "/mnt/user-session"
    stage.copy(USER_SESSION, plain, 0o755)
    for args in ([], ["start"], ["nonsense"]):
        done = run_it(*args, program=plain)
        check(done == (1, "", f"{plain} not installed setuid root. Host must be started by "
                       "administrator.\n"), done)
    os.unlink(plain)


def the_command_line_is_checked():  # US-1
    fresh()
    for args in ([], ["stop"], ["--foreground"], ["start", "--nonsense"], ["start", "word"],
                 ["start", "--user"], ["start", "--foreground", "--user"], ["start", "--user=x"],
                 ["Start"], ["start", "--foregroun"]):
        for program in (USER_SESSION, AFAR_LOGIN):
            code, out, err = run_it(*args, program=program)
            check((code, out) == (1, ""), args, code, out)
            check(err.startswith("Usage: " + os.path.basename(program) + " start "), err)
            check(err.count("\n") == 3 and "not meant for end users" in err, err)
    check(runs() == 0 and pam_log() == [] and os.listdir("/tmp") == [])


def root_names_a_user_and_nobody_else_does():  # US-4
    fresh()
    done = run_it("start", "--user", BOB[0])
    check(done == (1, "", "Target user may not be specified by non-root users.\n"), done)
    done = run_it("start", "--user", ALICE[0])
    check(done[0] == 1 and runs() == 0 and pam_log() == [], done)
    done = run_it("start", user=None)
    check(done == (1, "", "Target user must be specified when run as root.\n"), done)
    check(os.listdir("/tmp") == [])


def the_name_is_one_of_the_callers_own():  # US-4
    for env, name in (
        ({}, ALICE[0]),
        ({"USER": "root", "LOGNAME": "root"}, ALICE[0]),
        ({"USER": BOB[0]}, ALICE[0]),
        ({"USER": "afar-alias"}, "afar-alias"),
        ({"USER": BOB[0], "LOGNAME": "afar-alias"}, "afar-alias"),
        ({"USER": "", "LOGNAME": "x" * 5000}, ALICE[0]),
    ):
        fresh()
        code, _, err = run_it("start", "--foreground", env=env)
        check(code == 0 and {e["user"] for _, e in pam_log()} == {name}, env, err, pam_log())
        check(script_env()["USER"] == script_env()["LOGNAME"] == name, env)
        check_script_is(ALICE)


def who_is_not_in_the_group_cannot_call_it():  # US-24
    fresh()
    try:
        call("start", user=BOB)
        check(False, "it ran")
    except PermissionError:
        pass


# --- in the background ---


def in_the_background_the_caller_hears_until_it_is_ready():  # US-5, US-7..11, US-20, MSG-1, MSG-3
    fresh(FAST_END + "\necho to the log; exec sleep 60")
    code, out, err = ended(call("start", "--", "--size", "1x1"))
    log = logs()[0]
    check(code == 0 and out == "", code, out, err)
    check(re.search(r":INFO:Daemon process started in the background, logging to '"
                    + re.escape(log) + "'\n", err), err)
    check("\nhello\n" in err and err.endswith(f"\nLog file: {log}\n"), err)
    check(script_args() == ["--start", "--child-process", "--size", "1x1"], script_args())
    st = os.lstat(log)
    check(stat.S_IMODE(st.st_mode) == 0o600 and (st.st_uid, st.st_gid) == (ALICE[1], ALICE[1]), st)
    latest = "/tmp/chrome_remote_desktop.latest"
    check(os.readlink(latest) == log and os.lstat(latest).st_uid == 0)
    check(len(os.listdir("/tmp")) == 2, os.listdir("/tmp"))
    wait_for(lambda: "to the log\n" in log_text(), "the script's output")
    # The daemon has 202, whoever waits has closed it; nobody has a terminal or the caller's files.
    check(set(saw("fds").split()) - {"3"} == {"0", "1", "2", "202"}, saw("fds"))
    wait_for(lambda: any(name == "sleep" for name, _ in stage.processes().values()),
             "what the script becomes")
    names = {pid: name for pid, (name, _) in stage.processes().items()}
    shell = next(pid for pid, name in names.items() if name == "sleep")
    wrappers = [pid for pid, name in names.items() if name == "user-session"]
    check(len(wrappers) == 2, names)
    for pid in [shell, *wrappers]:
        fds = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        check(fds == {0: "/dev/null", 1: log, 2: log}, pid, fds)
        check(os.getsid(pid) not in (0, os.getsid(0)), pid)
        check(os.readlink(f"/proc/{pid}/cwd") == (HOME if pid == shell else "/"), pid)
    os.kill(shell, signal.SIGTERM)
    stage.quiet()
    check("Child terminated by signal 15" in log_text(), log_text())
    check_closed()


def root_waits_for_nobody():  # US-8
    fresh()
    code, out, err = run_it("start", "--user", ALICE[0], user=None)
    check(code == 0 and out == "" and "Log file" not in err, code, out, err)
    check(runs() == 1 and "202" not in saw("fds").split(), saw("fds"))
    check_script_is(ALICE)
    check_closed()


def what_the_daemon_says_decides():  # US-10, US-11, MSG-2, MSG-4
    for do, program, code, wanted in (
        ("echo MSG:bad >&202; exit 1", USER_SESSION, 1, "\nbad\n"),
        ("echo MSG:bad >&202; exit 1", AFAR_LOGIN, 1, "bad\n"),
        ("echo ERROR:bad >&202; exit 1", USER_SESSION, 1, "\nUnrecognized command: ERROR:bad\n"),
        ("echo ERROR:bad >&202; exit 1", AFAR_LOGIN, 1, "bad\n"),
        ("echo READY >&202", USER_SESSION, 0, "\nLog file: "),
        ("echo READY >&202", AFAR_LOGIN, 0, ""),
        ("echo ' READY' >&202", USER_SESSION, 1, "Unrecognized command:  READY\n"),
        ("echo READY now >&202", USER_SESSION, 1, "Unrecognized command: READY now\n"),
        ("printf READY >&202", USER_SESSION, 1, "Unrecognized command: READY\n"),
        ("printf 'MSG:one\\ntwo\\nREADY\\nMSG:3' >&202", USER_SESSION, 0,
         "\none\nUnrecognized command: two\n3\n"),
        ("exit 1", USER_SESSION, 0, "failed to read from message pipe"),
        ("exit 1", AFAR_LOGIN, 1, "failed to read from message pipe"),
    ):
        fresh(do)
        done = run_it("start", program=program)
        check(done[0] == code and wanted in done[2], do, program, done)
        check_closed()


def hostile_bytes_on_the_pipe_are_survived():  # SUP-13, ISO-07
    rng = random.Random(1)
    for name, data, code in (
        ("a line of a MiB", b"MSG:" + b"x" * 2**20 + b"\nREADY\n", 0),
        ("a MiB of no line", b"y" * 2**20, 1),
        ("newlines", b"\n" * 5000 + b"READY\n", 0),
        ("binary", bytes(rng.randrange(256) for _ in range(65536)) + b"\nREADY\n", 0),
        ("an escape", b"MSG:\x1b]0;title\x07 \x00 \xc3\xa9\nREADY\n", 0),
    ):
        fresh("cat data >&202")
        with open(HOME + "/data", "wb") as f:
            f.write(data)
        process = call("start")
        _, err = process.communicate(timeout=30)
        check(process.returncode == code, name, process.returncode)
        moving = set(err) & (set(range(32)) - {9, 10} | {127})
        check(not moving, name, moving)
        check(len(err) < 30 * len(data) + 1000, name, len(err))
        if name == "an escape":
            check("?]0;title? ? é\n".encode() in err, err)
        if name == "a line of a MiB":
            check(b"x" * 2**20 in err, len(err))
    fresh("while IFS= read -r c; do printf %s \"$c\"; done <<E >&202\nM\nS\nG\n:\nh\ni\nE\n"
          "printf '\\nREA' >&202; printf 'DY\\n' >&202")
    code, _, err = run_it("start")
    check(code == 0 and "\nhi\n" in err, code, err)


def relay_of(do, **more):
    """A started relay that has said what the script sent, and the script stays."""
    fresh("mkfifo go; echo MSG:here >&202; " + do)
    process = call("start", **more)
    while (line := process.stderr.readline()) != b"here\n":
        check(line, "it ended")
    return process


def release(name="go"):
    fd = os.open(f"{HOME}/{name}", os.O_WRONLY)
    os.write(fd, b"\n")
    os.close(fd)


def interrupting_the_relay_leaves_the_daemon():  # US-13
    for signo in (signal.SIGINT, signal.SIGTERM):
        process = relay_of("read x <go")
        with open(f"/proc/{process.pid}/status") as f:
            check(f"\nUid:\t{ALICE[1]}\t{ALICE[1]}\t{ALICE[1]}\t{ALICE[1]}\n" in f.read())
        process.send_signal(signo)
        code, _, err = ended(process)
        check(code == -signo, code)
        check(err == "Interrupted. The daemon is still running in the background.\n", err)
        check(count("open") == 1 and count("close") == 0, pam_log())
        wait_for(lambda: os.path.exists(HOME + "/go"), "the daemon")
        release()
        stage.quiet()
        check_closed()


def the_relays_time_ends():  # US-12
    text = ("Timeout waiting for session to start. It may have crashed, or may still be running "
            "in the background.\n")
    for program, status in ((USER_SESSION, 0), (AFAR_LOGIN, 1)):
        process = relay_of("read x <go", program=program)
        if SOAK:
            begun = time.monotonic()
            code, _, err = ended(process, 130)
            check(115 < time.monotonic() - begun < 122, time.monotonic() - begun)
        else:
            process.send_signal(signal.SIGALRM)
            code, _, err = ended(process)
        check((code, err) == (status, text), code, err)
        release()
        stage.quiet()
        check_closed()
    # Also when nobody reads what it says.
    fresh("mkfifo go; head -c 1000000 /dev/zero >&202; read x <go")
    process = call("start")
    wait_for(lambda: "pipe_w" in wchan(process.pid), "a full pipe")
    process.send_signal(signal.SIGALRM)
    check(process.wait(10) == 0)
    process.stderr.close()
    process.stdout.close()
    wait_for(lambda: os.path.exists(HOME + "/go"), "the daemon")
    release()
    stage.quiet()


def wchan(pid):
    """Where it waits in the kernel."""
    with open(f"/proc/{pid}/wchan") as f:
        return f.read()


def nothing_planted_in_tmp_is_followed():  # US-6, ISO-03
    latest = "/tmp/chrome_remote_desktop.latest"
    victim = "/mnt/victim"
    stage.write(victim, "whole\n", 0o600)
    for plant in (
        lambda: os.symlink(victim, latest),
        lambda: os.mkdir(latest, 0o777),
        lambda: os.mkfifo(latest, 0o666),
        lambda: stage.write(latest, "text"),
        lambda: os.symlink("/nonexistent", latest),
    ):
        fresh(FAST_END)
        plant()
        os.chown(latest, BOB[1], BOB[1], follow_symlinks=False)
        code, _, err = run_it("start")
        check(code == 0, code, err)
        if os.path.isdir(latest) and not os.path.islink(latest):
            check(os.listdir(latest) == [], os.listdir(latest))
        else:
            check(os.readlink(latest) == logs()[0])
        check(len(os.listdir("/tmp")) == 2, os.listdir("/tmp"))
    st = os.stat(victim)
    check((st.st_uid, st.st_mode & 0o7777, st.st_size) == (0, 0o600, 6), st)
    os.unlink(victim)


# --- the session ---


def in_the_foreground_the_streams_are_the_callers():  # US-5, US-22, US-23
    fresh("read x; echo \"out $x\"; echo err >&2; exit 3")
    process = call("start", "--foreground", stdin=subprocess.PIPE)
    out, err = process.communicate(b"line\n", timeout=20)
    check(process.returncode == 0 and out == b"out line\n", process.returncode, out, err)
    check(err.startswith(b"err\n") and b":WARNING:Child exited with status 3\n" in err, err)
    check(os.listdir("/tmp") == [], os.listdir("/tmp"))
    check_closed()
    fresh()
    check(":INFO:Child exited successfully\n" in run_it("start", "--foreground")[2])


def the_daemon_gets_what_a_login_gives_and_no_more():  # US-16, US-17, US-21
    fresh(env="FROM_PAM=yes")
    allowed = {
        "GOOGLE_CLIENT_ID_REMOTING": "1", "GOOGLE_CLIENT_ID_REMOTING_HOST": "2",
        "GOOGLE_CLIENT_SECRET_REMOTING": "3", "GOOGLE_CLIENT_SECRET_REMOTING_HOST": "4 = 4",
        "CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS": "--a  'b'",
    }
    refused = {
        "CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES": "1x1", "LD_LIBRARY_PATH": "/x",
        "AFAR_HOST_EXTRA_PARAMS": "x", "BASH_ENV": "/x", "HOME": "/x", "SHELL": "/x", "FOO": "x",
    }
    code, _, err = run_it("start", "--foreground", env={**allowed, **refused})
    base = {"USER": ALICE[0], "LOGNAME": ALICE[0], "HOME": HOME, "SHELL": "/bin/sh",
            "XDG_SESSION_CLASS": "user", "XDG_SESSION_TYPE": "x11", "FROM_PAM": "yes",
            "PATH": "/bin:/usr/bin", "PWD": HOME}
    got = script_env()
    for name in ("OLDPWD", "_", "SHLVL"):  # shells set them
        got.pop(name, None)
    check(got == {**base, **allowed, "CHROME_REMOTE_DESKTOP_SESSION": "1"}, got)
    check(saw("cwd") == HOME + "\n")
    fresh(env="PATH=/of/pam:/bin:/usr/bin")
    run_it("start", "--foreground")
    check(script_env()["PATH"] == "/of/pam:/bin:/usr/bin")
    fresh()
    code, _, err = run_it("start", "--foreground", program=AFAR_LOGIN,
                          env={"AFAR_HOST_EXTRA_PARAMS": "p", **allowed})
    got = script_env()
    check(code == 0 and got["AFAR_HOST_EXTRA_PARAMS"] == "p" and got["AFAR_SESSION"] == "1", err)
    check(not set(allowed) & set(got) and "CHROME_REMOTE_DESKTOP_SESSION" not in got, got)


def arguments_arrive_as_they_are():  # US-21
    args = ["a b", "", "$(touch /tmp/canary)", "`touch /tmp/canary`", "'", '"', "\\", "\\'", "*",
            "~", ";&|<>(){}[]!#%^=+,.?:@/", "é ü 日本", "\t\r", "-n", "--", "x" * 50000]
    fresh()
    code, _, err = run_it("start", "--foreground", "--", *args)
    check(code == 0 and script_args() == ["--start", "--child-process", *args], script_args())
    check(saw("args").split("\0")[0] == f"{ROOM}/chrome-remote-desktop")
    no_canary()
    fresh()
    code, _, err = run_it("start", "--foreground", "--", "a\nb")
    check(code == 1 and runs() == 0, code, err)
    check_closed()


def the_login_shell_is_a_login_shell():  # US-21
    fresh()
    stage.write(HOME + "/.profile", "export FROM_PROFILE=1\n")
    run_it("start", "--foreground")
    check(script_env().get("FROM_PROFILE") == "1", script_env())
    fresh()  # an empty field is /bin/sh
    code, _, err = run_it("start", "--foreground", env={"USER": "afar-alias"})
    check(code == 0 and script_env()["SHELL"] == "/bin/sh", err)


def pam_is_asked_in_order_and_never_to_authenticate():  # US-15, US-17, US-18, US-22
    fresh(say="mind the gap")
    code, _, err = run_it("start", "--foreground")
    check(code == 0 and "[PAM] mind the gap\n" in err, code, err)
    log = pam_log()
    check([w for w, _ in log] == ["acct", "establish", "open", "close", "delete"], log)
    for what, entry in log:
        check((entry["user"], entry["euid"]) == (ALICE[0], "0"), what, entry)
        check((entry["class"], entry["type"]) == ("user", "x11"), entry)
        check(entry["tty"] == "chrome-remote-desktop" and entry["umask"] == "22", entry)
        check(entry["env"] == "0", "an environment", entry)
    for what, entry in log[:3]:
        check(entry["ruid"] == str(ALICE[1]), what, entry)
    for what, entry in log[1:3]:
        check(entry["gid"] == str(ALICE[1]), what, entry)
    fresh()
    run_it("start", "--foreground", "--user", ALICE[0], user=None, program=AFAR_LOGIN)
    log = pam_log()
    check([e["ruid"] for _, e in log[:3]] == ["0", str(ALICE[1]), str(ALICE[1])], log)
    check(all(e["tty"] == "afar" for _, e in log), log)


def what_pam_refuses_is_not_run():  # US-15, US-18, US-19, ISO-07
    for pam, opened, text in (
        ({"acct_fail": ""}, 0, "the account is refused: User account has expired"),
        ({"prompt": ""}, 0, "[PAM] Password: "),
        ({"cred_fail": ""}, 0, "no credentials"),
        ({"open_fail": ""}, 1, "no session"),
        ({"acct_user": BOB[0]}, 0, "PAM remapped username"),
        ({"acct_user": "root"}, 0, "PAM remapped username"),
        ({"acct_user": "afar-nobody"}, 0, "there is no user afar-nobody"),
        ({"open_user": BOB[0]}, 1, "PAM remapped username"),
        ({"open_user": "root"}, 1, "PAM remapped username"),
    ):
        for args in (["start", "--foreground"], ["start"]):
            fresh(**pam)
            code, _, err = run_it(*args)
            check(code == 1 and text in err + (log_text() if len(args) == 1 else ""), pam, code, err)
            check(runs() == runs(BOB) == 0 and not os.path.exists("/root/runs"), pam)
            check(count("open") == count("close") == opened, pam, pam_log())
            check(count("delete") == (1 if opened else 0), pam, pam_log())
    fresh(acct_user="afar-alias")  # another name of the same user is none of anybody's business
    check(run_it("start", "--foreground")[0] == 0 and script_env()["USER"] == "afar-alias")
    fresh(close_fail="")
    code, _, err = run_it("start", "--foreground")
    check(code == 0 and ":WARNING:PAM: the session does not close" in err, code, err)
    check_closed()
    fresh(acct_user=BOB[0])  # root may mean anybody
    code, _, err = run_it("start", "--foreground", "--user", ALICE[0], user=None)
    check(code == 0 and runs() == 0 and runs(BOB) == 1, code, err)
    check_script_is(BOB)


def a_shell_that_cannot_be_run_is_an_end():  # US-21
    for change in ("/nonexistent/shell", "/dev/null"):
        fresh()
        with open("/etc/passwd") as f:
            before = f.read()
        stage.write("/etc/passwd", before.replace(
            f"::{HOME}:/bin/sh", f"::{HOME}:{change}"))
        code, _, err = run_it("start", "--foreground")
        stage.write("/etc/passwd", before)
        check(code == 1 and f":ERROR:cannot start {change}: " in err, code, err)
        check_closed()
    fresh()
    os.chmod(HOME, 0)
    code, _, err = run_it("start", "--foreground")
    os.chmod(HOME, 0o700)
    check(code == 1 and runs() == 0, code, err)
    check_closed()


def the_daemon_can_never_be_root_again():  # US-21, ISO-07
    fresh("exec python3 -c '\n"
          "import os\n"
          "for f in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setresuid(-1, 0, -1),\n"
          "          lambda: os.setgid(0), lambda: os.setgroups([0])):\n"
          "    try:\n"
          "        f()\n"
          "    except PermissionError:\n"
          "        print(\"no\")\n"
          "'")
    for args, user in ((["start", "--foreground"], ALICE),
                       (["start", "--foreground", "--user", ALICE[0]], None)):
        out = run_it(*args, user=user)[1]
        check(out == "no\n" * 5, args, out)
        check_script_is(ALICE)


# --- starting anew ---


def status_41_starts_it_anew():  # US-14, US-22, CONST-5
    for args, user, again in (
        (["start", "--", "a b", "--foreground"], ALICE, []),
        (["start", "--user", ALICE[0], "--", "a b", "--foreground"], None, ["--user", ALICE[0]]),
    ):
        fresh("[ $(wc -l <runs) = 3 ] && exit 0\n" + FAST_END + " 2>/dev/null\nexit 41\n")
        stage.write(HOME + "/do", "inner=$(sed -n 's/^PPid:\t//p' /proc/$PPID/status)\n"
                    "[ \"$(cat /proc/$PPID/comm)\" = user-session ] && inner=$PPID\n"
                    "tr '\\0' '\\n' <\"/proc/$inner/cmdline\" >wrapper\n" + saw("do"))
        code, _, err = run_it(*args, user=user, env={"GOOGLE_CLIENT_ID_REMOTING": "kept"})
        check(code == 0 and runs() == 3, code, runs(), err)
        check(log_text().count(":INFO:Restarting session\n") == 2, log_text())
        check(log_text().count(":INFO:Child exited successfully\n") == 1, log_text())
        check_closed(3)
        check(script_args() == ["--start", "--child-process", "a b", "--foreground"], script_args())
        check(script_env()["GOOGLE_CLIENT_ID_REMOTING"] == "kept")
        check("202" not in saw("fds").split(), saw("fds"))
        wanted = [USER_SESSION, "start", "--foreground", *again, "--", "a b", "--foreground"]
        check(saw("wrapper").splitlines() == wanted, saw("wrapper"))
        check_script_is(ALICE)


def what_lies_in_its_place_by_then_is_not_run_as_root():  # US-22, T8
    held = Held(after="exit 41")
    stage.write(USER_SESSION + ".new", "#!/bin/sh\nid -u; id -ru\n", 0o755)
    os.rename(USER_SESSION, USER_SESSION + ".old")
    os.rename(USER_SESSION + ".new", USER_SESSION)
    try:
        held.release()
        code, out, err = held.end()
        check(out == f"{ALICE[1]}\n{ALICE[1]}\n", out, err)
    finally:
        os.rename(USER_SESSION + ".old", USER_SESSION)
    check_closed()


# --- deaths ---


def a_signal_for_the_wrapper_is_for_the_daemon():  # US-22, ISO-07
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for which in ("outer", "inner"):
            held = Held(before=f"trap 'echo got; exit 5' {signo.name[3:]}")
            held.signal(getattr(held, which), signo)
            code, out, err = held.end()
            check((code, out) == (0, "got\n"), signo, which, code, out, err)
            check("Child exited with status 5" in err, err)
            check_closed()


def ctrl_c_reaches_the_daemon_once():  # US-22, USTART-3
    fresh("trap 'echo got >>got' INT; trap 'exit 0' USR1; mkfifo go; exec 9<>go; echo here\n"
          "while :; do read x <&9; done")
    master, slave = pty.openpty()

    def take_terminal(dropped):
        if not dropped:
            os.setsid()
            fcntl.ioctl(slave, 0x540E, 0)  # TIOCSCTTY
    process = call("start", "--foreground", stdin=slave, stdout=slave, stderr=slave,
                   spoil=take_terminal)
    text = b""
    while b"here" not in text:
        text += os.read(master, 4096)
    # The wrapper's own Ctrl-C waits until the daemon has had its; then what it passes on shows.
    wrappers = [process.pid, children(process.pid)[0]]
    wait_for(lambda: state_of(children(wrappers[1])[0]) == "S", "the script to wait")
    for pid in wrappers:
        os.kill(pid, signal.SIGSTOP)
    os.write(master, b"\x03")
    wait_for(lambda: os.path.exists(HOME + "/got"), "SIGINT")
    for pid in wrappers:
        os.kill(pid, signal.SIGCONT)
    os.kill(process.pid, signal.SIGUSR1)  # passed on after SIGINT, whose number is lower
    check(process.wait(20) == 0)
    stage.quiet()
    os.close(slave)
    os.close(master)
    check(saw("got") == "got\n", saw("got"))
    check_closed()


def whoever_is_killed_the_session_is_closed():  # US-22, US-23, ISO-07
    held = Held()
    os.kill(held.shell, signal.SIGKILL)
    code, _, err = held.end()
    check(code == 0 and "Child terminated by signal 9" in err, code, err)
    check_closed()

    held = Held()
    os.kill(held.outer, signal.SIGKILL)
    check(held.process.wait(10) == -9)
    check(count("close") == 0, pam_log())
    held.release()
    held.process.communicate()
    stage.quiet()
    check_closed()

    # The inner one: the desktop lives on, and its end counts as ever.
    for after, times in (("exit 0", 1), ("[ $(wc -l <runs) = 2 ] && exit 0; exit 41", 2)):
        held = Held(after=after, before="[ $(wc -l <runs) = 2 ] && exit 0")
        os.kill(held.inner, signal.SIGKILL)
        wait_for(lambda: held.shell in children(held.outer), "the shell is the outer's")
        check(count("close") == 0, pam_log())
        held.release()
        code, _, err = held.end()
        check(code == 0 and runs() == times, code, runs(), err)
        check_closed(times)
        closed = next(e for w, e in pam_log() if w == "close")
        check(int(closed["pid"]) == held.outer and closed["user"] == ALICE[0], closed)


def the_holder_survives_what_it_says():  # US-22
    fresh("exit 3")
    process = call("start", "--foreground")
    process.stderr.close()  # so that its warning is SIGPIPE's cause
    check(process.wait(20) == 0)
    process.stdout.close()
    stage.quiet()
    pids = {what: entry["pid"] for what, entry in pam_log()}
    check(pids["open"] == pids["close"] != str(process.pid), pam_log())
    fresh(FAST_END, no_bytes="")
    check(run_it("start")[0] == 0)  # and SIGXFSZ's, in a log that may not grow
    pids = {what: entry["pid"] for what, entry in pam_log()}
    check(pids["open"] == pids["close"], pam_log())


def the_one_who_takes_over_knows_the_session():  # US-22
    fresh(env="XDG_SESSION_ID=c7")
    stage.write(HOME + "/do", "mkfifo go; echo here; read x <go")
    process = call("start", "--foreground")
    check(process.stdout.readline() == b"here\n")
    inner = children(process.pid)[0]
    os.kill(inner, signal.SIGKILL)
    wait_for(lambda: children(process.pid) != [inner], "the death")
    release()
    ended(process)
    stage.quiet()
    closed = next(e for w, e in pam_log() if w == "close")
    check((closed["id"], closed["class"], closed["tty"]) == ("c7", "user", "chrome-remote-desktop"),
          closed)


def killed_while_it_opens_it_is_closed():  # ISO-07
    fresh()
    os.mkfifo(PAM + "/hold-open")
    process = call("start", "--foreground")
    fd = os.open(PAM + "/hold-open", os.O_WRONLY)  # until the module is there
    inner = children(process.pid)[0]
    os.kill(inner, signal.SIGKILL)
    code, _, err = ended(process)
    os.close(fd)
    stage.quiet()
    check(code == 1 and runs() == 0, code, err)
    check(count("close") == 1 and count("delete") == 1, pam_log())


def killed_at_any_moment_it_is_closed():  # ISO-07
    rng = random.Random()
    seed = rng.randrange(2**32)
    rng.seed(seed)
    for _ in range(1000 if SOAK else 60):
        fresh("exit 0")
        process = call("start", "--foreground")
        end = time.monotonic() + rng.random() * 0.03
        victim = None
        while time.monotonic() < end and process.poll() is None:
            try:
                victim = (children(process.pid) or [None])[0]
            except OSError:
                break
        if victim:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
        ended(process)
        stage.quiet()
        log = pam_log()
        check(count("close") in (count("open"), count("open") + 1), "seed", seed, log)
        check(count("open") <= 1 and count("establish") <= count("delete") + 1, "seed", seed, log)
        check(process.returncode in (0, 1), process.returncode)


def the_user_cannot_end_it():  # ISO-07, T8
    held = Held()
    for pid in (held.outer, held.inner):
        for signo in (0, signal.SIGTERM, signal.SIGKILL, signal.SIGCONT):
            killer = os.fork()
            if killer == 0:
                try:
                    become(ALICE)()
                    os.kill(pid, signo)
                    os._exit(1)
                except PermissionError:
                    os._exit(0)
            # SIGCONT within a session is anybody's; the process is not harmed by it.
            status = os.waitpid(killer, 0)[1]
            check(status == 0 or signo == signal.SIGCONT, pid, signo)
        check(not os.access(f"/proc/{pid}/mem", os.R_OK, effective_ids=True) or os.geteuid() == 0)
        st = os.stat(f"/proc/{pid}/fd")
        check(st.st_uid == 0, "dumpable", st)
    held.release()
    check(held.end()[0] == 0)
    check_closed()


# --- the other flavour ---


def our_own_flavour_leaves_nothing_in_tmp():  # T8
    hears = stage.syslog()
    fresh(FAST_END + "; echo lost; exit 7")
    code, out, err = run_it("start", "--", "--size", "1x1", program=AFAR_LOGIN)
    check((code, out, err) == (0, "", "hello\n"), code, out, err)
    check(script_args() == ["start", "--foreground", "--size", "1x1"], script_args())
    check(os.listdir("/tmp") == [], os.listdir("/tmp"))
    record = hears.recv(4096).decode()
    check(re.match(r"<84>.*afar-login\[\d+\]: Child exited with status 7", record), record)
    check_closed()
    fresh(acct_fail="")
    code, _, err = run_it("start", program=AFAR_LOGIN)
    check((code, err) == (1, "PAM: the account is refused: User account has expired\n"), code, err)
    check("the account is refused" in hears.recv(4096).decode())
    hears.close()
    os.unlink("/dev/log")


def installed_its_script_is_in_bin():  # PKG-5
    fresh()
    os.makedirs("/mnt/prefix/libexec/afar")
    os.mkdir("/mnt/prefix/bin")
    shutil.move(ROOM + "/afar", "/mnt/prefix/bin/afar")
    stage.copy(AFAR_LOGIN, "/mnt/prefix/libexec/afar/afar-login", 0o4754, GROUP_ID)
    try:
        code, _, err = run_it("start", "--foreground",
                              program="/mnt/prefix/libexec/afar/afar-login")
        check(code == 0 and runs() == 1, code, err)
    finally:
        shutil.move("/mnt/prefix/bin/afar", ROOM + "/afar")
        shutil.rmtree("/mnt/prefix")


def the_name_of_the_file_decides_never_argv0():  # US-2
    fresh()
    done = subprocess.run(["user-session", "start", "--foreground"], executable=AFAR_LOGIN,
                          preexec_fn=become(ALICE), capture_output=True, timeout=20)
    check(done.returncode == 0 and script_args() == ["start", "--foreground"], done)
    fresh()
    os.symlink(AFAR_LOGIN, "/mnt/user-session")  # the link's name is the caller's to choose
    code, _, err = run_it("start", "--foreground", program="/mnt/user-session")
    os.unlink("/mnt/user-session")
    check(code == 0 and script_args() == ["start", "--foreground"], err)


# --- hostile callers ---


def may_raise_limits():
    with open("/proc/self/status") as f:
        return int(f.read().split("CapEff:")[1].split()[0], 16) >> 24 & 1  # CAP_SYS_RESOURCE


def lower(what, value):
    return lambda dropped: dropped and resource.setrlimit(what, (value, value))


LIMITS = ("files", "size", "processes", "time")


def delete_directory(dropped):
    if dropped:
        os.mkdir("/tmp/gone")
        os.chdir("/tmp/gone")
        os.rmdir("/tmp/gone")


def block_signals(dropped):
    if dropped:
        signal.pthread_sigmask(signal.SIG_SETMASK, set(range(1, 65)) - {32, 33})
        for signo in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(signo, signal.SIG_IGN)


def leave_descriptors(dropped):
    if dropped:
        for fd in (3, 17, 202, 500):
            os.dup2(os.open("/tmp", os.O_RDONLY), fd, inheritable=True)


def whatever_the_caller_leaves_the_session_is_as_ever():  # FUZ-11, ISO-07, T8
    canary = stage.CANARIES
    for name, how in (
        ("nothing", {}),
        ("preload", {"env": {"LD_PRELOAD": canary + "/canary.so", "LD_AUDIT": canary + "/canary.so"}}),
        ("gconv", {"env": {"GCONV_PATH": canary, "LOCPATH": canary, "LANG": "x.UTF-7"}}),
        ("path", {"env": {"PATH": canary, "IFS": "/"}}),
        ("shell", {"env": {"BASH_ENV": canary + "/canary.sh", "ENV": canary + "/canary.sh",
                           "SHELL": canary + "/canary.sh", "HOME": canary}}),
        ("zone", {"env": {"TZ": "/etc/shadow", "TZDIR": canary}}),
        ("huge", {"env": {f"V{i}": "x" * 100000 for i in range(15)}}),
        ("files", {"spoil": lower(resource.RLIMIT_NOFILE, 4)}),
        ("size", {"spoil": lower(resource.RLIMIT_FSIZE, 0)}),
        ("processes", {"spoil": lower(resource.RLIMIT_NPROC, 0)}),
        ("time", {"spoil": lower(resource.RLIMIT_CPU, 1)}),
        ("core", {"spoil": lower(resource.RLIMIT_CORE, 0)}),
        ("directory", {"spoil": delete_directory}),
        ("signals", {"spoil": block_signals}),
        ("umask", {"spoil": lambda dropped: os.umask(0)}),
        ("narrow umask", {"spoil": lambda dropped: os.umask(0o777)}),
        ("descriptors", {"spoil": leave_descriptors, "close_fds": False}),
    ):
        for args in (["start", "--foreground"], ["start"]):
            fresh("[ ! -e /proc/self/fd/202 ] || echo READY >&202")
            code, _, err = run_it(*args, **how)
            if name in LIMITS and not may_raise_limits():
                # Nothing can be done about it, but that is the caller's trouble alone.
                check(code in (0, 1), name, code, err)
                check_closed(count("open"))
                no_canary()
                continue
            check(code == 0 and runs() == 1, name, args, code, err)
            check_script_is(ALICE)
            no_canary()
            status = script_status()
            check(int(status["SigBlk"], 16) == 0, name, status)
            check(int(status["SigIgn"], 16) & ~0x180000000 == 0, name, status)
            check(saw("umask").strip() == "0022", name, saw("umask"))
            own = {"0", "1", "2"} | ({"202"} if len(args) == 1 else set())
            check(set(saw("fds").split()) - {"3"} == own, name, saw("fds"))
            check(int(saw("files")) == resource.getrlimit(resource.RLIMIT_NOFILE)[1], saw("files"))
            check(saw("size") == "unlimited\n" and saw("core") == "0\n", name, saw("core"))
            if len(args) == 1:
                check(stat.S_IMODE(os.stat(logs()[0]).st_mode) == 0o600, name)
            check_closed()


def closed_streams_are_opened():  # ISO-07
    for closed in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
        def close_them(dropped):
            if dropped:
                for fd in closed:
                    os.close(fd)
        for args in (["start", "--foreground"], ["start"]):
            # Not by subprocess: the pipe that it keeps would get one of these numbers.
            fresh("[ ! -e /proc/self/fd/202 ] || echo READY >&202")
            pid = os.fork()
            if pid == 0:
                try:
                    for fd in (1, 2):
                        os.dup2(os.open("/dev/null", os.O_RDWR), fd)
                    os.closerange(3, 1000)
                    become(ALICE)()
                    close_them(True)
                    os.execve(USER_SESSION, [USER_SESSION, *args], {})
                finally:
                    os._exit(99)
            check(os.waitpid(pid, 0)[1] == 0, closed, args)
            stage.quiet()
            check(runs() == 1, closed, args)
            check(set(saw("fds").split()) - {"3", "202"} == {"0", "1", "2"}, closed, saw("fds"))
            check_closed()


def everything_that_can_be_listed():
    """Names, owners and modes of what the caller might have changed."""
    found = {}
    for top in ("/etc", "/mnt", "/var/tmp", "/dev"):
        for directory, names, files in os.walk(top):
            names[:] = [n for n in names if os.path.join(directory, n) not in (HOME, PAM, "/dev/pts")]
            for name in names + files:
                path = os.path.join(directory, name)
                try:
                    st = os.lstat(path)
                except FileNotFoundError:
                    continue
                found[path] = (st.st_uid, st.st_gid, st.st_mode, st.st_size if
                               stat.S_ISREG(st.st_mode) else 0, st.st_mtime_ns)
    return found


# Only who it is, by the shell alone: there are thousands of them.
QUICK = """#!/bin/bash
echo "$UID $EUID ${GROUPS[*]}" >>"$HOME/runs"
[ ! -e /proc/self/fd/202 ] || echo READY >&202
exit $(($$ % 3))
"""


def hostile_calls_at_random():  # FUZ-11
    total = 100000 if SOAK else 10000
    seed = int(os.environ.get("AFAR_SEED") or random.randrange(2**31))
    fresh()
    for name in ("afar", "chrome-remote-desktop"):
        stage.write(f"{ROOM}/{name}", QUICK, 0o755)
    before = everything_that_can_be_listed()
    started = time.monotonic()
    callers = [
        subprocess.Popen(
            ["/mnt/fake-hostile", program, str(ALICE[1]), str(ALICE[1]), str(GROUP_ID),
             str(total // 2), str(seed + more), stage.CANARIES],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for more, program in enumerate((USER_SESSION, AFAR_LOGIN))]
    for caller in callers:
        out = caller.communicate(timeout=3000)[0]
        print(f"# seed {seed}: " + ", ".join(out.splitlines()), flush=True)
        check(caller.returncode == 0, "seed", seed, out)
        signals = {int(line.split()[1]) for line in out.splitlines() if line.startswith("signal")}
        # Before it has cleared them the caller's own limits and timers may end it, as any program.
        allowed = {signal.SIGALRM, signal.SIGVTALRM, signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL,
                   signal.SIGXCPU}
        check(signals <= allowed, "seed", seed, out)
    stage.quiet(30)
    print(f"# {total} calls in {time.monotonic() - started:.1f} s, {runs()} sessions", flush=True)
    check(runs() > total // 50, "hardly any session began", runs())
    check_closed(count("open"))
    check(count("open") >= runs() > 0, count("open"), runs())
    check({e["user"] for _, e in pam_log()} <= {ALICE[0]}, "another user")
    no_canary()
    check(not os.path.exists(HOME + "/canary") and not os.path.exists("/canary"))
    check(set(saw("runs").splitlines()) == {f"{ALICE[1]} {ALICE[1]} {ALICE[1]} {GROUP_ID}"},
          set(saw("runs").splitlines()))
    check(os.listdir(f"{HOMES}/{BOB[0]}") == [])
    after = everything_that_can_be_listed()
    check(after == before, "changed:", [(p, before.get(p), after.get(p))
                                        for p in before.keys() | after.keys()
                                        if before.get(p) != after.get(p)][:5])
    for name in os.listdir("/tmp"):
        st = os.lstat("/tmp/" + name)
        own = name.startswith("hostile-") and st.st_uid == ALICE[1]
        log = re.fullmatch(r"chrome_remote_desktop(_\d{8}_\d{6}_\w{6}|\.latest)", name)
        check(own or log, name)
        check(own or stat.S_ISLNK(st.st_mode) or stat.S_IMODE(st.st_mode) == 0o600, name)


if __name__ == "__main__":
    stage.enter()
    sys.exit(
        run(
            [
                without_setuid_it_says_so_before_all_else,
                the_command_line_is_checked,
                root_names_a_user_and_nobody_else_does,
                the_name_is_one_of_the_callers_own,
                who_is_not_in_the_group_cannot_call_it,
                in_the_background_the_caller_hears_until_it_is_ready,
                root_waits_for_nobody,
                what_the_daemon_says_decides,
                hostile_bytes_on_the_pipe_are_survived,
                interrupting_the_relay_leaves_the_daemon,
                the_relays_time_ends,
                nothing_planted_in_tmp_is_followed,
                in_the_foreground_the_streams_are_the_callers,
                the_daemon_gets_what_a_login_gives_and_no_more,
                arguments_arrive_as_they_are,
                the_login_shell_is_a_login_shell,
                pam_is_asked_in_order_and_never_to_authenticate,
                what_pam_refuses_is_not_run,
                a_shell_that_cannot_be_run_is_an_end,
                the_daemon_can_never_be_root_again,
                status_41_starts_it_anew,
                what_lies_in_its_place_by_then_is_not_run_as_root,
                a_signal_for_the_wrapper_is_for_the_daemon,
                ctrl_c_reaches_the_daemon_once,
                whoever_is_killed_the_session_is_closed,
                the_holder_survives_what_it_says,
                the_one_who_takes_over_knows_the_session,
                killed_while_it_opens_it_is_closed,
                killed_at_any_moment_it_is_closed,
                the_user_cannot_end_it,
                our_own_flavour_leaves_nothing_in_tmp,
                installed_its_script_is_in_bin,
                the_name_of_the_file_decides_never_argv0,
                whatever_the_caller_leaves_the_session_is_as_ever,
                closed_streams_are_opened,
                hostile_calls_at_random,
            ],
            around=stage.nothing_is_left,
        )
    )

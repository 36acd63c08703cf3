#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The contract's command: what it prints, returns, and runs.

contract-cli.py [BUILD-DIRECTORY [WORD-IN-A-NAME…]]. The real command and the real guard; all
that they call is a fake, see contract.py.
"""
import argparse
import hashlib
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

from contract import *
from homes import is_alive
from hosting import BUILD, SLOW, check, children, run, wait_for

SUDO, PKEXEC = "/usr/bin/sudo", "/usr/bin/pkexec"


# --- A2: the command line ---


# CLI-1, CLI-2
def command_lines_are_read_as_argparse_reads_them():
    """Against the real argparse, on ten thousand lines of words that matter."""
    parser = argparse.ArgumentParser(prog=NAME, add_help=False)
    parser.error = lambda message: (_ for _ in ()).throw(ValueError(message))
    parser.add_argument("-s", "--size", action="append", default=[])
    flags = ["start", "stop", "get-status", "check-running", "reload", "enable-and-start"]
    for flag in flags + ["foreground", "help", "child-process", "new-session"]:
        letter = {"stop": ["-k"], "foreground": ["-f"], "help": ["-h"]}.get(flag, [])
        parser.add_argument(*letter, "--" + flag, action="store_true")
    parser.add_argument("--config")
    parser.add_argument("--add-user-as-root", dest="user")
    parser.add_argument("--watch-resolution", dest="watch", type=int, nargs=2)
    parser.add_argument("x", nargs="*")
    order = ["foreground", *flags, "help", "child-process", "new-session"]

    def expected(words):
        try:
            got = vars(parser.parse_args(words))
        except ValueError:
            return "error"
        text = [flag for flag in order if got[flag.replace("-", "_")]]
        text += [f"{key}={got[key]}" for key in ("config", "user") if got[key] is not None]
        text += ["watch=%d,%d" % tuple(got["watch"])] if got["watch"] else []
        return " ".join(text + ["size=" + s for s in got["size"]] + ["x=" + x for x in got["x"]])

    words = ["--start", "--stop", "-k", "-f", "-fk", "-kf", "--get-status", "--check-running",
             "--config", "--config=/a", "--config=", "--conf", "--c", "--co=x", "--reload", "--re",
             "--enable-and-start", "--add-user-as-root", "--add=me", "--child-process", "--child",
             "--new-session", "--watch-resolution", "--watch", "1", "23", "-7", "-1.5", "-s",
             "-s1x2", "-fs3x4", "-s=5x6", "--size", "--size=7x8", "--si", "x", "", "-", "-x", "--x",
             "--start=1", "-f1", "a b", "-a b", "--", "--st", "/path"]
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    lines = []
    while len(lines) < 10000:
        line = chance.choices(words, k=chance.randint(0, 7))
        # Of several "--" each Python makes something else.
        if line.count("--") <= 1:
            lines.append(line)
    done = subprocess.run(
        [os.path.join(BUILD, "tests/fakes/fake-arguments")], text=True, capture_output=True,
        input="".join("".join(w + "\0" for w in line) + "\n" for line in lines))
    check(done.returncode == 0, done.stderr)
    for line, said in zip(lines, done.stdout.split("\n")):
        check(said == expected(line), "seed", seed, line, "read as", said, "not", expected(line))


# CLI-2
def wrong_usage_is_status_2_with_the_usage_line():
    with Place() as p:
        for args in (["--nonsense"], ["--config"], ["--st"], ["--start=1"], ["--watch-resolution", "1"],
                     ["--watch-resolution", "a", "b"], ["a", "--stop", "b"], ["-x"]):
            code, out, err = p.call(*args)
            lines = err.splitlines()
            check((code, out, len(lines)) == (2, "", 2), args, code, out, err)
            check(lines[0] == f"Usage: {NAME} [options] [ -- [ X server options ] ]", err)
            check(lines[1].startswith(f"{NAME}: error: "), err)
        for args in (["--help"], ["-h"], ["--he", "--nonsense"], ["--get-status", "-h"]):
            code, out, err = p.call(*args)
            check((code, err) == (0, ""), args, code, err)
            check(out.startswith(f"Usage: {NAME} [options] [ -- [ X server options ] ]\n"), out)
            for option in ("--size", "--start", "--stop", "--get-status", "--check-running", "--config",
                           "--reload", "--enable-and-start", "--add-user-as-root", "--foreground"):
                check(option in out, option)
            for hidden in ("--child-process", "--new-session", "--watch-resolution"):
                check(hidden not in out, hidden)
        check(not os.path.exists(p.config), "something was made")


# CLI-3
def the_first_mode_in_order_wins():
    with Place() as p:
        modes = [("--get-status", (0, "STOPPED\n", "")), ("--check-running", (1, "", "")),
                 ("--stop", (0, "The daemon is not currently running\n", "")),
                 ("--reload", (1, "", ""))]
        os.makedirs(p.config)
        later = ["--enable-and-start", "--add-user-as-root=nobody", "--start"]
        for i, (option, expected) in enumerate(modes):
            for other in [m[0] for m in modes[i:]] + later:
                check(p.call(other, option) == expected, option, other, p.call(other, option))
        check(not p.was_called("user-session"))


# CLI-4
def without_a_mode_it_says_what_it_is_for():
    with Place() as p:
        for args in ([], ["-s", "800x600"], ["--child-process"], ["--", "-nocursor"]):
            code, out, err = p.call(*args)
            check((code, out) == (1, "") and "not intended for end-users" in err, code, out, err)


# CLI-5, PIN-3
def the_hosts_name_names_the_configuration():
    with Place() as p:
        world = World(p, hostname="crd-test-host")
        check(p.call("--start", prefix=world.prefix)[0] == 0)
        expected = p.config + "/host#871582ee4982c424cbc2cc5dd8830ddd.json"
        check(p.recorded("user-session")["argv"][1:] == ["start", "--", f"--config={expected}", "--start"],
              p.recorded("user-session")["argv"])


# CLI-5, START-2
def a_given_configuration_is_made_canonical():
    with Place() as p:
        os.makedirs(p.config)
        os.symlink(p.config, p.path + "/link")
        canonical = p.config + "/some.json"
        for given in ("link/some.json", "./link//some.json", "link/../.." + canonical):
            p.forget("user-session")
            code, out, err = p.call("-f", "--config", given, "--start", "--", "-a", "--config=x")
            argv = p.recorded("user-session")["argv"][1:]
            if ".." in given:
                check(argv[3].startswith("--config=/") and "/../" not in argv[3], argv)
                continue
            check(argv == ["start", "--foreground", "--", f"--config={canonical}", "-f", "--start",
                           "--", "-a", "--config=x"], argv)
        # It is canonical already: the words stay as they are.
        p.call("--start", "--conf", canonical)
        check(p.recorded("user-session")["argv"][1:] == ["start", "--", "--start", "--conf", canonical])


# D-20
def a_renamed_host_keeps_its_configuration():
    with Place() as p:
        os.makedirs(p.config)
        old = write(p.config + "/host#" + "0" * 32 + ".json", "{}", 0o600)
        code, out, err = p.call("--start")
        check(code == 0 and old in err and p.default_config() in err, err)
        check(f"--config={old}" in p.recorded("user-session")["argv"])
        check(p.call("--check-running") == (1, "", ""), "it must be quiet")
        code, out, err = p.call("--get-status")
        check((code, out) == (0, "STOPPED\n"), code, out, err)
        # The usual lock is meant, as before the machine got its new name.
        child, news, log = p.start_child()
        check(news == "READY\n", news, log)
        check(p.recorded("supervisor")["guard"][2] == p.config + "/lock", p.recorded("supervisor"))
        check(p.call("--get-status")[1] == "STARTED\n")


# CLI-6, CLI-7, CLI-8
def the_status_says_whether_it_could_be_started():
    session, gdm = "exec xterm\n", "/usr/sbin/gdm3"
    xsession = {"Xsession": "#!/bin/sh\n"}
    table = [
        # (files in HOME, /etc/X11, a process's name, expected)
        ([], {}, None, "NOT_IMPLEMENTED"),
        ([], xsession, None, "STOPPED"),
        ([".config/" + NAME + "/"], {}, None, "STOPPED"),
        ([".config/" + NAME + "/"], {"default-display-manager": gdm}, None, "STOPPED"),
        (["." + NAME + "-session"], {"default-display-manager": gdm}, None, "STOPPED"),
        (["." + NAME + "-session/"], {}, None, "NOT_IMPLEMENTED"),
        ([], {**xsession, "default-display-manager": gdm}, None, "NOT_IMPLEMENTED"),
        ([], {**xsession, "default-display-manager": " \n/usr/sbin/gdm\t\n"}, None, "NOT_IMPLEMENTED"),
        ([], {**xsession, "default-display-manager": "/usr/sbin/lightdm"}, None, "STOPPED"),
        ([], {**xsession, "default-display-manager": gdm + "x" * 100000}, None, "STOPPED"),
        ([], xsession, "gdm", "NOT_IMPLEMENTED"),
        ([], xsession, "gdm3", "NOT_IMPLEMENTED"),
        ([], xsession, "gdm-session", "STOPPED"),
    ]
    for files, x11, process, expected in table:
        with Place() as p:
            for name in files:
                path = os.path.join(p.home, name)
                os.makedirs(path if name.endswith("/") else os.path.dirname(path), exist_ok=True)
                if not name.endswith("/"):
                    write(path, session)
            if process:
                shutil.copy("/bin/sleep", os.path.join(p.path_dir, process))
                p.children.append(subprocess.Popen([os.path.join(p.path_dir, process), "1000"]))
            said = p.call("--get-status", prefix=World(p, x11=x11).prefix)
            check(said == (0, expected + "\n", ""), files, x11, process, said)


# FUZ-10
def a_display_manager_file_that_is_none_does_not_hang():
    with Place() as p:
        world = World(p, x11={"Xsession": ""})
        for make in ("mkfifo", "mkdir", "ln -s /dev/zero", "ln -s default-display-manager"):
            prefix = [*world.prefix, "sh", "-c",
                      f'{make} /etc/X11/default-display-manager && exec "$@"', "sh"]
            said = p.call("--get-status", prefix=prefix, timeout=10)
            check(said == (0, "STOPPED\n", ""), make, said)


# --- A4: instances; CLI-9, CLI-10, CLI-11 ---


# INST-2, INST-3, CLI-9, CLI-10, CLI-11
def an_original_is_found_and_told():
    with Place() as p:
        os.makedirs(p.config)
        config = p.default_config()
        original = p.start_original("--start", "--config=" + config)
        check(p.call("--get-status") == (0, "STARTED\n", ""))
        check(p.call("--check-running") == (0, "", ""))
        check(p.call("--reload") == (0, "", ""))
        wait_for(lambda: p.signals(original) == ["SIGHUP"], "SIGHUP")
        for other in ("--config=/other.json", "--config=" + config + "x"):
            check(p.call("--check-running", other)[0] == 1, other)
            check(p.call("--reload", other)[0] == 1, other)
        code, out, err = p.call("--start")
        check(code == 0 and out == "" and "Service already running." in err, code, out, err)
        check(not p.was_called("user-session"))
        check(p.call("--stop") == (0, f"Killing process {original.pid}\n", ""))
        check(original.wait(10) == 0 and p.signals(original)[-1] == "SIGTERM")
        check(p.call("--stop") == (0, "The daemon is not currently running\n", ""))
        check(p.call("--check-running") == (1, "", "") and p.call("--reload") == (1, "", ""))


# INST-3
def a_legacy_original_is_found_by_its_path_alone():
    with Place() as p:
        os.makedirs(p.config)
        elsewhere = p.start_original("--start")
        check(p.call("--get-status")[1] == "STOPPED\n")
        # One that lies where we are called from, as before an upgrade.
        directory = os.path.join(p.path, "vendor")
        os.mkdir(directory)
        script = write(os.path.join(directory, NAME), ORIGINAL)
        legacy = p.start_original("--start", script=script)
        os.unlink(script)
        os.symlink(os.path.join(p.bin, "afar"), script)
        check(p.call("--get-status", argv0=script)[1] == "STARTED\n")
        check(p.call("-k", argv0=script)[1] == f"Killing process {legacy.pid}\n")
        check(is_alive(elsewhere.pid))


# INST-4
def a_child_is_preferred_and_the_only_one_that_counts_for_a_child():
    with Place() as p:
        config = "--config=" + p.default_config()
        p.start_original("--start", config)
        child, news, log = p.start_child()
        check(news == "READY\n" and p.was_called("supervisor"), "its parent stopped it", news, log)
        check(p.call("--stop")[0] == 0)
        child.wait(10)
        p.forget("supervisor")
        second = p.start_original("--start", config, "--child-process")
        check(p.call("--stop")[1] == f"Killing process {second.pid}\n")
        second.wait(10)
        third = p.start_original("--start", config, "--child-process")
        child, news, log = p.start_child()
        check(news == "MSG:Service already running.\nREADY\n" and child.wait(10) == 0, news)
        check("Service already running." in log and not p.was_called("supervisor"), log)
        check(not os.path.exists(p.config + "/lock"), "a lock is left")
        check(is_alive(third.pid))


# INST-1
def another_users_original_and_one_that_hides_are_passed_over():
    with Place() as p:
        os.makedirs(p.config)
        os.chmod(p.record, 0o777)
        config = p.default_config()
        p.start_original("--start", "--config=" + config, prefix=["setpriv", "--reuid", "65534"])
        check(p.call("--get-status")[1] == "STOPPED\n")
        # Command lines of any length, and of none, are no trouble.
        words = ["--start", *["x" * 100000] * 5]
        p.start_original(*words)
        check(p.call("--get-status")[1] == "STOPPED\n")
        zombie = subprocess.Popen(["true"])
        check(p.call("--get-status")[1] == "STOPPED\n")
        zombie.wait()


# INST-5, START-6, PKG-9
def ours_is_known_by_its_lock():
    with Place() as p:
        os.makedirs(p.config)
        child, news, log = p.start_child("-s", "800x600", "--size=1024x768", "--", "-nocursor", "--config=q")
        check(news == "READY\n", news, log)
        seen = p.recorded("supervisor")
        guard, config = seen["guard_pid"], p.default_config()
        check(guard == child.pid, "the guard is not what was started")
        lock_fd = seen["guard"][1]
        check(seen["guard"] == [
            NAME, lock_fd, p.config + "/lock", p.run_dir + f"/{NAME}/control", p.run_dir + "/" + NAME,
            "-", p.bin + "/afar-supervisor", "--flavour=" + NAME, "--script=" + p.script,
            "--config=" + config, "--size=800x600", "--size=1024x768", "--", "-nocursor",
            "--config=q"], seen["guard"])
        check(seen["argv"][1:] == seen["guard"][7:], seen["argv"])
        check(p.call("--get-status") == (0, "STARTED\n", ""))
        check(p.call("--check-running") == (0, "", ""))
        check(p.call("--get-status", "--config", config) == (0, "STARTED\n", ""))
        check(p.call("--get-status", "--config=/other.json") == (0, "STOPPED\n", ""))
        again, news, log = p.start_child()
        check(news == "MSG:Service already running.\nREADY\n" and again.wait(10) == 0, news, log)
        check(p.call("--start")[0] == 0 and not p.was_called("user-session"))
        check(p.call("--reload") == (0, "", ""))
        signals = p.record + "/supervisor.signals"
        wait_for(lambda: os.path.exists(signals), "SIGHUP")
        check(p.call("--stop") == (0, f"Killing process {guard}\n", ""))
        with open(signals) as f:
            check(f.read().split()[0] == "SIGHUP")
        check(child.wait(10) == 0 and not os.path.exists(p.config + "/lock"))
        check(p.call("--get-status") == (0, "STOPPED\n", ""))
        check(os.listdir(p.run_dir) == [], os.listdir(p.run_dir))


# INST-5
def two_configurations_run_beside_each_other():
    with Place() as p:
        other = p.path + "/other.json"
        child, news, log = p.start_child("--config=other.json")
        check(news == "READY\n", news, log)
        suffix = "#" + hashlib.md5(other.encode()).hexdigest()[:10]
        guard = p.recorded("supervisor")["guard"]
        check(guard[2] == p.config + "/lock" + suffix, guard)
        check(guard[4] == p.run_dir + "/" + NAME + suffix and f"--config={other}" in guard, guard)
        check(p.call("--get-status")[1] == "STOPPED\n")
        check(p.call("--get-status", "--config=other.json")[1] == "STARTED\n")
        usual, news, log = p.start_child()
        check(news == "READY\n", news, log)
        check(p.call("--stop")[1] == f"Killing process {usual.pid}\n")
        check(p.call("--get-status", "--config", other)[1] == "STARTED\n")
        check(p.call("--stop", "--config", other)[1] == f"Killing process {child.pid}\n")


# INST-5, D-16
def twenty_starts_at_once_make_one_daemon():
    with Place() as p:
        results = []

        def start():
            results.append(p.start_child()[1])
        askers = [subprocess.Popen([p.script, "--check-running"], env=p.env) for _ in range(20)]
        threads = [threading.Thread(target=start) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for asker in askers:
            asker.wait()
        check(results.count("READY\n") == 1, results)
        check(results.count("MSG:Service already running.\nREADY\n") == 19, results)
        check(p.call("--stop")[0] == 0)


# INST-5
def a_lock_that_a_killed_daemon_left_means_nothing():
    with Place() as p:
        os.makedirs(p.config)
        for text in ("", "1 1\n/x\n", "999999999 5\n/x\n", "garbage", "\0" * 100, "-1 -1\n\n"):
            write(p.config + "/lock", text, 0o600)
            check(p.call("--get-status") == (0, "STOPPED\n", ""), text)
            check(p.call("--stop")[1] == "The daemon is not currently running\n", text)


# CLI-10
def one_that_does_not_end_is_waited_for_half_a_minute():
    with Place() as p:
        os.makedirs(p.config)
        config = p.path + "/stubborn.json"
        stubborn = p.start_original("--start", "--config", config, STUBBORN="1")
        began = time.monotonic()
        code, out, err = p.call("--stop", "--config", config)
        check((code, out) == (1, f"Killing process {stubborn.pid}\n"
                              "Timed out trying to kill daemon process\n"), code, out, err)
        check(29.9 < time.monotonic() - began < 35, "time")
        check(p.signals(stubborn) == ["SIGTERM"] and is_alive(stubborn.pid), "it was killed")


# --- ROOT-1, CLI-12, CLI-13, CLI-14 ---


# ROOT-1, CLI-12, START-4
def systemd_is_told_by_root():
    with Place() as p:
        unit = NAME + "@"
        sudo = World(p, systemd=True, programs=[SUDO], without=[PKEXEC]).prefix
        both = World(p, systemd=True, programs=[SUDO, PKEXEC]).prefix
        start, enable = ["systemctl", "start"], ["systemctl", "enable", "--now"]
        for option, verb in (("--start", start), ("--enable-and-start", enable)):
            # (prefix, DISPLAY, who)
            for world, display, who in ((both, None, SUDO), (both, "", SUDO), (both, ":7", PKEXEC),
                                        (sudo, ":7", SUDO), (sudo, None, SUDO)):
                p.forget("sudo")
                p.forget("pkexec")
                said = p.call(option, prefix=world, env={"DISPLAY": display})
                check(said == (0, "", ""), said)
                expected = ["-k", "--"] if who == SUDO else []
                name = os.path.basename(who)
                argv = p.recorded(name)["argv"]
                check(argv == [who, *expected, *verb, unit + "me"], argv)
                check(not p.was_called("pkexec" if name == "sudo" else "sudo"))
        check(not p.was_called("user-session"))


# ROOT-1
def the_exit_status_is_that_of_the_command():
    with Place() as p:
        world = World(p, systemd=True, programs=[SUDO, PKEXEC]).prefix
        for do, expected in (("exit 7", 7), ("exit 127", 127), ("kill -9 $$", 247), ("kill -15 $$", 241)):
            for name, display in (("sudo", None), ("pkexec", ":7")):
                p.forget("sudo")
                p.fake(name, do)
                said = p.call("--start", prefix=world, env={"DISPLAY": display}, stdin="typed")
                check(said == (expected, "", ""), do, name, said)
                check(p.recorded(name)["stdin"] == "typed", "stdin")
                check(p.was_called("sudo") == (name == "sudo"), "asked twice")


# D-9, ROOT-1
def on_a_terminal_sudo_asks_when_pkexec_cannot():
    with Place(NO_STDIN="1") as p:
        world = World(p, systemd=True, programs=[SUDO, PKEXEC]).prefix
        for do, asks_sudo in (("exit 127", True), ("exit 126", False), ("exit 0", False)):
            p.forget("sudo")
            p.fake("pkexec", do)
            ours, theirs = pty.openpty()
            done = subprocess.run([*world, p.script, "--start"], env={**p.env, "DISPLAY": ":7"},
                                  stdin=theirs, capture_output=True, text=True)
            os.close(ours)
            os.close(theirs)
            check(p.was_called("sudo") == asks_sudo, do, done)
            check(done.returncode == (0 if asks_sudo else int(do[5:])), do, done)


# D-31
def root_without_sudo_needs_none():
    with Place() as p:
        world = World(p, systemd=True, programs=["/usr/bin/systemctl"], without=[SUDO, PKEXEC])
        check(p.call("--start", prefix=world.prefix, env={"DISPLAY": ":7"}) == (0, "", ""))
        check(p.recorded("systemctl")["argv"][1:] == ["start", NAME + "@me"])
        world = World(p, systemd=True, without=[SUDO, PKEXEC])
        os.chmod(p.path + "/run", 0o700)
        code, out, err = p.call("--start", prefix=[
            *world.prefix, "setpriv", "--reuid", "65534", "--clear-groups"])
        check(code == 127 and "/usr/bin/sudo" in err, code, out, err)


# CLI-12
def the_user_is_found_as_getpass_finds_him():
    with Place() as p:
        world = World(p, systemd=True, programs=[SUDO]).prefix
        table = [({"LOGNAME": "a", "USER": "b"}, "a"), ({"LOGNAME": "", "USER": "b"}, "b"),
                 ({"LOGNAME": None, "USER": None, "LNAME": "c", "USERNAME": "d"}, "c"),
                 ({"LOGNAME": None, "USER": "", "USERNAME": "d"}, "d"),
                 ({"LOGNAME": None, "USER": None}, "root"),
                 ({"LOGNAME": "x y;z'$(touch canary)"}, "x y;z'$(touch canary)")]
        for env, name in table:
            p.call("--enable-and-start", prefix=world, env=env)
            check(p.recorded("sudo")["argv"][-1] == f"{NAME}@{name}", env, p.recorded("sudo"))
        check(not os.path.exists(p.path + "/canary"))


# D-19, START-4
def options_are_kept_on_their_way_through_systemd():
    with Place() as p:
        world = World(p, systemd=True, programs=[SUDO]).prefix
        kept = p.config + "/start-options"
        for option in ("--start", "--enable-and-start"):
            code, out, err = p.call(option, "-s", "800x600", "--size=1024x768", "--config", "./my.json",
                                    "-f", "--", "-nocursor", "it's", prefix=world)
            check((code, out, err) == (0, "", ""), code, out, err)
            with open(kept) as f:
                check(json.load(f) == [f"--config={p.path}/my.json", "--size=800x600",
                                       "--size=1024x768", "--", "-nocursor", "it's"])
            check(os.stat(kept).st_mode & 0o7777 == 0o600)
            # The unit's command finds them again.
            p.forget("supervisor")
            child = subprocess.Popen([p.script, "--start", "--new-session"], env=p.env, cwd=p.path,
                                     stdin=subprocess.DEVNULL)
            p.children.append(child)
            wait_for(lambda: p.was_called("supervisor"), "the supervisor")
            check(p.recorded("supervisor")["argv"][1:] == [
                "--flavour=" + NAME, "--script=" + p.script, f"--config={p.path}/my.json",
                "--size=800x600", "--size=1024x768", "--", "-nocursor", "it's"], p.recorded("supervisor"))
            check(p.call("--stop", "--config=my.json")[0] == 0)
            child.wait(10)
            # Without options there is nothing to keep.
            check(p.call(option, prefix=world)[0] == 0 and not os.path.exists(kept))


# D-19
def kept_options_that_others_may_have_written_are_not_used():
    with Place() as p:
        os.makedirs(p.config)
        kept = p.config + "/start-options"
        good = '["--size=800x600"]'

        def started():
            p.forget("supervisor")
            child = subprocess.Popen([p.script, "--start", "--new-session"], env=p.env, cwd=p.path,
                                     stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            p.children.append(child)
            wait_for(lambda: p.was_called("supervisor"), "the supervisor")
            check(p.call("--stop")[0] == 0)
            return "--size=800x600" in p.recorded("supervisor")["argv"], child.communicate()[1]
        write(kept, good, 0o600)
        check(started() == (True, ""))
        bad = [("", 0o600), ("{", 0o600), ("{}", 0o600), ("[1]", 0o600), ('["--nonsense"]', 0o600),
               ('["--size"]', 0o600), ("[" * 100000, 0o600), (good + " " * 200000, 0o600),
               (good, 0o620), (good, 0o602)]
        for text, mode in bad:
            write(kept, text, mode)
            used, err = started()
            check(not used and "start-options" in err, text[:20], mode, err)
        os.unlink(kept)
        os.symlink(write(p.path + "/elsewhere", good, 0o600), kept)
        check(not started()[0], "a link was followed")
        os.unlink(kept)
        os.mkfifo(kept, 0o600)
        check(not started()[0])
        if ROOT:
            os.unlink(kept)
            os.chown(write(kept, good, 0o600), 65534, 65534)
            check(not started()[0], "another's file was used")


# CLI-13
def a_user_who_lacks_the_group_is_added_and_started():
    others = "root:x:0:\n"
    with Place() as p:
        for group in (others, others + NAME + ":x:777:\n", others + NAME + ":x:777:you,mee\n"):
            p.forget("user-session")
            world = World(p, programs=[SUDO], group=group).prefix
            code, out, err = p.call("-s800x600", "--enable-and-start", "--", "-a", prefix=world)
            check((code, out) == (0, ""), code, out, err)
            check(p.recorded("sudo")["argv"] == [SUDO, "-k", "--", p.script, "--add-user-as-root", "me"])
            check(p.recorded("user-session")["argv"][1:] == [
                "start", "--", "--config=" + p.default_config(), "-s800x600", "--start", "--", "-a"],
                p.recorded("user-session")["argv"])
        check("INFO" in err or "info" in err or "does not exist" not in err)


# CLI-13, D-19
def a_member_is_started_at_once():
    with Place() as p:
        world = World(p, programs=[SUDO], group=f"root:x:0:\n{NAME}:x:777:you,me\n").prefix
        p.fake("user-session", "exit 3")
        code, out, err = p.call("--enable-and-start", prefix=world)
        check((code, out) == (3, "") and "already a member" in err, code, out, err)
        check(not p.was_called("sudo") and "--start" in p.recorded("user-session")["argv"])


# CLI-13
def when_adding_fails_nothing_is_started():
    with Place() as p:
        world = World(p, programs=[SUDO], group="root:x:0:\n").prefix
        p.fake("sudo", "exit 5")
        code, out, err = p.call("--enable-and-start", prefix=world)
        check((code, out) == (1, "") and "Failed to add user to group" in err, code, out, err)
        check(not p.was_called("user-session"))


# CLI-14
def root_makes_the_group_and_adds_the_user():
    add, gpasswd = "/usr/sbin/groupadd", "/usr/bin/gpasswd"
    with Place() as p:
        world = World(p, programs=[add, gpasswd]).prefix
        check(p.call("--add-user-as-root", "nobody", prefix=world) == (0, "", ""))
        check(p.recorded("groupadd")["argv"] == [add, "-f", NAME])
        check(p.recorded("gpasswd")["argv"] == [gpasswd, "--add", "nobody", NAME])
        for name in ("groupadd", "gpasswd"):
            p.forget("gpasswd")
            p.fake(name, "exit 4")
            code, out, err = p.call("--add-user-as-root=nobody", prefix=world)
            check((code, out) == (1, "") and "Command failed: " in err and name in err, code, err)
            check(p.was_called("gpasswd") == (name == "gpasswd"))
            p.fake(name, "exit 0")
        for user in ("no-such-user", "", "-x", "a b", "x" * 65536):
            p.forget("groupadd")
            code, out, err = p.call("--add-user-as-root=" + user, prefix=world)
            check((code, out) == (1, "") and not p.was_called("groupadd"), user[:10], code, err)
        code, out, err = p.call("--add-user-as-root", "nobody", prefix=[
            "setpriv", "--reuid", "65534", "--clear-groups"])
        check((code, out) == (1, "") and "root" in err and not p.was_called("groupadd"), code, err)


# --- A5..A8: starting ---


# START-5, USTART-1
def user_session_gets_the_words_and_gives_the_status():
    with Place() as p:
        config = "--config=" + p.default_config()
        p.fake("user-session", "exit 9")
        said = p.call("--start", stdin="typed")
        check(said == (9, "", ""), said)
        seen = p.recorded("user-session")
        check(seen["argv"] == [p.dir + "/user-session", "start", "--", config, "--start"], seen["argv"])
        check(seen["stdin"] == "typed")
        check(p.call("-fs", "800x600", "--start", "--", "-a", "--")[0] == 9)
        check(p.recorded("user-session")["argv"][1:] == [
            "start", "--foreground", "--", config, "-fs", "800x600", "--start", "--", "-a", "--"])
        p.fake("user-session", "kill -15 $$")
        check(p.call("--start")[0] == 241)


# CONST-7
def user_session_lies_beside_the_command_as_it_was_called():
    with Place() as p:
        check(p.call("--start", argv0="dir/../dir/./" + NAME)[0] == 0)
        check(p.recorded("user-session")["argv"][0] == p.dir + "/user-session")
        # Found in PATH, it lies where it was found.
        p.forget("user-session")
        check(p.call("--start", argv0=NAME, env={"PATH": p.dir + ":/usr/bin:/bin"},
                     prefix=["env"])[0] == 0)
        check(p.recorded("user-session")["argv"][0] == p.dir + "/user-session")
        other = os.path.join(p.path, "other")
        os.mkdir(other)
        os.symlink(p.script, os.path.join(other, NAME))
        code, out, err = p.call("--start", argv0=os.path.join(other, NAME))
        check(code == 127 and other + "/user-session" in err, code, err)


# USTART-2, CONST-5
def what_cannot_be_executed_has_its_status():
    with Place() as p:
        session = p.dir + "/user-session"
        os.unlink(session)
        code, out, err = p.call("--start")
        check((code, out) == (127, "") and session in err, code, out, err)
        write(session, "no program\n")
        code, out, err = p.call("--start")
        check((code, out) == (126, "") and f"Could not execute {session}: Exec format error" in err,
              code, out, err)


# USTART-3
def ctrl_c_is_left_to_the_child():
    with Place(NO_STDIN="1") as p:
        p.fake("user-session", f'trap "exit 44" INT; mkfifo {p.path}/never; echo up; read x <{p.path}/never')
        command = subprocess.Popen([p.script, "--start"], env=p.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   start_new_session=True)
        check(command.stdout.readline() == "up\n")
        os.killpg(command.pid, signal.SIGINT)
        check(command.wait(10) == 44, command.returncode)
        command.stdout.close()


FAKE_SG = '''#!/bin/sh
printf '%s\\0' "$@" >"$RECORD/sg.argv"
ls -l /proc/self/fd >"$RECORD/sg.fds"
ps -o sid=,pid= -p $$ >"$RECORD/sg.sid"
'''


# USTART-2, SG-1, SG-2
def without_the_right_sg_runs_it():
    with Place() as p:
        session = p.dir + "/user-session"
        target = p.fake("real-session", "exit 12")
        os.chmod(session, 0o644)
        # Which only the group may execute: sg's fake makes it so.
        write(p.path_dir + "/sg", FAKE_SG + f'chmod 755 {session}; exec sh -c "$2"\n')
        write(p.record + "/user-session.do", "echo out; echo err >&2; exit 12", 0o644)
        code, out, err = p.call("--start", "--", "it's", "$(touch canary)", "`touch canary`", "a\nb",
                                stdin="typed")
        check((code, out, err) == (12, "out\n", "err\n"), code, out, err)
        with open(p.record + "/sg.argv") as f:
            argv = f.read().split("\0")[:-1]
        check(argv[0] == NAME and len(argv) == 2, argv)
        seen = p.recorded("user-session")
        check(seen["argv"] == [session, "start", "--", "--config=" + p.default_config(), "--start",
                               "--", "it's", "$(touch canary)", "`touch canary`", "a\nb"], seen["argv"])
        check(seen["stdin"] == "typed")
        check(not [f for f in seen["fds"] if f in "6789"], "left open:", seen["fds"])
        with open(p.record + "/sg.fds") as f:
            fds = f.read()
        for fd in "012":
            check(f" {fd} -> /dev/null" in fds or fd == "1", "sg's stdio:", fds)
        check(" 6 -> pipe:" in fds and " 7 -> " in fds and " 9 -> " in fds, fds)
        with open(p.record + "/sg.sid") as f:
            sid, pid = f.read().split()
        check(sid == pid, "no session of its own")
        check(not os.path.exists(p.path + "/canary"))
        check(target)


# SG-3
def a_group_that_cannot_be_entered_is_told():
    with Place() as p:
        session = p.dir + "/user-session"
        os.chmod(session, 0o644)
        for text in ("exit 1\n", "echo nonsense >&6; exit 0\n", "exit 0\n",
                     "printf 'success\\nmore' >&6\n", "printf success >&6\n"):
            write(p.path_dir + "/sg", "#!/bin/sh\n" + text)
            code, out, err = p.call("--start")
            check((code, out) == (126, ""), text, code, out, err)
            check(f"Failed to access {NAME} group. Is the user a member?" in err, text, err)
        os.chmod(p.path_dir + "/sg", 0o644)
        check(p.call("--start", env={"PATH": p.path_dir})[0] == 126)
        os.unlink(p.path_dir + "/sg")
        code, out, err = p.call("--start", env={"PATH": p.path_dir})
        check(code == 127 and "sg" in err, code, err)


# SG-4
def ctrl_c_reaches_what_sg_runs():
    with Place() as p:
        os.chmod(p.dir + "/user-session", 0o644)
        write(p.path_dir + "/sg", "#!/bin/sh\necho success >&6\nexec 6>&-\n"
              f'trap "exit 45" INT\nmkfifo {p.path}/never\necho up >&8\nread x <{p.path}/never\n')
        command = subprocess.Popen([p.script, "--start"], env=p.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
        check(command.stdout.readline() == "up\n")
        command.send_signal(signal.SIGINT)
        check(command.wait(10) == 45, command.returncode)
        command.stdout.close()


def leads_a_session(pid):
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


# SG-4: also while sg is still looked for, in a PATH that takes long.
def ctrl_c_before_sg_runs_is_no_end_of_the_command_alone():
    with Place() as p:
        os.chmod(p.dir + "/user-session", 0o644)
        write(p.path_dir + "/sg", f"#!/bin/sh\nmkfifo {p.path}/never\nread x <{p.path}/never\n")
        command = subprocess.Popen([p.script, "--start"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   env={**p.env, "PATH": "/none:" * 20000 + p.path_dir})
        seen = []
        wait_for(lambda: seen.extend(filter(leads_a_session, children(command.pid))) or seen, "sg")
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=10)
        check(command.returncode == 126, command.returncode, err)  # it has not said success
        check(not is_alive(seen[0]), "left running")


# SIZE-2, FUZ-07
def a_wrong_size_is_refused_before_anything_starts():
    sizes = ["", "x", "1x", "x1", "0x0", "99x100", "100x99", "16385x100", "100x16385", "-1x-1", "0x10",
             "1e3x5", "99999999999x1", "1920\u00d71080", "100x100x100", "100X100", "a" * 65536, "--"]
    with Place() as p:
        for size in sizes:
            for mode in (["--start"], ["--start", "--child-process"], ["--start", "--new-session"]):
                code, out, err = p.call(*mode, "--size=" + size)
                check((code, out) == (2, ""), size[:20], mode, code, out, err)
                check("Incorrect size format '" in err or "Width and height should be " in err, err[:99])
        check(p.call("--start", *["-s100x100"] * 17)[0] == 2)
        check(not p.was_called("user-session") and not p.was_called("supervisor"))
        check(not os.path.exists(p.config + "/lock"))
        check(p.call("--start", "-s100x100", "-s16384x16384")[0] == 0)


# MSG-1
def why_a_child_cannot_start_is_told_to_who_waits():
    with Place() as p:
        os.makedirs(p.config)
        os.mkdir(p.config + "/lock")
        child, news, log = p.start_child()
        check(child.wait(10) == 1 and news.startswith("MSG:") and "READY" not in news, news, log)
        check(p.config + "/lock" in news and p.config + "/lock" in log, news, log)


# --- A6 ---


def unit_start(p, *args, **env):
    """What the unit's command becomes; (the supervisor's record, stderr)."""
    p.forget("supervisor")
    with open(write(p.path + "/typed", "never to be read")) as typed:
        child = subprocess.Popen([p.script, "--start", "--new-session", *args], cwd=p.path,
                                 env={k: v for k, v in {**p.env, **env}.items() if v is not None},
                                 stdin=typed, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
    p.children.append(child)
    wait_for(lambda: p.was_called("supervisor"), "the supervisor", 25)
    seen = p.recorded("supervisor")
    check(seen["guard_pid"] == child.pid, "it is another process")
    with open(f"/proc/{child.pid}/environ") as f:
        seen["guard_env"] = f.read().split("\0")
    check(p.call("--stop")[0] == 0)
    return seen, child.communicate(timeout=10)[1]


# START-3, LSH-1, LSH-3
def the_daemon_has_what_the_profile_sets():
    with Place() as p:
        write(p.home + "/.profile", "FROM_PROFILE='a b'; export FROM_PROFILE; echo noise\n")
        for shell in filter(os.path.exists, ("/bin/sh", "/bin/bash", "/bin/dash")):
            seen, err = unit_start(p, "-s800x600", "--", "it's", "$(touch canary)", "\"", SHELL=shell)
            check("FROM_PROFILE=a b" in seen["guard_env"], shell, seen["guard_env"], err)
            check(err == "", err)
            check(seen["argv"][1:] == [
                "--flavour=" + NAME, "--script=" + p.script, "--config=" + p.default_config(),
                "--size=800x600", "--", "it's", "$(touch canary)", "\""], seen["argv"])
        check(not os.path.exists(p.path + "/canary"))


# LSH-1, LSH-2, LSH-3
def the_shell_is_asked_first_and_gets_one_line():
    with Place() as p:
        shell = write(p.path_dir + "/fakesh", r'''#!/usr/bin/python3 -I
import json, os, sys
n = len([f for f in os.listdir(os.environ["RECORD"]) if f.startswith("sh.")])
with open("/proc/self/cmdline", "rb") as f:
    pass
text = sys.stdin.read()
with open(os.path.join(os.environ["RECORD"], "sh.%d" % n), "w") as f:
    json.dump({"argv": sys.argv, "stdin": text}, f)
if "CRD_SHELL_TEST_OUTPUT" in text:
    print("profile says hello", "CRD_SHELL_TEST_OUTPUT")
''')
        code, out, err = p.call("-f", "--new-session", "--start", "--", "it's", env={"SHELL": shell})
        check((code, err) == (0, ""), code, out, err)
        with open(p.record + "/sh.0") as f:
            probe = json.load(f)
        with open(p.record + "/sh.1") as f:
            real = json.load(f)
        check(probe["stdin"] == "exec echo CRD_SHELL_TEST_OUTPUT" and len(probe["argv"]) == 1, probe)
        check(real["stdin"] == f"exec {p.script} --child-process '--config={p.default_config()}' "
              "-f --start -- 'it'\"'\"'s'", real)
        check(len(real["argv"]) == 1, real)
        check("profile says hello" not in out, "the probe's output went on")


# LSH-2
def the_shell_is_a_login_shell_as_any_other():
    with Place() as p:
        write(p.home + "/.profile", "NAME_OF_SHELL=$0; export NAME_OF_SHELL\n"
              'IGNORED=$(sed -n "s/^SigIgn:\t*//p" /proc/self/status); export IGNORED\n')
        seen, err = unit_start(p, SHELL="/bin/sh")
        check("NAME_OF_SHELL=-sh" in seen["guard_env"], seen["guard_env"])
        ignored = next(v for v in seen["guard_env"] if v.startswith("IGNORED="))
        # 32 and 33 are the C library's own, which nobody can set.
        check(int(ignored[8:], 16) & ~0x180000000 == 0, "the profile runs with signals ignored:", ignored)


# LSH-4, FUZ-08
def without_a_usable_shell_it_starts_all_the_same():
    with Place() as p:
        silent = write(p.path_dir + "/silent", "#!/bin/sh\nexit 0\n")
        failing = write(p.path_dir + "/failing", "#!/bin/sh\necho CRD_SHELL_TEST_OUTPUT; exit 1\n")
        killed = write(p.path_dir + "/killed", "#!/bin/sh\necho CRD_SHELL_TEST_OUTPUT; kill -9 $$\n")
        plain = write(p.path_dir + "/plain", "no program", 0o755)
        for shell in (None, "", "/bin/false", "/bin/true", "/nonexistent", "relative/sh", "/tmp",
                      "/usr/bin/env", silent, failing, killed, plain, "/" + "x" * 100000,
                      "/bin/sh; touch canary"):
            seen, err = unit_start(p, SHELL=shell)
            check("profile variables won't be processed" in err, shell, err)
            check(seen["argv"][1] == "--flavour=" + NAME, seen)
            if shell is None:
                check("SHELL" in err and "variable not set" in err, err)
        check(not os.path.exists(p.path + "/canary"))


# LSH-2
def a_profile_that_leaves_something_running_does_not_matter():
    with Place() as p:
        write(p.home + "/.profile", "sleep 3 &\n")
        began = time.monotonic()
        seen, err = unit_start(p, SHELL="/bin/sh")
        check(err == "", err)
        check(time.monotonic() - began < 11 + SLOW, "it waited for the limit")


# LSH-2, LSH-4
def a_profile_that_hangs_is_given_up():
    with Place() as p:
        write(p.home + "/.profile", '[ -e "$RECORD/probed" ] || { : >"$RECORD/probed"; sleep 1000; }\n')
        began = time.monotonic()
        seen, err = unit_start(p, SHELL="/bin/sh")
        check(14.9 < time.monotonic() - began < 25, "time", time.monotonic() - began)
        check("profile variables won't be processed" in err, err)


# --- FUZ-07, FUZ-08, CONST-9 ---


# CONST-9, FUZ-08
def a_hostile_environment_is_no_trouble():
    with Place() as p:
        os.makedirs(p.config)
        giant = "x" * (120 * 1024)
        values = [None, "", "relative", "/nonexistent/home", giant, "/tmp/a\nb'\"$(touch canary)`touch canary`"]
        for name in ("HOME", "SHELL", "TMPDIR", "LANG", "PATH", "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
                     "DISPLAY", "USER", "LOGNAME", "LD_LIBRARY_PATH"):
            for value in values:
                code, out, err = p.call("--get-status", env={name: value})
                check(code == 0 and out in ("STOPPED\n", "NOT_IMPLEMENTED\n"), name, value, code, out, err)
                p.forget("user-session")
                code, out, err = p.call("--start", "--", value or "", env={name: value})
                check(code in (0, 1, 126, 127), name, value and value[:30], code, out, err)
                if name != "PATH":
                    check(p.was_called("user-session"), name, value and value[:30], err)
        check(not os.path.exists(p.path + "/canary"))


# FUZ-07
def an_empty_argument_list_and_closed_descriptors_are_survived():
    with Place() as p:
        done = subprocess.run(["/usr/bin/python3", "-c", f"""
import ctypes, os
libc = ctypes.CDLL(None)
argv = (ctypes.c_char_p * 1)(None)
env = (ctypes.c_char_p * 2)(b"HOME={p.home}", None)
libc.execve(b"{p.script}", argv, env)
"""], capture_output=True, timeout=20)
        check(done.returncode >= 0, done)
        for closed in ([0], [1], [2], [0, 1, 2]):
            def close():
                for fd in closed:
                    os.close(fd)
            done = subprocess.run([p.script, "--start"], env={**p.env, "NO_STDIN": "1"}, preexec_fn=close,
                                  timeout=20)
            check(done.returncode == 0, closed, done)


# FUZ-07
def every_option_with_hostile_values_ends_with_a_status():
    with Place() as p:
        values = [[], [""], ["x" * 65536], ["--"], ["\u00d7"], ["-1x-1"], ["0x10"], ["%n%s"]]
        for option in ("-s", "--size", "-f", "--stop", "-k", "--get-status", "--check-running", "--config",
                       "--reload", "--add-user-as-root", "--help", "--child-process", "--new-session",
                       "--watch-resolution"):
            for value in values:
                for args in ([option, *value], [option, *value, option, *value]):
                    code, out, err = p.call(*args, timeout=20, env={"DISPLAY": ":99999"})
                    check(code in (0, 1, 2), option, value and value[0][:20], code, err[:200])


TESTS = [
    command_lines_are_read_as_argparse_reads_them,
    wrong_usage_is_status_2_with_the_usage_line,
    the_first_mode_in_order_wins,
    without_a_mode_it_says_what_it_is_for,
    a_given_configuration_is_made_canonical,
    a_renamed_host_keeps_its_configuration,
    an_original_is_found_and_told,
    a_legacy_original_is_found_by_its_path_alone,
    a_child_is_preferred_and_the_only_one_that_counts_for_a_child,
    ours_is_known_by_its_lock,
    two_configurations_run_beside_each_other,
    twenty_starts_at_once_make_one_daemon,
    a_lock_that_a_killed_daemon_left_means_nothing,
    one_that_does_not_end_is_waited_for_half_a_minute,
    kept_options_that_others_may_have_written_are_not_used,
    user_session_gets_the_words_and_gives_the_status,
    user_session_lies_beside_the_command_as_it_was_called,
    what_cannot_be_executed_has_its_status,
    ctrl_c_is_left_to_the_child,
    without_the_right_sg_runs_it,
    a_group_that_cannot_be_entered_is_told,
    ctrl_c_reaches_what_sg_runs,
    ctrl_c_before_sg_runs_is_no_end_of_the_command_alone,
    a_wrong_size_is_refused_before_anything_starts,
    why_a_child_cannot_start_is_told_to_who_waits,
    the_daemon_has_what_the_profile_sets,
    the_shell_is_asked_first_and_gets_one_line,
    the_shell_is_a_login_shell_as_any_other,
    without_a_usable_shell_it_starts_all_the_same,
    a_profile_that_leaves_something_running_does_not_matter,
    a_profile_that_hangs_is_given_up,
    a_hostile_environment_is_no_trouble,
    an_empty_argument_list_and_closed_descriptors_are_survived,
    every_option_with_hostile_values_ends_with_a_status,
]

# These need files in /usr, /etc and /run, and other users.
AS_ROOT = [
    the_hosts_name_names_the_configuration,
    the_status_says_whether_it_could_be_started,
    a_display_manager_file_that_is_none_does_not_hang,
    another_users_original_and_one_that_hides_are_passed_over,
    systemd_is_told_by_root,
    the_exit_status_is_that_of_the_command,
    on_a_terminal_sudo_asks_when_pkexec_cannot,
    root_without_sudo_needs_none,
    the_user_is_found_as_getpass_finds_him,
    options_are_kept_on_their_way_through_systemd,
    a_user_who_lacks_the_group_is_added_and_started,
    a_member_is_started_at_once,
    when_adding_fails_nothing_is_started,
    root_makes_the_group_and_adds_the_user,
]

if __name__ == "__main__":
    chosen = TESTS + (AS_ROOT if ROOT else [])
    if len(sys.argv) > 2:
        chosen = [t for t in chosen if any(word in t.__name__ for word in sys.argv[2:])]
    sys.exit(run(chosen))

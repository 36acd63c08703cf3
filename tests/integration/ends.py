#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `afar status` tells of ends: when, how, whether we asked for it, and where the core is.

ends.py [BUILD-DIRECTORY]. Runs the real programs with a real X server and openbox.
"""
import calendar
import os
import re
import resource
import signal
import subprocess
import sys
import time

from hosting import *
from homes import *


def kill(home, name, signo):
    """Ends the component by this signal; its pid, once another is ready."""
    pid = home.component(name)["pid"]
    os.kill(pid, signo)
    home.wait_ready(name, other_than=pid)
    return pid


def seconds_of(text):
    whole, ms = re.fullmatch(r"(.{19})\.(\d{3})Z", text).groups()
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + int(ms) / 1000


def human(home, *args):
    code, out, err = home.afar("status", *args)
    check(code == 0 and not err, args, code, err)
    return out


def every_end_is_told_with_its_reason_and_its_time():
    with Home() as home:
        home.up()
        check(all(c["ends"] == [] for c in home.status()["components"]), home.status())
        before = time.time()
        pids = [kill(home, "host", signo) for signo in (signal.SIGKILL, signal.SIGSEGV)]
        ends = home.component("host")["ends"]
        check([end["signal"] for end in ends] == [9, 11], ends)
        check([end["pid"] for end in ends] == pids, ends, pids)
        check([end["asked"] for end in ends] == [False, False] and not ends[0]["core"], ends)
        check("Segmentation fault" in ends[1]["text"], ends)
        times = [before] + [seconds_of(end["at"]) for end in ends] + [time.time()]
        check(sorted(times) == times, times)
        last = home.component("host")["last_end"]
        check([last[key] for key in ("signal", "text", "at")]
              == [ends[1][key] for key in ("signal", "text", "at")], last, ends)

        kill(home, "display", signal.SIGKILL)
        home.wait_ready("session")
        session, bus = home.component("session"), home.component("bus")
        display = home.component("display")["ends"]
        # The session may have told of it first, and the server have been told to end.
        check([(end["signal"], end["asked"]) for end in display] == [(9, False)], display)
        check(len(session["ends"]) == 1, session)
        check(session["ends"][0]["asked"] or "X server" in session["ends"][0]["text"], session)
        check(bus["state"] == "off" or bus["ends"][0]["asked"], bus)
        check(len(home.component("host")["ends"]) == 2, "the host lives on")

        out = human(home)
        check(re.match(r"ready for \d+ s, display :\d+, http", out), out)
        check(re.search(r"^  host +ready +for \d+ s, process \d+, restarted 2 times$", out, re.M), out)
        check("last was killed by signal 11 (Segmentation fault), " in out, out)
        check("signal 9 (Killed), process" not in out, "it is not compact", out)
        for wish in ("host",), ("-v",), ("--verbose",), ("host", "-v"):
            out = human(home, *wish)
            lines = re.findall(r"^ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  was killed by signal (\d+) \(.*\), "
                               r"process (\d+)$", out, re.M)
            check([("9", str(pids[0])), ("11", str(pids[1]))] == lines[-2:], wish, out)
            check(("  session" in out) == (wish[0] != "host"), wish, out)
        check("  crash-uploader  off" in human(home, "crash-uploader"), "it has no story")
        home.afar("stop")


def of_many_ends_the_last_are_kept():
    conf = "[relaunch]\nfast_delay = 0.05\nslow_after = 100\ngive_up_after = 200\n"
    with Home(conf) as home:
        code, out, err = home.start(session="echo >>runs; exit $(wc -l <runs)")
        check(code == 1, code, out, err)
        wait_for(lambda: home.component("session")["restarts"] >= 10, "ten restarts", 60 * SLOW)
        ends = home.component("session")["ends"]
        codes = [end["code"] for end in ends]
        check(len(codes) == 8 and codes == list(range(codes[0], codes[0] + 8)), codes)
        check(codes[0] >= 3 and len({end["pid"] for end in ends}) == 8, ends)
        home.afar("stop")


def what_could_not_be_started_is_an_end_without_a_process():
    with Home() as home:
        path = os.path.join(home.config, "session")
        with open(path, "w") as f:
            f.write("exec openbox")
        os.chmod(path, 0o622)
        code, out, err = home.start(session=None)
        check(code == 1, code, out, err)
        end = home.component("session")["ends"][-1]
        check((end["code"], end["pid"], end["core"]) == (127, None, False), end)
        check(end["text"].startswith("could not be started: ") and path in end["text"], end)
        home.afar("stop")


def wrong_wishes_are_one_line():
    with Home() as home:
        for case in (("--json", "host"), ("--json", "-v"), ("host", "session"), ("--nonsense",), ("",)):
            code, out, err = home.afar("status", *case)
            check(code == 2 and not out and err.count("\n") == 1, case, code, out, err)
        home.up()
        code, out, err = home.afar("status", "hosts")
        check(code == 1 and not out and err.count("\n") == 1 and "display, bus, " in err, code, err)
        home.afar("stop")


def in_a_machine_with_coredumps(home, name, *command):
    """Its output, where systemd-coredump seems to be, and has kept a file of this name."""
    pattern = os.path.join(home.path, "core_pattern")
    with open(pattern, "w") as f:
        f.write("|/lib/systemd/systemd-coredump %P %u %g %s %t %c %h\n")
    script = (f"mount --bind {pattern} /proc/sys/kernel/core_pattern"
              " && mount -t tmpfs none /var/lib && mkdir -p /var/lib/systemd/coredump"
              f" && : >/var/lib/systemd/coredump/{name} && exec \"$@\"")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *home.command(*command)],
        env=home.env, cwd="/", text=True, capture_output=True, timeout=30,
    )
    check(done.returncode == 0 and not done.stderr, done)
    return done.stdout


def the_core_of_what_crashed_is_named():
    with Home() as home:
        home.up(session="ulimit -c unlimited; exec openbox")
        pid = kill(home, "session", signal.SIGSEGV)
        end = home.component("session")["ends"][-1]
        check(end["core"] and end["pid"] == pid, end)
        at = int(seconds_of(end["at"]))
        name = f"core.openbox.{os.geteuid()}.{'0123456789abcdef' * 2}.{pid}.{at}000000.zst"
        wanted = f"its core is /var/lib/systemd/coredump/{name}: `coredumpctl debug {pid}`"
        for wish in (), ("session",):
            out = in_a_machine_with_coredumps(home, name, "status", *wish)
            check(wanted in out, out)
        other = name.replace(f".{pid}.", f".{pid + 1}.")
        check("its core" not in in_a_machine_with_coredumps(home, other, "status"))
        home.afar("stop")


tests = [
    every_end_is_told_with_its_reason_and_its_time,
    of_many_ends_the_last_are_kept,
    what_could_not_be_started_is_an_end_without_a_process,
    wrong_wishes_are_one_line,
]
if os.geteuid() == 0 and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
    tests.append(the_core_of_what_crashed_is_named)
if __name__ == "__main__":
    sys.exit(run(tests))

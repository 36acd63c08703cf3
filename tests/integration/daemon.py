#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The daemon from outside: commands, messages, deaths, and that nothing is left.

daemon.py [BUILD-DIRECTORY] [NAME]. Runs the real programs with a real X server and openbox.
"""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

from hosting import *
from homes import *
from leakcheck import Slopes

SOAK = bool(os.environ.get("AFAR_SOAK"))
DEATHS = 50 if SOAK else 4
STARTS = 100 if SOAK else 20
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def kill(pid, signo=signal.SIGKILL):
    os.kill(pid, signo)


# --- commands ---


def start_waits_until_ready_and_says_how_to_get_in():
    with Home() as home:
        out = home.up()
        check(re.search(r"The PIN of this desktop is \d{8}:", out), out)
        check(re.search(r"http://127\.0\.0\.1:\d+/#link=[\w-]{22}\n", out), out)
        check(home.status()["state"] == "ready")
        check(home.displays() == {int(home.status()["display"][1:])}, "leakcheck does not know it")
        code, out, err = home.start()
        check(code == 0 and "already running" in out, code, out, err)
        code, out, err = home.afar("stop")
        check(code == 0 and "stopped" in out, code, out, err)
        code, out, err = home.afar("stop")
        check(code == 0 and "not running" in out, code, out, err)
        home.nothing_is_left()
        check("PIN" not in home.up(), "the PIN is shown once")
        home.afar("stop")


def status_has_the_whole_schema():
    with Home() as home:
        code, out, err = home.afar("status", "--json")
        check((code, json.loads(out)) == (3, {"state": "stopped"}), code, out)
        check(home.afar("status")[0] == 3)
        home.up()
        s = home.status()
        check({"version", "state", "now", "since", "url", "supervisor_pid", "guard_pid", "display",
               "components", "viewers"} <= set(s), s)
        check(TIME.match(s["since"]) and TIME.match(s["now"]), s)
        check(s["display"].startswith(":") and s["viewers"] == [], s)
        for c in s["components"]:
            check({"name", "state", "pid", "since", "restarts", "next_try", "last_end"} <= set(c), c)
            check(c["next_try"] is None and c["last_end"] is None and TIME.match(c["since"]), c)
        check({"display", "bus", "pipewire", "pipewire-pulse", "session-manager", "pre-session",
               "session", "host", "crash-uploader"} == {c["name"] for c in s["components"]}, s)
        with open(f"/proc/{s['supervisor_pid']}/cmdline") as f:
            check("afar-supervisor" in f.read())
        code, out, err = home.afar("status")
        check(code == 0 and "session" in out and "ready" in out and "\033" not in out, out)
        home.afar("stop")


def link_pin_and_logs_do_what_they_say():
    with Home() as home:
        check(home.afar("link")[0] == 3 and home.afar("logs")[0] == 1)
        check("no PIN yet" in home.afar("pin")[1])
        home.up()
        links = {home.afar("link")[1] for _ in range(3)}
        check(len(links) == 3, links)
        path = os.path.join(home.config, "host.json")
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600)
        with open(path) as f:
            config = json.load(f)
        config["a_key_of_tomorrow"] = {"kept": [1, 2, 3]}
        with open(path, "w") as f:
            json.dump(config, f)
        code, out, err = home.afar("pin", "--new")
        check(code == 0 and re.search(r"The new PIN is \d{8}\n", out), code, out, err)
        with open(path) as f:
            renewed = json.load(f)
        check(renewed["pin_hash"] != config["pin_hash"])
        check({k: v for k, v in renewed.items() if not k.startswith("pin_")}
              == {k: v for k, v in config.items() if not k.startswith("pin_")})
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600)
        code, out, err = home.afar("pin")
        check(code == 0 and renewed["pin_set_at"] in out and not re.search(r"\d{8}", out), out)
        check("the desktop is ready" in home.afar("logs")[1])
        home.afar("stop")
        secrets = [l.split("link=")[1].strip() for l in links]
        check(not [s for s in secrets if s in home.log()], "a link is in the log")


def version_and_help_are_there():
    with Home() as home:
        check(re.match(r"afar \d+\.\d+\.\d+ \([0-9a-z]+\)\n$", home.afar("--version")[1]))
        for command in ("start", "stop", "status", "link", "pin", "logs", "enable", "disable"):
            code, out, err = home.afar(command, "--help")
            check(code == 0 and out.startswith("Usage: afar " + command) and not err, command)
        check(home.afar()[0] == 2 and home.afar("nonsense")[0] == 2)
        check(not os.path.exists(os.path.join(home.path, ".local")), "help made a directory")


def the_foreground_ends_on_sigint_with_nothing_left():
    with Home() as home:
        daemon = subprocess.Popen(
            home.command("start", "--foreground", "--session", "exec openbox"), env=home.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        lines = []
        for line in daemon.stdout:
            lines.append(line)
            if "The log is" in line:
                break
        check(any("#link=" in line for line in lines), lines)
        daemon.send_signal(signal.SIGINT)
        check(daemon.wait(timeout=15) == 0)
        daemon.stdout.close()
        home.nothing_is_left()


# --- bad input ---


def wrong_options_are_one_line_and_leave_nothing():
    sizes = ["0x0", "99x100", "100x99", "16385x100", "100x16385", "1x", "x1", "-1x-1", "0x10",
             "1e3x5", "99999999999x1", "100×100", "", "x", "100x100x100"]
    cases = [("--size=" + s,) for s in sizes]
    cases += [("--display", "wayland"), ("--listen", "0.0.0.0:2327"), ("--listen", "nowhere"),
              ("--listen", "127.0.0.1:0"), ("--listen", "127.0.0.1:65536"), ("--nonsense",),
              ("--size",), ("stray",), ("--session", "x" * 2000)]
    with Home() as home:
        for case in cases:
            code, out, err = home.start(*case, session=None)
            check(code == 2 and not out, case, code, out, err)
            check(err.startswith("afar: ") and err.count("\n") == 1, case, err)
        home.nothing_is_left()
        check(not os.path.exists(os.path.join(home.config, "host.json")), "made too early")


def a_broken_afar_conf_names_file_and_line():
    with Home("[display]\nsizes = 1280x720\n[server]\nlisten = 8.8.8.8:80\n") as home:
        code, out, err = home.start()
        check(code == 1 and re.search(r"afar\.conf, line 4: .*loopback", err), code, err)
        home.write_conf("[display]\ncolour = blue\nsizes = 1280x720\n" + FAST)
        code, out, err = home.start()
        check(code == 0 and "colour" in err, code, out, err)
        home.afar("stop")
        home.nothing_is_left()


def a_broken_identity_is_told_and_never_overwritten():
    def refused(home, pattern):
        code, out, err = home.start()
        check(code == 1 and re.search(pattern, err) and err.count("\n") == 1, code, out, err)

    with Home() as home:
        path = os.path.join(home.config, "host.json")
        for text in ("{", "[]", "{}", '{"a":1,"a":2}', "[" * 100000, "\0", "{" + " " * 2**21 + "}"):
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, 0o600)
            refused(home, r"host\.json")
            with open(path) as f:
                check(f.read() == text, "it was changed")
        os.unlink(path)
        os.mkdir(path)
        refused(home, "host.json")
        os.rmdir(path)
        os.mkfifo(path)
        refused(home, "host.json")
        os.unlink(path)
        home.up()
        home.afar("stop")
        os.chmod(path, 0o666)
        refused(home, "others may write")
        os.chmod(path, 0o600)
        home.nothing_is_left()


def a_missing_x_server_is_told_with_what_to_install():
    with Home() as home:
        code, out, err = home.start("--display", "xvfb", env={"PATH": "/nonexistent"})
        check(code == 1 and "install" in err and err.count("\n") == 1, code, err)
        home.nothing_is_left()


def a_taken_port_is_an_error_when_named_and_no_matter_otherwise():
    with Home() as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = "127.0.0.1:%d" % taken.getsockname()[1]
        code, out, err = home.start("--listen", where)
        check(code == 1 and "--listen" in err and err.count("\n") == 1, code, err)
        home.nothing_is_left()
    with Home() as one, Home() as other:
        check(one.up() and other.up())
        check(one.status()["url"] != other.status()["url"])
        one.afar("stop")
        other.afar("stop")


def odd_environments_work_or_say_why():
    with Home(runtime=False) as home:
        home.up()
        home.afar("stop")
        home.nothing_is_left()
    with Home() as home:
        home.up(env={"XDG_RUNTIME_DIR": "relative/path"})
        check(home.status()["state"] == "ready", "the lock tells another shell where it is")
        home.afar("stop")
        home.up(env={"XDG_RUNTIME_DIR": "/nonexistent/run"})
        home.afar("stop")
        home.nothing_is_left()
    with Home() as home:
        blocked = os.path.join(home.path, "file")
        open(blocked, "w").close()
        code, out, err = home.start(env={"XDG_STATE_HOME": blocked})
        check(code == 1 and err.count("\n") == 1 and blocked in err, code, err)
        check(not processes_of(home.path))


def two_homes_do_not_share_a_runtime_directory():
    with Home() as one, Home() as other:
        one.up()
        code, out, err = other.start(env={"XDG_RUNTIME_DIR": one.runtime})
        check(code == 1 and "XDG_RUNTIME_DIR" in err and err.count("\n") == 1, code, err)
        check(one.status()["state"] == "ready")
        check(os.listdir(other.config) == ["afar.conf"], os.listdir(other.config))
        one.afar("stop")


def home_unset_means_the_accounts_own():
    with Home() as home:
        env = {k: v for k, v in home.env.items() if k != "HOME"}
        done = subprocess.run([AFAR, "status", "--json"], env=env, capture_output=True, text=True)
        check(done.returncode in (0, 3) and "state" in done.stdout, done)


# --- deaths ---


def what_is_killed_comes_back_and_status_tells():
    with Home() as home:
        home.up()
        for name in ("host", "session", "display"):
            before = {c["name"]: c for c in home.status()["components"]}
            wait_for(lambda: uptime(home, name) > 0.3, "out of back-off", 5)
            kill(before[name]["pid"])
            after = home.wait_ready(name, other_than=before[name]["pid"], seconds=3)
            home.wait_state("ready", 5)
            check(after["restarts"] == before[name]["restarts"] + 1, after)
            check(after["last_end"]["signal"] == 9 and "killed" in after["last_end"]["text"], after)
            if name == "host":
                now = {c["name"]: c["pid"] for c in home.status()["components"]}
                check(now["session"] == before["session"]["pid"], "the session died too")
                check(now["display"] == before["display"]["pid"], "the display died too")
        home.afar("stop")


def uptime(home, name):
    """Seconds since the component's process was started."""
    pid = home.component(name)["pid"]
    try:
        with open(f"/proc/{pid}/stat") as f:
            started = int(f.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0
    with open("/proc/uptime") as f:
        return float(f.read().split()[0]) - started


def the_host_is_back_at_once_outside_back_off():
    with Home() as home:
        home.up()
        times = []
        for _ in range(5):
            pid = home.component("host")["pid"]
            wait_for(lambda: uptime(home, "host") > 0.5, "out of back-off", 5)
            begin = time.monotonic()
            kill(pid)
            home.wait_ready("host", other_than=pid)
            times.append(time.monotonic() - begin)
        check(sorted(times)[2] < 0.5 * SLOW, times)
        home.afar("stop")


def deaths_cost_those_who_live_on_neither_descriptors_nor_memory():  # SUP-03
    def die(name):
        pid = home.component(name)["pid"]
        kill(pid)
        home.wait_ready(name, other_than=pid)
        home.wait_state("ready")

    with Home("[relaunch]\nhealthy_after = 0.1\nfast_delay = 0.1\nslow_after = 1000\n"
              "give_up_after = 1000\n") as home:
        home.up("--display", "xvfb")
        status = home.status()
        ours = {"guard": status["guard_pid"], "supervisor": status["supervisor_pid"]}
        for names in (("session", "display"), ("host",)):
            for name in names:
                die(name)  # the first time costs what is kept for the next
            slopes = Slopes(ours, status["guard_pid"], home.path)
            host = Fds.at_rest(home.component("host")["pid"])
            for _ in range(DEATHS):
                for name in names:
                    die(name)
            slopes.check(rss_kib=256)
            print("# KiB for", DEATHS, "deaths of each of", *names, slopes.growth_kib(), flush=True)
            if "host" not in names:
                host.settle()
        home.afar("stop")


def a_session_that_fails_is_reported_and_tried_on():
    with Home("[relaunch]\nfast_delay = 0.2\nslow_after = 3\nslow_delay = 60\n") as home:
        code, out, err = home.start(session="echo something is wrong >&2; exit 7")
        check(code == 1 and "exit status 7" in err and "something is wrong" in out, code, out, err)
        wait_for(lambda: home.component("session")["state"] == "waiting"
                 and home.component("session")["next_try"], "the back-off", 10 * SLOW)
        wait_for(lambda: home.component("session")["last_end"]["code"] == 7, "its end", 10)
        session = home.component("session")
        check("something is wrong" in session["last_end"]["log_tail"], session)
        code, out, err = home.afar("stop")
        check(code == 0, err)
        home.nothing_is_left()


def the_end_of_the_guard_ends_everything():
    with Home() as home:
        home.up()
        status = home.status()
        kill(status["guard_pid"])
        # The environment of some is nobody's to read: their pids are known.
        pids = [status["supervisor_pid"], status["guard_pid"]]
        pids += [c["pid"] for c in status["components"] if c["pid"]]
        wait_for(lambda: not any(map(is_alive, pids)), "all have ended", 12)
        home.is_free_of_processes(12)
        home.up()
        home.afar("stop")
        home.nothing_is_left()


def stop_ends_obedient_children_at_once_and_stubborn_ones_after_10_s():
    with Home() as home:
        daemonised = "(setsid sh -c 'sleep 1000 & sleep 1000' &) ; exec openbox"
        home.up(session=daemonised)
        begin = time.monotonic()
        home.afar("stop")
        check(time.monotonic() - begin < 1 * SLOW, time.monotonic() - begin)
        home.nothing_is_left()
        stubborn = "trap '' TERM; setsid sh -c \"trap '' TERM; while :; do sleep 1000; done\" & openbox & while :; do sleep 1000; done"
        home.up(session=stubborn)
        begin = time.monotonic()
        home.afar("stop")
        check(9 < time.monotonic() - begin < 10.5 + SLOW - 1, time.monotonic() - begin)
        home.nothing_is_left()


def nothing_is_left_of_twenty_desktops():
    with Home() as home:
        for _ in range(20):
            home.up(session="xterm & exec openbox")
            home.afar("stop")
            home.nothing_is_left()


def start_twice_at_once(home, other_env):
    """Exactly one desktop comes of it, in new processes."""
    before = processes_of(home.path)
    command = home.command("start", "--display", "xvfb", "--session", "exec openbox")
    pair = [
        subprocess.Popen(command, env=env, cwd="/", text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for env in (home.env, other_env)
    ]
    said = [p.communicate(timeout=60)[0] for p in pair]
    check([p.returncode for p in pair] == [0, 0], said)
    check(sum("already running" in s for s in said) == 1, said)
    now = processes_of(home.path)
    check(not before.keys() & now.keys(), "of the desktop before:", before, now)
    names = [command.split()[0] for command in now.values()]
    for name in ("afar-guard", "afar-supervisor", "afar-host", "Xvfb", "openbox"):
        check(names.count(name) == 1, name, now)


# SUP-11: from two shells with different environments, too
def of_two_starts_at_once_one_wins():
    with Home() as home:
        plain = {k: v for k, v in home.env.items() if k != "XDG_RUNTIME_DIR"}
        for i in range(STARTS):
            start_twice_at_once(home, plain if i % 2 else home.env)
            check(home.afar("stop")[0] == 0)
        home.nothing_is_left()


# SUP-11, SUP-10
def and_so_it_is_when_guard_and_supervisor_were_killed():
    with Home() as home:
        for _ in range(STARTS):
            start_twice_at_once(home, home.env)
            home.kill_guard_and_supervisor()
        start_twice_at_once(home, home.env)
        check(home.afar("stop")[0] == 0)
        home.nothing_is_left()


tests = [
    start_waits_until_ready_and_says_how_to_get_in,
    status_has_the_whole_schema,
    link_pin_and_logs_do_what_they_say,
    version_and_help_are_there,
    the_foreground_ends_on_sigint_with_nothing_left,
    wrong_options_are_one_line_and_leave_nothing,
    a_broken_afar_conf_names_file_and_line,
    a_broken_identity_is_told_and_never_overwritten,
    a_missing_x_server_is_told_with_what_to_install,
    a_taken_port_is_an_error_when_named_and_no_matter_otherwise,
    odd_environments_work_or_say_why,
    two_homes_do_not_share_a_runtime_directory,
    home_unset_means_the_accounts_own,
    what_is_killed_comes_back_and_status_tells,
    the_host_is_back_at_once_outside_back_off,
    deaths_cost_those_who_live_on_neither_descriptors_nor_memory,
    a_session_that_fails_is_reported_and_tried_on,
    the_end_of_the_guard_ends_everything,
    stop_ends_obedient_children_at_once_and_stubborn_ones_after_10_s,
    nothing_is_left_of_twenty_desktops,
    of_two_starts_at_once_one_wins,
    and_so_it_is_when_guard_and_supervisor_were_killed,
]
if os.geteuid() == 0 and os.environ.get("AFAR_TEST_USER"):
    tests += [
        as_user(os.environ["AFAR_TEST_USER"], test)
        for test in (
            start_waits_until_ready_and_says_how_to_get_in,
            link_pin_and_logs_do_what_they_say,
            the_foreground_ends_on_sigint_with_nothing_left,
            odd_environments_work_or_say_why,
            what_is_killed_comes_back_and_status_tells,
            the_end_of_the_guard_ends_everything,
            stop_ends_obedient_children_at_once_and_stubborn_ones_after_10_s,
        )
    ]
if __name__ == "__main__":
    if len(sys.argv) > 2:
        tests = [t for t in tests if sys.argv[2] in t.__name__]
    sys.exit(run(tests))

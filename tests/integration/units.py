#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""systemd and the vendor's place: the units for real, what a service manager hears, installation.

units.py [BUILD-DIRECTORY]. Needs root; see confine.py for what that cannot harm.
"""
import contextlib
import grp
import hashlib
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import confine
from hosting import *
import homes
from homes import *

SOURCE = os.environ.get("AFAR_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..")
DIR = "/opt/google/chrome-remote-desktop"
SCRIPT = DIR + "/chrome-remote-desktop"
UNIT_DIR = "/lib/systemd/system"
OWN_UNIT, CONTRACT_UNIT = "afar@.service", "chrome-remote-desktop@.service"
INSTALL = os.path.join(SOURCE, "packaging", "install-dropin.sh")
TEMPLATES = ["pipewire.conf", "pipewire-pulse.conf", "wireplumber.conf", "pipewire-media-session.conf"]
CONF = FAST + "[session]\ncommand = exec openbox\n"


def read(path):
    with open(path) as f:
        return f.read()


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def unit_text(name):
    return read(os.path.join(BUILD, "packaging", "systemd", name))


def prefix():
    """Where this build would be installed: the unit says so."""
    return re.search(r"(?m)^ExecStart=(.*)/bin/afar start", unit_text(OWN_UNIT)).group(1)


# A host that waits in the home's fifo "hold" before it does anything, when that is there.
HELD_HOST = """#!/bin/sh
case " $* " in
*" --signal-parent "*) [ ! -p "$HOME/hold" ] || read -r go <"$HOME/hold" ;;
esac
exec "$0.real" "$@"
"""


def install(top):
    """The programs as installed; stand-ins for what only its own tests need to be real."""
    libexec = os.path.join(top, "libexec", "afar")
    share = os.path.join(top, "share", "afar")
    os.makedirs(os.path.join(top, "bin"), exist_ok=True)
    os.makedirs(libexec, exist_ok=True)
    shutil.copy(os.path.join(BUILD, "src", "afar"), os.path.join(top, "bin", "afar"))
    for name in ("afar-guard", "afar-supervisor"):
        shutil.copy(os.path.join(BUILD, "src", name), libexec)
    shutil.copy(os.path.join(BUILD, "src", "afar-host"), os.path.join(libexec, "afar-host.real"))
    write(os.path.join(libexec, "afar-host"), HELD_HOST, 0o755)
    for name in ("afar-login", "Xsession", "is-remoting-session"):
        write(os.path.join(libexec, name), "#!/bin/sh\nexit 0 # " + name + "\n", 0o755)
    for name in TEMPLATES:
        write(os.path.join(share, "audio", name + ".template"), "# " + name + "\n")
    write(os.path.join(share, "dropin", CONTRACT_UNIT), unit_text(CONTRACT_UNIT))
    write(os.path.join(share, "dropin", "pam.d", "chrome-remote-desktop"),
          read(os.path.join(SOURCE, "packaging", "pam.d", "chrome-remote-desktop")))


@contextlib.contextmanager
def managed(units, conf=CONF):
    """A home and its service manager, and an end with nothing left of either."""
    with Home(conf) as home:
        manager = confine.UserManager(home, units)
        try:
            wait_for(manager.is_up, "systemd --user: " + manager.log(), 10 * SLOW)
            yield home, manager
        finally:
            manager.close()


@contextlib.contextmanager
def own_unit(*changes, conf=CONF):
    text = confine.without_user(unit_text(OWN_UNIT))
    for old, new in changes:
        check(old in text, old)
        text = text.replace(old, new)
    with managed({"afar@.service": text}, conf) as (home, manager):
        yield home, manager


def await_daemon(home):
    """A daemon that just begins does not yet answer."""
    wait_for(lambda: os.path.exists(os.path.join(home.runtime, "afar", "control")), "the daemon",
             20 * SLOW)


def tell_host(home, word):
    """Once it listens: until then nobody has the fifo open."""
    def is_told():
        try:
            fd = os.open(os.path.join(home.path, "hold"), os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        with os.fdopen(fd, "w") as f:
            f.write(word + "\n")
        return True
    wait_for(is_told, "the host reads", 20 * SLOW)


def wait_unit(manager, unit, state, seconds=20):
    wait_for(lambda: manager.show(unit, "ActiveState") == state,
             f"{unit} is {state}: " + manager.log()[-2000:], seconds * SLOW)


def wait_status_text(manager, unit, pattern):
    wait_for(lambda: re.search(pattern, manager.show(unit, "StatusText")), pattern, 20 * SLOW)


# --- the units ---


def both_units_are_what_systemd_understands():
    """PKG-1"""
    write(SCRIPT, "#!/bin/sh\n", 0o755)
    for name in (OWN_UNIT, CONTRACT_UNIT):
        path = os.path.join("/run/verify", name)
        write(path, unit_text(name))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], text=True,
                              capture_output=True)
        said = [l for l in done.stderr.splitlines() if name.split("@")[0] in l]
        check(done.returncode == 0 and not said, name, done.returncode, done.stderr)
        broken = path.replace("@", "-broken@")
        write(broken, unit_text(name).replace("KillMode=mixed", "KillMod=mixed"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", broken], text=True,
                              capture_output=True)
        check("KillMod" in done.stderr, "it would not have noticed", done.stderr)
    os.unlink(SCRIPT)


def keys_of(unit):
    keys = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            keys.setdefault(key, []).append(value)
    return keys


def the_contracts_unit_has_what_its_callers_know():
    """PKG-1, PKG-2, PKG-3, N-12"""
    keys = keys_of(unit_text(CONTRACT_UNIT))
    for key, value in {
        "Description": "Chrome Remote Desktop instance for %i",
        "Conflicts": "chrome-remote-desktop.service",
        "User": "%i",
        "Environment": "XDG_SESSION_CLASS=user XDG_SESSION_TYPE=x11",
        "PAMName": "chrome-remote-desktop",
        "TTYPath": "/dev/chrome-remote-desktop",
        "StandardOutput": "journal",
        "StandardError": "inherit",
        "RestartForceExitStatus": "41",
        "WantedBy": "multi-user.target",
        "ExecStart": SCRIPT + " --start --new-session",
        "ExecReload": SCRIPT + " --reload",
        "ExecStop": SCRIPT + " --stop",
        "NotifyAccess": "all",
        "KillMode": "mixed",
        "TimeoutStopSec": "120",
    }.items():
        check(keys.get(key) == [value], key, keys.get(key))
    check("network.target" in keys["After"][0].split(), keys["After"])
    check("systemd-user-sessions.service" in keys["After"][0].split(), keys["After"])
    check("Restart" not in keys and "WatchdogSec" not in keys, keys)


def the_pam_service_has_every_line():
    """PKG-5"""
    lines = [l for l in read(os.path.join(SOURCE, "packaging/pam.d/chrome-remote-desktop")).splitlines()
             if not l.startswith("#")]
    selinux = "session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so "
    check(lines == [
        "@include common-auth", "@include common-account", "@include common-password",
        selinux + "close", "session required pam_limits.so", "@include common-session",
        selinux + "open", "session required pam_env.so readenv=1",
        "session required pam_env.so readenv=1 user_readenv=1 envfile=/etc/default/locale",
    ], lines)


def our_unit_is_active_once_the_host_accepts_and_tells_how_it_does():
    """SUP-16, PKG-1"""
    with own_unit() as (home, manager):
        os.mkfifo(os.path.join(home.path, "hold"))
        check(manager.systemctl("start", "--no-block", "afar@t")[0] == 0)
        wait_status_text(manager, "afar@t", "^starting, ")
        wait_for(lambda: home.component("display")["state"] == "ready", "the display", 20 * SLOW)
        check(manager.show("afar@t", "ActiveState") == "activating")
        tell_host(home, "go")
        wait_unit(manager, "afar@t", "active")
        wait_status_text(manager, "afar@t", r"^ready, display :\d+, 0 viewers$")
        status = home.status()
        check(manager.show("afar@t", "MainPID") == str(status["guard_pid"]), "the guard")
        check(status["display"] in manager.show("afar@t", "StatusText"))
        os.unlink(os.path.join(home.path, "hold"))
        code, _, err = manager.systemctl("stop", "afar@t")
        check(code == 0 and manager.show("afar@t", "ActiveState", "Result") == ["inactive", "success"], err)
        # What is the manager's own stays as long as it.
        wait_for(lambda: not [c for c in processes_of(home.path).values() if "systemd" not in c],
                 "all processes have ended", 5)
        check(not [n for n in os.listdir(home.runtime) if n not in ("systemd", "at-spi", "dconf")],
              os.listdir(home.runtime))
        check("lock" not in os.listdir(home.config))


def start_waits_for_ready_and_no_secret_is_said():
    with own_unit(("StandardOutput=journal", "StandardOutput=file:%h/said")) as (home, manager):
        code, _, err = manager.systemctl("start", "afar@t")
        check(code == 0 and manager.show("afar@t", "ActiveState") == "active", err)
        check(home.component("host")["state"] == "ready", "start returned too early")
        manager.systemctl("stop", "afar@t")
    # Whether it is the journal systemd says in a variable; here it is a file that plays it.
    with Home(CONF) as home, open(os.path.join(home.path, "said"), "w+") as said:
        daemon = subprocess.Popen(
            [AFAR, "start", "--foreground"], env={**home.env, "JOURNAL_STREAM": "1:1"},
            stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        await_daemon(home)
        home.wait_state("ready")
        wait_for(lambda: "The log is" in read(said.name), "all is said")
        home.afar("stop")
        daemon.wait(20)
        text = read(said.name)
        check("afar pin --new" in text and "afar link" in text, text)
        check(not re.search(r"\d{8}", text.split("The log is")[0]) and "#link=" not in text, text)


def reload_reaches_the_supervisor_and_the_unit_stays_active():
    """SUP-16"""
    with own_unit() as (home, manager):
        manager.systemctl("start", "afar@t")
        wait_unit(manager, "afar@t", "active")
        code, _, err = manager.systemctl("reload", "afar@t")
        check(code == 0, err)
        wait_for(lambda: "was read anew" in home.log(), "the reload")
        wait_unit(manager, "afar@t", "active")
        check(manager.show("afar@t", "NRestarts") == "0")


def a_supervisor_that_is_killed_costs_nothing_and_a_guard_a_restart():
    """SUP-10, SUP-16: the next supervisor goes on pinging, and says nothing twice."""
    with own_unit() as (home, manager):
        manager.systemctl("start", "afar@t")
        wait_status_text(manager, "afar@t", "^ready")
        before = home.status()
        os.kill(before["supervisor_pid"], signal.SIGKILL)
        wait_for(lambda: home.status()["supervisor_pid"] != before["supervisor_pid"], "another one")
        wait_status_text(manager, "afar@t", "^ready")
        check(manager.show("afar@t", "NRestarts") == "0" and manager.show("afar@t", "SubState") == "running")
        check([c["pid"] for c in home.status()["components"]] == [c["pid"] for c in before["components"]])
        os.kill(before["guard_pid"], signal.SIGKILL)
        wait_for(lambda: manager.show("afar@t", "NRestarts") == "1", "the restart", 20 * SLOW)
        wait_status_text(manager, "afar@t", "^ready")
        after = home.status()
        check(after["guard_pid"] != before["guard_pid"])
        old = [before["guard_pid"]] + [c["pid"] for c in before["components"] if c["pid"]]
        check(not any(map(is_alive, old)), "of the old one something lives")


def a_supervisor_that_hangs_is_ended_and_started_anew():
    """SUP-16: without pings the manager asks the guard to end it all."""
    with own_unit(("WatchdogSec=180", "WatchdogSec=2")) as (home, manager):
        manager.systemctl("start", "afar@t")
        wait_status_text(manager, "afar@t", "^ready")
        before = home.status()
        # It lives, though the limit has passed twice: the pings arrive.
        wait_for(lambda: int(manager.show("afar@t", "WatchdogTimestampMonotonic"))
                 > int(manager.show("afar@t", "ActiveEnterTimestampMonotonic")) + 4_000_000,
                 "pings", 10 * SLOW)
        check(manager.show("afar@t", "NRestarts") == "0", manager.log()[-3000:], home.log()[-3000:])
        os.kill(before["supervisor_pid"], signal.SIGSTOP)
        # The guard takes its ten seconds for one that does not end, and cleans up.
        wait_for(lambda: manager.show("afar@t", "Result") == "watchdog", "the watchdog", 10 * SLOW)
        wait_for(lambda: manager.show("afar@t", "NRestarts") == "1", "the restart", 30 * SLOW)
        wait_status_text(manager, "afar@t", "^ready")
        old = [before["supervisor_pid"], before["guard_pid"]]
        old += [c["pid"] for c in before["components"] if c["pid"]]
        check(not any(map(is_alive, old)), "of the old one something lives")


def an_end_that_was_asked_for_is_no_failure():
    """EXIT-2: `afar stop`, before it is ready and after."""
    with own_unit() as (home, manager):
        manager.systemctl("start", "afar@t")
        check(home.afar("stop")[0] == 0)
        wait_unit(manager, "afar@t", "inactive")
        os.mkfifo(os.path.join(home.path, "hold"))
        manager.systemctl("start", "--no-block", "afar@t")
        wait_status_text(manager, "afar@t", "^starting, ")
        check(home.afar("stop")[0] == 0)
        wait_unit(manager, "afar@t", "inactive")
        check(manager.show("afar@t", "Result", "NRestarts") == ["success", "0"], manager.log())


def a_desktop_that_runs_already_is_no_failure():
    """START-1"""
    with own_unit() as (home, manager):
        home.up()
        code, _, err = manager.systemctl("start", "afar@t")
        check(code == 0, err, manager.log())
        wait_unit(manager, "afar@t", "inactive")
        check(manager.show("afar@t", "Result") == "success" and home.status()["state"] == "ready")
        home.afar("stop")


def a_manager_hears_us_from_a_session_of_pams_too():
    """What logind does to a unit with PAMName=: all its processes go to another group."""
    elsewhere = confine.make_cgroup("session-1.scope")
    # A manager that answers is done with putting its child where it thinks that it belongs.
    move = ("ExecStart=/bin/sh -c 'systemctl --user show afar@t >/dev/null; "
            f"echo $$$$ >{elsewhere}/cgroup.procs; exec ")
    start = f"{prefix()}/bin/afar start --foreground"
    with own_unit(("ExecStart=" + start, move + start + "'"), ("WatchdogSec=180", "WatchdogSec=2")) as (
            home, manager):
        code, _, err = manager.systemctl("start", "afar@t")
        check(code == 0, err, manager.log())
        wait_status_text(manager, "afar@t", r"^ready, display :\d+")
        with open(f"/proc/{home.status()['supervisor_pid']}/cgroup") as f:
            check("session-1.scope" in f.read(), "it was not moved")
        check(int(manager.show("afar@t", "WatchdogTimestampMonotonic")) > 0)
        check(manager.systemctl("stop", "afar@t")[0] == 0)
        check(manager.show("afar@t", "Result") == "success")


# What stands at the script's place for tests of the unit alone: each start is another case.
FAKE_SCRIPT = """#!/bin/sh
[ "$*" = "--start --new-session" ] || exit 0
echo start >>"$HOME/starts"
case $(wc -l <"$HOME/starts") in
1) systemd-notify --ready && exit 41 ;;
2) exit 41 ;;
3) systemd-notify --ready && exec sleep 1000 ;;
4) systemd-notify --ready && exit 1 ;;
*) systemd-notify --ready && exit 0 ;;
esac
"""


def only_status_41_starts_the_contracts_unit_again():
    """PKG-3, EXIT-2"""
    write(SCRIPT, FAKE_SCRIPT, 0o755)
    unit = "chrome-remote-desktop@t"
    with managed({CONTRACT_UNIT: confine.without_user(unit_text(CONTRACT_UNIT))}) as (home, manager):
        starts = os.path.join(home.path, "starts")
        manager.systemctl("start", "--no-block", unit)
        wait_for(lambda: os.path.exists(starts) and read(starts).count("\n") == 3, "two restarts", 10)
        wait_unit(manager, unit, "active")
        os.kill(int(manager.show(unit, "MainPID")), signal.SIGKILL)
        wait_unit(manager, unit, "failed")
        manager.systemctl("start", unit)
        wait_unit(manager, unit, "failed")
        check(manager.show(unit, "ExecMainStatus") == "1")
        manager.systemctl("start", unit)
        wait_unit(manager, unit, "inactive")
        check(read(starts).count("\n") == 5, "it was started again:", read(starts))
    os.unlink(SCRIPT)


# --- what a service manager hears (SUP-16) ---


class Listener:
    """A socket that plays the manager's."""

    def __init__(self, home, name=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = name or os.path.join(home.path, "notify")
        self.socket.bind("\0" + self.name[1:] if self.name[0] == "@" else self.name)
        home.leaks.allow("socket " + self.name)
        self.heard = []  # (time, message)

    def listen(self, seconds):
        """What has come and comes within that time."""
        new, end = [], time.monotonic() + seconds
        while True:
            left = max(0, end - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                break
            new.append((time.monotonic(), self.socket.recv(4096).decode()))
        self.heard += new
        return [text for _, text in new]

    def await_message(self, what, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while (left := end - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                self.heard.append((time.monotonic(), self.socket.recv(4096).decode()))
                if what in self.heard[-1][1].split("\n"):
                    return
        check(False, what, "did not come:", self.heard)

    def count(self, what):
        return sum(text.split("\n").count(what) for _, text in self.heard)

    def times(self, what):
        return [at for at, text in self.heard if what in text.split("\n")]


def with_watchdog(usec, argv):
    """As a manager sets the variables: the pid is that of whom it starts."""
    return ["sh", "-c", f'WATCHDOG_USEC={usec} WATCHDOG_PID=$$ exec "$@"', "sh", *argv]


def a_manager_hears_of_ready_pings_and_the_end():
    """SUP-16"""
    with Home(CONF) as home:
        manager = Listener(home)
        os.mkfifo(os.path.join(home.path, "hold"))
        daemon = subprocess.Popen(
            with_watchdog(1_000_000, [AFAR, "start", "--foreground"]),
            env={**home.env, "NOTIFY_SOCKET": manager.name}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_daemon(home)
        wait_for(lambda: home.component("session")["state"] == "ready", "the session", 20 * SLOW)
        manager.listen(0.1)
        check(manager.count("READY=1") == 0, "the host is held:", manager.heard)
        tell_host(home, "go")
        manager.await_message("READY=1")
        check(home.component("host")["state"] == "ready")
        os.unlink(os.path.join(home.path, "hold"))
        home.wait_state("ready")
        status = home.status()
        # Each host that comes after does not say it again.
        os.kill(home.component("host")["pid"], signal.SIGKILL)
        wait_for(lambda: home.component("host")["restarts"] == 1
                 and home.component("host")["state"] == "ready", "the next host", 20 * SLOW)
        manager.listen(0)
        begin = time.monotonic()
        manager.listen(3)
        check(manager.count("READY=1") == 1, manager.heard)
        pings = [at for at in manager.times("WATCHDOG=1") if at > begin]
        gaps = [b - a for a, b in zip(pings, pings[1:])]
        check(len(pings) >= 5 and max(gaps) <= 0.5 + 0.05 * SLOW and min(gaps) > 0.2, gaps)
        check(any(t.startswith("STATUS=ready, display " + status["display"]) for _, t in manager.heard))
        os.kill(status["supervisor_pid"], signal.SIGSTOP)
        manager.listen(0.1)
        check(manager.listen(2) == [], "it is stopped")
        os.kill(status["supervisor_pid"], signal.SIGCONT)
        manager.await_message("WATCHDOG=1", 2)
        for name in ("session", "host", "display"):
            with open(f"/proc/{home.component(name)['pid']}/environ", "rb") as f:
                env = f.read()
            check(b"NOTIFY_SOCKET" not in env and b"WATCHDOG_" not in env, name)
        daemon.terminate()
        check(daemon.wait(20) == 0)
        manager.listen(0.1)
        check(manager.count("STOPPING=1") == 1 and manager.count("READY=1") == 1, manager.heard)


def a_manager_that_does_not_read_stops_nobody():
    with Home(CONF) as home:
        manager = Listener(home, "@afar-test-%s" % os.path.basename(home.path))
        with open(os.path.join(home.path, "said"), "w") as said:
            daemon = subprocess.Popen(
                [AFAR, "start", "--foreground"], env={**home.env, "NOTIFY_SOCKET": manager.name},
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        await_daemon(home)
        home.wait_state("ready", 40)
        for _ in range(20):
            home.afar("pin", "--new")  # each is a reload, told twice
        check(home.status()["state"] == "ready")
        begin = time.monotonic()
        daemon.terminate()
        check(daemon.wait(30) == 0)
        check(time.monotonic() - begin < 12, "the guard waited for a manager")
        check("STATUS=" in manager.listen(0.1)[0], "an abstract name is understood")


# A host that becomes ready when it is told to; it counts as the contract's.
CONTRACT_HOST = """#!/bin/sh
cat >/dev/null
case " $* " in *" --report-offline-reason="*) exit 0 ;; esac
read -r go <"$HOME/hold"
[ "$go" != permanent ] || exit 100
kill -USR1 $PPID
exec sleep 1000
"""
CONTRACT_CONFIG = {"host_id": "id", "host_name": "name", "private_key": "key",
                   "service_account": "a@b", "oauth_refresh_token": "token"}


@contextlib.contextmanager
def contract_home():
    """A home with a configuration, a session, and a held host in the vendor's place."""
    write(DIR + "/chrome-remote-desktop-host", CONTRACT_HOST, 0o755)
    with Home(CONF) as home:
        name = "host#%s.json" % hashlib.md5(socket.gethostname().encode()).hexdigest()
        write(os.path.join(home.path, ".config", "chrome-remote-desktop", name), json.dumps(CONTRACT_CONFIG), 0o600)
        write(os.path.join(home.path, ".chrome-remote-desktop-session"), "exec openbox\n")
        os.mkfifo(os.path.join(home.path, "hold"))
        home.env["USER"] = "root"
        home.env["SHELL"] = "/bin/sh"
        try:
            yield home
        finally:
            shutil.rmtree("/opt/google")


def start_contract(home, *args, manager=None):
    """The contract's command in the vendor's place; what it and its like say is in the home's log."""
    if not os.path.islink(SCRIPT):
        os.symlink(prefix() + "/bin/afar", SCRIPT)
    env = {**home.env, **({"NOTIFY_SOCKET": manager.name} if manager else {})}
    with open(os.path.join(home.path, "log"), "w") as log:
        return subprocess.Popen([SCRIPT, "--start", *args], env=env, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)


def the_contracts_daemon_is_ready_when_its_host_says_so():
    """SUP-16, MSG-3"""
    with contract_home() as home:
        manager = Listener(home)
        daemon = start_contract(home, "--child-process", manager=manager)
        with contextlib.suppress(Failed):
            wait_for(lambda: "Launching host process" in read(home.path + "/log"), "the host",
                     20 * SLOW)
        check("Launching host process" in read(home.path + "/log"), read(home.path + "/log"))
        manager.listen(0.5)
        check(manager.count("READY=1") == 0, manager.heard)
        tell_host(home, "ready")
        manager.await_message("READY=1")
        check("Host ready to receive connections." in read(home.path + "/log"))
        daemon.send_signal(signal.SIGTERM)
        check(daemon.wait(20) == 0)
        manager.listen(0.1)
        check(manager.count("STOPPING=1") == 1 and manager.count("READY=1") == 1, manager.heard)


def the_contracts_clean_end_before_that_is_none_of_a_failure():
    """EXIT-1, EXIT-2: for a unit of Type=simple 0 was a success, at any time."""
    with contract_home() as home:
        manager = Listener(home)
        daemon = start_contract(home, "--child-process", manager=manager)
        tell_host(home, "permanent")
        check(daemon.wait(20 * SLOW) == 0, read(home.path + "/log"))
        manager.listen(0.1)
        check(manager.count("READY=1") == 1 and manager.count("STOPPING=1") == 1, manager.heard)


def a_second_unit_for_what_runs_already_is_no_failure():
    """START-1: 0 without READY=1 would be one for a unit of Type=notify."""
    with contract_home() as home:
        first = start_contract(home, "--child-process")
        tell_host(home, "ready")
        wait_for(lambda: "Host ready" in read(home.path + "/log"), "the host", 20 * SLOW)
        manager = Listener(home)
        second = start_contract(home, "--child-process", manager=manager)
        check(second.wait(20 * SLOW) == 0)
        manager.listen(0.1)
        check(manager.count("READY=1") == 1, manager.heard)
        first.terminate()
        check(first.wait(20) == 0)


def no_visible_command_line_begins_with_the_vendors_folder():
    """PKG-9, D-29: the vendor's package kills all whose command line begins so."""
    with contract_home() as home:
        # By the login shell, as the unit has it, and the host as ready as it gets.
        daemon = start_contract(home, "--new-session")
        tell_host(home, "ready")
        wait_for(lambda: "Host ready" in read(home.path + "/log"), "the host", 20 * SLOW)
        ours = {pid: line for pid, line in processes_of(home.path).items()
                if "/chrome-remote-desktop-host" not in line and "sleep" not in line}
        check(daemon.pid in ours, "the guard is what was started")
        check(any("--flavour=chrome-remote-desktop" in line
                  for line in ours.values()) and len(ours) >= 4, ours)
        check(not [line for line in ours.values() if line.startswith(DIR)], ours)
        # Wherever they are installed: the guard and the supervisor show bare names.
        own = [line.split()[0] for line in ours.values() if "--flavour=" in line]
        check(len(own) == 2 and not [name for name in own if "/" in name], own)
        check(subprocess.run([SCRIPT, "--stop"], env=home.env, stdout=subprocess.DEVNULL).returncode == 0 and daemon.wait(20) == 0)


# --- in the vendor's place ---


def dropin(*args, ok=True, env=None):
    done = subprocess.run([INSTALL, "--prefix", prefix(), *args], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    check((done.returncode == 0) == ok, args, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def tree(*tops):
    """Everything below: path -> (mode, owner, group, contents or target)."""
    found = {}
    for top in tops:
        for directory, names, files in os.walk(top):
            for name in [*names, *files]:
                path = os.path.join(directory, name)
                st = os.lstat(path)
                if stat.S_ISLNK(st.st_mode):
                    what = os.readlink(path)
                elif stat.S_ISREG(st.st_mode):
                    with open(path, "rb") as f:
                        what = f.read()
                else:
                    what = None
                found[path] = (st.st_mode, st.st_uid, st.st_gid, what)
    return found


def has_group():
    return subprocess.run(["getent", "group", "chrome-remote-desktop"],
                          stdout=subprocess.DEVNULL).returncode == 0


def a_tree_for_a_package_gets_all_of_it():
    """PKG-6, PKG-7"""
    with Home() as home:
        top = os.path.join(home.path, "tree")
        os.mkdir(top)
        install(top + prefix())
        dropin("--destdir", top, "--with-unit", "--dir", "/opt/other")
        place = top + "/opt/other/"
        check(os.readlink(place + "chrome-remote-desktop") == prefix() + "/bin/afar")
        st = os.stat(place + "user-session")
        check(stat.S_IMODE(st.st_mode) == 0o4754 and st.st_uid == 0, oct(st.st_mode))
        for name in TEMPLATES:
            st = os.stat(place + name + ".template")
            check(stat.S_IMODE(st.st_mode) == 0o644, name)
        for name in ("Xsession", "is-remoting-session"):
            check(os.path.isfile(top + os.readlink(place + name)), name)
        check("/opt/other/chrome-remote-desktop --start" in read(top + UNIT_DIR + "/" + CONTRACT_UNIT))
        check(os.readlink(top + UNIT_DIR + "/chrome-remote-desktop.service") == "/dev/null")
        check(os.path.isfile(top + "/etc/pam.d/chrome-remote-desktop"))
        before = tree(top)
        dropin("--destdir", top, "--with-unit", "--dir", "/opt/other")
        check(tree(top) == before, "the second time something changed")
        dropin("--destdir", top, "--remove", "--dir", "/opt/other")
        check(not os.path.exists(place) and not os.listdir(top + UNIT_DIR))


def what_is_missing_or_wrong_is_one_line_and_changes_nothing():
    before = tree("/opt", "/etc/pam.d")
    for args in (["--dir", "relative"], ["--dir", "/a b"], ["--dir", "/opt/../etc"], ["--dir"],
                 ["--nonsense"], ["--destdir", "/run/no-such-tree"], ["--prefix", "/run/no-such"]):
        said = dropin(*args, ok=False)
        check(said.startswith("install-dropin: ") and said.count("\n") == 1, args, said)
    for name in ("libexec/afar/afar-login", "libexec/afar/Xsession", "bin/afar",
                 "share/afar/audio/wireplumber.conf.template"):
        path = os.path.join(prefix(), name)
        os.rename(path, path + ".away")
        said = dropin(ok=False)
        check(name in said and said.count("\n") == 1, name, said)
        os.rename(path + ".away", path)
    check(tree("/opt", "/etc/pam.d") == before, "something was changed")
    check(not has_group(), "a group was made")


def it_takes_the_place_of_a_script_and_gives_it_back():
    """PKG-4, PKG-5, PKG-6, PKG-11, US-24"""
    shutil.rmtree("/run/systemd", ignore_errors=True)
    write(SCRIPT, "#!/usr/bin/python3\n", 0o755)
    write(DIR + "/chrome-remote-desktop-host", "host\n", 0o755)
    write(DIR + "/user-session", "theirs\n", 0o755)
    before = tree("/opt", "/etc/pam.d", UNIT_DIR)
    dropin("--with-unit")
    check(os.readlink(SCRIPT) == prefix() + "/bin/afar")
    check(read(SCRIPT + ".orig") == "#!/usr/bin/python3\n")
    check(read(DIR + "/chrome-remote-desktop-host") == "host\n", "the host is not ours to change")
    st = os.stat(DIR + "/user-session")
    check(stat.S_IMODE(st.st_mode) == 0o4754 and st.st_uid == 0
          and grp.getgrgid(st.st_gid).gr_name == "chrome-remote-desktop", oct(st.st_mode))
    check(read(DIR + "/user-session") == read(prefix() + "/libexec/afar/afar-login"))
    check(os.readlink(UNIT_DIR + "/chrome-remote-desktop.service") == "/dev/null")
    check(subprocess.run(["systemd-analyze", "verify", "--man=no",
                          UNIT_DIR + "/" + CONTRACT_UNIT]).returncode == 0)
    installed = tree("/opt", "/etc/pam.d", UNIT_DIR)
    dropin("--with-unit")
    check(tree("/opt", "/etc/pam.d", UNIT_DIR) == installed, "the second time something changed")
    # PKG-11: who runs by the unit is stopped before it goes.
    with Home() as home:
        os.makedirs("/run/systemd/system")
        write(home.path + "/systemctl", RECORDER, 0o755)
        record = {"PATH": home.path + ":" + os.environ["PATH"], "RECORD": home.path + "/record"}
        dropin("--remove", env=record)
        check(read(home.path + "/record")
              == "systemctl stop chrome-remote-desktop@*\nsystemctl daemon-reload\n")
        shutil.rmtree("/run/systemd")
    check(tree("/opt", "/etc/pam.d", UNIT_DIR) == before, "it was not undone")
    check(has_group(), "a group goes with --purge only")
    check("not in the place" in dropin("--remove"))
    dropin("--with-unit")
    subprocess.run(["groupdel", "chrome-remote-desktop"], check=True)
    dropin("--remove")
    dropin()
    check(has_group())
    dropin("--purge")
    check(not has_group() and tree("/opt", "/etc/pam.d", UNIT_DIR) == before)
    shutil.rmtree("/opt/google")


def an_administrators_override_of_the_wrappers_mode_holds():
    """US-24"""
    subprocess.run(["dpkg-statoverride", "--add", "root", "daemon", "0750", DIR + "/user-session"],
                   check=True)
    dropin()
    st = os.stat(DIR + "/user-session")
    check(stat.S_IMODE(st.st_mode) == 0o750 and grp.getgrgid(st.st_gid).gr_name == "daemon", st)
    dropin("--purge")
    subprocess.run(["dpkg-statoverride", "--remove", DIR + "/user-session"], check=True)
    check(not os.path.exists("/opt/google"))


def make_package(top, version):
    """A vendor's package of that version, with what concerns us."""
    for name in ("chrome-remote-desktop", "user-session", "chrome-remote-desktop-host", "Xsession"):
        write(f"{top}{DIR}/{name}", f"{name} of {version}\n", 0o755)
    write(f"{top}{UNIT_DIR}/{CONTRACT_UNIT}", f"[Unit]\nDescription={version}\n")
    write(top + "/DEBIAN/control", "Package: chrome-remote-desktop\nArchitecture: all\n"
          f"Version: {version}\nMaintainer: nobody <nobody@example.org>\nDescription: a test\n")
    subprocess.run(["dpkg-deb", "--build", "-Znone", top, f"{top}.deb"], check=True,
                   stdout=subprocess.DEVNULL)
    return top + ".deb"


def dpkg(*args):
    done = subprocess.run(["dpkg", "--force-unsafe-io", *args], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL)
    check(done.returncode == 0, args, done.stdout, done.stderr)


def it_outlives_the_upgrades_of_the_vendors_package():
    """D-29, PKG-9"""
    with Home() as home:
        old = make_package(home.path + "/old", "1.0")
        new = make_package(home.path + "/new", "2.0")
        dpkg("--install", old)
        dropin("--with-unit")
        check(read(SCRIPT + ".orig") == "chrome-remote-desktop of 1.0\n")
        ours = {path: what for path, what in tree("/opt", UNIT_DIR).items()
                if not path.endswith((".orig", "-host"))}
        dpkg("--install", new)
        check(read(SCRIPT + ".orig") == "chrome-remote-desktop of 2.0\n")
        check(read(DIR + "/chrome-remote-desktop-host") == "chrome-remote-desktop-host of 2.0\n")
        after = tree("/opt", UNIT_DIR)
        check({path: after.get(path) for path in ours} == ours, "the upgrade took our place")
        dropin("--remove")
        check(read(SCRIPT) == "chrome-remote-desktop of 2.0\n")
        check(read(DIR + "/user-session") == "user-session of 2.0\n")
        check("Description=2.0" in read(UNIT_DIR + "/" + CONTRACT_UNIT))
        check(not [p for p in tree("/opt", UNIT_DIR) if p.endswith((".orig", ".afar-dropin"))])
        left = subprocess.run(["dpkg-divert", "--list", DIR + "/*"], text=True, capture_output=True)
        check(not left.stdout, left.stdout)
        dropin("--with-unit")
        dpkg("--purge", "chrome-remote-desktop")
        check(os.path.islink(SCRIPT), "ours stays when theirs goes")
        dropin("--purge")
        check(not os.path.exists("/opt/google"), tree("/opt/google"))


# --- afar enable ---

# Writes down with what it was called; the first word says who it is.
RECORDER = '#!/bin/sh\necho "$(basename "$0") $*" >>"$RECORD"\nexit 5\n'


def enable_asks_systemd_and_for_roots_rights_if_need_be():
    """US-24 of the own flavour needs none: CLI-12, ROOT-1, D-19"""
    with Home() as home:
        programs, record = home.path + "/programs", home.path + "/record"
        for name in ("systemctl", "sudo", "pkexec"):
            write(f"{programs}/{name}", RECORDER, 0o755)
        env = {"PATH": programs + ":" + os.environ["PATH"], "RECORD": record, "DISPLAY": ""}
        os.makedirs("/run/systemd/system", exist_ok=True)
        code, out, err = home.afar("enable", env=env)
        check(code == 1 and "systemd_units" in err and err.count("\n") == 1, err)
        write(UNIT_DIR + "/" + OWN_UNIT, unit_text(OWN_UNIT))
        for args, line in (
            (["enable"], "systemctl enable afar@root.service"),
            (["enable", "--now"], "systemctl enable --now afar@root.service"),
            (["disable"], "systemctl disable afar@root.service"),
            (["disable", "--now"], "systemctl disable --now afar@root.service"),
        ):
            check(home.afar(*args, env=env)[0] == 5, "its status is ours")
            check(read(record) == line + "\n", read(record))
            os.unlink(record)
        home.up()
        code, out, err = home.afar("enable", "--now", env=env)
        check("runs already" in out and read(record) == "systemctl enable afar@root.service\n", out)
        os.unlink(record)
        home.afar("stop")
        check(home.afar("enable", "--later", env=env)[0] == 2)
        # An ordinary user: on a screen without a terminal by pkexec, else by sudo.
        subprocess.run(["useradd", "--no-create-home", "afar-unit-test"], check=True)
        os.chmod(home.path, 0o777)
        homes.USER = "afar-unit-test"
        with Home() as other:
            for display, line in (("", "sudo"), (":5", "pkexec")):
                more = {**env, "DISPLAY": display, "RECORD": other.path + "/record"}
                more.pop("WAYLAND_DISPLAY", None)
                code, out, err = other.afar("enable", "--now", env=more)
                check(code == 5, code, out, err)
                line += " systemctl enable --now afar@afar-unit-test.service\n"
                check(read(other.path + "/record") == line, read(other.path + "/record"))
                os.unlink(other.path + "/record")
        homes.USER = None
        os.unlink(UNIT_DIR + "/" + OWN_UNIT)


def without_systemd_enable_says_what_to_do():
    """D-31"""
    shutil.rmtree("/run/systemd", ignore_errors=True)
    with Home() as home:
        for command in ("enable", "disable"):
            code, out, err = home.afar(command)
            check(code == 1 and not out and err.count("\n") == 1 and "crontab" in err, code, out, err)
        check("@reboot" in home.afar("enable")[2] and "afar-login" in home.afar("enable")[2])


tests = [
    both_units_are_what_systemd_understands,
    the_contracts_unit_has_what_its_callers_know,
    the_pam_service_has_every_line,
    our_unit_is_active_once_the_host_accepts_and_tells_how_it_does,
    start_waits_for_ready_and_no_secret_is_said,
    reload_reaches_the_supervisor_and_the_unit_stays_active,
    a_supervisor_that_is_killed_costs_nothing_and_a_guard_a_restart,
    a_supervisor_that_hangs_is_ended_and_started_anew,
    an_end_that_was_asked_for_is_no_failure,
    a_desktop_that_runs_already_is_no_failure,
    a_manager_hears_us_from_a_session_of_pams_too,
    only_status_41_starts_the_contracts_unit_again,
    a_manager_hears_of_ready_pings_and_the_end,
    a_manager_that_does_not_read_stops_nobody,
    the_contracts_daemon_is_ready_when_its_host_says_so,
    the_contracts_clean_end_before_that_is_none_of_a_failure,
    a_second_unit_for_what_runs_already_is_no_failure,
    no_visible_command_line_begins_with_the_vendors_folder,
    a_tree_for_a_package_gets_all_of_it,
    what_is_missing_or_wrong_is_one_line_and_changes_nothing,
    it_takes_the_place_of_a_script_and_gives_it_back,
    an_administrators_override_of_the_wrappers_mode_holds,
    it_outlives_the_upgrades_of_the_vendors_package,
    enable_asks_systemd_and_for_roots_rights_if_need_be,
    without_systemd_enable_says_what_to_do,
]


def take_place():
    """A machine without the vendor's package, on which afar is installed."""
    confine.settle()
    top = prefix()
    os.makedirs(top, exist_ok=True)
    confine.cover(*dict.fromkeys([top, "/opt", "/etc", os.path.realpath(UNIT_DIR), "/var/lib/dpkg"]))
    install(top)
    if has_group():
        subprocess.run(["groupdel", "chrome-remote-desktop"], check=True)
    homes.AFAR = globals()["AFAR"] = top + "/bin/afar"
    if os.path.exists(DIR):
        confine.skip("the vendor's package is installed here")


if __name__ == "__main__":
    if not confine.is_confined():
        confine.run_confined()
    take_place()
    wanted = sys.argv[2:]
    sys.exit(run([t for t in tests if not wanted or any(w in t.__name__ for w in wanted)]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A day of a desktop's life in minutes, and who lives through it is as he was: SOK-01, SOK-03.

soak.py [BUILD-DIRECTORY]. Viewers, sizes, reloads, links, output and deaths on a real Xvfb with
openbox and xterm, in a random order; the seed is printed, AFAR_SEED gives another. After each round
all rests, and what guard, supervisor and host have open and occupy is compared. Two desktops, for
nobody can live through his own death: in one the supervisor lives on, in the other the host.

AFAR_SOAK=1: ten minutes, or AFAR_SOAK_MINUTES, and as many again under valgrind. In a build with
sanitizers these are judges too: who ended by himself has no leak to report.
"""
import collections
import glob
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from homes import *
from hosting import *
from leakcheck import rss_kib, slope

SOAK = bool(os.environ.get("AFAR_SOAK"))
SECONDS = float(os.environ.get("AFAR_SOAK_MINUTES") or 10) * 60
SEED = int(os.environ.get("AFAR_SEED") or random.randrange(1 << 32))
RANDOM = random.Random(SEED)

N_WARM, N_MEASURED = 1, 2  # of the short form: times through the kinds of death
N_VIEWERS = 2
# What the line through the resident sizes may rise: in ten minutes, or in all of the short form.
RSS_KIB, RSS_SECONDS = (100, 600) if SOAK else (2048, None)
# A line of the guard's own may come when there is no room for it any more: it asks nobody.
LOG_FILES, LOG_FILE_MAX = 3, (10 << 20) + 1024

FRAME, MORE, ACK, MOTION = 0x85, 1, 0x02, 0x04

CONF = """[display]
sizes = 640x480, 800x600, 1024x768
[relaunch]
healthy_after = 0.1
fast_delay = 0.05
slow_after = 100000
give_up_after = 100000
"""
LINE = "what programs say all day long, line by line"
DESKTOP = ("display", "bus", "session")
SOUND = ("pipewire", "pipewire-pulse", "session-manager")
# Who starts anew when this one is killed.
TAKES_ALONG = {"host": ("host",), "display": DESKTOP, "session": DESKTOP}


def parts_of(status):
    return {c["name"]: c for c in status["components"]}


class Viewer(threading.Thread):
    """Somebody who comes, looks, types, goes, and comes again, until the round is over.

    Whom a death under way throws out tries again; otherwise nobody may be."""

    def __init__(self, load):
        super().__init__(daemon=True)
        self.load, self.n_visits, self.n_thrown_out, self.failure = load, 0, 0, None

    def run(self):
        page = None
        while not self.load.is_over.is_set() and not self.failure:
            try:
                page = self.visit(page)
                self.n_visits += 1
            except Exception as error:  # of whatever kind: it is told at the round's end
                page, self.n_thrown_out = None, self.n_thrown_out + 1
                if not self.load.deaths:
                    self.failure = error

    def visit(self, page):
        """By a link, and the next time by what he was given then; returns what is for that."""
        known = page or Page(self.load.home)
        socket = known.host.welcome(resume=page.resume)[0] if page else known.socket
        try:
            self.look(socket)
        finally:
            socket.close()
        return None if page else known

    def look(self, socket):
        for i in range(3):
            for letter in "hello\n":
                for down in (1, 0):
                    socket.send(struct.pack("<BBH", KEY, down, CODES[letter]))
            socket.send(struct.pack("<BHH", MOTION, 50 + 100 * i, 200))
            self.ping(socket, i)

    def ping(self, socket, cookie):
        """Takes the pictures that come before the answer."""
        socket.send(bytes([PING]) + struct.pack("<I", cookie))
        while True:
            kind, body = socket.message()
            if kind == FRAME and not body[0] & MORE:
                socket.send(bytes([ACK]) + body[1:5] + bytes(4))
            elif kind == PONG:
                check(struct.unpack("<I", body)[0] == cookie, "cookie")
                return


class Load:
    """What goes on in a desktop, by rounds; between them all is at rest."""

    def __init__(self, home, deaths, sound):
        self.home, self.kinds = home, deaths
        self.output = os.path.join(home.path, "output")
        os.mkfifo(self.output)
        self.writer = os.open(self.output, os.O_RDWR | os.O_NONBLOCK)
        self.make_identity()
        home.up("--display", "xvfb", "--session", f"cat <>{self.output} & xterm & exec openbox",
                session=None)
        self.parts = (*DESKTOP, "host", *(SOUND if sound else ()))
        self.restarts = dict.fromkeys(self.parts, 0)
        self.collisions = set()
        self.await_rest()
        self.deaths, self.is_over = 0, threading.Event()
        self.n_done = collections.Counter()

    def await_rest(self):
        """Until all is ready, after no deaths but ours, and nobody looks on; returns the status."""
        seen = {}

        def rests():
            seen.update(self.home.status())
            return (seen["state"] == "ready" and not seen["viewers"]
                    and all(parts_of(seen)[name]["state"] == "ready" for name in self.parts))
        wait_for(rests, "all rests", 60 * SLOW)
        restarts = {name: parts_of(seen)[name]["restarts"] for name in self.parts}
        for name in ("display", "bus"):
            restarts[name] -= self.count_collisions(seen)
        check(restarts == self.restarts, "restarts", restarts, "and not", self.restarts)
        return seen

    def count_collisions(self, status):
        """X servers that ended at once: a neighbour was faster to take the number."""
        self.collisions |= {end["pid"] for end in parts_of(status)["display"]["ends"]
                            if end.get("code") == 1 and not end["asked"]}
        return len(self.collisions)

    def make_identity(self):
        """It is no part of the load, and takes valgrind a minute."""
        path = os.path.join(self.home.config, "host.json")
        with open(path, "w") as f:
            json.dump(make_identity()[0], f)
        os.chmod(path, 0o600)

    # What happens:

    def kill(self, name):
        takes = {*TAKES_ALONG[name], *(SOUND if name != "host" else ())} & {*self.parts}
        before = parts_of(self.home.status())
        os.kill(before[name]["pid"], signal.SIGKILL)
        for part in takes:
            self.restarts[part] += 1

        def is_back():
            status = self.home.status()
            now = parts_of(status)
            return status["state"] == "ready" and all(
                now[p]["state"] == "ready" and now[p]["pid"] != before[p]["pid"] for p in takes)
        wait_for(is_back, f"{name} and what depends on it", 60 * SLOW)

    def kill_host(self):
        self.kill("host")

    def kill_session(self):
        self.kill("session")

    def kill_display(self):
        self.kill("display")

    def kill_supervisor(self):
        before = self.home.status()["supervisor_pid"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.home.status().get("supervisor_pid") not in (None, before),
                 "another supervisor", 60 * SLOW)

    def reload_exec(self):
        before = self.home.status()["supervisor_since"]
        self.command("reload", "--exec")
        check(self.home.status()["supervisor_since"] != before, "it is still the same")

    def command(self, *args):
        code, out, err = self.home.afar(*args)
        check(code == 0 and not err, args, code, out, err)
        return out

    def reload(self):
        self.command("reload")

    def link(self):
        self.command("link")

    def status(self):
        check(json.loads(self.command("status", "--json"))["state"] == "ready")

    def stats(self):
        """A host that is slow under valgrind may take longer than anybody waits for it."""
        code, out, err = self.home.afar("stats", "--json")
        check(code == 0 or "does not answer" in err, code, out, err)

    def resize(self):
        env = {**self.home.env, "DISPLAY": self.home.status()["display"],
               "XAUTHORITY": os.path.join(self.home.runtime, "afar", "xauthority")}
        for size in ("800x600", "640x480"):
            done = subprocess.run(["xrandr", "-s", size], env=env, capture_output=True, text=True)
            check(done.returncode == 0, done)

    def print(self):
        for _ in range(16):
            try:
                os.write(self.writer, (LINE + "\n").encode() * 64)
            except BlockingIOError:  # nobody reads while there is no session
                return

    # And when:

    def round(self, number):
        """All of it in some order, and one death, while viewers come and go; returns which."""
        self.is_over.clear()
        death = self.kinds[number % len(self.kinds)]
        todo = [self.resize, self.reload, self.print, self.link, self.status, self.print, self.link,
                self.stats]
        RANDOM.shuffle(todo)
        todo.insert(RANDOM.randrange(len(todo) + 1), lambda: self.die(death))
        viewers = [Viewer(self) for _ in range(N_VIEWERS)]
        for viewer in viewers:
            viewer.start()
        try:
            for act in todo:
                act()
        finally:
            self.is_over.set()
        for viewer in viewers:
            viewer.join(60 * SLOW)
            check(not viewer.is_alive() and not viewer.failure, "a viewer:", repr(viewer.failure))
            self.n_done["visits"] += viewer.n_visits
            self.n_done["thrown out"] += viewer.n_thrown_out
        self.deaths = 0
        self.n_done["rounds"] += 1
        return death

    def die(self, name):
        self.deaths += 1
        getattr(self, name)()
        self.n_done[name] += 1

    def log_is_within_its_limits(self):
        directory = os.path.join(self.home.path, ".local/state/afar")
        sizes = [os.stat(path).st_size for path in glob.glob(directory + "/afar.log*")]
        check(len(sizes) <= LOG_FILES and max(sizes) <= LOG_FILE_MAX, sizes)


class OwnFds(Fds):
    """Without those that valgrind has beside the program's."""

    def __init__(self, pid):
        super().__init__(pid)
        for kind in list(self.kinds):
            if kind.startswith(("/tmp/valgrind_proc_", Reports.prefix)):
                del self.kinds[kind]


class Measured:
    """Guard, supervisor and host at the ends of rounds."""

    def __init__(self, load, living, counts_memory):
        self.load, self.living, self.counts_memory = load, living, counts_memory
        self.lives, self.fds, self.points = {}, {}, collections.defaultdict(list)
        self.began = time.monotonic()

    def pids(self):
        status = self.load.await_rest()
        return {"guard": status["guard_pid"], "supervisor": status["supervisor_pid"],
                "host": parts_of(status)["host"]["pid"]}

    def look(self, death):
        """The first time it is how it has to be from now on. Who was replaced is as he was after
        the last death of that kind: a supervisor has other descriptors for children of its own
        than for those of another."""
        pids = self.pids()
        for name, pid in pids.items():
            key = name if name in self.living else (name, death)
            if key not in self.fds:
                self.fds[key] = OwnFds.at_rest(pid)
            self.fds[key].pid = pid
            self.fds[key].settle(10 * SLOW)
        check(all(self.lives.setdefault(n, pids[n]) == pids[n] for n in self.living), self.lives, pids)
        for name in self.living:
            self.points[name].append((time.monotonic() - self.began, rss_kib(pids[name])))

    def check(self):
        for name, points in self.points.items():
            print(f"# {name}: {len(self.fds[name])} descriptors at {len(points)} rests", flush=True)
            if not self.counts_memory:
                continue
            seconds = RSS_SECONDS or points[-1][0] - points[0][0]
            kib = slope(points) * seconds
            print(f"# {name}: {points[0][1]} to {points[-1][1]} KiB, {kib:+.0f} KiB in {seconds:.0f} s")
            check(kib <= RSS_KIB, name, "grows by", kib, points[:: max(1, len(points) // 50)])


def soak(deaths, living, seconds, sound=True, counts_memory=True, env=()):
    with Home(CONF) as home:
        home.env.update(env)
        try:
            soak_at(home, deaths, living, seconds, sound, counts_memory)
        except Exception:
            lines = [line for line in home.log().splitlines() if not line.endswith(LINE)]
            print("# the log ends with\n#", "\n# ".join(lines[-100:]), flush=True)
            raise


def soak_at(home, deaths, living, seconds, sound, counts_memory):
    load = Load(home, deaths, sound)
    n, end = 0, time.monotonic() + seconds

    def goes_on(n_laps, share):
        return time.monotonic() < end - seconds * (1 - share) if SOAK else n < n_laps * len(deaths)
    # Who was just started still fills his pools and tables.
    while goes_on(N_WARM, 0.25):
        load.round(n)
        load.await_rest()
        n += 1
    measured = Measured(load, living, counts_memory)
    while goes_on(N_WARM + N_MEASURED, 1):
        measured.look(load.round(n))
        load.log_is_within_its_limits()
        n += 1
    print("#", ", ".join(f"{count} {what}" for what, count in load.n_done.items()), flush=True)
    measured.check()
    check(load.n_done["visits"] >= load.n_done["rounds"], load.n_done)
    check(home.afar("stop")[0] == 0)
    os.close(load.writer)


# While the one lives on, these die.
SUPERVISOR_LIVES = (("kill_host", "kill_session", "kill_display"), ("guard", "supervisor"))
HOST_LIVES = (("kill_supervisor", "reload_exec", "kill_session"), ("guard", "host"))


class Reports:
    """What sanitizers have to say, in files of their own: standard error is the log."""

    prefix = "/var/tmp/afar-reports-"

    def __init__(self):
        self.path = tempfile.mkdtemp(dir="/var/tmp", prefix=os.path.basename(self.prefix))
        self.env = {name: os.environ.get(name, "") + f":log_path={self.path}/{name}"
                    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")}

    def texts(self):
        found = {}
        for name in os.listdir(self.path):
            with open(os.path.join(self.path, name), errors="replace") as f:
                found[name] = f.read()
        return found

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        texts = self.texts()
        shutil.rmtree(self.path)
        for name, text in texts.items():
            if is_report(text):
                print(f"# {name}:\n# " + "\n# ".join(text.splitlines()[:60]), flush=True)
        check(failure or not any(map(is_report, texts.values())), "there are reports")


def is_report(text):
    """Of a sanitizer, or of valgrind, which has a heading and a summary in each: is there a stack?"""
    return re.search(r"^==\d+==(ERROR| +at 0x)|^WARNING: Thread|runtime error", text, re.M)


class UnderValgrind(Installation):
    """Guard, supervisors and hosts start as their own names' scripts, and then are the real ones.

    The kernel has the tool's name for them, and a supervisor takes who has its own for a copy of
    itself (family.h): so each has a tool of its own name."""

    LIBRARY, TOOL = "/usr/libexec/valgrind", "memcheck"

    def __init__(self, reports):
        super().__init__()
        self.library = self.file("valgrind")
        os.mkdir(self.library)
        for name in ("afar-guard", "afar-supervisor", "afar-host"):
            os.rename(self.file(name), self.file(name + ".real"))
            for file in os.listdir(self.LIBRARY):
                link = os.path.join(self.library, file.replace(self.TOOL, name))
                if not os.path.lexists(link):
                    os.symlink(os.path.join(self.LIBRARY, file), link)
            self.put(name, lambda path: self.write(path, name, os.path.join(reports.path, name)))

    def write(self, path, name, report):
        with open(path, "w") as f:
            f.write(f"""#!/bin/sh
export VALGRIND_LIB={self.library}
exec valgrind --tool={name} --leak-check=full --show-leak-kinds=definite \\
	--errors-for-leak-kinds=definite --error-exitcode=99 --vgdb=no --child-silent-after-fork=yes \\
	--log-file="$(mktemp {report}.XXXXXX)" {self.file(name)}.real "$@"
""")


def under_valgrind(deaths, living):
    with Reports() as reports, UnderValgrind(reports):
        soak(deaths, living, SECONDS / 2, sound=False, counts_memory=False)
        ended = [name for name, text in reports.texts().items() if "ERROR SUMMARY: 0 errors" in text]
        print(f"# {len(reports.texts())} processes, {len(ended)} of them without an error to their end")
        for program in ("afar-guard", "afar-supervisor", "afar-host"):
            check(any(name.startswith(program) for name in ended), program, "never ended by itself")


def sanitized(deaths, living):
    with Reports() as reports:
        soak(deaths, living, SECONDS / 2, counts_memory=not SANITIZED, env=reports.env)


def a_supervisor_is_after_many_deaths_and_viewers_as_it_was():
    sanitized(*SUPERVISOR_LIVES)


def a_host_is_after_many_supervisors_and_viewers_as_it_was():
    sanitized(*HOST_LIVES)


def valgrind_has_no_complaint_of_a_supervisors_life():
    under_valgrind(*SUPERVISOR_LIVES)


def valgrind_has_no_complaint_of_a_hosts_life():
    under_valgrind(*HOST_LIVES)


print(f"# seed {SEED}", flush=True)
tests = [
    a_supervisor_is_after_many_deaths_and_viewers_as_it_was,
    a_host_is_after_many_supervisors_and_viewers_as_it_was,
]
if SOAK and not SANITIZED:
    tests += [
        valgrind_has_no_complaint_of_a_supervisors_life,
        valgrind_has_no_complaint_of_a_hosts_life,
    ]
if __name__ == "__main__":
    if len(sys.argv) > 2:
        tests = [t for t in tests if sys.argv[2] in t.__name__]
    sys.exit(run(tests))

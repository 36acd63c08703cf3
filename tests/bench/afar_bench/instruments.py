# SPDX-License-Identifier: BSD-3-Clause
"""What judge.py measures with: the workloads, Chromium, the processes' CPU, and servers that stay
up from one figure to the next."""

import json
import os
import re
import select
import subprocess
import sys

from . import rivals
from .desktop import CannotMeasure, cpu_seconds, run
from .rivals import AFAR, NotInstalled

FULL_HD, FOUR_K = (1920, 1080), (3840, 2160)
RATE = 60


# --- processes ---

def children():
    """pid → pids of its children."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(int(pid))
    return found


def cpu_below(pid, among=None):
    """Of all that process has started, itself not."""
    among = among or children()
    return sum(seconds_if_there(child) + cpu_below(child, among) for child in among.get(pid, ()))


def seconds_if_there(pid):
    try:
        return cpu_seconds(pid)
    except OSError:
        return 0


def cpu_of(processes):
    """name → seconds so far, with those of its children."""
    among = children()
    return {name: cpu_seconds(pid) + cpu_below(pid, among) for name, pid in processes.items()}


def bytes_sent(port):
    """By the connections of that port which are open now."""
    said = run(["ss", "-Htin", "state", "established", f"( sport = :{port} )"])
    return sum(map(int, re.findall(r"bytes_sent:(\d+)", said)))


# --- what is shown, and where ---

class Work:
    """workload.c on a server's display."""

    def __init__(self, bench, server, name):
        self.process = subprocess.Popen([bench.helper("workload"), name], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, **server.environment()})
        if self.answer("ready") != list(server.size):
            raise CannotMeasure(f"{name} has another screen")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def order(self, line):
        self.process.stdin.write(line + "\n")

    def has_answered(self, seconds=0):
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def answer(self, word):
        said = self.process.stdout.readline().split()
        if not said or said[0] != word:
            raise CannotMeasure(f"the workload said {' '.join(said) or 'nothing'}")
        return [int(number) for number in said[1:]]

    def step(self):
        """When it was done: seconds of CLOCK_MONOTONIC."""
        self.order("step")
        return self.answer("done")[1] / 1e6

    def begin(self, seconds):
        self.order(f"run {seconds} {RATE}")
        self.answer("begun")

    def end(self):
        return self.answer("ended")[0]


def write_screen(bench, server, path):
    """The X server's own picture, RGB."""
    program = os.path.join(bench.build, "tests", "fakes", "fake-screen")
    done = subprocess.run([program], input=b"\n", stdout=subprocess.PIPE, check=True,
                          env={**os.environ, **server.environment()})
    with open(path, "wb") as file:
        file.write(done.stdout.partition(b"\n")[2])


class Browser:
    """judge.mjs."""

    def __init__(self, bench):
        script = os.path.join(bench.source, "tests", "bench", "judge.mjs")
        self.process = subprocess.Popen(["node", script], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise CannotMeasure("Chromium does not start")

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        answer = json.loads(self.process.stdout.readline() or '{"error": "Chromium ended"}')
        if "error" in answer:
            raise CannotMeasure(answer["error"])
        return answer

    def show(self, server):
        """Milliseconds until the first whole picture."""
        width, height = server.size
        return self.order(do="open", url=server.url(), selector=server.selector, width=width,
                          height=height)["ms"]

    def cpu_seconds(self):
        return cpu_below(self.process.pid)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Shown:
    """A server's page, open in the browser for a while."""

    def __init__(self, bench, server):
        self.browser = browser(bench)
        self.server = server

    def __enter__(self):
        self.browser.show(self.server)
        return self.browser

    def __exit__(self, *unused):
        self.browser.order(do="close")


# --- who is measured ---

def kept(bench, name, make):
    """Made at most once in a bench, and closed at its end."""
    if name not in bench.kept:
        bench.kept[name] = make()
        bench.at_end.callback(bench.kept[name].close)
    return bench.kept[name]


def browser(bench):
    return kept(bench, "browser", lambda: Browser(bench))


def server_of(bench, name, size=FULL_HD):
    return kept(bench, (name, size), lambda: rivals.make(name, size, bench.build))


def only_rivals(bench, names, measure, size=FULL_HD):
    """Rival → its figures; None where it is not installed, a word where it did not work."""
    found = {}
    for name in names:
        try:
            found[name] = measure(server_of(bench, name, size))
        except NotInstalled:
            found[name] = None
        except (CannotMeasure, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            found[name] = "failed"
    return found


def each(bench, names, measure, size=FULL_HD):
    """(afar's figures, the rivals')"""
    return measure(server_of(bench, AFAR, size)), only_rivals(bench, names, measure, size)


def pick(theirs, key):
    """One figure of each that has any."""
    return {name: figures[key] if isinstance(figures, dict) else figures
            for name, figures in theirs.items()}

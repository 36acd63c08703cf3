# SPDX-License-Identifier: BSD-3-Clause
"""How soon a desktop is whole again, and how soon it is gone."""

import json
import os
import signal
import socket
import statistics
import time

from .desktop import CannotMeasure, Desktop, run

XVFB = ("--display", "xvfb")
OPENBOX = ("--session", "openbox")


def ask(path):
    """The status document over the control socket; None when the supervisor died over it."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        try:
            s.connect(path)
            s.sendall(b'{"type":"get_status"}\n')
            answer = b""
            while not answer.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    return None
                answer += more
        except OSError:
            return None
    return json.loads(answer)["body"]


def measure_takeover(bench):
    """The supervisor is killed with SIGKILL: until its successor answers on the control socket,
    where the question waits meanwhile. Floor: a program that starts the next when its child has
    ended, and does nothing else."""
    times = []
    with Desktop(bench.build, (*XVFB, *OPENBOX)) as desktop:
        desktop.start()
        control = os.path.join(desktop.env["XDG_RUNTIME_DIR"], "afar", "control")
        before = ask(control)
        pids = {c["name"]: c["pid"] for c in before["components"]}
        for _ in range(bench.pick(20, 5)):
            status = ask(control)
            began = time.monotonic()
            os.kill(status["supervisor_pid"], signal.SIGKILL)
            now = None
            while not now or now["supervisor_pid"] == status["supervisor_pid"]:
                now = ask(control)
            times.append((time.monotonic() - began) * 1e3)
        now = {c["name"]: c["pid"] for c in ask(control)["components"]}
        if any(now[name] != pids[name] for name in ("display", "session", "host")):
            raise CannotMeasure("the desktop did not live through it")
    floor = run([bench.helper("floor-relaunch"), "20", bench.helper("stamp")]).split()
    bench.add("supervisor killed → the next answers", "ms", statistics.median(times),
              floor=statistics.median(map(int, floor)) / 1e3, limit=100,
              note=f"median of {len(times)}; most {max(times):.0f}")


def measure_host_return(bench):
    """Our own host killed with SIGKILL after a healthy life: until another process is there, and
    until that one is ready, as the supervisor says."""
    started, ready = [], []
    with Desktop(bench.build, (*XVFB, *OPENBOX)) as desktop:
        desktop.start()
        control = os.path.join(desktop.env["XDG_RUNTIME_DIR"], "afar", "control")
        for _ in range(bench.pick(5, 2)):
            time.sleep(1.3)  # longer than fast_delay, which would be measured otherwise
            host = next(c for c in ask(control)["components"] if c["name"] == "host")
            began = time.monotonic()
            os.kill(host["pid"], signal.SIGKILL)
            while True:
                now = next(c for c in ask(control)["components"] if c["name"] == "host")
                if now["pid"] in (None, host["pid"]):
                    continue
                if len(started) == len(ready):
                    started.append((time.monotonic() - began) * 1e3)
                if now["state"] == "ready":
                    ready.append((time.monotonic() - began) * 1e3)
                    break
    bench.add("host killed → next process", "ms", statistics.median(started), limit=50)
    bench.add("host killed → next is ready", "ms", statistics.median(ready), limit=500)


def measure_forest(bench):
    """`afar stop` with a session of 5,000 processes, which act on SIGTERM or not."""
    n = bench.pick(5000, 500)
    forest = os.path.join(bench.build, "tests", "fakes", "fake-forest")
    for how, limit in (("obey", 1), ("ignore", 10.5)):
        with Desktop(bench.build) as desktop:
            planted = os.path.join(desktop.directory, "planted")
            desktop.options = [*XVFB, "--session", f"exec {forest} {n} {how} {planted}"]
            desktop.start()
            while not os.path.exists(planted):
                time.sleep(0.05)
            began = time.monotonic()
            desktop.stop()
            bench.add(f"stop, {n} processes that {how}", "s", time.monotonic() - began, limit=limit)


FIGURES = {
    "takeover": measure_takeover,
    "return": measure_host_return,
    "forest": measure_forest,
}

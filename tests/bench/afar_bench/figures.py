# SPDX-License-Identifier: BSD-3-Clause
"""What is measured. Each function takes a Bench and adds its figures to it; each measures its
floor in the same run, on the same machine, taking turns with it where both take long."""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import time

from .desktop import CannotMeasure, Child, Desktop, XServer, accepts, run
from .viewer import CURSOR, Viewer

MIB = 1 << 20
WIDTH, HEIGHT = 1920, 1080
SIZE = ("--size", f"{WIDTH}x{HEIGHT}")
OPENBOX = ("--session", "openbox")
KEY_A, KEY_SPACE = 30, 57  # evdev


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# --- start ---

def has_window_manager(bench, env):
    """Asked of the display itself, since `afar start` is not to be believed here."""
    argv = [bench.helper("floor-start"), "--check", env["DISPLAY"], env["XAUTHORITY"]]
    return subprocess.run(argv, check=False).returncode == 0


def start_once(bench, desktop):
    seconds = desktop.start()
    if not accepts(desktop.port()) or not has_window_manager(bench, desktop.x_environment()):
        raise CannotMeasure("`afar start` said ready too early")
    desktop.stop()
    return seconds


def measure_start(bench):
    """`afar start` until it says ready (the host accepts, the window manager has set its
    property: both are checked from outside), with an identity and nothing else there. Floor: the
    same X server, same options, and openbox, started by a program that does nothing else."""
    ours, floor = [], []
    with Desktop(bench.build, OPENBOX) as desktop:
        desktop.start()
        argv = desktop.x_argv(bench.directory("start"))
        authority = argv[argv.index("-auth") + 1]
        desktop.stop()
        for _ in range(bench.pick(11, 5)):
            floor.append(int(run([bench.helper("floor-start"), authority, "openbox", *argv],
                                 env=desktop.env)) / 1e6)
            ours.append(start_once(bench, desktop))
    bench.add("start to ready", "ms", statistics.median(ours) * 1e3,
              floor=statistics.median(floor) * 1e3, limit_ratio=1.4,
              note=f"median of {len(ours)}; {os.path.basename(argv[0])} and openbox")


# --- memory ---

def mappings(pid):
    """(name, size, PSS in bytes) of each mapping."""
    found = []
    try:
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
            for line in file:
                words = line.split()
                if words[0] == "Pss:":
                    found[-1][2] = int(words[1]) * 1024
                elif words[0] == "Size:":
                    found[-1][1] = int(words[1]) * 1024
                elif not words[0].endswith(":"):
                    found.append([words[5] if len(words) > 5 else "", 0, 0])
    except PermissionError as error:
        raise CannotMeasure("memory of these processes is shown to root only") from error
    return found


def pss(pid):
    return sum(size for _, _, size in mappings(pid))


def host_memory(pid):
    """PSS in total, and without the frames: the segment that the X server writes into and the
    copy of the screen, which is the one anonymous mapping of that size."""
    frame = WIDTH * HEIGHT * 4
    total = frames = 0
    for name, size, part in mappings(pid):
        total += part
        if "afar-capture" in name:
            frames += part
        elif not name and frame <= size < 2 * frame:
            frames += min(part, frame)
    return total, total - frames


def fill_screen(env):
    """A picture that is nowhere black or plain: every page of every frame is really there."""
    subprocess.run(["hsetroot", "-add", "#204080", "-add", "#e0c040", "-add", "#802040",
                    "-gradient", "37"], env={**os.environ, **env}, check=False)


def floor_memory(bench, name, env):
    with Child([bench.helper(name), env["DISPLAY"], env["XAUTHORITY"]]) as child:
        return pss(child.process.pid)


def measure_memory(bench):
    """PSS from /proc/PID/smaps. The viewer has had a whole picture with thousands of colours,
    so that all that is ever allocated for one is there. Floor: a process that has an event loop,
    a connection to the X server and a JSON library, and does nothing; for the host with
    libwebsockets, too."""
    with Desktop(bench.build, OPENBOX + SIZE) as desktop:
        desktop.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            fill_screen(desktop.x_environment())
            viewer.settle(0.5)
            if viewer.size != (WIDTH, HEIGHT):
                raise CannotMeasure(f"the picture has {viewer.size}")
            status = desktop.status()
            small = pss(status["supervisor_pid"]) + pss(status["guard_pid"])
            total, beyond = host_memory(desktop.pid("host"))
            floor, floor_web = (floor_memory(bench, name, desktop.x_environment())
                                for name in ("floor-memory", "floor-memory-web"))
    bench.add("supervisor and guard, PSS", "MiB", small / MIB, floor=floor / MIB, limit=3)
    bench.add("host beyond its frames, PSS", "MiB", beyond / MIB, floor=floor_web / MIB, limit=16,
              note=f"one viewer at 1080p; {total / MIB:.1f} MiB with them")


# --- idle ---

def switches(pid):
    """Context switches of all threads: (voluntary, involuntary)."""
    counts = [0, 0]
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith("voluntary"):
                    counts[0] += int(line.split()[1])
                elif line.startswith("nonvoluntary"):
                    counts[1] += int(line.split()[1])
    return counts


SYSTEM_BUS = "/run/dbus/system_bus_socket"


@contextlib.contextmanager
def system_bus(desktop):
    """Where there is none, Xorg logs that every 10 s for ever, and the supervisor must read it:
    gives the desktop one. Yields a remark about it."""
    if os.path.exists(SYSTEM_BUS):
        yield ""
        return
    argv = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    with Child(argv, stderr=subprocess.DEVNULL) as bus:
        desktop.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.line
        yield ", with a system bus made for this"


def measure_idle(bench):
    """A wake-up is a voluntary context switch, for each ends with one; all threads count. A viewer
    is connected and says nothing. Involuntary switches are told beside it: they come from what
    else runs on the machine, and only while the process is awake. Nobody looks at the processes meanwhile. The floor is none. Where no system bus
    runs, the desktop gets one of its own: without one Xorg itself wakes up every 10 s, to say
    that there is none."""
    seconds = bench.pick(60, 20)
    with Desktop(bench.build, OPENBOX + SIZE) as desktop, system_bus(desktop) as remark:
        desktop.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            viewer.settle(1.0)
            status = desktop.status()
            pids = {"supervisor": status["supervisor_pid"], "guard": status["guard_pid"],
                    "host": desktop.pid("host")}
            viewer.settle(1.0)
            before = {name: switches(pid) for name, pid in pids.items()}
            time.sleep(seconds)
            after = {name: switches(pid) for name, pid in pids.items()}
    for name, limit in (("supervisor", 0), ("guard", 0), ("host", 2)):
        voluntary, involuntary = (a - b for a, b in zip(after[name], before[name]))
        bench.add(f"{name}, wake-ups while idle", "", voluntary, floor=0, limit=limit,
                  note=f"in {seconds} s{remark}; interrupted by others {involuntary} times")


# --- key to pixel ---

def browser_figures(bench, desktop, what, tries):
    script = os.path.join(bench.source, "tests", "bench", "browser.mjs")
    env = {**os.environ, **desktop.env, "AFAR": desktop.program}
    return json.loads(run(["node", script, what, str(tries)], env=env).strip().split("\n")[-1])


def floor_key(bench, argv, tries):
    authority = argv[argv.index("-auth") + 1]
    with XServer(argv, authority) as x, Child([bench.helper("square"), x.display, authority]):
        lines = run([bench.helper("floor-key"), x.display, authority, str(tries)])
    return [int(line) / 1e3 for line in lines.split()]


def measure_key(bench):
    """A key event in headless Chromium (DevTools' Input.dispatchKeyEvent), timed from the page's
    keydown listener to the return of the putImageData that paints the new colour: browser.mjs
    says how that is seen. Floor: the same square on the same X server; XTEST → damage →
    ShmGetImage → TCP → a reader, all in C."""
    tries = bench.pick(300, 100)
    with Desktop(bench.build, OPENBOX + SIZE) as desktop:
        desktop.start()
        argv = desktop.x_argv(bench.directory("key"))
        env = desktop.x_environment()
        floor = floor_key(bench, argv, tries)
        with Child([bench.helper("square"), env["DISPLAY"], env["XAUTHORITY"]]):
            found = browser_figures(bench, desktop, "key", tries)
    if (found["width"], found["height"]) != (WIDTH, HEIGHT) or len(found["ms"]) < 0.95 * tries:
        raise CannotMeasure(f"{len(found['ms'])} of {tries} keys at "
                            f"{found['width']}x{found['height']}")
    note = f"{len(found['ms'])} keys, {found['lost']} without a change in time"
    bench.add("key → pixel in Chromium, median", "ms", statistics.median(found["ms"]),
              floor=statistics.median(floor), limit=3, note=note)
    bench.add("key → pixel in Chromium, p99", "ms", percentile(found["ms"], 0.99),
              floor=percentile(floor, 0.99), limit=8)


# --- bytes of a typed character ---

def type_one(viewer, key):
    """(bytes down, bytes up, bytes of the rectangles' pixels if nothing were compressed)"""
    down, up = viewer.down, viewer.up
    viewer.rectangles.clear()
    viewer.key(key, True)
    viewer.receive()
    viewer.key(key, False)
    viewer.settle(0.04)
    bare = sum((w * bits + 7) // 8 * h for bits, w, h in viewer.rectangles)
    return viewer.down - down, viewer.up - up, bare


def measure_typed(bench):
    """One key down and up over a WebSocket that acknowledges as the page does; all its payload
    counts, also status and cursor. xterm runs cat, so nothing but the terminal's echo is drawn.
    Floor, down: the pixels of the same rectangles, packed, without any header."""
    fonts = (("bitmap font", ["-fn", "fixed"]),
             ("Xft font", ["-fa", "DejaVu Sans Mono", "-fs", "11"]))
    with Desktop(bench.build, OPENBOX + SIZE) as desktop:
        desktop.start()
        env = {**os.environ, **desktop.x_environment()}
        with Viewer(desktop.port(), desktop.token()) as viewer:
            for name, options in fonts:
                shell = ["sh", "-c", "echo up >/proc/$PPID/fd/1; exec cat"]
                argv = ["xterm", *options, "-geometry", "100x30+100+100", "-e", *shell]
                with Child(argv, env):
                    viewer.settle(0.5)
                    typed = [type_one(viewer, KEY_A + i % 9) for i in range(52)][2:]
                viewer.settle(0.3)
                down, up, bare = (statistics.median(column) for column in zip(*typed))
                bench.add(f"typed character, down ({name})", "B", down, floor=bare, limit=300,
                          note=f"median of {len(typed)}; most {max(d for d, _, _ in typed)}")
                bench.add(f"typed character, up ({name})", "B", up, floor=8, limit=60,
                          note="floor: key down and up")


# --- page to picture ---

def measure_open(bench):
    """From the start of the navigation to the last putImageData of the first whole picture, in
    a browser context that knows nothing, with the session that comes with afar. Floor: a page
    from a bare server that paints one picture at once."""
    session = os.path.join(bench.build, "packaging", "session", "session")
    with Desktop(bench.build, ("--session", session) + SIZE) as desktop:
        desktop.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            viewer.settle(1.0)
        found = browser_figures(bench, desktop, "open", bench.pick(9, 5))
    bench.add("page opened → whole picture", "ms", statistics.median(found["ms"]),
              floor=statistics.median(found["floor"]), limit=500,
              note=f"median of {len(found['ms'])}; most {max(found['ms']):.0f}")


# --- ping ---

def floor_ping(bench, tries):
    times = []
    with Child([bench.helper("floor-echo")]) as echo, \
            socket.create_connection(("127.0.0.1", int(echo.line))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(tries):
            start = time.perf_counter()
            connection.sendall(b"0123456789a")
            connection.recv(64)
            times.append(time.perf_counter() - start)
    return times


def measure_ping(bench):
    """PING → PONG with a client in Python, which is part of the figure as it is of the floor: a
    bare TCP echo in C, asked with as many bytes by the same client."""
    tries = bench.pick(2000, 500)
    with Desktop(bench.build, OPENBOX + SIZE) as desktop:
        desktop.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            viewer.settle(0.5)
            floor = floor_ping(bench, tries)
            ours = [viewer.ping(i + 1) for i in range(tries)]
    bench.add("PING → PONG, median", "ms", statistics.median(ours) * 1e3,
              floor=statistics.median(floor) * 1e3)
    bench.add("PING → PONG, p99", "ms", percentile(ours, 0.99) * 1e3,
              floor=percentile(floor, 0.99) * 1e3)


FIGURES = {
    "start": measure_start,
    "memory": measure_memory,
    "key": measure_key,
    "typed": measure_typed,
    "open": measure_open,
    "ping": measure_ping,
    "idle": measure_idle,
}

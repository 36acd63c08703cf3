# SPDX-License-Identifier: BSD-3-Clause
"""What is measured. Each function takes a Bench and adds its figures to it; each measures its
floor in the same run, on the same machine, taking turns with it where both take long."""

import contextlib
import json
import os
import select
import signal
import socket
import statistics
import subprocess
import time

from . import judge, survival
from .contract import NAME, Contract, Stamped
from .desktop import (CannotMeasure, Child, Desktop, XServer, accepts, cpu_seconds, percentile,
                      run)
from .viewer import CURSOR, Viewer

MIB = 1 << 20
WIDTH, HEIGHT = 1920, 1080
SIZE = ("--size", f"{WIDTH}x{HEIGHT}")
OPENBOX = ("--session", "openbox")
KEY_A, KEY_SPACE = 30, 57  # evdev
HOST = NAME + "-host"
XVFB = {"CHROME_REMOTE_DESKTOP_USE_XVFB": ""}
# What the vendor's script needs for it, on this kind of machine.
SCRIPTS_START_MS = 645


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


def floor_host(bench, desktop, argv):
    """X server and host, started by a program that does nothing else: milliseconds."""
    authority = argv[argv.index("-auth") + 1]
    return int(run([bench.helper("floor-start"), "--host", authority, desktop.script + "-host",
                    *argv], env=desktop.env)) / 1e3


def floor_desktop(bench, desktop, argv):
    authority = argv[argv.index("-auth") + 1]
    return int(run([bench.helper("floor-start"), authority, "openbox", *argv],
                   env=desktop.env)) / 1e3


def start_contract_once(bench, desktop):
    host, whole = desktop.start_timed()
    if not has_window_manager(bench, desktop.x_environment()):
        raise CannotMeasure("the supervisor said ready too early")
    desktop.stop()
    return host * 1e3, whole * 1e3


def measure_contract(bench):
    """As `start`, by the contract: from the execution of its command (of the guard, where afar does
    not answer to the vendor's name) to READY on descriptor 202, which the host's SIGUSR1 causes,
    and to a session with a window manager. The host is one that is ready at once. Floors: the
    same X server, started directly, with the same host or with openbox. The target of the first
    is a quarter of what the vendor's script needs on Xvfb, 645 ms."""
    for name, env in (("Xvfb", XVFB), ("Xorg", {})):
        found = {"host": [], "whole": [], "floor host": [], "floor whole": []}
        with Contract(bench, env) as desktop:
            desktop.start()
            argv = desktop.x_argv(bench.directory("contract-" + name))
            desktop.stop()
            for _ in range(bench.pick(11, 5)):
                found["floor host"].append(floor_host(bench, desktop, argv))
                found["floor whole"].append(floor_desktop(bench, desktop, argv))
                host, whole = start_contract_once(bench, desktop)
                found["host"].append(host)
                found["whole"].append(whole)
        middle = {key: statistics.median(values) for key, values in found.items()}
        note = f"median of {len(found['host'])}; {os.path.basename(argv[0])}"
        bench.add(f"contract, start to host ready ({name})", "ms", middle["host"],
                  floor=middle["floor host"], limit=SCRIPTS_START_MS // 4, note=note)
        bench.add(f"contract, start to ready ({name})", "ms", middle["whole"],
                  floor=middle["floor whole"], limit_ratio=1.4, note=note + " and openbox")


# --- stop ---

def seconds_to_end(pid):
    """From SIGTERM to the end of one process."""
    fd = os.pidfd_open(pid)
    try:
        start = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        select.select([fd], [], [], 30)
        return time.monotonic() - start
    finally:
        os.close(fd)


def slowest_end(bench, desktop):
    """(seconds, name) of the child that takes longest, each ended alone."""
    found = []
    for name in ("host", "session", "display"):
        times = []
        for _ in range(bench.pick(3, 1)):
            desktop.start()
            times.append(seconds_to_end(desktop.pid(name)))
            desktop.stop()
        found.append((statistics.median(times), name))
    return max(found)


def measure_stop(bench):
    """`afar stop`, and SIGTERM to the guard by the contract, until nothing is left of a desktop
    whose parts all obey; without the time that the slowest of them needs when it is ended alone."""
    for name, desktop in (("", Desktop(bench.build, OPENBOX)), ("contract, ", Contract(bench))):
        with desktop:
            slowest, which = slowest_end(bench, desktop)
            times = []
            for _ in range(bench.pick(7, 3)):
                desktop.start()
                start = time.monotonic()
                desktop.stop()
                times.append(time.monotonic() - start)
        whole = statistics.median(times)
        bench.add(f"{name}stop, beyond the slowest part", "ms", max(0, whole - slowest) * 1e3,
                  limit=50, note=f"median of {len(times)}; {whole * 1e3:.0f} ms in all, "
                                 f"the {which} alone {slowest * 1e3:.0f} ms")


# --- status ---

def measure_status(bench):
    """`--get-status` under the vendor's name while a desktop runs, from fork to the end of the
    process. Floor: true(1), started by the same program."""
    tries = bench.pick(50, 20)
    command = [bench.helper("time-command"), str(tries)]
    with Contract(bench) as desktop:
        desktop.start()
        ours = run([*command, desktop.script, "--get-status"], env=desktop.env).split()
        floor = run([*command, "true"], env=desktop.env).split()
    bench.add("--get-status", "ms", statistics.median(map(int, ours)) / 1e3,
              floor=statistics.median(map(int, floor)) / 1e3, limit=5, note=f"median of {tries}")


# --- relaunch ---

def wait_for_age(since, seconds):
    """It has to have lived that long, or the back-off is what would be measured."""
    time.sleep(max(0, since + seconds - time.monotonic()))


def measure_host(bench):
    """The host is killed after 5 s of life, by the contract: from the SIGKILL to the first
    instruction of the next one's main(), which writes down the time itself. Each is an end that
    counts, so there are fewer than would slow it down. Floor: a program that waits for its child
    and starts the next, nothing else."""
    times = []
    with Contract(bench) as desktop:
        desktop.start()
        pid, since = desktop.stamps.wait(HOST)
        for _ in range(bench.pick(4, 2)):
            wait_for_age(since, 5.2)
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            pid, since = desktop.stamps.wait(HOST)
            times.append((since - killed) * 1e3)
    floor = run([bench.helper("floor-relaunch"), "20", bench.helper("stamp")]).split()
    bench.add("contract, host killed → next", "ms", statistics.median(times),
              floor=statistics.median(map(int, floor)) / 1e3, limit=5,
              note=f"median of {len(times)}; most {max(times):.2f}")


def next_session(desktop, part):
    """Kills that part of the desktop. When the next desktop's session began, and the milliseconds
    until then."""
    pid = desktop.pid(part)
    desktop.stamps.clear()
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    if isinstance(desktop, Contract):
        status = desktop.wait()
        if status != 41:
            raise CannotMeasure(f"the daemon ended with {status}")
        desktop.launch()
    since = desktop.stamps.wait("session")[1]
    return since, (since - killed) * 1e3


def measure_desktop(bench):
    """Session or X server killed, until main() of what the next desktop's session starts with: a
    desktop is renewed as a whole. In our own flavour after more than the second that its back-off
    is; by the contract after a healthy life, which AFAR_TEST_TIME_SCALE makes one second of a
    minute: then the daemon ends with 41, and is started anew by the one who measures, as
    user-session does. Floor: the same X server, and one program once it answers."""
    kinds = (("", Stamped, {}), ("contract, ", Contract, {"AFAR_TEST_TIME_SCALE": "60"}))
    with Contract(bench) as model:
        model.start()
        argv = model.x_argv(bench.directory("desktop"))
        model.stop()
        for part, what, limit in (("session", "session", 200), ("display", "X", 250)):
            for name, kind, env in kinds:
                times, floor = [], []
                with kind(bench, env) as desktop:
                    desktop.start()
                    since = desktop.stamps.wait("session")[1]
                    for _ in range(bench.pick(4, 2)):
                        floor.append(floor_host(bench, model, argv))
                        wait_for_age(since, 1.3)
                        since, passed = next_session(desktop, part)
                        times.append(passed)
                bench.add(f"{name}{what} killed → next session", "ms",
                          statistics.median(times), floor=statistics.median(floor), limit=limit,
                          note=f"median of {len(times)}; most {max(times):.0f}")


# --- flood ---

def share_of_cat(printing):
    """Of one core, while it reads that as it comes."""
    with subprocess.Popen(printing, shell=True, stdout=subprocess.PIPE) as writer:
        start = time.monotonic()
        cat = subprocess.Popen(["cat"], stdin=writer.stdout, stdout=subprocess.DEVNULL)
        usage = os.wait4(cat.pid, 0)[2]
        return (usage.ru_utime + usage.ru_stime) / (time.monotonic() - start)


def measure_flood(bench):
    """A session prints lines as fast as it can: the supervisor's share of one core meanwhile.
    Floor: that of cat(1), which reads all of the same."""
    size = bench.pick(1 << 30, 1 << 28)
    gate = os.path.join(bench.directory("flood"), "gate")
    os.mkfifo(gate)
    printing = f"yes {'x' * 63} | head -c {size}"
    session = f"openbox >/dev/null 2>&1 & read x <{gate}; {printing}; echo >{gate}; wait"
    with Desktop(bench.build, ("--session", session)) as desktop:
        desktop.start()
        pid = desktop.status()["supervisor_pid"]
        used = cpu_seconds(pid)
        with open(gate, "w", encoding="utf-8") as file:
            file.write("\n")
        start = time.monotonic()
        with open(gate, encoding="utf-8") as file:
            file.read()
        took = time.monotonic() - start
        used = cpu_seconds(pid) - used
    bench.add("flood, of one core", "%", used / took * 100, floor=share_of_cat(printing) * 100,
              limit=20, note=f"{size // MIB} MiB in {took:.1f} s")


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
    libwebsockets, too. The supervisor alone is measured in both flavours."""
    with Desktop(bench.build, OPENBOX + SIZE) as desktop:
        desktop.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            fill_screen(desktop.x_environment())
            viewer.settle(0.5)
            if viewer.size != (WIDTH, HEIGHT):
                raise CannotMeasure(f"the picture has {viewer.size}")
            status = desktop.status()
            supervisor = pss(status["supervisor_pid"])
            small = supervisor + pss(status["guard_pid"])
            total, beyond = host_memory(desktop.pid("host"))
            floor, floor_web = (floor_memory(bench, name, desktop.x_environment())
                                for name in ("floor-memory", "floor-memory-web"))
    with Contract(bench) as desktop:
        desktop.start()
        contract = pss(desktop.status()["supervisor_pid"])
    bench.add("supervisor, PSS", "MiB", supervisor / MIB, floor=floor / MIB, limit=2)
    bench.add("contract, supervisor, PSS", "MiB", contract / MIB, floor=floor / MIB, limit=2)
    bench.add("supervisor and guard, PSS", "MiB", small / MIB, floor=floor / MIB, limit=3)
    bench.add("host beyond its frames, PSS", "MiB", beyond / MIB, floor=floor_web / MIB, limit=20,
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
def system_bus(*desktops):
    """Where there is none, Xorg logs that every 10 s for ever, and the supervisor must read it:
    gives the desktops one. Yields a remark about it."""
    if os.path.exists(SYSTEM_BUS):
        yield ""
        return
    argv = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    with Child(argv, stderr=subprocess.DEVNULL) as bus:
        for desktop in desktops:
            desktop.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.line
        yield ", with a system bus made for this"


def measure_idle(bench):
    """A wake-up is a voluntary context switch, for each ends with one; all threads count. A viewer
    is connected and says nothing. Involuntary switches are told beside it: they come from what
    else runs on the machine, and only while the process is awake. Nobody looks at the processes meanwhile. The floor is none. Where no system bus
    runs, the desktop gets one of its own: without one Xorg itself wakes up every 10 s, to say
    that there is none. A desktop by the contract runs beside it meanwhile."""
    seconds = bench.pick(60, 20)
    with Desktop(bench.build, OPENBOX + SIZE) as desktop, Contract(bench) as contract, \
            system_bus(desktop, contract) as remark:
        desktop.start()
        contract.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            viewer.settle(1.0)
            status, theirs = desktop.status(), contract.status()
            pids = {"supervisor": status["supervisor_pid"], "guard": status["guard_pid"],
                    "host": desktop.pid("host"),
                    "contract, supervisor": theirs["supervisor_pid"],
                    "contract, guard": theirs["guard_pid"]}
            viewer.settle(1.0)
            before = {name: switches(pid) for name, pid in pids.items()}
            time.sleep(seconds)
            after = {name: switches(pid) for name, pid in pids.items()}
    limits = {"supervisor": 0, "guard": 0, "host": 2, "contract, supervisor": 0,
              "contract, guard": 0}
    for name, limit in limits.items():
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
    theirs = judge.key_in_browser(bench, bench.pick(100, 30))
    bench.add("key → pixel in Chromium, median", "ms", statistics.median(found["ms"]),
              floor=statistics.median(floor), limit=2.5, rivals=judge.pick(theirs, "median"),
              note=note)
    bench.add("key → pixel in Chromium, p99", "ms", percentile(found["ms"], 0.99),
              floor=percentile(floor, 0.99), limit=6, rivals=judge.pick(theirs, "p99"))


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
                bench.add(f"typed character, down ({name})", "B", down, floor=bare, limit=140,
                          note=f"median of {len(typed)}; most {max(d for d, _, _ in typed)}")
                bench.add(f"typed character, up ({name})", "B", up, floor=8, limit=40,
                          note="floor: key down and up")


# --- page to picture ---

def measure_open(bench):
    """From the start of the navigation to the last putImageData of the first whole picture, in
    a browser context that knows nothing, whose window Chromium itself is done with, with the
    session that comes with afar. Floor: a page from a bare server that paints one picture at
    once."""
    session = os.path.join(bench.build, "packaging", "session", "session")
    with Desktop(bench.build, ("--session", session) + SIZE) as desktop:
        desktop.start()
        with Viewer(desktop.port(), desktop.token()) as viewer:
            viewer.settle(1.0)
        found = browser_figures(bench, desktop, "open", bench.pick(9, 5))
    bench.add("page opened → whole picture", "ms", statistics.median(found["ms"]),
              floor=statistics.median(found["floor"]), limit=400,
              rivals=judge.load_in_browser(bench, bench.pick(5, 2)),
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
    "contract": measure_contract,
    "stop": measure_stop,
    "status": measure_status,
    "host": measure_host,
    "desktop": measure_desktop,
    "flood": measure_flood,
    "memory": measure_memory,
    "key": measure_key,
    "typed": measure_typed,
    "open": measure_open,
    "ping": measure_ping,
    "idle": measure_idle,
    **survival.FIGURES,
    **judge.FIGURES,
}

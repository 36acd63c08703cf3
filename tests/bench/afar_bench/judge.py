# SPDX-License-Identifier: BSD-3-Clause
"""afar beside its rivals, all under the same workloads (workload.c) on the same machine, one after
another. Each measurement has a viewer of its own. CPU is utime and stime of the X server and
whatever carries its picture, from /proc, as a share of one core; the client's own is none of it."""

import contextlib
import os
import random
import re
import statistics
import subprocess
import time

from .desktop import CannotMeasure, Child, percentile
from .instruments import (FOUR_K, FULL_HD, Shown, Work, browser, bytes_sent, cpu_of, each,
                          only_rivals, pick, write_screen)
from .rivals import AFAR, BROWSED, NEUTRAL

RATE_LEAST = 58  # what counts as all of them
LEAD_S = 0.5  # of a run, before what counts; as much is left after it
QUIET_S = 0.3
LATEST_S = 5  # for a picture to come
NEVER = "never"
PIXEL = {"x": 232, "y": 232}  # inside the square: see square.h
MARK_PX, MARK_BITS = 16, 16  # see sheet.h
KB, MB = 1e3, 1e6


# --- key to bytes ---

def pump(viewer, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if viewer.is_pending(left):
            viewer.receive()


def until_quiet(viewer):
    """Until something came, and then nothing for a while."""
    n, end = viewer.n_frames, time.monotonic() + LATEST_S
    while viewer.n_frames == n and time.monotonic() < end:
        pump(viewer, 0.05)
    viewer.settle(QUIET_S)


def press(viewer):
    """Seconds until the next frame has come, whole."""
    n = viewer.n_frames
    start = time.perf_counter()
    viewer.press(True)
    while viewer.n_frames == n:
        viewer.receive()
    passed = time.perf_counter() - start
    viewer.press(False)
    pump(viewer, random.uniform(0.01, 0.025))
    return passed


def square(bench, server):
    env = server.environment()
    return Child([bench.helper("square"), env["DISPLAY"], env["XAUTHORITY"]])


def measure_square(bench):
    """A key is sent, and square.c changes its colour: until the next whole update has come, with a
    client in Python that decodes nothing. Keys come at random moments."""
    tries = bench.pick(200, 40)

    def reply(server):
        with square(bench, server), server.viewer() as viewer:
            viewer.settle(QUIET_S)
            times = [press(viewer) * 1e3 for _ in range(tries + 5)][5:]
        return {"median": statistics.median(times), "p99": percentile(times, 0.99)}
    ours, theirs = each(bench, NEUTRAL, reply)
    for which, limit in (("median", 0.6), ("p99", 1.5)):
        bench.add(f"key → bytes, {which}", "ms", ours[which], limit=limit,
                  rivals=pick(theirs, which), note=f"{tries} keys")


def key_in_browser(bench, tries):
    """noVNC's, for figures.py: {rival: {median, p99}}"""
    def reply(server):
        with square(bench, server), Shown(bench, server) as page:
            found = page.order(do="keys", tries=tries, **PIXEL)
        if len(found["ms"]) < 0.9 * tries:
            raise CannotMeasure(f"{len(found['ms'])} of {tries} keys in {server.name}")
        return {"median": statistics.median(found["ms"]), "p99": percentile(found["ms"], 0.99)}
    return only_rivals(bench, BROWSED, reply)


# --- typing ---

def measure_typing(bench):
    """Payload of one typed character that its application draws itself, key down and up, with a
    block for a cursor: what the neutral client gets and sends, its acknowledgement or next request
    included. noVNC: the mean, of its WebSocket's payload."""
    tries = bench.pick(50, 12)

    def type_all(server):
        down, up = [], []
        with Work(bench, server, "typing") as work, server.viewer() as viewer:
            viewer.settle(QUIET_S)
            for _ in range(tries):
                before = viewer.down, viewer.up
                press(viewer)
                viewer.settle(0.04)
                down.append(viewer.down - before[0])
                up.append(viewer.up - before[1])
            work.order("count")
            if work.answer("count") != [tries]:
                raise CannotMeasure(f"not every key arrived at {server.name}")
        return {"down": statistics.median(down), "up": statistics.median(up)}

    def type_in_page(server):
        with Work(bench, server, "typing"), Shown(bench, server) as page:
            found = page.order(do="keys", tries=tries, x=-1, y=-1)
        return {way: found[way] / tries for way in ("down", "up")}
    ours, theirs = each(bench, NEUTRAL, type_all)
    theirs |= only_rivals(bench, BROWSED[:1], type_in_page)
    for way, limit in (("down", 140), ("up", 40)):
        bench.add(f"typed cell, {way}", "B", ours[way], limit=limit, rivals=pick(theirs, way),
                  note=f"median of {tries}")


# --- sixty times a second ---

def cpu_share(before, after, seconds):
    return {name: (after[name] - before[name]) / seconds for name in before}


def watch_rate(bench, server, name, seconds):
    """With the neutral client."""
    with Work(bench, server, name) as work, server.viewer() as viewer:
        viewer.settle(QUIET_S)
        work.begin(seconds + 1)
        pump(viewer, LEAD_S)
        start, cpu = time.monotonic(), cpu_of(server.processes())
        frames, down, up = viewer.n_frames, viewer.down, viewer.up
        pump(viewer, seconds)
        took = time.monotonic() - start
        cpu = cpu_share(cpu, cpu_of(server.processes()), took)
        frames = viewer.n_frames - frames
        down, up = viewer.down - down, viewer.up - up
        while not work.has_answered():
            pump(viewer, 0.1)
        drawn = work.end()
        viewer.settle(QUIET_S)
    # Nobody shows more than was drawn: Xvnc mends what was lossy in small updates of its own.
    drawn /= seconds + 1
    return {"fps": min(frames / took, drawn), "down": down / took / MB, "up": up / took / KB,
            "cpu": sum(cpu.values()), "parts": cpu, "drawn": drawn}


def watch_page(bench, server, name, seconds):
    """In Chromium. At rest the canvas is compared with the screen."""
    with Work(bench, server, name) as work, Shown(bench, server) as page:
        work.begin(seconds + 1)
        time.sleep(LEAD_S)
        port = server.page_port()
        start, cpu, sent = time.monotonic(), cpu_of(server.processes()), bytes_sent(port)
        client = page.cpu_seconds()
        shown = page.order(do="shown", seconds=seconds)
        took = time.monotonic() - start
        cpu = cpu_share(cpu, cpu_of(server.processes()), took)
        client = (page.cpu_seconds() - client) / took
        sent = bytes_sent(port) - sent
        work.end()
        at_rest = decibel_at_rest(bench, server, page)
    n = min(shown["shown"], shown["paints"] or shown["shown"])
    return {"fps": n / shown["seconds"], "down": sent / took / MB,
            "cpu": sum(cpu.values()), "parts": cpu, "client": client, "rest": at_rest}


def decibel_at_rest(bench, server, page):
    """None: equal, to the last pixel."""
    path = os.path.join(bench.scratch, "screen")
    write_screen(bench, server, path)
    page.order(do="expect", file=path)
    watched = page.order(do="watch", seconds=1)
    return watched["samples"][-1][1]


def say_parts(figures):
    return ", ".join(f"{name} {share:.2f}" for name, share in figures["parts"].items())


def say_rest(ours, theirs):
    said = {name: figures["rest"] for name, figures in {AFAR: ours, **theirs}.items()
            if isinstance(figures, dict)}
    return "at rest " + ", ".join(f"{name} {'exact' if db is None else f'{db:.0f} dB'}"
                                  for name, db in said.items())


def add_rates(bench, what, ours, theirs, limits):
    """limits: by figure; one that is missing has none. host: its own CPU, without the X server's,
    which no rival has."""
    in_page = "client" in ours
    kinds = {"fps": ("shown" if in_page else "updates", "/s"), "down": ("down", "MB/s"),
             "up": ("up", "kB/s"), "cpu": ("CPU of the server", "cores"),
             "client": ("CPU of Chromium", "cores")}
    notes = {"fps": say_rest(ours, theirs) if in_page else f"drawn {ours['drawn']:.0f} /s",
             "cpu": say_parts(ours)}
    for key in filter(ours.__contains__, kinds):
        name, unit = kinds[key]
        limit = {"at_least" if key == "fps" else "limit": limits.get(key)}
        bench.add(f"{what}, {name}", unit, ours[key], rivals=pick(theirs, key), **limit,
                  note=notes.get(key, ""))
    if "host" in limits:
        bench.add(f"{what}, CPU of the host alone", "cores", ours["parts"]["server"],
                  limit=limits["host"])


def measure_rates(name, limits, page_limits, large_limits):
    """The figure of one workload: neutral and in Chromium, at both sizes."""
    def measure(bench):
        seconds = bench.pick(2, 1)
        sizes = (("", FULL_HD, NEUTRAL, limits, page_limits),
                 ("4K ", FOUR_K, NEUTRAL[:1], large_limits, large_limits))
        for label, size, neutral, bare, shown in bench.pick(sizes, sizes[:1]):
            ours, theirs = each(bench, neutral,
                                lambda s: watch_rate(bench, s, name, seconds), size)
            add_rates(bench, label + name, ours, theirs, bare)
            ours, theirs = each(bench, BROWSED[:1],
                                lambda s: watch_page(bench, s, name, seconds), size)
            add_rates(bench, f"{label}{name} in Chromium", ours, theirs, shown)
    measure.__doc__ = (
        f"{name} of workload.c, 60 steps a second: whole updates, payload and CPU with a neutral "
        "client; frames that Chromium's compositor draws, bytes of TCP, CPU of all of Chromium, "
        "while nothing reads the canvas; then whether it is exact at rest. 1080p and, unless "
        "--quick, 4K.")
    return measure


# --- video ---

def frame_number(rgb, width):
    """As the mark at the top left tells."""
    n = 0
    for i in range(MARK_BITS):
        x = i % 8 * MARK_PX + MARK_PX // 2
        y = i // 8 * MARK_PX + MARK_PX // 2
        n = n << 1 | (rgb[(y * width + x) * 3 + 1] > 127)
    return n


def watch_quality(bench, server, looks):
    """PSNR of what Chromium shows while the video runs, against the frame whose number it
    carries: the median of some looks."""
    width, height = server.size
    seen, true = (os.path.join(bench.scratch, name) for name in ("seen", "true"))
    numbers = []
    with Work(bench, server, "video") as work, Shown(bench, server) as page:
        work.begin(looks + 1)
        time.sleep(LEAD_S)
        for i in range(looks):
            page.order(do="read", file=f"{seen}-{i}")
            with open(f"{seen}-{i}", "rb") as file:
                numbers.append(frame_number(file.read(width * MARK_PX * 2 * 3), width))
        work.end()
        found = []
        for i, n in enumerate(numbers):
            with open(true, "wb") as file:
                subprocess.run([bench.helper("workload"), "render", str(n), str(width),
                                str(height)], stdout=file, check=True)
            db = page.order(do="compare", files=[f"{seen}-{i}", true])["db"]
            found.append(99.0 if db is None else db)
    return {"db": statistics.median(found)}


def measure_video(bench):
    """video: see workload.c. As the other rates; and the quality of what is shown while it moves,
    in a run of its own: 99 dB is exact."""
    video_rates(bench)
    ours, theirs = each(bench, BROWSED[:1],
                        lambda s: watch_quality(bench, s, bench.pick(5, 2)))
    bench.add("video in Chromium, while it moves", "dB", ours["db"], at_least=35,
              rivals=pick(theirs, "db"))


video_rates = measure_rates(
    "video", {}, {"fps": RATE_LEAST, "host": 0.5, "client": 0.6, "down": 4}, {})


# --- what was seen before ---

def measure_seen(name, what):
    def measure(bench):
        times = bench.pick(5, 3)

        def show(server):
            with Work(bench, server, name) as work, server.viewer() as viewer:
                viewer.settle(QUIET_S)
                sizes = []
                for _ in range(2 * times - 1):
                    before = viewer.down
                    work.step()
                    until_quiet(viewer)
                    sizes.append(viewer.down - before)
            if not sizes[0]:
                raise CannotMeasure(f"{name} did not come")
            again = statistics.median(sizes[2::2])
            return {"first": sizes[0] / KB, "again": again / KB,
                    "share": again / sizes[0] * 100}
        ours, theirs = each(bench, NEUTRAL, show)
        bench.add(f"{what}, first", "kB", ours["first"], rivals=pick(theirs, "first"))
        bench.add(f"{what}, again", "%", ours["share"], limit=5, rivals=pick(theirs, "share"),
                  note=f"{ours['again']:.2f} kB")
    measure.__doc__ = (f"{name} of workload.c: bytes of the first showing, and of those after it "
                       "as a share of these.")
    return measure


# --- photo ---

def measure_photo(bench):
    """A page with a photo takes the place of another. Bytes: until nothing has come for a while,
    to the neutral client. In Chromium: from the moment at which the X server has it until the
    canvas is equal to it, and how far from it the canvas was half-way; it is read all the time,
    which costs a little."""
    pages = bench.pick(3, 2)

    def count(server):
        with Work(bench, server, "photo") as work, server.viewer() as viewer:
            viewer.settle(QUIET_S)
            before = viewer.down
            for _ in range(pages):
                work.step()
                until_quiet(viewer)
                viewer.settle(3 * QUIET_S)  # what was lossy may be mended late
            return {"bytes": (viewer.down - before) / pages / KB}

    def watch(server):
        files = [os.path.join(bench.scratch, f"photo-{i}") for i in range(pages)]
        with Work(bench, server, "photo") as work:
            for file in files:
                work.step()
                write_screen(bench, server, file)
        times, between = [], []
        with Work(bench, server, "photo") as work, Shown(bench, server) as page:
            for file in files:
                page.order(do="expect", file=file)
                time.sleep(QUIET_S)
                to_wall = time.time() - time.monotonic()
                done = work.step() + to_wall
                found = page.order(do="watch", seconds=3)
                if found["exact"]:
                    times.append(found["exact"] - done * 1e3)
                between.append(found["samples"][len(found["samples"]) // 2][1] or 99.0)
        return {"ms": statistics.median(times) if len(times) == pages else NEVER,
                "db": statistics.median(between)}
    ours, theirs = each(bench, NEUTRAL, count)
    bench.add("photo page, bytes", "kB", ours["bytes"], rivals=pick(theirs, "bytes"))
    ours, theirs = each(bench, BROWSED[:1], watch)
    bench.add("photo page → exact", "ms", ours["ms"], rivals=pick(theirs, "ms"), limit=200,
              note=f"half-way {ours['db']:.0f} dB")


# --- rest ---

def voluntary_switches(pid):
    count = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            count += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", file.read()).group(1))
    return count


def measure_rest(bench):
    """Nothing moves, and a viewer is there: bytes, and wake-ups (voluntary context switches) of
    what carries the picture, in Xvnc's case the X server itself. All rest at once. `idle` has the
    same of afar alone, with the supervisor."""
    seconds = bench.pick(30, 10)
    at_rest, found = {}, {}
    with contextlib.ExitStack() as stack:
        def begin(server):
            stack.enter_context(Work(bench, server, "idle"))
            viewer = stack.enter_context(server.viewer())
            viewer.settle(1)
            pids = server.processes()
            at_rest[server.name] = viewer, pids.get("server", pids["X"])
            return {"began": True}
        _, theirs = each(bench, NEUTRAL, begin)
        time.sleep(1)
        before = {name: (viewer.down, voluntary_switches(pid))
                  for name, (viewer, pid) in at_rest.items()}
        time.sleep(seconds)
        for name, (viewer, pid) in at_rest.items():
            n = voluntary_switches(pid) - before[name][1]
            viewer.settle(0)
            found[name] = {"wake-ups": n, "bytes": viewer.down - before[name][0]}
    for what, unit, limit in (("wake-ups", "", max(1, seconds // 30)), ("bytes", "B", 0)):
        bench.add(f"rest, {what}", unit, found[AFAR][what], limit=limit, note=f"in {seconds} s",
                  rivals={name: found[name][what] if name in found else why
                          for name, why in theirs.items()})


# --- page to picture ---

def load_in_browser(bench, tries):
    """noVNC's, for figures.py: {rival: median milliseconds}"""
    def load(server):
        times = []
        for _ in range(tries):
            times.append(browser(bench).show(server))
            browser(bench).order(do="close")
        return {"ms": statistics.median(times)}
    return pick(only_rivals(bench, BROWSED[:1], load), "ms")


FIGURES = {
    "square": measure_square,
    "typing": measure_typing,
    "copy": measure_rates("copy", {"cpu": 0.15, "down": 0.5},
                          {"client": 0.4, "fps": RATE_LEAST}, {"fps": RATE_LEAST}),
    "repaint": measure_rates("repaint", {"fps": RATE_LEAST, "cpu": 0.2, "down": 0.5},
                             {"client": 0.4, "fps": RATE_LEAST}, {"fps": RATE_LEAST}),
    "drag": measure_rates("drag", {"fps": RATE_LEAST, "cpu": 0.15, "down": 0.5},
                          {"client": 0.3, "fps": RATE_LEAST}, {}),
    "video": measure_video,
    "menu": measure_seen("menu", "menu"),
    "switch": measure_seen("switch", "window switch"),
    "photo": measure_photo,
    "rest": measure_rest,
}

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `make bench` shows to afar and its rivals is what it says; their neutral client can read.

workloads.py [BUILD-DIRECTORY]. A real Xvfb, without anybody who carries its picture; and a VNC
server that says what it is told to.
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types

from hosting import *
from leakcheck import Leaks

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(SOURCE, "tests", "bench"))
sys.dont_write_bytecode = True

from afar_bench import instruments, judge, rfb, rivals
from afar_bench.desktop import XServer, write_authority

WIDTH, HEIGHT = 640, 480
LINE_PX, REPAINT_PX, DRAG_PX = 16, 12, (11, 5)  # as in workload.c
BENCH = types.SimpleNamespace(
    build=BUILD, helper=lambda name: os.path.join(BUILD, "tests", "bench", name))


class Display:
    """A server as judge.py knows it."""

    def __init__(self):
        self.leaks = Leaks()
        self.room = tempfile.TemporaryDirectory()
        self.size = (WIDTH, HEIGHT)
        self.authority = os.path.join(self.room.name, "authority")
        write_authority(self.authority)
        self.x = XServer(["Xvfb", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
                          "-noreset", "-displayfd", "3", "-auth", self.authority], self.authority)

    def environment(self):
        return {"DISPLAY": self.x.display, "XAUTHORITY": self.authority}

    def picture(self):
        path = os.path.join(self.room.name, "screen")
        instruments.write_screen(BENCH, self, path)
        with open(path, "rb") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.x.__exit__()
        self.room.cleanup()
        if failure[0] is None:
            self.leaks.check(5 * SLOW)


@contextlib.contextmanager
def showing(name):
    """(display, workload)"""
    with Display() as display, instruments.Work(BENCH, display, name) as work:
        yield display, work


def part(picture, x, y, width, height):
    rows = range(y, y + height)
    return [picture[(row * WIDTH + x) * 3:(row * WIDTH + x + width) * 3] for row in rows]


def sixteenths(x, y, width, height):
    return WIDTH * x // 16, HEIGHT * y // 16, WIDTH * width // 16, HEIGHT * height // 16


def colours(picture):
    return len({picture[at:at + 3] for at in range(0, len(picture), 3)})


def scrolls(name, height, way):
    x, y, width, _ = sixteenths(2, 1, 12, 14)
    with showing(name) as (display, work):
        before = display.picture()
        work.step()
        after = display.picture()
    check(part(after, x, y, width, height - way) == part(before, x, y + way, width, height - way),
          "it did not move up by", way)
    bottom = x, y + height - way, width, way
    check(part(after, *bottom) != part(before, *bottom), "nothing new came from below")


def the_terminal_scrolls_by_a_line_and_the_server_copies():
    height = sixteenths(2, 1, 12, 14)[3] // LINE_PX * LINE_PX
    scrolls("copy", height, LINE_PX)


def the_page_scrolls_though_all_of_it_is_put_anew():
    scrolls("repaint", sixteenths(2, 1, 12, 14)[3], REPAINT_PX)


def the_window_moves_with_its_contents():
    _, _, width, height = sixteenths(0, 0, 6, 7)
    with showing("drag") as (display, work):
        before = display.picture()
        for _ in range(3):
            work.step()
        after = display.picture()
    dx, dy = (3 * way for way in DRAG_PX)
    check(part(after, dx, dy, width, height) == part(before, 0, 0, width, height), "contents")
    check(part(after, 0, 0, dx, dy) != part(before, 0, 0, dx, dy), "it is still where it was")


def a_menu_opens_and_closes():
    with showing("menu") as (display, work):
        closed = display.picture()
        work.step()
        opened = display.picture()
        work.step()
        check(opened != closed, "nothing opened")
        check(display.picture() == closed, "something is left of it")
        work.step()
        check(display.picture() == opened, "it is another menu")


def windows_take_turns_on_top():
    with showing("switch") as (display, work):
        pictures = [display.picture()]
        for _ in range(4):
            work.step()
            pictures.append(display.picture())
    check(len(set(pictures)) == 3, "alone, the second, the first:", len(set(pictures)))
    check(pictures[1] == pictures[3] and pictures[2] == pictures[4], "they differ when they return")


def small_text_has_few_colours_on_the_left_and_many_on_the_right():
    """Whatever is drawn: the letters themselves are the server's."""
    with showing("text") as (display, work):
        pages = [display.picture()]
        work.step()
        pages.append(display.picture())
    check(pages[0] != pages[1], "the same page")
    tiles = [b"".join(part(page, x, 0, 64, 64)) for page in pages for x in (0, WIDTH - 64)]
    check([colours(tile) < 20 for tile in tiles] == [True, False] * 2, [*map(colours, tiles)])
    first = set(tiles[0][at:at + 3] for at in range(0, len(tiles[0]), 3))
    check(first == {b"\xff\0\0", b"\0\0\0"}, "red on black, with hard edges:", first)


def each_photo_page_is_another():
    with showing("photo") as (display, work):
        pictures = [display.picture()]
        work.step()
        pictures.append(display.picture())
    check(pictures[0] != pictures[1], "the same page")
    check(all(colours(picture) > 5000 for picture in pictures), [*map(colours, pictures)])


def a_frame_of_the_video_is_the_one_whose_number_it_carries():
    with showing("video") as (display, work):
        for n in (1, 2, 3):
            work.step()
            picture = display.picture()
            check(judge.frame_number(picture, WIDTH) == n, "the mark says",
                  judge.frame_number(picture, WIDTH))
            check(colours(picture) > 5000, "colours:", colours(picture))
    rendered = subprocess.run([BENCH.helper("workload"), "render", "3", str(WIDTH), str(HEIGHT)],
                              stdout=subprocess.PIPE, check=True).stdout
    check(rendered == picture, "what is rendered is not what was shown")


def each_key_is_a_cell_and_nothing_else():
    x, y, width, _ = sixteenths(2, 1, 12, 12)
    with showing("typing") as (display, work):
        before = display.picture()
        keys = [os.path.join(BUILD, "tests", "fakes", "fake-keys"), "key:a", "key:b", "key:c"]
        subprocess.run(keys, env={**os.environ, **display.environment()}, check=True,
                       timeout=DEADLINE)

        def typed():
            work.order("count")
            return work.answer("count")
        wait_for(lambda: typed() == [3], "three steps")
        after = display.picture()
    cells = 4 * 8  # three letters, and the block
    check(part(after, x, y, cells, 16) != part(before, x, y, cells, 16), "no letters")
    right = x + cells, y, width - cells, 16
    check(part(after, *right) == part(before, *right), "more than its cells changed")
    check(after[:(y * WIDTH) * 3] == before[:(y * WIDTH) * 3], "above")
    check(after[((y + 16) * WIDTH) * 3:] == before[((y + 16) * WIDTH) * 3:], "below")


def idle_draws_nothing():
    with showing("idle") as (display, work):
        before = display.picture()
        work.begin(1)
        work.end()
        check(display.picture() == before, "it drew")


def a_run_draws_as_many_frames_as_it_says():
    with showing("repaint") as (_, work):
        work.begin(1)
        drawn = work.end()
        work.order("count")
        check(work.answer("count") == [drawn] and 0 < drawn <= instruments.RATE, "drawn:", drawn)


def every_run_shows_the_same():
    for name in ("copy", "photo", "switch"):
        pictures = set()
        for _ in range(2):
            with showing(name) as (display, work):
                work.step()
                pictures.add(display.picture())
        check(len(pictures) == 1, name, "differs")


# --- the neutral client ---

SIZE = (64, 48)


def rectangle(encoding, body, w=8, h=4):
    return struct.pack(">HHHHi", 0, 0, w, h, encoding) + body


def tight_length(n):
    return bytes([n & 127 | 128, n >> 7]) if n > 127 else bytes([n])


def update(*rectangles):
    return struct.pack(">BxH", rfb.UPDATE, len(rectangles)) + b"".join(rectangles)


LONG = bytes(300)
UPDATES = (
    update(rectangle(rfb.RAW, bytes(8 * 4 * 4))),
    update(rectangle(rfb.COPY_RECT, bytes(4)),
           rectangle(rfb.ZRLE, struct.pack(">I", 5) + bytes(5))),
    # Tight: fill; JPEG; bare pixels that are few, and many; a palette of two and of three.
    update(rectangle(rfb.TIGHT, b"\x80abc"),
           rectangle(rfb.TIGHT, b"\x90" + tight_length(300) + LONG),
           rectangle(rfb.TIGHT, b"\x00" + bytes(9), 3, 1),
           rectangle(rfb.TIGHT, b"\x00" + tight_length(300) + LONG),
           rectangle(rfb.TIGHT, b"\x40\x01\x01" + bytes(6) + bytes(4)),
           rectangle(rfb.TIGHT, b"\x40\x01\x02" + bytes(9) + tight_length(20) + bytes(20))),
    struct.pack(">BxHH", rfb.COLOUR_MAP, 0, 2) + bytes(12)
    + struct.pack(">B3xI", rfb.CUT_TEXT, 3) + b"cut" + bytes([rfb.BELL])
    + update(rectangle(rfb.RAW, bytes(4), 1, 1), rectangle(rfb.LAST_RECT, b"", 0, 0)),
)
CURSOR_ONLY = update(rectangle(rfb.CURSOR, bytes(8 * 4 * 4 + 4)))


def serve(listener, asked):
    """Two updates of which one has no pixels, then one for each request; the bytes asked with go
    into the list."""
    connection = listener.accept()[0]

    def take(n):
        data = connection.recv(n, socket.MSG_WAITALL)
        asked.append(data)
        return data
    with connection:
        connection.sendall(b"RFB 003.008\n")
        take(12)
        connection.sendall(b"\x01\x01")
        take(1)
        connection.sendall(bytes(4))
        take(1)
        connection.sendall(struct.pack(">HH16xI", *SIZE, 4) + b"name")
        take(20)
        take(4 + 4 * len(rfb.ENCODINGS))
        for said in (CURSOR_ONLY, *UPDATES):
            take(10)
            connection.sendall(said)
        take(10)


def the_neutral_client_finds_the_end_of_every_rectangle():
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, asked))
        server.start()
        with rfb.Client(listener.getsockname()[1]) as client:
            before = client.down
            while client.n_frames < len(UPDATES):
                client.receive()
            check(client.size == SIZE, client.size)
            check(client.down - before == sum(map(len, UPDATES[1:])), "bytes", client.down - before)
        server.join(DEADLINE)
    check(client.up == sum(map(len, asked)), "sent", client.up)


def a_rival_that_is_not_installed_is_told_and_no_failure():
    path, os.environ["PATH"] = os.environ["PATH"], "/nonexistent"
    try:
        for name in (*rivals.NEUTRAL, *rivals.BROWSED):
            try:
                rivals.make(name, (WIDTH, HEIGHT), BUILD)
                raise Failed(name, "was there")
            except rivals.NotInstalled:
                pass
    finally:
        os.environ["PATH"] = path


def what_is_missing_stands_in_the_table():
    path = os.path.join(SOURCE, "tests", "bench", "run")
    loader = importlib.machinery.SourceFileLoader("bench_run", path)
    spec = importlib.util.spec_from_loader("bench_run", loader)
    bench_run = importlib.util.module_from_spec(spec)
    loader.exec_module(bench_run)
    bench = bench_run.Bench(BUILD, quick=True)
    os.rmdir(bench.scratch)
    bench.add("rate", "/s", 60, at_least=58, rivals={"one": 30, "two": None, "three": "never"})
    bench.add("alone", "ms", 3, limit=2)
    bench.add("late", "ms", "never", limit=200)
    check([row["met"] for row in bench.found] == [True, False, False], "targets")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        bench_run.print_rivals(bench.found)
    rows = [line.split("  ") for line in said.getvalue().splitlines()]
    check([cell.strip() for cell in filter(None, rows[-1])]
          == ["rate", "60.00 /s", "30.00 /s", "not installed", "never"], rows)


TESTS = (
    the_terminal_scrolls_by_a_line_and_the_server_copies,
    the_page_scrolls_though_all_of_it_is_put_anew,
    the_window_moves_with_its_contents,
    a_menu_opens_and_closes,
    windows_take_turns_on_top,
    small_text_has_few_colours_on_the_left_and_many_on_the_right,
    each_photo_page_is_another,
    a_frame_of_the_video_is_the_one_whose_number_it_carries,
    each_key_is_a_cell_and_nothing_else,
    idle_draws_nothing,
    a_run_draws_as_many_frames_as_it_says,
    every_run_shows_the_same,
    the_neutral_client_finds_the_end_of_every_rectangle,
    a_rival_that_is_not_installed_is_told_and_no_failure,
    what_is_missing_stands_in_the_table,
)

if __name__ == "__main__":
    sys.exit(run(TESTS))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What viewers should not do, and screens should not: whoever does it is dropped or has it clamped,
and a healthy viewer beside him notices nothing, and sees the right picture afterwards: issue 5.

bad-viewers.py [BUILD-DIRECTORY]. The real host with a real Xvfb; what a stranger may not do is in
host-door.py, and random sizes are in resizes.py. AFAR_SOAK=1: the largest screens as well.
"""
import contextlib
import os
import struct
import sys

from hosting import *
from leakcheck import rss_kib
from picture import Frames, Picture
from screens import *

KEY, MOTION, WHEEL = 0x03, 0x04, 0x06
SIZE = (512, 320)


@contextlib.contextmanager
def beside_a_healthy_one():
    """(host, server, viewer), who at the end is still there, and sees what there is."""
    with desktop("Xvfb", *SIZE) as (host, server):
        healthy = Viewer(host)
        await_picture(server, healthy)
        yield host, server, healthy
        host.process.poll()
        check(host.process.returncode is None, "the host has ended:", host.log()[-4000:])
        server.draw("scene 7")
        await_picture(server, healthy)
        healthy.leave(abruptly=False)


def acknowledge(viewer, seq):
    viewer.ws.send(struct.pack("<BIHH", ACK, seq & 0xffffffff, 0, 0))


def is_dropped(viewer, code):
    """What comes before is of no interest."""
    found = viewer.ws.close_code()
    viewer.leave()
    check(found == code, "close code", found)


def painted(host, server, seed):
    """A viewer who has painted one frame and said so, and then painted another."""
    viewer = Viewer(host)
    await_picture(server, viewer)
    viewer.keeps_back = True
    server.draw(f"noise {seed}")
    while not viewer.owed:
        viewer.take_message()
    return viewer


def half_a_frame(host, server, seed):
    """A viewer who has the first part of a frame, of a large one if it can be: the host sends those
    once it knows how much he takes. The healthy ones do not read meanwhile, and are left behind."""
    viewer = Viewer(host, narrow=True)
    n_parts = n_most = n_drawn = 0
    while n_parts != 1 or (n_most < 3 and n_drawn < 20):
        if not viewer.has_more(0.05):
            server.draw(f"noise {seed + 1000 * n_drawn}")
            server.sync()
            n_drawn += 1
            check(n_drawn < 500, "every frame is of one part")
        viewer.take(1)
        n_parts = 0 if viewer.frames.is_whole else n_parts + 1
        n_most = max(n_most, n_parts)
    return viewer


# --- acknowledgements ---


def nonsense_is_not_acknowledged():
    """A frame that is sent in part, too: in test-client.c, where it is known how far it has got."""
    def nothing(viewer):
        acknowledge(viewer, 0)

    def of_the_future(viewer):
        acknowledge(viewer, viewer.frames.seq + 16)

    def far_of_the_future(viewer):
        acknowledge(viewer, viewer.frames.seq + (1 << 31))

    def the_last_number(viewer):
        acknowledge(viewer, -1)

    def twice(viewer):
        acknowledge(viewer, viewer.frames.seq)
        acknowledge(viewer, viewer.frames.seq)

    def an_older_one_again(viewer):
        acknowledge(viewer, viewer.frames.seq)
        acknowledge(viewer, viewer.frames.seq - 1)

    def cut_off(viewer):
        viewer.ws.send(struct.pack("<BI", ACK, viewer.frames.seq))

    def with_more_behind(viewer):
        viewer.ws.send(struct.pack("<BIHHB", ACK, viewer.frames.seq, 0, 0, 0))

    with beside_a_healthy_one() as (host, server, healthy):
        ways = nothing, of_the_future, far_of_the_future, the_last_number, twice, an_older_one_again
        for seed, way in enumerate((*ways, cut_off, with_more_behind)):
            viewer = painted(host, server, seed)
            way(viewer)
            is_dropped(viewer, 1002)
            await_picture(server, healthy)


def who_never_acknowledges_gets_no_more_and_keeps_nobody_waiting():
    """In load.py he is closed in the end."""
    with beside_a_healthy_one() as (host, server, healthy):
        mute = Viewer(host)
        mute.keeps_back = True
        for seed in range(30):
            server.draw(f"scene {seed}")
            await_picture(server, healthy)
            mute.take()
        check(mute.frames.seq <= 16, "frames under way:", mute.frames.seq)
        mute.keep_up()
        await_picture(server, healthy, mute)
        mute.leave()


def whoever_says_that_painting_takes_forever_is_alone_with_it():
    with beside_a_healthy_one() as (host, server, healthy):
        lying = Viewer(host)
        for seed in range(30):
            server.draw(f"scene {seed}")
            await_picture(server, healthy)
            lying.keeps_back = True
            lying.take()
            if lying.owed:
                lying.ws.send(struct.pack("<BIHH", ACK, lying.owed.pop(), 65535, 65535))
                lying.owed = []
        lying.keep_up()
        await_picture(server, healthy, lying)
        lying.leave()


# --- what is asked for ---


def formats_that_nobody_knows_are_none_and_lists_that_are_none_are_refused():
    with beside_a_healthy_one() as (host, server, healthy):
        for decodes in (["av1"], [""], ["JPEG", "VP9 "], ["h264"] * 100, ["x" * 900]):
            viewer = Viewer(host, decodes)
            await_picture(server, healthy, viewer)
            viewer.leave()
        for decodes in ("jpeg", 7, {}, [1], [["jpeg"]], None, True):
            ws = host.sign_in(link=host.make_link(), decodes=decodes)
            check(ws.close_code() == 1002, decodes)
            ws.close()


def nobody_asks_for_a_size_or_a_rate():
    """There is no such message; whatever it may be called, who sends it is dropped."""
    with beside_a_healthy_one() as (host, server, healthy):
        for kind in (0x00, *range(0x09, 0x20), 0x7f, 0x80, SCREEN, FRAME, PICTURE, 0xff):
            viewer = Viewer(host)
            viewer.ws.send(struct.pack("<BHHI", kind, 65535, 65535, 1000000))
            is_dropped(viewer, 1002)
        await_picture(server, healthy)


def places_beyond_the_screen_are_on_its_edge():
    with beside_a_healthy_one() as (host, server, healthy):
        viewer = Viewer(host)
        for x, y in ((65535, 65535), (0, 65535), (*SIZE,), (65535, 0)):
            viewer.ws.send(struct.pack("<BHH", MOTION, x, y))
            for way in (-32768, 32767):
                viewer.ws.send(struct.pack("<BhhHH", WHEEL, way, way, x, y))
        await_picture(server, healthy, viewer)
        for kind, body in ((KEY, b"\1\0\0"), (KEY, b"\1\xf8\0"), (KEY, b"\2\1\0")):
            viewer.ws.send(bytes([kind]) + body)
            is_dropped(viewer, 1002)
            viewer = Viewer(host)
        viewer.leave()


# --- ends ---


def leaving_in_the_middle_of_a_frame_is_nobodys_business():
    def reset(viewer):
        viewer.leave()

    def close(viewer):
        viewer.leave(abruptly=False)

    def stop_in_a_message(viewer):
        if not viewer.ws.data:
            viewer.ws.socket.recv(100)
        viewer.leave()

    def say_goodbye(viewer):
        viewer.ws.send(struct.pack(">H", 1000), opcode=8)
        viewer.leave(abruptly=False)

    def half_a_message_of_its_own(viewer):
        viewer.ws.socket.sendall(viewer.ws.frame(b"\2" + bytes(8))[:7])
        viewer.leave(abruptly=False)

    def send_no_more(viewer):
        viewer.ws.socket.shutdown(socket.SHUT_WR)

    def send_nonsense_and_no_more(viewer):
        viewer.ws.socket.sendall(b"\xff" * 64)
        viewer.ws.socket.shutdown(socket.SHUT_WR)

    with beside_a_healthy_one() as (host, server, healthy):
        ways = (reset, close, stop_in_a_message, say_goodbye, half_a_message_of_its_own,
                send_no_more, send_nonsense_and_no_more)
        for seed, way in enumerate(ways):
            viewer = half_a_frame(host, server, seed)
            way(viewer)
            wait_for(lambda: len(host.find("viewers")[-1]["body"]) == 1,
                     f"one is left: {way.__name__}")
            await_picture(server, healthy)
            viewer.ws.socket.close()


def a_size_in_the_middle_of_a_frame_makes_a_new_picture():
    with beside_a_healthy_one() as (host, server, healthy):
        n_cut = 0
        sizes = (1, 1), (512, 1), (1, 320), (65, 129), (511, 319), (64, 64)
        for seed in range(60):
            viewer = half_a_frame(host, server, seed)
            server.draw("size %d %d" % sizes[seed % len(sizes)])
            await_picture(server, healthy, viewer)
            n_cut += viewer.n_interrupted
            viewer.leave()
            server.draw("size %d %d" % SIZE)
            await_picture(server, healthy)
            if seed + 1 >= len(sizes) <= n_cut:
                break
        check(n_cut > 0, "all frames were whole")


def an_x_server_that_goes_in_the_middle_of_a_capture_is_followed_by_the_next():
    with desktop("Xvfb", *SIZE) as (host, server), contextlib.ExitStack() as servers:
        healthy = Viewer(host)
        await_picture(server, healthy)
        for i in range(4):
            other = half_a_frame(host, server, i)
            for n in range(4):
                server.draw(f"noise {n}")
            if i % 2:
                server.sync()
            server.kill()
            for viewer in (healthy, other):
                while viewer.size != (0, 0):
                    viewer.take(seconds=DEADLINE)
            server = servers.enter_context(XServer("Xvfb", SIZE[0] - i, SIZE[1] + i))
            show(host, server)
            server.draw(f"scene {i}")
            await_picture(server, healthy, other)
            other.leave()
        check(host.process.poll() is None, "the host has ended")
        healthy.leave()


# --- the largest ---

SIDE = 96


class Corners(Picture):
    """Of a picture that is too large for Python: elsewhere it is taken for black."""

    def __init__(self, width, height):
        self.width, self.height, self.slots = width, height, {}
        self.parts = [(x, y, Picture(SIDE, SIDE))
                      for x in (0, width - SIDE) for y in (0, height - SIDE)]

    def _common(self, x, y, w, h):
        for left, top, part in self.parts:
            a, b = max(x, left), max(y, top)
            c, d = min(x + w, left + SIDE), min(y + h, top + SIDE)
            if a < c and b < d:
                yield part, a - left, b - top, a - x, b - y, c - a, d - b

    def put(self, x, y, w, h, planes):
        for part, to_x, to_y, from_x, from_y, *size in self._common(x, y, w, h):
            whole = Picture(w, h)
            whole.planes = [bytearray(plane) for plane in planes]
            part.put(to_x, to_y, *size, whole.cut(from_x, from_y, *size))

    def cut(self, x, y, w, h):
        whole = Picture(w, h)
        for part, from_x, from_y, to_x, to_y, *size in self._common(x, y, w, h):
            whole.put(to_x, to_y, *size, part.cut(from_x, from_y, *size))
        return [bytes(plane) for plane in whole.planes]

    def is_all(self, colour):
        return all(part.rgb() == colour * SIDE * SIDE for _, _, part in self.parts)


class CornerFrames(Frames):
    def screen(self, body):
        width, height = struct.unpack("<HH", body)
        self.picture = (Corners if min(width, height) >= SIDE else Picture)(width, height)


def see_the_largest(kind, size):
    with desktop(kind, *size) as (host, server):
        healthy, short = Viewer(host), Viewer(host)
        if size < (16384, 16384):
            check(not server.set_size(16384, 16384), kind, "has more room than was thought")
            await_picture(server, healthy)
        healthy.frames = CornerFrames()
        short.keeps_back = True
        check(server.set_size(*size), kind, "refuses", size)
        for n in (1, 2):
            server.draw(f"solid 1{n}3456")
            server.sync()
            end = time.monotonic() + DEADLINE * SLOW
            while healthy.size != size or not healthy.frames.picture.is_all(bytes([0x10 + n, 0x34, 0x56])):
                check(time.monotonic() < end, "not seen:", healthy.size)
                healthy.keep_up()
                healthy.has_more(0.02)
            print(f"# {kind} {size}: {rss_kib(host.process.pid) >> 10} MiB", flush=True)
        server.set_size(*SIZE)
        server.draw("scene 5")
        healthy.leave()
        healthy.enter()
        await_picture(server, healthy)
        check(rss_kib(host.process.pid) < 128 << 10, "KiB are kept:", rss_kib(host.process.pid))
        healthy.leave()
        short.leave()


def the_largest_screens_that_servers_give_are_seen():
    """Xorg refuses the very largest: its screens have to be smaller than 1 GiB (VideoRam)."""
    see_the_largest("Xvfb", (16384, 16384))
    if os.path.exists(DUMMY):
        see_the_largest("Xorg", (16384, 16383))


tests = [
    nonsense_is_not_acknowledged,
    who_never_acknowledges_gets_no_more_and_keeps_nobody_waiting,
    whoever_says_that_painting_takes_forever_is_alone_with_it,
    formats_that_nobody_knows_are_none_and_lists_that_are_none_are_refused,
    nobody_asks_for_a_size_or_a_rate,
    places_beyond_the_screen_are_on_its_edge,
    leaving_in_the_middle_of_a_frame_is_nobodys_business,
    a_size_in_the_middle_of_a_frame_makes_a_new_picture,
    an_x_server_that_goes_in_the_middle_of_a_capture_is_followed_by_the_next,
]
if os.environ.get("AFAR_SOAK"):
    tests.append(the_largest_screens_that_servers_give_are_seen)
if __name__ == "__main__":
    if len(sys.argv) > 2:
        tests = [t for t in tests if sys.argv[2] in t.__name__]
    sys.exit(run(tests))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sizes that change and viewers who come and go, at random: no crash, no wrong pixel at rest, and the
host is as large afterwards as before: issue 5, proof 5.

resizes.py [BUILD-DIRECTORY]. The real host with Xvfb, and with Xorg's dummy driver. While something
is drawn, and sometimes a film runs, the screen gets another size, by RandR, as a panel would give
it: pages cannot ask for one. Two viewers, of whom one says that it decodes video, leave as networks
and browsers do, mostly in the middle of something, and come back. The seed is printed, AFAR_SEED gives
another. AFAR_SOAK=1: 10,000 steps.
"""
import os
import random
import sys
import time

from hosting import *
from leakcheck import Fds, rss_kib, slope
from screens import *

SEED = int(os.environ.get("AFAR_SEED") or random.randrange(1 << 32))
SOAK = bool(os.environ.get("AFAR_SOAK"))
N_STEPS = 5000 if SOAK else 150  # on each server
N_BETWEEN_RESTS = 25
WIDTH, HEIGHT = 720, 400  # the largest
EDGES = (1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 193)  # where tiles begin and end
FILM = (30, 0, 64, 192, 192)  # pictures per second, and where
FILM_SECONDS = 20  # a busy machine may never find that it is one

# At rest, with the same size and viewers each time.
REST_SIZE = (320, 240)
N_WARM = 0.25  # the part of the rests in which pools and tables are still filled
RSS_KIB_MAX = 2048  # that the line through the others rises


class Trial:
    def __init__(self, host, server, seed):
        self.host, self.server, self.random = host, server, random.Random(seed)
        self.viewers = [Viewer(host, narrow=True), Viewer(host, ("jpeg", "vp9", "h264"))]
        self.film, self.fds, self.rss = None, None, []
        self.n = dict.fromkeys(("resizes", "reconnects", "in the middle", "pictures"), 0)

    # What happens:

    def resize(self):
        pick = self.random.random()
        if pick < 0.5:
            size = self.random.randint(1, 400), self.random.randint(1, 300)
        elif pick < 0.9:
            size = self.random.choice(EDGES), self.random.choice(EDGES)
        else:
            size = self.random.choice(((1, 1), (WIDTH, 1), (1, HEIGHT), (WIDTH, HEIGHT)))
        self.server.draw("size %d %d" % size)
        self.n["resizes"] += 1

    def paint(self):
        for _ in range(self.random.choice((0, 1, 1, 2, 4))):
            self.server.draw(f"scene {self.random.randrange(1 << 31)}")

    def begin_a_large_frame(self):
        """Which the next step finds half sent."""
        self.server.draw("size %d %d" % (WIDTH, HEIGHT))
        self.server.draw(f"noise {self.random.randrange(1 << 31)}")
        self.server.sync()
        for viewer in self.viewers:
            viewer.take(self.random.randint(1, 6), seconds=0.05)

    def reconnect(self):
        viewer = self.random.choice(self.viewers)
        if self.random.random() < 0.7:  # in the middle of a frame, if it can be
            viewer.take(self.random.randint(0, 2), seconds=0.005)
        if self.random.random() < 0.5 and not viewer.ws.data and viewer.has_more():  # of a message
            viewer.ws.socket.recv(self.random.randint(1, 2000))
        self.n["in the middle"] += viewer.has_more() or not viewer.frames.is_whole
        viewer.leave(abruptly=self.random.random() < 0.7)
        if self.random.random() < 0.2:
            self.resize()
        viewer.enter()
        self.n["reconnects"] += 1

    def look(self):
        for viewer in self.viewers:
            viewer.keeps_back = self.random.random() < 0.1
            viewer.take(self.random.choice((0, 1, None)), seconds=self.random.choice((0, 0.005)))

    # And when:

    def step(self):
        self.paint()
        if self.random.random() < 0.05:
            self.begin_a_large_frame()
        (self.reconnect if self.random.random() < 0.25 else self.resize)()
        if self.random.random() < 0.5:
            self.paint()
        self.look()

    def watch_film(self):
        """Until it comes as pictures, if it does; then all goes on in the middle of one."""
        self.server.draw("size 320 320")
        self.server.sync()
        self.film = Film(self.server, *FILM)
        pictures = self.viewers[1].frames.n_pictures
        end = time.monotonic() + FILM_SECONDS
        while self.viewers[1].frames.n_pictures == pictures and time.monotonic() < end:
            for viewer in self.viewers:
                viewer.keep_up()
            self.viewers[1].has_more(0.02)
        self.n["pictures"] += self.viewers[1].frames.n_pictures - pictures

    def rest(self):
        if self.film:
            self.film.stop()
        await_picture(self.server, *self.viewers)
        check(self.host.process.poll() is None, "the host has ended:", self.host.log()[-4000:])
        if self.film:
            self.film.close()
            self.film = None

    def measure(self):
        """The size and the viewers are the same as at the last time."""
        self.server.draw("size %d %d" % REST_SIZE)
        await_picture(self.server, *self.viewers)
        self.rss.append(rss_kib(self.host.process.pid))
        if os.geteuid() != 0:  # the host is not dumpable
            return
        self.fds = self.fds or Fds.at_rest(self.host.process.pid)
        self.fds.settle(5 * SLOW)

    def run(self, n_steps):
        n_rests = n_steps // N_BETWEEN_RESTS
        for n in range(n_rests):
            if n % 4 == 1:
                self.watch_film()
            for _ in range(N_BETWEEN_RESTS):
                self.step()
            self.rest()
            self.measure()
        self.n["frames cut by a size"] = sum(viewer.n_interrupted for viewer in self.viewers)
        print("# " + ", ".join(f"{count} {what}" for what, count in self.n.items()), flush=True)
        check(self.n["pictures"] > 0 or not SOAK, "no film came as pictures")
        for viewer in self.viewers:
            viewer.leave(abruptly=False)

    def check_memory(self):
        rss = self.rss[int(len(self.rss) * N_WARM):]
        grown = slope(list(enumerate(rss))) * (len(rss) - 1)
        print(f"# {rss[0]} to {rss[-1]} KiB at {len(rss)} rests, {grown:+.0f} KiB", flush=True)
        check(SANITIZED or grown <= RSS_KIB_MAX, "the host grows:", self.rss[:: max(1, len(self.rss) // 50)])


def random_sizes_and_viewers(kind):
    began = time.monotonic()
    with desktop(kind, WIDTH, HEIGHT) as (host, server):
        trial = Trial(host, server, SEED)
        try:
            trial.run(N_STEPS)
        finally:
            if trial.film:
                trial.film.close()
        trial.check_memory()
    print(f"# {kind}: {time.monotonic() - began:.0f} s", flush=True)


def on_xvfb_all_is_right_at_rest_and_nothing_grows():
    random_sizes_and_viewers("Xvfb")


def on_xorg_all_is_right_at_rest_and_nothing_grows():
    if os.path.exists(DUMMY):
        random_sizes_and_viewers("Xorg")


print(f"# seed {SEED}", flush=True)
tests = [
    on_xvfb_all_is_right_at_rest_and_nothing_grows,
    on_xorg_all_is_right_at_rest_and_nothing_grows,
]
if __name__ == "__main__":
    if len(sys.argv) > 2:
        tests = [t for t in tests if sys.argv[2] in t.__name__]
    sys.exit(run(tests))

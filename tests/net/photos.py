#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A photo over 20 Mbit/s: seen soon, exact once it rests; and over a fast link no JPEG at all.

photos.py [BUILD-DIRECTORY]. Pages with a photo each, as the bench shows them, and a relay between two
network name spaces (relay.c). Figures are printed; with AFAR_SOAK=1 they are held to their limits.
Needs root. What it should look like is asked of a second viewer, who decodes nothing.
"""
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from viewing import *
from hosting import run
from picture import Frames

WORKLOAD = os.path.join(BUILD, "tests", "bench", "workload")
PICTURE = 0x88
RTT_MS, KBIT, SLOW_KBIT, QUEUE = 20, 20000, 2000, 256 << 10
# Of the screen half a page is the photo. In 200 ms 20 Mbit/s are 500 kB, pictures and headers
# included: a larger one cannot be exact by then.
SIZE = (1200, 760)
EXACT = 0.2
QUIET = 1.5  # seconds without a message
STEPS = 8 if SOAK else 2
JPEG_PIXEL = bytes([1]), bytes([254]), bytes([3])  # stands for what a PICTURE has filled


class Seen(Frames):
    """Whose PICTUREs are seen, if not as what."""

    def coded_picture(self, body):
        at = 5 + (14 if body[0] & TIMES else 0)
        x, y, w, h = struct.unpack_from("<HHHH", body, at + 1)
        self.picture.put(x, y, w, h, [value * (w * h) for value in JPEG_PIXEL])
        return super().coded_picture(body)


class Viewer:
    """Takes and acknowledges what comes at once; what it saw, and when, is worked out later."""

    def __init__(self, host, link=None, **how):
        with (link.far() if link else contextlib.nullcontext()):
            self.ws, _ = host.welcome(link=host.make_link(), **how)
        self.messages = []  # (when, type, body)
        self.seen = Seen()

    def take(self):
        """Until nothing comes any more."""
        while self.ws.data or select.select([self.ws.socket], [], [], QUIET)[0]:
            kind, body = self.ws.message()
            self.messages.append((time.monotonic(), kind, body))
            if kind in (FRAME, PICTURE) and not body[0] & MORE:
                self.ws.send(bytes([ACK]) + body[1:5] + bytes(4))

    def see(self):
        """All that has come, one after the other; yields when a frame was complete."""
        for when, kind, body in self.messages:
            if kind == SCREEN:
                self.seen.screen(body)
            elif kind == FRAME and self.seen.frame(body) is not None:
                yield when
            elif kind == PICTURE and self.seen.coded_picture(body) is not None:
                yield when
        self.messages = []

    def n_bytes(self):
        return sum(len(body) for _, _, body in self.messages)


def truth(host, link):
    """The screen as it is, once it rests."""
    viewer = Viewer(host, link)
    viewer.take()
    for _ in viewer.see():
        pass
    viewer.ws.close()
    return viewer.seen.picture


def is_usable(seen, real):
    """Every pixel is right, or at least that of a JPEG picture."""
    for y in range(real.height):
        row = slice(y * real.width, (y + 1) * real.width)
        mine, right = ([plane[row] for plane in one.planes] for one in (seen, real))
        if mine != right and any(
                a != b and bytes(a) != b"".join(JPEG_PIXEL)
                for a, b in zip(zip(*mine), zip(*right))):
            return False
    return True


def show_a_page(host, link, pages, viewer):
    """(usable, exact, pictures, bytes): the first two in seconds after it was drawn."""
    pages.stdin.write(b"step\n")
    pages.stdin.flush()
    viewer.take()
    drawn = int(pages.stdout.readline().split()[2]) / 1e6
    real, usable, exact = truth(host, link), None, None
    n_bytes, n_pictures = viewer.n_bytes(), viewer.seen.n_pictures
    for when in viewer.see():
        if usable is None and is_usable(viewer.seen.picture, real):
            usable = when - drawn
        if usable is not None and exact is None and viewer.seen.picture.rgb() == real.rgb():
            exact = when - drawn
    check(exact is not None, "at rest it is not exact")
    return usable, exact, viewer.seen.n_pictures - n_pictures, n_bytes


def show_pages(link, **how):
    config, _ = make_identity()
    with Desk(*SIZE) as desk:
        pages = subprocess.Popen([WORKLOAD, "photo"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, env={**os.environ, "DISPLAY": desk.display})
        desk.painters.append(pages)
        check(pages.stdout.readline().startswith(b"ready"), "the pages")
        with (link.near() if link else contextlib.nullcontext()):
            host = Host(config, address=NEAR if link else "127.0.0.1")
        with host:
            host.send(type="display_up", display=desk.display, xauthority=desk.authority.name)
            wait_for(lambda: "the screen has" in host.log(), "the screen")
            host.fds = None  # those of the display come and go
            viewer = Viewer(host, link, **how)
            viewer.take()
            for _ in viewer.see():
                pass
            shown = [show_a_page(host, link, pages, viewer) for _ in range(STEPS)]
            pages.stdin.close()
    usable, exact, n_pictures, n_bytes = zip(*shown)
    print(f"# {how.get('decodes', [])}: usable {figures(usable)}; exact {figures(exact)}; "
          f"{sum(n_pictures)} pictures, {sum(n_bytes) // STEPS} bytes a page", flush=True)
    return percentile(usable, 0.5), percentile(exact, 0.5), sum(n_pictures)


def a_photo_is_seen_soon_and_exact_at_rest():
    with Link(RTT_MS, 0, KBIT, QUEUE) as link:
        _, exact, _ = show_pages(link, decodes=["jpeg"])
        check(not SOAK or exact <= EXACT + link.rtt, "exact after", exact)


def over_a_slow_link_pictures_come_first():
    with Link(RTT_MS, 0, SLOW_KBIT, QUEUE) as link:
        _, lossless, none = show_pages(link)
        usable, _, n_pictures = show_pages(link, decodes=["jpeg"])
        check(none == 0, none, "pictures for who decodes none")
        check(n_pictures > 0, "no pictures")
        check(not SOAK or usable < lossless, "usable after", usable, "as tiles after", lossless)


def over_a_fast_link_no_picture_comes():
    _, _, n_pictures = show_pages(None, decodes=["jpeg"])
    check(not SOAK or n_pictures == 0, n_pictures, "pictures")


tests = [
    a_photo_is_seen_soon_and_exact_at_rest,
    over_a_slow_link_pictures_come_first,
    over_a_fast_link_no_picture_comes,
]
if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("needs root")
    sys.exit(run(tests))

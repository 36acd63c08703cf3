#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""NET-01 to NET-03: over long, slow and changing links an echo comes soon, and no picture is old.

links.py [BUILD-DIRECTORY]. A film in a window, keys in another, and a relay between two network
name spaces (relay.c). The film comes as what a page has that decodes least, and most. Figures are
printed; with AFAR_SOAK=1 each takes minutes, and they are held to their limits. Needs root.
"""
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from viewing import *
from hosting import run

SETTLE = 3 if not SOAK else 10
CHOICES = "jpeg", "h264"


def held(what, values, limit, part=0.95):
    value = percentile(values, part)
    print(f"# {what}: {figures(values)}; p{part * 100:.0f} at most {limit * 1e3:.0f}", flush=True)
    check(not SOAK or value <= limit, what, value, "s, more than", limit)


def ends_with_the_newest_picture(watcher, film, seconds):
    """Whatever the link, in the end the viewer has what the screen has."""
    stamp = stop(film)
    watcher.until(lambda: watcher.stamps() == {stamp}, "the last picture", seconds)


def watch(host, link, decodes):
    return Watcher(host, link, decodes=decodes, film=WINDOW[:2], twin=True)


def look(link, seconds, decodes, echo_limit, age_limit):
    print(f"# {decodes}, {link.congestion or 'no congestion control in particular'}", flush=True)
    with desktop(place=WINDOW, link=link) as (host, film, _):
        watcher = watch(host, link, decodes)
        watcher.until(lambda: watcher.ages, "a picture", 60)
        watcher.watch(SETTLE)
        link.counts()
        began, n_bytes, n_frames = time.monotonic(), watcher.n_bytes, watcher.n_frames
        echoes = watcher.echoes(seconds)
        took = time.monotonic() - began
        ages = watcher.ages_between(began)
        check(watcher.n_pictures > 0, "no pictures")
        print(f"# {(watcher.n_frames - n_frames) / took:.1f} frames/s, "
              f"{(watcher.n_bytes - n_bytes) / took * 8e-3:.0f} kbit/s; {link.counts()}",
              flush=True)
        ends_with_the_newest_picture(watcher, film, 60)
        held("age of a frame", ages, age_limit)
        held("echo beside the film", echoes, echo_limit)
        echoes = watcher.echoes(seconds / 2)
        held("echo while nothing moves", echoes, echo_limit)
        check((watcher.n_probes > 0) == (link.loss > 0), watcher.n_probes, "probes")
        check((watcher.twin is not None) == (link.loss > 0), "a second connection")
        watcher.close()


# NET-01
def over_a_slow_and_lossy_link_the_connection_and_the_echo_live():
    for congestion in congestion_controls("cubic", "bbr"):
        for decodes in CHOICES:
            with Link(200, 5, 1000, 64 << 10, congestion) as link:
                look(link, 300 if SOAK else 4, decodes, link.rtt + 0.3, link.rtt + 1)


# NET-02
def over_a_long_way_the_echo_takes_hardly_longer_than_the_way():
    for decodes in CHOICES:
        with Link(200, 0, 10000, 1 << 20) as link:
            look(link, 60 if SOAK else 3, decodes, link.rtt + 0.1, link.rtt + 0.5)


# NET-03
def after_a_step_of_the_rate_the_picture_is_young_again():
    fast, slow = (40, 0, 20000, 256 << 10), (40, 0, 1000, 64 << 10)
    with Link(*fast) as link, desktop(place=WINDOW, link=link) as (host, film, _):
        watcher = watch(host, link, CHOICES[0])
        watcher.until(lambda: watcher.ages, "a picture", 60)
        watcher.watch(SETTLE)
        for name, how in (("20 to 1", slow), ("1 to 20", fast)):
            link.set(*how)
            step = time.monotonic()
            watcher.watch(20 if SOAK else 6)
            ages = watcher.ages_between(step + 3)
            check(ages, "no picture any more")
            first = watcher.ages_between(step, step + 3)
            print(f"# {name} Mbit/s: age in the first 3 s {figures(first)}", flush=True)
            held("age after that", ages, link.rtt + 0.5, 1)
        ends_with_the_newest_picture(watcher, film, 30)
        watcher.close()


tests = [
    over_a_slow_and_lossy_link_the_connection_and_the_echo_live,
    over_a_long_way_the_echo_takes_hardly_longer_than_the_way,
    after_a_step_of_the_rate_the_picture_is_young_again,
]
if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("needs root")
    sys.exit(run(tests))

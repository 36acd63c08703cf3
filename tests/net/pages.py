#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The real page, in a real Chromium, over a long link that loses packets (NET-01): it opens a second
connection, each key comes once and in order, and at rest its picture is the screen's.

pages.py [BUILD-DIRECTORY]. A film in a window, keys in another, and a relay between two network
name spaces (relay.c). Figures are printed. Needs root.
"""
import hashlib
import json
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from viewing import *
from hosting import run

NAME = "localhost"  # which alone may decode video without TLS
SCREEN_READER = os.path.join(BUILD, "tests", "fakes", "fake-screen")
PRESSES = 200 if SOAK else 40


class Page:
    """See page.mjs."""

    def __init__(self, link):
        script = os.path.join(os.environ["AFAR_SOURCE"], "tests", "net", "page.mjs")
        with link.far():
            self.process = subprocess.Popen(["node", script, f"{NAME}={NEAR}"], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        check(self.process.stdout.readline() == "ready\n", "Chromium does not start")

    def ask(self, what, **how):
        self.process.stdin.write(json.dumps({"do": what, **how}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        check("error" not in answer, what, answer)
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(DEADLINE)


def heard(keys):
    """Number of each key that the program has heard of since it was last asked."""
    numbers = []
    while select.select([keys.stdout], [], [], 0)[0]:
        word, number, _ = keys.stdout.readline().split()
        check(word == b"key", word)
        numbers.append(int(number))
    return numbers


def what_is_there(host):
    """A hash of the framebuffer, as X itself has it."""
    told = subprocess.run([SCREEN_READER], input=b"read\n", stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "DISPLAY": host.display}).stdout
    return hashlib.sha256(told.partition(b"\n")[2]).hexdigest()


def typing_over_a_lossy_link_goes_by_two_connections():
    with Link(200, 5, 1000, 64 << 10) as link, \
            desktop(place=WINDOW, link=link) as (host, film, keys), \
            Page(link) as page:
        page.ask("open", url=f"http://{NAME}:{host.port}/#link={host.make_link()}")
        x, y = KEYS[0] + TILE // 2, KEYS[1] + TILE // 2
        delays = [page.ask("press", x=x, y=y)["ms"] / 1e3 for _ in range(PRESSES)]
        print(f"# from a key to its pixel beside a film: {figures(delays)}", flush=True)
        wait_for(lambda: select.select([keys.stdout], [], [], 0)[0], "keys")
        numbers = heard(keys)
        check(numbers == list(range(1, PRESSES + 1)), "keys", numbers)
        stop(film)
        wanted = what_is_there(host)
        wait_for(lambda: page.ask("hash")["hash"] == wanted, "the page has the screen", 60)
        delays = [page.ask("press", x=x, y=y)["ms"] / 1e3 for _ in range(PRESSES)]
        print(f"# while nothing moves: {figures(delays)}", flush=True)
        check(heard(keys) == list(range(PRESSES + 1, 2 * PRESSES + 1)), "keys once and in order")
        # Of those that are faster than their frame: how many these are is for chance to say.
        wait_for(lambda: page.ask("press", x=x, y=y) and page.ask("echoes")["n"] > 0,
                 "an echo by a second connection", 60)
        print(f"# {page.ask('echoes')['n']} echoes before their frames", flush=True)
        wanted = what_is_there(host)
        wait_for(lambda: page.ask("hash")["hash"] == wanted, "the page has the screen again", 60)


tests = [typing_over_a_lossy_link_goes_by_two_connections]
if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("needs root")
    sys.exit(run(tests))

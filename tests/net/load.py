#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""LOD-01, LOD-02, LOD-04: many viewers, of whom some stand still, and input while all is busy.

load.py [BUILD-DIRECTORY]. A film over the whole screen. What must hold is checked: nobody is
dropped but who stands still for a minute, each has the newest picture in the end, memory has its
bound, keys come once and in order. Figures of time are printed; with AFAR_SOAK=1 they are held to
their limits, and those who stand still are waited for.
"""
import multiprocessing
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from viewing import *
from hosting import run

MIB = 1 << 20
STALLED_MIB_MAX = 8
STALLED_SECONDS = 60
SECONDS = 20 if SOAK else 3
SIZE = {"width": 1920, "height": 1080} if SOAK else {}


def held(what, value, limit):
    print(f"# {what}: {value:.2f}, at most {limit:.2f}", flush=True)
    check(not SOAK or value <= limit, what, value, "more than", limit)


class Apart:
    """A watcher in a process of its own: in one, Python makes them wait for each other."""

    def __init__(self, host, look=True):
        token = host.make_link()
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=self.live, args=(host, token, look, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.answer()

    def live(self, host, token, look, pipe):
        try:
            watcher = Watcher(host, look=look, token=token)
            watcher.until(lambda: watcher.n_frames, "a picture", 60)
            pipe.send(None)
            while True:
                watcher.also(pipe)
                order, value = pipe.recv()
                if order == "ages":
                    pipe.send(watcher.ages_between(value))
                elif order == "frames":
                    pipe.send((watcher.n_frames, watcher.n_bytes))
                elif order == "newest":
                    watcher.until(lambda: watcher.stamps() == {value}, "the last picture",
                                  60)
                    pipe.send(None)
                else:
                    return
        except Exception as error:
            pipe.send(error)

    def answer(self):
        check(self.pipe.poll(90), "a viewer does not answer")
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask(self, order, value=None):
        self.pipe.send((order, value))
        return self.answer()

    def close(self):
        self.pipe.send(("end", None))
        self.process.join(DEADLINE)


def stand_still(host):
    """A viewer that signs in and never reads again."""
    ws, _ = host.welcome(link=host.make_link())
    ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
    return ws


def n_viewers(host):
    found = host.find("viewers")
    return len(found[-1]["body"]) if found else 0


# LOD-01
def eight_who_stand_still_cost_the_healthy_one_nothing():
    with desktop(**SIZE) as (host, film, _):
        healthy = Apart(host)
        time.sleep(1)  # lets the picture come to its pace
        began = time.monotonic()
        time.sleep(SECONDS)  # that is what is measured
        alone = healthy.ask("ages", began)
        rss = host.proc("VmRSS")
        stalled = [stand_still(host) for _ in range(8)]
        entered = time.monotonic()
        wait_for(lambda: n_viewers(host) == 9, "nine viewers")
        time.sleep(1)
        began = time.monotonic()
        time.sleep(SECONDS)
        beside = healthy.ask("ages", began)
        each = (host.proc("VmRSS") - rss) / 8 / 1024
        print(f"# alone: {figures(alone)}; beside 8: {figures(beside)}", flush=True)
        check(alone and beside, "no frames")
        held("median beside / alone", percentile(beside, 0.5) / percentile(alone, 0.5), 1.25)
        held("most, ms more", (max(beside) - max(alone)) * 1e3, 50)
        print(f"# memory of each who stands still: {each:.1f} MiB", flush=True)
        check(each <= STALLED_MIB_MAX, "memory of each", each, "MiB")
        check(n_viewers(host) == 9, "somebody was dropped", host.log())
        if SOAK:
            wait_for(lambda: n_viewers(host) == 1, "those who stand still are closed",
                     STALLED_SECONDS + 30)
            held("closed after, s", time.monotonic() - entered, STALLED_SECONDS + 20)
        healthy.ask("newest", stop(film))
        healthy.close()
        for ws in stalled:
            ws.close()


def fairness(values):
    """Jain's index."""
    return sum(values) ** 2 / len(values) / sum(v * v for v in values)


# LOD-02
def sixteen_healthy_viewers_all_get_the_picture():
    one_cpu = one_rate = None
    with desktop(**SIZE) as (host, film, _):
        viewers = []
        for n in (1, 2, 4, 8, 16) if SOAK else (1, 4, 16):
            while len(viewers) < n:
                viewers.append(Apart(host, look=not viewers))
            before, cpu = [v.ask("frames")[0] for v in viewers], host.cpu_seconds()
            began = time.monotonic()
            time.sleep(SECONDS)
            rates = [(v.ask("frames")[0] - b) / (time.monotonic() - began)
                     for v, b in zip(viewers, before)]
            cpu = (host.cpu_seconds() - cpu) / (time.monotonic() - began)
            one_cpu, one_rate = one_cpu or cpu, one_rate or rates[0]
            print(f"# {n}: {min(rates):.1f} to {max(rates):.1f} frames/s, fairness "
                  f"{fairness(rates):.3f}, host {cpu:.2f} CPU, {cpu / one_cpu:.1f} of one's, "
                  f"per frame {cpu / one_cpu * one_rate / (sum(rates) / n):.1f}", flush=True)
            check(min(rates) > 0, "somebody gets nothing", rates)
            check(not SOAK or fairness(rates) >= 0.95, "fairness", rates)
        check(n_viewers(host) == 16, "somebody was dropped", host.log())
        viewers[0].ask("newest", stop(film))
        for viewer in viewers:
            viewer.close()


# LOD-04
def keys_come_soon_while_the_whole_screen_is_a_film():
    with desktop(fps=60, **SIZE) as (host, film, keys):
        healthy, typist = Apart(host, look=False), stand_still(host)
        sent = []
        for n in range(600 if SOAK else 100):
            time.sleep(0.005 + n * 7 % 11 * 1e-3)  # a typist has no beat
            sent.append(time.monotonic())
            typist.send(struct.pack("<BBH", KEY, 1, LETTER))
            typist.send(struct.pack("<BBH", KEY, 0, LETTER))
        delays = []
        for n, at in enumerate(sent, 1):
            check(select.select([keys.stdout], [], [], DEADLINE)[0], "key", n, "never came")
            word, number, heard = keys.stdout.readline().split()
            check((word, int(number)) == (b"key", n), word, number, n)
            delays.append(int(heard) / 1e6 - at)
        print(f"# from the socket to the X client: {figures(delays)}", flush=True)
        held("p99, ms", percentile(delays, 0.99) * 1e3, 10)
        check(healthy.ask("frames")[0] > 0, "no frames")
        stop(film)
        healthy.close()
        typist.close()


tests = [
    eight_who_stand_still_cost_the_healthy_one_nothing,
    sixteen_healthy_viewers_all_get_the_picture,
    keys_come_soon_while_the_whole_screen_is_a_film,
]
if __name__ == "__main__":
    sys.exit(run(tests))

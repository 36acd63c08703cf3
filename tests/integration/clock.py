#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The time of day jumps, under both flavours: neither a delay nor a count takes notice.

clock.py [BUILD-DIRECTORY]. Real daemons and Xvfb; all that they start has the same time of day
(fakes/clock.c), and nobody's monotonic clock is touched.
"""
import os
import sys

import homes
from contract_home import *
from hosting import *

# By so many seconds from what it is: an hour back, an hour on, ten years on, and to 1970.
JUMPS = [-3600, 3600, 10 * 365 * 86400, 86400 - int(time.time())]
# Above and below what is measured, seconds: the machine's share.
SLACK = 0.05 * SLOW


class Clock:
    """The time of day of every process with this environment."""

    def __init__(self, directory):
        self.file = os.path.join(directory, "time-of-day")
        self.jump(0)
        self.env = {
            "LD_PRELOAD": os.path.join(BUILD, "tests", "fakes", "fake-clock.so"),
            "AFAR_TEST_CLOCK": self.file,
        }

    def jump(self, by):
        with open(self.file + ".new", "w") as f:
            f.write(str(by))
        os.rename(self.file + ".new", self.file)


def year_of(line):
    return int(line[:4])


# SUP-06, SUP-3, INH-2
def during_the_back_off_nothing_changes():
    scale = 5
    with ContractHome(scale=scale) as home:
        clock = Clock(home.path)
        home.tell_host("exit 1\n")
        daemon = home.start(env=clock.env)
        for count, jump in enumerate(JUMPS, 1):
            daemon.wait_line(f"Failure count for 'host' is now {count}")
            clock.jump(jump)
            home.wait_host(count + 1)
        starts = [host.start for host in home.hosts()]
        for number, (before, after) in enumerate(zip(starts, starts[1:])):
            check(abs(after - before - 5 / scale) < SLACK, JUMPS[number], after - before)
        # It did see them.
        years = {year_of(line) for line in daemon.log.texts() if line[:4].isdigit()}
        check({1970, time.gmtime().tm_year + 10} <= years, years)
        check(daemon.stop() == 0)


# SUP-06, SUP-3, SUP-5
def during_a_run_nothing_changes():
    scale = 10
    with ContractHome(scale=scale) as home:
        clock = Clock(home.path)
        home.gate("gate")
        home.tell_host("read\nready\nawait gate\nexit 1\n")
        daemon = home.up(env=clock.env)
        for count, jump in enumerate(JUMPS, 1):
            daemon.wait_line("Host ready to receive connections", count)
            clock.jump(jump)
            home.open_gate("gate")
            # Ten years did not make it healthy, nor 1970 one that never ran.
            daemon.wait_line(f"Failure count for 'host' is now {count}")
            home.wait_host(count + 1)
        # One that was healthy by the monotonic clock is, whatever the other one says.
        daemon.wait_line("Host ready to receive connections", len(JUMPS) + 1)
        time.sleep(60 / scale)  # the length of the run is what is tested
        clock.jump(-3600)
        home.open_gate("gate")
        daemon.wait_line("Failure count for 'host' is now 0")
        check(len(home.launches("session")) == 1, "the session was started again")
        check(daemon.stop() == 0)


# SUP-06
def in_our_own_flavour_neither():
    conf = "[relaunch]\nhealthy_after = 60\nfast_delay = 1\nslow_delay = 60\n"
    with homes.Home(conf) as home:
        clock = Clock(home.path)
        home.env.update(clock.env)
        home.up("--display", "xvfb")
        before = home.wait_ready("session")
        for count, jump in enumerate(JUMPS, 1):
            os.kill(before["pid"], signal.SIGKILL)
            killed = time.monotonic()
            wait_for(lambda: home.component("session")["pid"] != before["pid"], "its end", SECONDS)
            clock.jump(jump)
            after = home.wait_ready("session", other_than=before["pid"])
            took = time.monotonic() - killed
            check(after["restarts"] == count, jump, after)
            # The delay counts from the start before, which is a moment ago.
            check(count == 1 or 0.5 < took < 1.5 * SLOW, jump, took)
            before = after
        check(home.afar("stop")[0] == 0)


tests = [
    during_the_back_off_nothing_changes,
    during_a_run_nothing_changes,
    in_our_own_flavour_neither,
]
if __name__ == "__main__":
    sys.exit(run(tests))

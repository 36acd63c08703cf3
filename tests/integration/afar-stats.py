#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`afar stats`: where the time goes, from a key to the page that has painted it.

afar-stats.py [BUILD-DIRECTORY]. A real desktop with an xterm, and viewers who type and acknowledge; then
hosts that leave the question unanswered, or answer nonsense.
"""
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from homes import *
from hosting import *

FRAME, PICTURE, ACK, MORE = 0x85, 0x88, 0x02, 1
N_KEYS = 20
ANSWERED = 1  # second: so long is a host waited for
STAGES = ["input", "application", "damage", "capture", "analyse", "encode", "queue", "network",
          "decode", "paint", "echo"]
KINDS = {"solid", "palette", "raw", "delta", "copy", "store", "cached", "jpeg", "vp9", "h264"}
COUNTERS = {"frames", "acknowledged", "inputs", "bytes_down", "bytes_up", "pixels", "operations"}
SESSION = 'exec openbox --startup "xterm -e cat"'


class Viewer:
    """Signs in, and acknowledges all that comes."""

    def __init__(self, home):
        address, port, token = re.match(
            r"http://([\d.]+):(\d+)/#link=(.+)", home.afar("link")[1].strip()
        ).groups()
        self.ws, welcome = Host.of_others(address, port).welcome(link=token)
        self.id, self.version = welcome["viewer"], welcome["version"]
        self.frames, self.up = 0, 0
        self.down = 1 + len(json.dumps(welcome, separators=(",", ":")).encode())

    def send(self, payload):
        self.ws.send(payload)
        self.up += len(payload)

    def hear(self):
        """The next message's type; a frame that is complete is acknowledged."""
        kind, body = self.ws.message()
        self.down += 1 + len(body)
        if kind in (FRAME, PICTURE) and not body[0] & MORE:
            times = struct.pack("<HH", 7, 9) if self.version > 1 else b""
            self.send(bytes([ACK]) + body[1:5] + times)
            self.frames += 1
        return kind

    def settle(self):
        """Until the host has seen all that was sent, and all that it sent is here."""
        self.send(bytes([PING]) + bytes(4))
        while self.hear() != PONG:
            pass

    def await_frame(self, limit):
        """Whether one comes in time."""
        before, end = self.frames, time.monotonic() + limit
        while self.frames == before:
            left = end - time.monotonic()
            if not self.ws.data and not select.select([self.ws.socket], [], [], max(left, 0))[0]:
                return False
            self.hear()
        return True

    def key(self, down):
        self.send(struct.pack("<BBH", KEY, down, CODES["h"]))

    def echo(self):
        """A letter; the seconds from its press until the host has heard that it is painted."""
        begin = time.monotonic()
        self.key(1)
        check(self.await_frame(DEADLINE), "a key changes nothing")
        self.settle()
        took = time.monotonic() - begin
        self.key(0)
        self.settle()
        return took

    def await_keyboard(self):
        """Until what is typed is shown: three times, for other things are drawn at first."""
        in_a_row, end = 0, time.monotonic() + DEADLINE * SLOW
        while in_a_row < 3:
            check(time.monotonic() < end, "nobody has the keyboard")
            self.settle()
            self.key(1)
            in_a_row = in_a_row + 1 if self.await_frame(0.5) else 0
            self.key(0)
            self.settle()

    def close(self):
        self.ws.close()


def stats_of(home):
    code, out, err = home.afar("stats", "--json")
    check(code == 0 and not err, code, out, err)
    return json.loads(out)


def viewer_of(document, viewer):
    return next(v for v in document["viewers"] if v["id"] == viewer.id)


def stats_at_rest(home, viewer):
    """Once all that was drawn has come, and is acknowledged."""
    def are_equal():
        nonlocal document
        viewer.settle()
        document = stats_of(home)
        one = viewer_of(document, viewer)
        counted = [one[key] for key in ("frames", "acknowledged", "bytes_down", "bytes_up")]
        return counted == [viewer.frames, viewer.frames, viewer.down, viewer.up]
    document = None
    wait_for(are_equal, "what is counted is what came")
    return document


def check_schema(document):
    check({"schema", "version", "now", "cpu", "host", "viewers", "viewers_left_out"}
          == set(document), document)
    check(document["schema"] == 1 and set(document["cpu"]) == {"display", "supervisor"}, document)
    check({"pid", "since", "cpu", "reads", "unchanged", "viewers_so_far", "requests"} | COUNTERS
          == set(document["host"]), document)
    for viewer in document["viewers"]:
        check({"id", "address", "since", "view_only", "under_way", "rtt", "rtt_best", "rate",
               "stages"} | COUNTERS == set(viewer), viewer)
        check(list(viewer["stages"]) == STAGES, viewer)
        check(set(viewer["operations"]) == KINDS, viewer)


def at_rest(document):
    """Without what asking changes."""
    document = json.loads(json.dumps(document))
    for key in ("now", "cpu"):
        del document[key]
    for key in ("cpu", "requests"):
        del document["host"][key]
    return document


# Issue 5
def keys_are_followed_until_they_are_painted():
    with Home() as home:
        home.up("--display", "xvfb", session=SESSION)
        check(stats_of(home)["viewers"] == [], "nobody looks on")
        viewer = Viewer(home)
        viewer.await_keyboard()
        before = stats_at_rest(home, viewer)
        measured = [viewer.echo() for _ in range(N_KEYS)]
        document = stats_at_rest(home, viewer)
        check_schema(document)
        one, was = viewer_of(document, viewer), viewer_of(before, viewer)
        check(one["frames"] - was["frames"] >= N_KEYS // 2, one, was)
        check(one["under_way"] == 0 and one["rtt_best"] <= one["rtt"], one)
        check(one["inputs"] - was["inputs"] == 2 * N_KEYS, one, was)
        check(sum(one["operations"].values()) > sum(was["operations"].values()), one, was)
        check(one["pixels"] > was["pixels"] > 0, one, was)
        check(document["host"]["cpu"] > 0 and document["cpu"]["display"] > 0, document)
        stages, longest = one["stages"], max(measured) * 1e6 + 100
        for name in STAGES:
            if viewer.version == 1 and name in ("decode", "paint"):
                check(stages[name] is None, name)  # not in that version's ACK
                continue
            check(stages[name], name, stages)
            check(0 < stages[name]["median"] <= stages[name]["p99"] <= stages[name]["max"], name,
                  stages)
            check(stages[name]["median"] <= longest, name, stages, longest)
        for name in ("input", "application", "echo"):
            check(stages[name]["frames"] >= N_KEYS // 2, name, stages)
        check(stages["encode"]["frames"] == min(256, one["frames"]), stages)
        # What its parts are, less 10 us of rounding for each.
        parts = sum(stages[name]["median"] for name in ("input", "application", "capture"))
        check(stages["echo"]["max"] + 30 >= parts, stages)
        for name, stage in stages.items():
            print(f"# {name}: {stage and stage['median']} us", flush=True)
        viewer.close()


def nothing_is_counted_while_nothing_happens():
    with Home() as home:
        home.up("--display", "xvfb", session=SESSION)
        viewer = Viewer(home)
        viewer.await_keyboard()
        pairs = []

        def is_at_rest():
            """The session may still be starting."""
            viewer.settle()
            pairs.append((stats_of(home), stats_of(home)))
            return at_rest(pairs[-1][0]) == at_rest(pairs[-1][1])
        wait_for(is_at_rest, "nothing is counted")
        first, second = pairs[-1]
        check(second["host"]["requests"] == first["host"]["requests"] + 1, first, second)
        check(second["now"] > first["now"], first["now"], second["now"])
        viewer.close()


def each_viewer_has_its_own_and_what_it_did_stays():
    with Home() as home:
        home.up("--display", "xvfb", session=SESSION)
        typist = Viewer(home)
        typist.await_keyboard()
        guest = Viewer(home)
        check(guest.await_frame(DEADLINE))
        document = stats_at_rest(home, guest)
        check([v["id"] for v in document["viewers"]] == [typist.id, guest.id], document)
        check(viewer_of(document, guest)["inputs"] == 0, document)
        check(viewer_of(document, guest)["stages"]["input"] is None, document)
        check(viewer_of(document, guest)["frames"] >= 1, document)
        for key in COUNTERS - {"operations"}:
            check(document["host"][key] == sum(v[key] for v in document["viewers"]), key, document)
        typist.close()
        wait_for(lambda: len(stats_of(home)["viewers"]) == 1, "it has left")
        after = stats_of(home)
        check(after["host"]["frames"] >= document["host"]["frames"], document, after)
        check(after["host"]["viewers_so_far"] == 2, after)
        guest.close()


def people_get_a_table_and_colours_on_a_terminal_only():
    with Home() as home:
        home.up("--display", "xvfb", session=SESSION)
        viewer = Viewer(home)
        viewer.await_keyboard()
        code, out, err = home.afar("stats")
        check(code == 0 and not err and "\033" not in out, code, out, err)
        check(re.search(r"^host, process \d+, for .*, 1 viewer so far$", out, re.M), out)
        check(re.search(r"CPU time: host [\d.]+ s, X server [\d.]+ s, supervisor [\d.]+ s$", out,
                        re.M), out)
        check(re.search(r"^viewer \d+ \(127\.0\.0\.1\) for \d+ s$", out, re.M), out)
        for name in ("input", "application", "encode", "network", "echo"):
            check(re.search(rf"^  {name} +[\d.]+ +[\d.]+ +[\d.]+ +\d+$", out, re.M), name, out)
        check(re.search(r"^  \d+ (solid|palette|raw|delta)", out, re.M), out)
        ours, theirs = pty.openpty()
        subprocess.run(home.command("stats"), env={**home.env, "TERM": "xterm"}, stdout=theirs,
                       stdin=subprocess.DEVNULL, check=True, timeout=DEADLINE)
        os.close(theirs)
        check(b"\033[2m" in os.read(ours, 65536), "no colours")
        os.close(ours)
        viewer.close()


def it_can_be_watched_until_somebody_has_seen_enough():
    with Home() as home:
        home.up("--display", "xvfb")
        for args in (["--watch", "0.2", "--json"], ["--json", "--watch=0.2"]):
            with subprocess.Popen(home.command("stats", *args), env=home.env, text=True,
                                  stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as watch:
                seen = [json.loads(watch.stdout.readline()) for _ in range(3)]
                watch.send_signal(signal.SIGINT)
            check(watch.returncode == -signal.SIGINT, watch.returncode)
            requests = [document["host"]["requests"] for document in seen]
            check(requests == list(range(requests[0], requests[0] + 3)), requests)
        with subprocess.Popen(home.command("stats", "-w", "0.2"), env=home.env, text=True,
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as watch:
            while not re.search(r"host [\d.]+ s \(-?[\d.]+ %\)", watch.stdout.readline()):
                check(watch.poll() is None, "it ended")
            watch.stdout.close()  # nobody reads on
            check(watch.wait(DEADLINE) == 1, watch.returncode)
        watch = subprocess.Popen(home.command("stats", "--watch", "0.2"), env=home.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, text=True)
        check(home.afar("stop")[0] == 0)
        _, err = watch.communicate(timeout=DEADLINE * SLOW)
        check(watch.returncode in (1, 3) and err.count("\n") == 1, watch.returncode, err)


# FUZ-07
def a_wrong_command_line_is_refused_in_one_line():
    with Home() as home:
        for args in (["0.1"], ["now"], ["--watch", "0.1"], ["--watch", "0"], ["--watch", "1x"],
                     ["--watch", "nan"], ["--watch", "inf"], ["--watch", "1e99"], ["--watch", ""],
                     ["--watch="], ["--watch=-1"], ["--watch", "9" * 4000], ["--verbose"],
                     ["--watch", "1", "2"], [""], ["--json=yes"]):
            code, out, err = home.afar("stats", *args)
            check(code == 2 and not out and err.startswith("afar: "), args, code, out, err)
            check(err.count("\n") == 1, args, err)
        code, out, err = home.afar("stats", "--help")
        check(code == 0 and out.startswith("Usage: afar stats") and not err, code, out, err)
        for args in ([], ["--json"], ["--watch"]):
            code, out, err = home.afar("stats", *args)
            check((code, out) == (3, "") and "not running" in err and err.count("\n") == 1, code,
                  out, err)


# SUP-08, UPG-01
def a_host_that_does_not_answer_holds_nobody_up():
    with Home() as home:
        home.up("--display", "xvfb")
        pid = home.component("host")["pid"]
        answers = []
        os.kill(pid, signal.SIGSTOP)
        try:
            begin = time.monotonic()
            askers = [threading.Thread(target=lambda: answers.append(home.afar("stats")))
                      for _ in range(6)]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join(DEADLINE)
            took = time.monotonic() - begin
        finally:
            os.kill(pid, signal.SIGCONT)
        check(len(answers) == 6, answers)
        for code, out, err in answers:
            check((code, out) == (1, "") and err.count("\n") == 1, code, out, err)
            check("the host does not answer" in err, err)
        check(ANSWERED <= took < 5 * ANSWERED, "it took", took)
        check(stats_of(home)["host"]["pid"] == pid, "it goes on")
        # One question, whoever asks; those who hung up are forgotten.
        check(stats_of(home)["host"]["requests"] <= 3 + len(answers))


def a_host_that_ends_answers_nobody():
    with Home() as home:
        home.up("--display", "xvfb")
        pid = home.component("host")["pid"]
        os.kill(pid, signal.SIGSTOP)
        answers = []
        asker = threading.Thread(target=lambda: answers.append(home.afar("stats", "--json")))
        asker.start()
        with socket.socket(socket.AF_UNIX) as s:  # one that asks, and does not wait
            s.connect(os.path.join(home.runtime, "afar", "control"))
            s.sendall(b'{"type":"get_stats"}\n' * 2)
        asker.join(0.3)
        os.kill(pid, signal.SIGKILL)
        asker.join(DEADLINE)
        code, out, err = answers[0]
        check((code, out) == (1, "") and err.count("\n") == 1, code, out, err)
        home.wait_ready("host", other_than=pid)
        check(stats_of(home)["host"]["pid"] != pid)


HOST = """#!/usr/bin/env python3
import json, os, signal, socket, sys
if "--make-identity" in sys.argv:
    os.execv(REAL, [REAL, *sys.argv[1:]])
sys.stdin.read()
fd = next(int(a.split("=")[1]) for a in sys.argv if a.startswith("--control-fd="))
line = socket.socket(fileno=fd)
os.kill(os.getppid(), signal.SIGUSR1)
def say(**message):
    line.sendall(json.dumps(message).encode() + b"\\n")
def answer(id):
    with open(SAYS, "rb") as f:
        line.sendall(f.read().replace(b"ID", str(id).encode()))
for text in line.makefile():
    message = json.loads(text)
    if message["type"] == "ping":
        say(type="pong", id=message["id"])
    elif message["type"] == "make_link":
        say(type="link", id=message["id"], token="A" * 22, hash="0" * 64)
    elif message["type"] == "tell_stats":
        answer(message["id"])
"""


# FUZ-05
def what_a_host_answers_is_not_believed():
    with Installation() as programs:
        real, says = programs.file("afar-host.real"), programs.file("says")
        os.rename(programs.file("afar-host"), real)

        def make(new):
            with open(new, "w") as f:
                f.write(HOST.replace("REAL", repr(real)).replace("SAYS", repr(says)))
        programs.put("afar-host", make)
        long = "x" * (256 * 1024 - 60)
        refused = [
            (b"", "does not answer"),  # one that is older than the question
            (b'{"type":"stats","id":0,"body":{}}\n', "does not answer"),
            (b'{"type":"stats","id":4294967295,"body":{}}\n', "does not answer"),
            (b'{"type":"stats","id":ID,"body":[]}\n', "made no sense"),
            (b'{"type":"stats","id":ID}\n', "made no sense"),
            (b'{"type":"stats","id":"ID","body":{}}\n', "made no sense"),
            (b"\xff\n", "made no sense"),
            (b'{"type":"stats","id":ID,"body":{"x":"%s"}}\n' % long.encode(), "daemon"),
        ]
        odd = {
            "schema": 7, "host": [], "viewers": [None, 1, {}, {"address": "\033[2J", "stages": []},
            {"id": -1, "address": "1.2.3.4", "frames": "many", "operations": {"\033[2J": 1, "x": 2},
             "stages": {"input": {"median": 10**18}, "echo": 1}}], "viewers_left_out": "all",
        }
        with Home() as home:
            open(says, "w").close()
            home.up("--display", "xvfb")
            for text, why in refused:
                with open(says, "wb") as f:
                    f.write(text)
                code, out, err = home.afar("stats", "--json")
                check((code, out) == (1, "") and re.search(why, err), text[:60], code, out, err)
                check(err.count("\n") == 1, err)
            with open(says, "w") as f:
                f.write('{"type":"stats","id":ID,"body":%s}\n' % json.dumps(odd))
            document = stats_of(home)
            check(document["schema"] == 1 and document["viewers"] == odd["viewers"], document)
            code, out, err = home.afar("stats")
            check(code == 0 and "\033" not in out and "1.2.3.4" in out, code, repr(out), err)
            host = home.component("host")
            check(host["state"] == "ready" and host["restarts"] == 0, host)


def bad_requests_cost_only_who_asks():
    with Home() as home:
        home.up("--display", "xvfb")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE)
            s.connect(os.path.join(home.runtime, "afar", "control"))
            lines = s.makefile("rb")
            for text in (b'{"type":"get_stats","id":[1],"deep":{}}', b'{"type":"get_stats"}'):
                s.sendall(text + b"\n")
                check(json.loads(lines.readline())["type"] == "reply", text)
            for text in (b'{"type":"get_stats"', b'{"type":"get_stats","type":"get_stats"}',
                         b'{"type":"tell_stats","id":1}', b'{"type":"stats","id":1,"body":{}}'):
                s.sendall(text + b"\n")
                check(json.loads(lines.readline())["type"] == "error", text)
            # More at once than can wait: each is answered, one way or the other.
            s.sendall(b'{"type":"get_stats"}\n' * 40)
            answers = [json.loads(lines.readline())["type"] for _ in range(40)]
            check("reply" in answers and set(answers) <= {"reply", "error"}, answers)
        check(stats_of(home)["viewers"] == [])


tests = [
    keys_are_followed_until_they_are_painted,
    nothing_is_counted_while_nothing_happens,
    each_viewer_has_its_own_and_what_it_did_stays,
    people_get_a_table_and_colours_on_a_terminal_only,
    it_can_be_watched_until_somebody_has_seen_enough,
    a_wrong_command_line_is_refused_in_one_line,
    a_host_that_does_not_answer_holds_nobody_up,
    a_host_that_ends_answers_nobody,
    what_a_host_answers_is_not_believed,
    bad_requests_cost_only_who_asks,
]
if __name__ == "__main__":
    sys.exit(run([test for test in tests if all(w in test.__name__ for w in sys.argv[2:])]))

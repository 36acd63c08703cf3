#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may come in, and what the rest gets: AUT-04..09, RES-03, RES-05, RES-08, HL-1, HOST-1..8.

Runs the real afar-host under a fake supervisor: host-door.py [BUILD-DIRECTORY]
"""
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

from hosting import *
from leakcheck import Slopes

VIEWERS = 1000 if os.environ.get("AFAR_SOAK") else 200
CONFIG, PIN = make_identity()
WRONG_PIN = f"{(int(PIN) + 1) % 10**8:08}"


# --- pages ---


def the_page_is_served_with_the_headers_that_guard_it():
    with Host(CONFIG) as host:
        status, headers, body = host.request("/")
        check(status == 200, status)
        check(b"<html" in body.lower(), body[:80])
        check(headers["content-type"].startswith("text/html"), headers)
        for path in ("/", "/app.js", "/nothing"):
            headers = host.request(path)[1]
            check("default-src 'none'" in headers["content-security-policy"], headers)
            check("frame-ancestors 'none'" in headers["content-security-policy"], headers)
            check(headers["x-content-type-options"] == "nosniff", headers)
            check(headers["referrer-policy"] == "no-referrer", headers)
            check(headers["cross-origin-opener-policy"] == "same-origin", headers)
            check(headers["cross-origin-resource-policy"] == "same-origin", headers)
            check(headers["cache-control"] == "no-store", headers)


def every_file_comes_plain_or_compressed_and_head_sends_none_of_it():
    import gzip

    with Host(CONFIG) as host:
        for path in ("/", "/app.js", "/worker.js", "/style.css", "/icon.svg"):
            status, headers, plain = host.request(path)
            check(status == 200 and "content-encoding" not in headers, path, headers)
            check(len(plain) == int(headers["content-length"]), path)
            _, headers, packed = host.request(path, headers=["Accept-Encoding: br, gzip"])
            if headers.get("content-encoding") == "gzip":
                packed = gzip.decompress(packed)
            check(packed == plain, path)
            status, headers, body = host.request(path, method="HEAD")
            check(status == 200 and int(headers["content-length"]) == len(plain), path, headers)
            check(body == b"", path)


def what_is_not_there_is_not_found_and_other_methods_are_refused():
    with Host(CONFIG) as host:
        for path in ("/nothing", "/ws", "/index.htm", "/app.js/", "/app.js.map", "//app.js"):
            status = host.request(path)[0]
            # libwebsockets folds slashes before we see them
            check(status == (200 if path == "//app.js" else 404), path, status)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status = host.request("/", method=method, headers=["Content-Length: 0"])[0]
            check(status in (405, 0), method, status)
        check(host.request("/", method="POST", headers=["Content-Length: 0"])[0] == 405)
        for method in ("CONNECT", "TRACE", "BREW"):
            check(host.request("/", method=method)[0] in (0, 400, 403, 404, 405), method)
        check(host.request("/")[0] == 200)


def several_requests_share_a_connection():
    with Host(CONFIG) as host, host.connect() as s:
        for path in ("/", "/style.css", "/app.js"):
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            check(read_answer(s)[0] == 200, path)


def no_spelling_of_a_path_leads_out():
    dots = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "..%c0%af", "\\..", "..;"]
    slashes = ["/", "%2f", "%5c", "\\", "//", "/./", "%252f", "%c0%af"]
    targets = ["etc/passwd", "proc/self/environ", "root/.config/afar/host.json"]
    with Host(CONFIG) as host:
        known = {host.request(p)[2] for p in ("/", "/app.js", "/worker.js", "/style.css")}
        known.add(host.request("/icon.svg")[2])
        n = 0
        for dot in dots:
            for slash in slashes:
                for deep in (1, 3, 8):
                    for target in targets:
                        path = "/" + (dot + slash) * deep + target
                        status, _, body = host.request(path)
                        n += 1
                        check(status != 200 or body in known, path)
                        check(b"root:" not in body and b"private_key" not in body, path)
        for path in ("/etc/passwd", "http://evil.test/", "*", "etc", "/\x7f", "file:///etc/passwd"):
            check(host.request(path)[0] in (0, 400, 403, 404), path)
        status, _, body = host.request("/%00/etc/passwd")
        check(status != 200 or body in known, "NUL")
        check(n > 600, n)


# --- Host and Origin: AUT-06, AUT-07 ---


def only_our_own_names_are_served():
    with Host(CONFIG, names=["desk.example"]) as host:
        port = host.port
        ours = ["127.0.0.1", f"127.0.0.1:{port}", "localhost:9", "LOCALHOST", f"[::1]:{port}", "[::1]"]
        ours += ["desk.example", "Desk.Example:443"]
        for name in ours:
            check(host.request("/", host=name)[0] == 200, name)
        others = ["evil.test", f"evil.test:{port}", "localhost.", "localhost.evil.test", "127.0.0.2"]
        others += ["127.1", "0x7f000001", "2130706433", "[::2]", "::1", "127.0.0.1.evil.test"]
        others += ["127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:99999", "user@127.0.0.1", "desk.example."]
        others += ["a.desk.example", "127.0.0.1, evil.test", " ", "[::1", "127.0.0.1:80:80"]
        for name in others:
            status, _, body = host.request("/", host=name)
            check(status in (403, 400, 0), name, status)
            check(b"<html" not in body.lower(), name)
        check(host.request("/", host="evil.test")[0] == 403)
        check(host.request("/", host="")[0] in (400, 403, 0), "no Host at all")
        check(host.request("/", host="127.0.0.1", headers=["Host: evil.test"])[0] != 200, "two")


def only_our_own_page_may_connect():
    with Host(CONFIG, names=["desk.example"]) as host:
        mine = f"127.0.0.1:{host.port}"
        for name in (mine, f"[::1]:{host.port}", "localhost:8080", "desk.example"):
            status, _, s = host.upgrade(host=name)
            s.close()
            check(status == 101, name, status)
        for origin in (
            "http://evil.test",
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:1",
            f"https://{mine}",
            f"HTTP://{mine}",
            f"http://{mine}/",
            f"http://{mine}.evil.test",
            f"http://evil.test/{mine}",
            f"http://user@{mine}",
            f"http://localhost:{host.port}",
            f"http://[::1]:{host.port}",
            f"http://127.0.0.1.:{host.port}",
            f"ws://{mine}",
            "file://",
            f"http://{mine}, http://evil.test",
        ):
            status, headers, s = host.upgrade(host=mine, origin=origin)
            s.close()
            check(status == 403, repr(origin), status)
        # a rebound name: Origin equals Host, and still
        status, _, s = host.upgrade(host=f"evil.test:{host.port}")
        s.close()
        check(status == 403, "rebound", status)
        check(not host.find("attempt"), "asked the supervisor")


def an_upgrade_elsewhere_or_to_something_else_is_refused():
    with Host(CONFIG) as host:
        for how, expected in (
            ({"path": "/"}, 404),
            ({"path": "/ws/"}, 404),
            ({"path": "/wsx"}, 404),
            ({"protocol": "afar.1"}, 400),
            ({"protocol": None}, 400),
            ({"protocol": "binary"}, 400),
        ):
            status, _, s = host.upgrade(**how)
            s.close()
            check(status == expected, how, status)
        answer = host.raw(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n".encode()
        )
        check(answer[0] == 404, "h2c", answer[0])


# --- signing in ---


def a_link_signs_in_once_and_its_resume_token_again():
    with Host(CONFIG) as host:
        link = host.make_link()
        ws, welcome = host.welcome(link=link)
        check(len(welcome["resume"]) == 22, welcome)
        check(welcome["resume_seconds"] == 43200, welcome)
        check(welcome["host_name"] == CONFIG["host_name"], welcome)
        wait_for(lambda: host.find("signed_in"), "signed_in")
        check(host.find("signed_in")[0]["hash"] == token_hash(welcome["resume"]), "hash")
        attempt = host.find("attempt")[0]
        check(attempt["kind"] == "link" and attempt["hash"] == token_hash(link), attempt)
        check(attempt["source"] == "127.0.0.1", attempt)
        check(host.refused(link=link) == {"reason": "link", "retry_after": 0}, "used link")
        again, second = host.welcome(resume=welcome["resume"])
        check(second["resume"] == welcome["resume"], second)
        check(host.refused(resume="A" * 22)["reason"] == "resume", "made up")
        check(host.refused(resume=link)["reason"] == "resume", "a link is no resume token")
        ws.close()
        again.close()


def the_right_pin_signs_in_and_a_wrong_one_does_not():
    with Host(CONFIG) as host:
        check(host.refused(pin=WRONG_PIN)["reason"] == "pin", "wrong")
        for pin in ("", PIN[:-1], PIN + "0", PIN + "\u0001", "x" * 63, "x" * 64, "x" * 900):
            check(host.refused(pin=pin)["reason"] == "pin", repr(pin))
        start = time.monotonic()
        ws, welcome = host.welcome(pin=PIN)
        check(time.monotonic() - start < 0.3 * SLOW, "took", time.monotonic() - start)
        wait_for(lambda: host.find("signed_in"), "signed_in")
        check(host.find("signed_in")[0]["hash"] == token_hash(welcome["resume"]), "hash")
        check("hash" not in host.find("attempt")[0], "a PIN's attempt shows no hash")
        ws.close()


def many_pins_at_once_are_checked_one_after_another_and_hold_nobody_up():
    with Host(CONFIG) as host:
        inside, _ = host.welcome(link=host.make_link())
        tries = [host.sign_in(pin=WRONG_PIN) for _ in range(8)]
        slowest = 0
        for _ in range(20):
            start = time.monotonic()
            inside.ping()
            slowest = max(slowest, time.monotonic() - start)
        for ws in tries:
            check(ws.message()[0] == REFUSED, "refused")
        check(slowest < 0.05 * SLOW, "a ping took", slowest)
        inside.close()


def the_supervisors_limit_is_told_with_its_time():
    with Host(CONFIG, answer=lambda m: {"ok": False, "retry_after": 60}) as host:
        for how in ({"pin": PIN}, {"link": "A" * 22}, {"resume": "A" * 22}):
            check(host.refused(**how) == {"reason": "limit", "retry_after": 60}, how)
        start = time.monotonic()
        host.refused(pin=PIN)
        check(time.monotonic() - start < 0.05 * SLOW, "a PIN was verified in spite of the limit")


def another_version_is_refused():
    with Host(CONFIG) as host:
        for version in (0, 1, 99):
            check(host.refused(version=version, pin=PIN)["reason"] == "version", version)
        check(not host.find("attempt"), "asked the supervisor")


def a_new_pin_hash_and_new_names_count_at_once():
    with Host(CONFIG) as host:
        other, pin = make_identity()
        check(host.request("/", host="desk")[0] == 403, "not yet")
        host.send(type="settings", body={"pin_hash": other["pin_hash"], "names": ["desk"]})
        wait_for(lambda: host.request("/", host="desk")[0] == 200, "the new name")
        check(host.refused(pin=PIN)["reason"] == "pin", "the old PIN")
        host.welcome(pin=pin)[0].close()


def a_viewer_comes_over_ipv6_as_well():
    with Host(CONFIG, address="::1") as host:
        status, _, s = host.upgrade(host=f"[::1]:{host.port}")
        check(status == 101, status)
        ws = WebSocket(s)
        ws.send(bytes([SIGN_IN]) + json.dumps({"version": 2, "link": host.make_link()}).encode())
        check(ws.message()[0] == WELCOME, "welcome")
        check(host.find("attempt")[0]["source"] == "::1", host.find("attempt"))
        ws.close()


def another_supervisor_is_asked_what_the_last_one_did_not_answer():
    answers = iter([None, {"ok": True, "retry_after": 0}])
    with Host(CONFIG, answer=lambda m: next(answers) if m["kind"] == "resume" else host.answer_as_supervisor(m)) as host:
        ws, _ = host.welcome(link=host.make_link())
        waiting = host.sign_in(resume="A" * 22)
        wait_for(lambda: len(host.find("attempt")) == 2, "the attempt")
        n_viewers = len(host.find("viewers"))
        host.control.sendall(b'{"type":"status","body":\n')  # a line without its end, and the next
        host.send(type="taken_over")
        kind, body = waiting.message()
        check(kind == WELCOME, body)
        attempts = host.find("attempt")
        check(len(attempts) == 3 and attempts[1] == attempts[2], attempts)
        wait_for(lambda: len(host.find("viewers")) > n_viewers, "who looks on is told anew")
        ws.ping()
        waiting.close()
        ws.close()


def a_line_that_ends_is_the_end_of_the_host():
    """The guard holds it for the next supervisor: nobody is left."""
    with Host(CONFIG, answer=lambda m: None if m["kind"] == "resume" else host.answer_as_supervisor(m)) as host:
        ws, _ = host.welcome(link=host.make_link())
        waiting = host.sign_in(resume="A" * 22)
        wait_for(lambda: len(host.find("attempt")) == 2, "the attempt")
        host.control.shutdown(socket.SHUT_RDWR)
        check(host.process.wait(DEADLINE * SLOW) == 0, "exit status", host.log())
        check(ws.is_closed(DEADLINE) and waiting.is_closed(DEADLINE), "viewers")


def viewers_and_status_go_both_ways():
    document = {"version": "1", "state": "starting", "components": [], "viewers": []}
    with Host(CONFIG) as host:
        host.send(type="status", body=document)
        ws, welcome = host.welcome(link=host.make_link())
        check(json.loads(ws.await_type(STATUS)) == document, "the first status")
        host.send(type="status", body={**document, "state": "ready"})
        check(json.loads(ws.await_type(STATUS))["state"] == "ready", "the next")
        wait_for(lambda: host.find("viewers"), "viewers")
        viewer = host.find("viewers")[-1]["body"][0]
        check(viewer["address"] == "127.0.0.1" and viewer["view_only"] is False, viewer)
        check(viewer["id"] == welcome["viewer"], viewer)
        ws.close()
        wait_for(lambda: host.find("viewers")[-1]["body"] == [], "the viewer left")


# FUZ-05, issue 5
def what_it_counts_is_told_to_the_supervisor_alone():
    with Host(CONFIG) as host:
        host.send(type="tell_stats", id=7)
        wait_for(lambda: host.find("stats"), "an answer")
        first = host.find("stats")[0]
        check(first["id"] == 7 and first["body"]["viewers"] == [], first)
        check(first["body"]["host"]["pid"] == host.process.pid, first)
        for lines in (b'{"type":"tell_stats"}\n', b'{"type":"tell_stats","id":-1}\n',
                      b'{"type":"tell_stats","id":[]}\n', b'{"type":"stats","id":1,"body":{}}\n'):
            host.control.sendall(lines)
        ws, welcome = host.welcome(link=host.make_link())
        ws.ping()
        check(len(host.find("stats")) == 1, "answers to what was no question")
        host.control.sendall(b'{"type":"tell_stats","id":8}\n' * 300)
        wait_for(lambda: len(host.find("stats")) == 301, "300 answers")
        last = host.find("stats")[-1]["body"]
        check(last["host"]["requests"] == 301 and last["host"]["viewers_so_far"] == 1, last)
        viewer = last["viewers"][0]
        check(viewer["id"] == welcome["viewer"] and viewer["bytes_up"] == 5, viewer)
        check(viewer["bytes_down"] > 0 and viewer["under_way"] <= 1, viewer)
        ws.close()


def a_host_that_reports_an_offline_reason_signs_in_and_shows_the_status():
    with Host(CONFIG, options=["--report-offline-reason=HOST_FAILED"]) as host:
        host.send(type="status", body={"state": "failed"})
        host.send(type="display_up", display=":999", xauthority="/nonexistent")
        check(host.request("/")[0] == 200, "page")
        ws, _ = host.welcome(pin=PIN)
        check(json.loads(ws.await_type(STATUS))["state"] == "failed", "status")
        check("HOST_FAILED" in host.log(), host.log())
        check(":999" not in host.log(), "it tried the display")
        ws.close()


# --- bad input ---


def headers_that_are_too_long_cost_only_their_sender():
    with Host(CONFIG) as host:
        base = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for bad in (
            base + "X: " + "a" * 9000 + "\r\n\r\n",
            "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            base + "Cookie: " + "a" * 100000 + "\r\n\r\n",
            base + "Origin: " + "a" * 9000 + "\r\n\r\n",
            base + "".join(f"X-{i}: {i}\r\n" for i in range(5000)) + "\r\n",
        ):
            with host.connect() as s:
                try:
                    s.sendall(bad.encode())
                    status = read_answer(s)[0]
                except ConnectionError:
                    status = 0
            check(status in (0, 400, 404, 413, 414, 431) or bad.startswith(base + "X"), status, bad[:60])
        check(host.request("/")[0] == 200)


def garbage_costs_only_its_sender():
    with Host(CONFIG) as host:
        inside, _ = host.welcome(link=host.make_link())
        for bad in (
            b"\x00" * 4096,
            os.urandom(4096),
            b"\r\n\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 100,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200),
            b"RFB 003.008\n",
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"x" * 9999,
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        ):
            with host.connect() as s:
                try:
                    s.sendall(bad)
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                check(is_closed(s, DEADLINE), bad[:40])
        inside.ping()
        check(host.request("/")[0] == 200)
        inside.close()


def bad_frames_cost_only_their_sender():
    def text(ws):
        ws.send(b"hello", opcode=1)

    def too_long(ws):
        ws.send(bytes([SIGN_IN]) + b" " * 4096)

    def too_long_in_parts(ws):
        ws.send(bytes([SIGN_IN]) + b" " * 3000, final=False)
        ws.send(b" " * 3000, opcode=0)

    def endless(ws):
        ws.socket.sendall(ws.frame(b"x" * 100, length=(1 << 63) - 1))

    def not_masked(ws):
        ws.send(b"\x08\0\0\0\0", masked=False)

    def reserved_opcode(ws):
        ws.send(b"x", opcode=5)

    def reserved_bits(ws):
        frame = bytearray(ws.frame(b"x"))
        frame[0] |= 0x70
        ws.socket.sendall(bytes(frame))

    def long_control_frame(ws):
        ws.send(b"x" * 200, opcode=9)

    def lonely_continuation(ws):
        ws.send(b"x", opcode=0)

    def empty(ws):
        ws.send(b"")

    def unknown_type(ws):
        ws.send(b"\x7f")

    def before_sign_in(ws):
        ws.send(b"\x08\0\0\0\0")

    def no_json(ws):
        ws.send(bytes([SIGN_IN]) + b"{")

    def two_ways_in(ws):
        ws.send(bytes([SIGN_IN]) + b'{"version":2,"pin":"1","link":"2"}')

    def noise(ws):
        ws.socket.sendall(os.urandom(5000))

    codes = {text: 1002, too_long: 1009, too_long_in_parts: 1009, endless: 1009, empty: 1002}
    codes |= {unknown_type: 1002, before_sign_in: 1002, no_json: 1002, two_ways_in: 1002}
    others = [not_masked, reserved_opcode, reserved_bits, long_control_frame]
    others += [lonely_continuation, noise]
    with Host(CONFIG) as host:
        inside, _ = host.welcome(link=host.make_link())
        memory = host.proc("VmRSS")
        for bad in [*codes, *others]:
            ws = host.websocket()
            try:
                bad(ws)
            except OSError:
                pass
            if bad in codes:
                code = ws.close_code()
                check(code == codes[bad], bad.__name__, code)
            else:
                check(ws.is_closed(7), bad.__name__)
            ws.close()
        inside.ping()
        # signed in, the same holds, with a higher limit
        inside.send(b"\x08\0\0\0\0", opcode=2, final=False)
        for _ in range(2000):
            inside.send(b"", opcode=0, final=False)
        inside.send(b"", opcode=0)
        check(inside.await_type(PONG) == b"\0\0\0\0", "fragments")
        inside.send(b"\x08" + b"x" * 70000)
        check(inside.close_code() == 1009, "too long when signed in")
        inside.close()
        check(host.proc("VmRSS") - memory < 2048, "grew by KiB", host.proc("VmRSS") - memory)


def a_viewer_that_does_not_read_slows_nobody():
    with Host(CONFIG) as host:
        stuck, _ = host.welcome(link=host.make_link())
        other, _ = host.welcome(link=host.make_link())
        body = {"state": "ready", "padding": "x" * 100000}
        for i in range(60):
            host.send(type="status", body={**body, "n": i})
            while json.loads(other.await_type(STATUS)).get("n") != i:
                pass
        start = time.monotonic()
        other.ping()
        check(time.monotonic() - start < 0.05 * SLOW, "slow")
        check(host.proc("VmRSS") < 64 * 1024 * COST, "KiB", host.proc("VmRSS"))
        stuck.close()
        other.close()


def asking_without_reading_costs_only_the_asker():
    with Host(CONFIG) as host:
        with host.connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            cpu = host.cpu_seconds()
            try:
                for _ in range(2000):
                    s.sendall(b"GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
            except OSError:
                pass  # it is cut off
            select.select([], [], [], 1)
            check(host.cpu_seconds() - cpu < 0.3 * SLOW, "CPU", host.cpu_seconds() - cpu)
        check(host.request("/")[0] == 200)


# --- floods: RES-03, RES-05 ---


def sign_in_seconds(host):
    link = host.make_link()
    start = time.monotonic()
    ws, _ = host.welcome(link=link)
    seconds = time.monotonic() - start
    ws.close()
    return seconds


def raise_our_own_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))


def a_thousand_silent_connections_keep_nobody_out():
    raise_our_own_limit()
    with Host(CONFIG) as host:
        inside, _ = host.welcome(link=host.make_link())
        sign_in_seconds(host)
        memory, cpu = host.proc("VmRSS"), host.cpu_seconds()
        flood = [host.connect() for _ in range(1000)]
        seconds = [sign_in_seconds(host) for _ in range(5)]
        check(max(seconds) <= 0.1 * SLOW, "sign-ins took", seconds)
        check(host.proc("VmRSS") - memory < 16 * 1024, "KiB", host.proc("VmRSS") - memory)
        check(host.cpu_seconds() - cpu < 1 * SLOW, "CPU seconds", host.cpu_seconds() - cpu)
        inside.ping()
        for s in flood:
            s.close()
        inside.close()


def half_requests_keep_nobody_out_and_end_in_time():
    raise_our_own_limit()
    with Host(CONFIG) as host:
        flood = []
        start = time.monotonic()
        for i in range(300):
            s = host.connect()
            s.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-" + str(i).encode())
            flood.append(s)
        silent = host.connect()
        dripping = host.connect()
        dripping.sendall(b"GET / HTTP/1.1\r\n")
        check(sign_in_seconds(host) <= 0.1 * SLOW, "sign-in")
        # one byte a second does not buy time
        closed = False
        while not closed and time.monotonic() - start < 13:
            try:
                dripping.sendall(b"X")
            except OSError:
                closed = True
            closed = closed or is_closed(dripping, 1)
        check(closed, "the dripping one is still there")
        check(is_closed(silent, 13 - (time.monotonic() - start)), "the silent one")
        for s in flood:
            check(is_closed(s, max(0.01, 13 - (time.monotonic() - start))), "half a request")
            s.close()
        check(host.request("/")[0] == 200)


def a_flood_of_upgraded_strangers_keeps_nobody_out():
    raise_our_own_limit()
    with Host(CONFIG) as host:
        flood = [host.websocket() for _ in range(250)]
        check(sign_in_seconds(host) <= 0.1 * SLOW, "sign-in")
        gone = sum(ws.is_closed(0.001) for ws in flood)
        check(gone >= 150, "dropped", gone)
        for ws in flood:
            ws.close()


def an_idle_connection_is_closed():
    with Host(CONFIG) as host, host.connect() as s:
        s.sendall(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(read_answer(s)[0] == 200)
        start = time.monotonic()
        check(is_closed(s, 20), "still there")
        check(time.monotonic() - start > 10, "too soon", time.monotonic() - start)


def out_of_descriptors_the_host_neither_spins_nor_drops_viewers():
    raise_our_own_limit()

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    with Host(CONFIG, limits=few) as host:
        inside, _ = host.welcome(link=host.make_link())
        flood = [host.connect() for _ in range(200)]
        check(sign_in_seconds(host) <= 0.2 * SLOW, "sign-in")
        # viewers take all that is left: strangers go, and nothing turns in circles
        viewers = []
        for _ in range(40):
            try:
                viewers.append(host.welcome(link=host.make_link())[0])
            except (Failed, OSError):
                break
        check(len(viewers) > 5, "viewers", len(viewers))
        late = [host.connect() for _ in range(20)]
        cpu = host.cpu_seconds()
        select.select([], [], [], 1)
        check(host.cpu_seconds() - cpu <= 0.05 * SLOW, "CPU", host.cpu_seconds() - cpu)
        inside.ping()
        for s in flood + late + viewers:
            s.close()
        wait_for(lambda: host.request("/")[0] == 200, "recovery")
        inside.close()


def viewers_who_come_and_go_cost_no_memory():  # LOD-05, quick; descriptors: Host's own end
    def come_and_go(n_times):
        for i in range(n_times):
            host.connect().close()
            host.request("/style.css")
            if i % 2:
                ws = host.websocket()
            else:
                ws, _ = host.welcome(link=host.make_link())
            if i % 3:  # without a word: the kernel sends RST
                ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            ws.close()

    with Host(CONFIG) as host:
        come_and_go(100)
        slopes = Slopes({"host": host.process.pid})
        come_and_go(VIEWERS)
        slopes.check(rss_kib=None if SANITIZED else 512)
        print("# KiB for", VIEWERS, "viewers:", slopes.growth_kib()["host"], flush=True)


# --- secrets: AUT-08, ISO-05 ---


def no_secret_is_in_the_log_or_in_proc():
    os.environ["AFAR_DEBUG"] = "1"
    try:
        with Host(CONFIG) as host:
            link = host.make_link()
            ws, welcome = host.welcome(link=link)
            host.refused(pin=WRONG_PIN)
            host.welcome(pin=PIN)[0].close()
            host.refused(link=link)
            places = host.log()
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{host.process.pid}/{name}", "rb") as file:
                        places += file.read().decode(errors="replace")
                except PermissionError:
                    pass
            secrets = [PIN, WRONG_PIN, link, welcome["resume"], CONFIG["private_key"][:40]]
            secrets.append(CONFIG["pin_hash"])
            for secret in secrets:
                check(secret not in places, "found")
            ws.close()
    finally:
        del os.environ["AFAR_DEBUG"]


def the_host_is_not_dumpable():
    with Host(CONFIG) as host:
        owner = os.stat(f"/proc/{host.process.pid}/mem").st_uid
        check(owner == 0, "owner of its /proc files", owner)
        with open(f"/proc/{host.process.pid}/limits", encoding="ascii") as limits:
            core = [line for line in limits if "core file" in line][0]
        check(core.split()[4] == "0", core)


# --- life: HL-1, HOST-1..8 ---


def run_program(*options, text=""):
    return subprocess.run(
        [PROGRAM, *options], input=text, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def the_command_line_is_checked():
    for options, code in (
        (["--help"], 0),
        (["-?"], 0),
        (["--version"], 0),
        ([], 3),
        (["--nonsense"], 3),
        (["--host-config"], 3),
        (["--host-config=/etc/passwd"], 3),
        (["--host-config=-"], 3),
        (["--host-config=-", "--control-fd=77"], 3),
        (["--host-config=-", "--control-fd=x"], 3),
        (["--type=network"], 3),
        (["--report-offline-reason="], 3),
        (["stray"], 3),
    ):
        done = run_program(*options)
        check(done.returncode == code, options, done.returncode, done.stderr)
        check(code == 0 or done.stderr.count("\n") == 1, options, done.stderr)
    version = run_program("--version").stdout
    check(version.startswith("afar-host ") and version.endswith(")\n"), version)


def an_invalid_configuration_is_exit_100():
    listener = socket.create_server(("127.0.0.1", 0))
    ours, theirs = socket.socketpair()
    good = {**CONFIG, "afar": {}}
    bad = ["", "{", "[]", "null", '"x"', "{}", json.dumps(good)[:-1], "\x00", "{" * 100000]
    for key in ("host_id", "host_name", "private_key"):
        bad.append(json.dumps({k: v for k, v in good.items() if k != key}))
        bad.append(json.dumps({**good, key: 7}))
    bad += [json.dumps({**good, "afar": x}) for x in ([], 1, {"names": 1}, {"names": [1]}, {"pin_hash": 1})]
    for text in bad:
        done = subprocess.run(
            [PROGRAM, "--host-config=-", f"--control-fd={theirs.fileno()}", f"--listen-fd={listener.fileno()}"],
            input=text.encode(),
            capture_output=True,
            pass_fds=[theirs.fileno(), listener.fileno()],
            timeout=DEADLINE,
            check=False,
        )
        check(done.returncode == 100, text[:60], done.returncode, done.stderr)
        check(done.stderr.count(b"\n") == 1, done.stderr)
    for s in (listener, ours, theirs):
        s.close()


def sigterm_ends_it_politely_with_0():
    host = Host(CONFIG)
    ws, _ = host.welcome(link=host.make_link())
    stranger, silent = host.websocket(), host.connect()
    start = time.monotonic()
    host.process.send_signal(signal.SIGTERM)
    check(ws.close_code() == 1001, "close code")
    check(host.process.wait(DEADLINE) == 0, "exit code", host.process.returncode)
    check(time.monotonic() - start < 1.5 * SLOW, "took", time.monotonic() - start)
    check("Caught SIGTERM: Shutting down..." in host.log(), host.log())
    for s in (ws, stranger, silent):
        s.close()
    host.stop()


def the_hosts_death_leaves_the_listening_socket_to_the_next():
    host = Host(CONFIG)
    ws, _ = host.welcome(pin=PIN)
    host.process.kill()
    host.process.wait()
    check(ws.is_closed(DEADLINE), "the viewer is told")
    with host.connect() as s:
        check(s, "the kernel still takes connections")
    host.stop()
    ws.close()


def an_identity_is_completed_and_keeps_what_it_has():
    made = json.loads(run_program("--make-identity", "--host-name=desk").stdout)
    config = made["config"]
    check(config["host_name"] == "desk", config)
    check(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", config["host_id"]), config)
    check(re.fullmatch(r"[0-9]{8}", made["pin"]), made["pin"])
    check(config["pin_hash"].startswith("$argon2id$v=19$m=16384,"), config["pin_hash"])
    check(base64.b64decode(config["private_key"])[:2] == b"\x30\x82", "PKCS#8 DER")
    old = {"zebra": [1, {"a": None}], **config, "host_name": "kept", "apple": 1 << 60}
    again = json.loads(run_program("--make-identity", text=json.dumps(old)).stdout)
    check(again == {"config": old, "pin": None}, again)
    check(list(again["config"]) == list(old), "order")
    new = json.loads(run_program("--new-pin", text=json.dumps(old)).stdout)
    check(new["config"]["pin_hash"] != old["pin_hash"] and new["pin"] != made["pin"], new)
    check({**new["config"], "pin_hash": 0, "pin_set_at": 0} == {**old, "pin_hash": 0, "pin_set_at": 0})
    for text in ("[]", "{", "7"):
        check(run_program("--make-identity", text=text).returncode == 100, text)


# --- how fast ---


def a_ping_comes_back_at_once():
    with Host(CONFIG) as host:
        ws, _ = host.welcome(link=host.make_link())
        frame = ws.frame(bytes([PING]) + struct.pack("<I", 7))
        wanted = bytes([0x82, 5, PONG]) + struct.pack("<I", 7)
        ws.ping()
        seconds = []
        for _ in range(2000):
            start = time.perf_counter()
            ws.socket.sendall(frame)
            check(ws.socket.recv(64) == wanted, "pong")
            seconds.append(time.perf_counter() - start)
        seconds.sort()
        print(f"# PING to PONG: median {seconds[1000] * 1e3:.3f} ms, p99 {seconds[1980] * 1e3:.3f} ms")
        check(seconds[1000] < 0.001 * SLOW, "median", seconds[1000])
        ws.close()


def an_idle_host_with_a_viewer_sleeps():
    with Host(CONFIG) as host:
        host.send(type="status", body={"state": "ready"})
        ws, _ = host.welcome(link=host.make_link())
        host.request("/")
        ws.await_type(STATUS)
        # what began with the sign-in has to be through: the closing HTTP connection
        wait_for(lambda: host.find("viewers"), "viewers")
        select.select([], [], [], 0.5)
        before = host.proc("voluntary_ctxt_switches")
        select.select([], [], [], 20)
        woken = host.proc("voluntary_ctxt_switches") - before
        print(f"# voluntary context switches in 20 s: {woken}")
        check(woken <= 1, "woken", woken)
        ws.ping()
        ws.close()


sys.exit(
    run(
        [
            the_page_is_served_with_the_headers_that_guard_it,
            every_file_comes_plain_or_compressed_and_head_sends_none_of_it,
            what_is_not_there_is_not_found_and_other_methods_are_refused,
            several_requests_share_a_connection,
            no_spelling_of_a_path_leads_out,
            only_our_own_names_are_served,
            only_our_own_page_may_connect,
            an_upgrade_elsewhere_or_to_something_else_is_refused,
            a_link_signs_in_once_and_its_resume_token_again,
            the_right_pin_signs_in_and_a_wrong_one_does_not,
            many_pins_at_once_are_checked_one_after_another_and_hold_nobody_up,
            the_supervisors_limit_is_told_with_its_time,
            another_version_is_refused,
            a_new_pin_hash_and_new_names_count_at_once,
            a_viewer_comes_over_ipv6_as_well,
            another_supervisor_is_asked_what_the_last_one_did_not_answer,
    a_line_that_ends_is_the_end_of_the_host,
            viewers_and_status_go_both_ways,
            what_it_counts_is_told_to_the_supervisor_alone,
            a_host_that_reports_an_offline_reason_signs_in_and_shows_the_status,
            headers_that_are_too_long_cost_only_their_sender,
            garbage_costs_only_its_sender,
            bad_frames_cost_only_their_sender,
            a_viewer_that_does_not_read_slows_nobody,
            asking_without_reading_costs_only_the_asker,
            a_thousand_silent_connections_keep_nobody_out,
            half_requests_keep_nobody_out_and_end_in_time,
            a_flood_of_upgraded_strangers_keeps_nobody_out,
            an_idle_connection_is_closed,
            out_of_descriptors_the_host_neither_spins_nor_drops_viewers,
            viewers_who_come_and_go_cost_no_memory,
            no_secret_is_in_the_log_or_in_proc,
            the_host_is_not_dumpable,
            the_command_line_is_checked,
            an_invalid_configuration_is_exit_100,
            sigterm_ends_it_politely_with_0,
            the_hosts_death_leaves_the_listening_socket_to_the_next,
            an_identity_is_completed_and_keeps_what_it_has,
            a_ping_comes_back_at_once,
            an_idle_host_with_a_viewer_sleeps,
        ]
    )
)

# SPDX-License-Identifier: BSD-3-Clause
"""The real afar-host under a fake supervisor, and a small WebSocket client.

Nothing but Python's standard library. Every wait is for a condition, with a deadline.
"""
import base64
import contextlib
import hashlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "leakcheck"))

from leakcheck import Family, Fds, Leaks, Owner

Leaks.family = Family()

BUILD = sys.argv[1] if len(sys.argv) > 1 else os.environ["AFAR_BUILD"]
PROGRAM = os.path.join(BUILD, "src", "afar-host")
SANITIZED = bool(os.environ.get("AFAR_SANITIZED"))
# What a sanitizer costs, in time and memory.
COST = 5 if SANITIZED else 1
# Of limits of time. The machine may do other things, too: how fast it is, `make bench` tells.
SLOW = 8 if SANITIZED else 3
DEADLINE = 30

SIGN_IN, PING = 0x01, 0x08
WELCOME, REFUSED, STATUS, SCREEN, PONG = 0x81, 0x82, 0x83, 0x84, 0x87


class Failed(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what) or "condition")


def wait_for(condition, what, seconds=DEADLINE):
    """Other threads make it true; their progress cannot be awaited otherwise."""
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, "timed out:", what)
        time.sleep(0.002)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def state_of(pid):
    """A letter, as proc(5) has it."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def make_identity():
    done = subprocess.run(
        [PROGRAM, "--make-identity"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True
    )
    made = json.loads(done.stdout)
    return made["config"], made["pin"]


def token_hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


class Host:
    """afar-host, its listening socket, and the supervisor's end of the control line.

    answer(message) gives the verdict on an attempt: {"ok": ..., "retry_after": ...}.
    """

    store = 0  # bytes that the kernel may have of who connects now, before he reads; 0: any

    def __init__(
        self, config, options=(), answer=None, limits=None, names=(), address="127.0.0.1"
    ):
        self.answer = answer or self.answer_as_supervisor
        self.leaks, self.connections = Leaks(displays=set), weakref.WeakSet()
        self.tokens, self.links, self.messages = set(), set(), []
        self.ready = threading.Event()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address = address
        self.listener = socket.create_server((address, 0), family=family, backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.control, theirs = socket.socketpair()
        self.log_file = tempfile.TemporaryFile()
        config = dict(config)
        config["afar"] = {
            "listen": [f"127.0.0.1:{self.port}"],
            "names": list(names),
            "pin_hash": config.get("pin_hash"),
            "sizes": [[640, 480]],
            "limits": {},
        }
        fds = [theirs.fileno(), self.listener.fileno()]
        argv = [PROGRAM, "--host-config=-", "--signal-parent", f"--control-fd={fds[0]}"]
        argv += [f"--listen-fd={fds[1]}", *options]
        signal.signal(signal.SIGUSR1, lambda *_: self.ready.set())
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stderr=self.log_file,
            pass_fds=fds,
            preexec_fn=limits,
        )
        theirs.close()
        self.process.stdin.write(json.dumps(config).encode())
        self.process.stdin.close()
        self.reader = threading.Thread(target=self.read_control, daemon=True)
        self.reader.start()
        wait_for(lambda: self.ready.is_set() or self.process.poll() is not None, "SIGUSR1")
        check(self.process.poll() is None, "the host ended:", self.log())
        # The host is not dumpable: only root sees what it has open.
        self.fds = Fds(self.process.pid) if os.geteuid() == 0 else None

    @classmethod
    def of_others(cls, address, port):
        """One that others have started, as far as a viewer knows it."""
        self = cls.__new__(cls)
        self.address, self.port, self.connections = address, int(port), weakref.WeakSet()
        return self

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        try:
            if failure is None:
                self.has_forgotten_its_viewers()
        finally:
            self.stop()
        if failure is None:
            self.leaks.check(5 * SLOW)

    def has_forgotten_its_viewers(self):
        """Without connections it has the same descriptors open as before the first."""
        for s in list(self.connections):
            s.close()
        if self.fds and self.process.poll() is None:
            self.fds.settle(5 * SLOW)

    def send(self, **message):
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def answer_as_supervisor(self, message):
        if message["kind"] == "pin":
            return {"ok": True, "retry_after": 0}
        if message["kind"] == "resume":
            return {"ok": message["hash"] in self.tokens, "retry_after": 0}
        known = message["hash"] in self.links
        self.links.discard(message["hash"])
        return {"ok": known, "retry_after": 0}

    def read_control(self):
        try:
            for line in self.control.makefile("rb"):
                message = json.loads(line)
                if message["type"] == "attempt":
                    verdict = self.answer(message)
                    if verdict:
                        self.send(type="verdict", id=message["id"], **verdict)
                elif message["type"] == "signed_in":
                    self.tokens.add(message["hash"])
                elif message["type"] == "link":
                    self.links.add(message["hash"])
                self.messages.append(message)
        except OSError:
            pass

    def find(self, kind):
        return [m for m in list(self.messages) if m["type"] == kind]

    def make_link(self):
        n = len(self.find("link"))
        self.send(type="make_link", id=n)
        wait_for(lambda: len(self.find("link")) > n, "a link")
        return self.find("link")[-1]["token"]

    def log(self):
        self.log_file.flush()
        return os.pread(self.log_file.fileno(), 1 << 20, 0).decode(errors="replace")

    def connect(self, timeout=DEADLINE):
        s = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        self.connections.add(s)
        if self.store:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.store)
        s.settimeout(timeout)
        s.connect((self.address, self.port))
        return s

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.control.close()
        self.listener.close()
        return self.process.returncode

    def proc(self, key):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"^{key}:\s+(\d+)", status.read(), re.M).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # HTTP

    def raw(self, request, timeout=DEADLINE):
        """Sends bytes, and reads until the host closes or one whole answer is there."""
        with self.connect(timeout) as s:
            s.sendall(request)
            return read_answer(s)

    def request(self, path="/", method="GET", host=None, headers=()):
        lines = [f"{method} {path} HTTP/1.1"]
        if host != "":
            lines.append(f"Host: {host or f'127.0.0.1:{self.port}'}")
        lines += [*headers, "Connection: close", "", ""]
        return self.raw("\r\n".join(lines).encode("latin-1"))

    def upgrade(self, host=None, origin=None, path="/ws", protocol="afar.2", extra=()):
        """Returns (status, socket). Origin None: the right one; "": none."""
        host = host or f"127.0.0.1:{self.port}"
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade"]
        lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines.append("Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode())
        if origin != "":
            lines.append(f"Origin: {origin if origin is not None else 'http://' + host}")
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        s = self.connect()
        s.sendall("\r\n".join([*lines, *extra, "", ""]).encode("latin-1"))
        status, headers, _ = read_answer(s)
        return status, headers, s

    def websocket(self):
        status, headers, s = self.upgrade()
        check(status == 101, "upgrade:", status)
        check(headers.get("sec-websocket-protocol") == "afar.2", headers)
        check("sec-websocket-extensions" not in headers, headers)
        return WebSocket(s)

    def sign_in(self, version=2, **how):
        ws = self.websocket()
        ws.send(bytes([SIGN_IN]) + json.dumps({"version": version, **how}).encode())
        return ws

    def welcome(self, **how):
        ws = self.sign_in(**how)
        kind, body = ws.message()
        check(kind == WELCOME, "answer", hex(kind), body)
        return ws, json.loads(body)

    def refused(self, **how):
        ws = self.sign_in(**how)
        kind, body = ws.message()
        check(kind == REFUSED, "answer", hex(kind), body)
        check(ws.close_code() == 4001, "close code")
        return json.loads(body)


def read_answer(s):
    """(status, headers, body); status 0: closed without a word."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = s.recv(65536 if data else 1 << 12)
        except ConnectionError:
            more = b""
        if not more:
            return 0, {}, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    status = int(lines[0].split()[1])
    length = int(headers.get("content-length", 0)) if status != 101 else 0
    while len(body) < length:
        try:
            more = s.recv(65536)
        except ConnectionError:
            break
        if not more:
            break
        body += more
    return status, headers, body


class WebSocket:
    def __init__(self, s):
        self.socket = s
        self.data = b""
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def frame(self, payload, opcode=2, final=True, masked=True, length=None):
        n = len(payload) if length is None else length
        head = bytes([opcode | (0x80 if final else 0)])
        bit = 0x80 if masked else 0
        if n < 126:
            head += bytes([bit | n])
        elif n < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", n)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", n)
        if masked:
            key = os.urandom(4)
            whole = int.from_bytes((key * (len(payload) // 4 + 1))[: len(payload)], "big")
            payload = (int.from_bytes(payload, "big") ^ whole).to_bytes(len(payload), "big")
            head += key
        return head + payload

    def send(self, payload, **how):
        self.socket.sendall(self.frame(payload, **how))

    def _take(self, n):
        while len(self.data) < n:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.data += more
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def raw_frame(self):
        first, second = self._take(2)
        n = second & 0x7F
        if n == 126:
            n = struct.unpack(">H", self._take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self._take(8))[0]
        return first & 0x0F, bool(first & 0x80), self._take(n)

    def message(self):
        """(type, body) of the next binary message."""
        whole, final = b"", False
        while not final:
            opcode, final, payload = self.raw_frame()
            check(opcode in (0, 2), "opcode", opcode, payload)
            whole += payload
        return whole[0], whole[1:]

    def await_type(self, wanted):
        while True:
            kind, body = self.message()
            if kind == wanted:
                return body

    def close_code(self):
        """What the host's close frame says; None when it just closed."""
        try:
            while True:
                opcode, _, payload = self.raw_frame()
                if opcode == 8:
                    return struct.unpack(">H", payload[:2])[0] if payload else None
        except ConnectionError:
            return None

    def is_closed(self, seconds):
        """Does the host close within this time, whatever it sends before?"""
        return is_closed(self.socket, seconds)

    def ping(self, cookie=7):
        self.send(bytes([PING]) + struct.pack("<I", cookie))
        check(struct.unpack("<I", self.await_type(PONG))[0] == cookie, "cookie")


def is_closed(s, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([s], [], [], left)[0]:
            return False
        try:
            if not s.recv(65536):
                return True
        except ConnectionError:
            return True
    return False


def run(tests, around=contextlib.nullcontext):
    """Runs functions named in sentences, each in a context of its own; TAP on standard output.
    Returns the exit status."""
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            with around():
                test()
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:  # whatever it is, the others still run
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print(f"# {type(error).__name__}: {error}", flush=True)
            if os.environ.get("AFAR_TEST_ONE_FAILURE"):  # one is all that a mutant needs
                break
    return 1 if failed else 0

# SPDX-License-Identifier: BSD-3-Clause
"""A viewer without a browser: the client's side of docs/protocol.md over a WebSocket
(RFC 6455), counting every byte of payload. It takes frames apart, and decodes their pixels only when
a measurement asks for it."""

import base64
import json
import os
import select
import socket
import struct
import sys
import time

from .desktop import CannotMeasure

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))

from picture import Frames

SIGN_IN, ACK, KEY, PING = 0x01, 0x02, 0x03, 0x08
WELCOME, REFUSED, STATUS, SCREEN, FRAME, CURSOR, PONG, PICTURE = range(0x81, 0x89)
OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PING = 2, 8, 9
LIMIT_S = 10


class Viewer:
    """decodes: the codecs of PICTURE that it claims to decode."""

    def __init__(self, port, token, only_parse=True, decodes=()):
        self.up = self.down = 0  # payload bytes
        self.size = (0, 0)
        self.rectangles = []  # since somebody last emptied it: (bits per pixel, w, h)
        self.n_frames = 0
        self.cookies = []
        self.frames = Frames(only_parse)
        self._bytes = bytearray()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upgrade(port)
        self.send(SIGN_IN, json.dumps(
            {"version": 2, "link": token, "decodes": decodes}).encode())
        self._wait_for_picture()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def _upgrade(self, port):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: afar.2\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._bytes:
            self._read_some()
        head, _, rest = bytes(self._bytes).partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise CannotMeasure(f"no WebSocket: {head[:100]!r}")
        self._bytes = bytearray(rest)

    def _wait_for_picture(self):
        while not self.n_frames:
            self.receive()

    def _read_some(self):
        some = self.socket.recv(1 << 16)
        if not some:
            raise CannotMeasure("the host closed the connection")
        self._bytes += some

    def _take(self, n):
        while len(self._bytes) < n:
            self._read_some()
        taken = bytes(self._bytes[:n])
        del self._bytes[:n]
        return taken

    def _message(self):
        """The next whole WebSocket message: opcode, payload. Servers do not mask."""
        whole, first = b"", None
        while True:
            head, length = self._take(2)
            if length == 126:
                (length,) = struct.unpack(">H", self._take(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._take(8))
            whole += self._take(length)
            first = head & 15 if first is None else first
            if head & 0x80:
                return first, whole

    def _write(self, opcode, payload):
        mask = os.urandom(4)
        length = len(payload)
        head = bytes([0x80 | opcode, 0x80 | length]) if length < 126 \
            else bytes([0x80 | opcode, 0x80 | 126]) + struct.pack(">H", length)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def send(self, kind, body):
        self.up += 1 + len(body)
        self._write(OPCODE_BINARY, bytes([kind]) + body)

    def key(self, code, down):
        self.send(KEY, struct.pack("<BH", down, code))

    def ping(self, cookie):
        """Seconds until its PONG."""
        start = time.perf_counter()
        self.send(PING, struct.pack("<I", cookie))
        while cookie not in self.cookies:
            self.receive()
        self.cookies.clear()
        return time.perf_counter() - start

    def is_pending(self, seconds):
        """Is there something to receive, or does it come within that time?"""
        return bool(self._bytes) or bool(select.select([self.socket], [], [], seconds)[0])

    def receive(self):
        """Waits for one message and does what a page does with it. Returns its type."""
        opcode, payload = self._message()
        if opcode == OPCODE_PING:
            self._write(10, payload)
            return None
        if opcode != OPCODE_BINARY:
            raise CannotMeasure(f"the host ended the connection: {payload[2:]!r}")
        self.down += len(payload)
        kind, body = payload[0], payload[1:]
        if kind == REFUSED:
            raise CannotMeasure(f"the host refused: {body.decode()}")
        if kind == SCREEN:
            self.size = struct.unpack("<HH", body)
            self.frames.screen(body)
        elif kind == FRAME:
            self._end_frame(self.frames.frame(body))
        elif kind == PICTURE:
            self._end_frame(self.frames.coded_picture(body))
        elif kind == PONG:
            self.cookies.append(struct.unpack("<I", body)[0])
        return kind

    def _end_frame(self, seq):
        if seq is None:
            return
        self.rectangles += [what[1:] for what in self.frames.operations]
        self.frames.operations.clear()
        self.n_frames += 1
        self.acknowledge(seq)

    def acknowledge(self, seq):
        self.send(ACK, struct.pack("<IHH", seq, 0, 0))

    def settle(self, seconds):
        """Receives until nothing has come for that long."""
        while self.is_pending(seconds):
            self.receive()

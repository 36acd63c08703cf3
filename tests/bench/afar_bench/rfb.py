# SPDX-License-Identifier: BSD-3-Clause
"""A neutral client of VNC servers (RFC 6143, version 3.8, without a password): it asks for the
next update as soon as one is whole, counts every byte, and takes pictures apart only so far that
it finds their ends. It offers what a good client offers: Tight with JPEG at quality 8, ZRLE,
CopyRect."""

import select
import socket
import struct

from .desktop import CannotMeasure

RAW, COPY_RECT, TIGHT, ZRLE = 0, 1, 7, 16
LAST_RECT, CURSOR, QUALITY_8, COMPRESSION_2 = -224, -239, -24, -254
ENCODINGS = (COPY_RECT, TIGHT, ZRLE, RAW, QUALITY_8, COMPRESSION_2, CURSOR, LAST_RECT)
PSEUDO = (CURSOR, LAST_RECT)
# 32 bits, depth 24, little-endian, true colour, 8 bits each at 16, 8 and 0.
PIXEL_FORMAT = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
PIXEL_SIZE, TIGHT_PIXEL_SIZE = 4, 3
TIGHT_FILL, TIGHT_JPEG, TIGHT_PNG = 8, 9, 10
TIGHT_EXPLICIT_FILTER, TIGHT_PALETTE = 4, 1
TIGHT_BARE = 12  # smaller than that it is not compressed, and has no length
UPDATE, COLOUR_MAP, BELL, CUT_TEXT = range(4)
LIMIT_S = 10


class Client:
    def __init__(self, port):
        self.up = self.down = 0
        self.n_frames = 0  # updates with pixels
        self._bytes = bytearray()
        self._at = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._shake_hands()
        self._ask(incremental=False)
        while not self.n_frames:
            self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    # bytes

    def _send(self, data):
        self.up += len(data)
        self.socket.sendall(data)

    def _need(self, n):
        while len(self._bytes) - self._at < n:
            some = self.socket.recv(1 << 20)
            if not some:
                raise CannotMeasure("the VNC server closed the connection")
            self.down += len(some)
            if self._at:
                del self._bytes[:self._at]
                self._at = 0
            self._bytes += some

    def _take(self, n):
        self._need(n)
        taken = bytes(self._bytes[self._at:self._at + n])
        self._at += n
        return taken

    def _skip(self, n):
        self._need(n)
        self._at += n

    def _u8(self):
        return self._take(1)[0]

    def _u32(self):
        return struct.unpack(">I", self._take(4))[0]

    # the protocol

    def _shake_hands(self):
        self._take(12)
        self._send(b"RFB 003.008\n")
        if 1 not in self._take(self._u8()):
            raise CannotMeasure("the VNC server wants a password")
        self._send(b"\x01")
        if self._u32() != 0:
            raise CannotMeasure("the VNC server refused")
        self._send(b"\x01")  # shared
        self.size = struct.unpack(">HH16x", self._take(20))
        self._skip(self._u32())
        self._send(b"\0\0\0\0" + PIXEL_FORMAT)
        self._send(struct.pack(f">BxH{len(ENCODINGS)}i", 2, len(ENCODINGS), *ENCODINGS))

    def _ask(self, incremental):
        self._send(struct.pack(">BBHHHH", 3, incremental, 0, 0, *self.size))

    def key(self, keysym, down):
        self._send(struct.pack(">BB2xI", 4, down, keysym))

    def is_pending(self, seconds):
        """Is there something to receive, or does it come within that time?"""
        if self._at < len(self._bytes):
            return True
        return bool(select.select([self.socket], [], [], seconds)[0])

    def settle(self, seconds):
        """Receives until nothing has come for that long."""
        while self.is_pending(seconds):
            self.receive()

    def receive(self):
        """Waits for one message, and asks for the next update after one."""
        kind = self._u8()
        if kind == UPDATE:
            self._update()
        elif kind == COLOUR_MAP:
            self._skip(struct.unpack(">xHH", self._take(5))[1] * 6)
        elif kind == CUT_TEXT:
            self._skip(struct.unpack(">3xI", self._take(7))[0])
        elif kind != BELL:
            raise CannotMeasure(f"the VNC server sent a message of kind {kind}")

    def _update(self):
        (n,) = struct.unpack(">xH", self._take(3))
        has_pixels = False
        for _ in range(n):
            _, _, w, h, encoding = struct.unpack(">HHHHi", self._take(12))
            if encoding == LAST_RECT:
                break
            self._rectangle(encoding, w, h)
            has_pixels |= encoding not in PSEUDO
        self.n_frames += has_pixels
        self._ask(incremental=True)

    def _rectangle(self, encoding, w, h):
        if encoding == TIGHT:
            self._tight(w, h)
        elif encoding == COPY_RECT:
            self._skip(4)
        elif encoding == ZRLE:
            self._skip(self._u32())
        elif encoding == RAW:
            self._skip(w * h * PIXEL_SIZE)
        elif encoding == CURSOR:
            self._skip(w * h * PIXEL_SIZE + (w + 7) // 8 * h)
        else:
            raise CannotMeasure(f"the VNC server sent encoding {encoding}")

    def _tight_length(self):
        length = 0
        for shift in (0, 7, 14):
            byte = self._u8()
            length |= (byte if shift == 14 else byte & 127) << shift
            if byte < 128:
                break
        return length

    def _tight(self, w, h):
        kind = self._u8() >> 4
        if kind == TIGHT_FILL:
            self._skip(TIGHT_PIXEL_SIZE)
        elif kind in (TIGHT_JPEG, TIGHT_PNG):
            self._skip(self._tight_length())
        else:
            row = w * TIGHT_PIXEL_SIZE
            if kind & TIGHT_EXPLICIT_FILTER and self._u8() == TIGHT_PALETTE:
                n = self._u8() + 1
                self._skip(n * TIGHT_PIXEL_SIZE)
                row = (w + 7) // 8 if n <= 2 else w
            self._skip(row * h if row * h < TIGHT_BARE else self._tight_length())

# SPDX-License-Identifier: BSD-3-Clause
"""The picture that a host sends, as docs/protocol.md has it: FRAMEs of all four streams are inflated,
and their operations done one after another. Nothing but Python's standard library.

Three planes, of red, green and blue, since whole rows of one can be done at a stroke.
"""
import itertools
import struct
import zlib

MORE, TIMES = 1, 2
STAGES = ("input", "application", "damage", "capture", "analyse", "encode", "queue")
SOLID, PALETTE, RAW, DELTA, COPY, STORE, CACHED = range(7)
TILE = 64
N_SLOTS = 2048
RED, GREEN, BLUE = range(3)


class BadPicture(Exception):
    """The host said what it must not."""


def require(condition, what):
    if not condition:
        raise BadPicture(what)


def bits_per_index(n):
    return 1 if n <= 2 else 2 if n <= 4 else 4 if n <= 16 else 8


# Of a packed byte its indices, by their bits.
UNPACKED = {
    bits: [bytes(byte >> shift & (1 << bits) - 1 for shift in range(8 - bits, -1, -bits))
           for byte in range(256)]
    for bits in (1, 2, 4, 8)
}


class Picture:
    def __init__(self, width=0, height=0):
        self.width, self.height = width, height
        self.planes = [bytearray(width * height) for _ in range(3)]
        self.slots = {}

    def rgb(self):
        data = bytearray(3 * self.width * self.height)
        for colour in range(3):
            data[colour::3] = self.planes[colour]
        return bytes(data)

    def cut(self, x, y, w, h):
        """Three planes of w·h bytes."""
        return [
            b"".join(plane[at : at + w] for at in self._rows(x, y, h)) for plane in self.planes
        ]

    def put(self, x, y, w, h, planes):
        for plane, pixels in zip(self.planes, planes):
            for row, at in enumerate(self._rows(x, y, h)):
                plane[at : at + w] = pixels[row * w : (row + 1) * w]

    def _rows(self, x, y, h):
        return range(y * self.width + x, (y + h) * self.width + x, self.width)

    def apply(self, data, only_parse=False):
        """Does all operations. Returns (kind, bits per pixel, width, height) of each."""
        done, at = [], 0
        while at < len(data):
            kind = data[at]
            require(kind <= CACHED, f"operation {kind}")
            step = self._copy if kind == COPY else self._slot if kind > COPY else self._rectangle
            try:
                at, what = step(kind, data, at + 1, only_parse)
            except (struct.error, IndexError):
                raise BadPicture("an operation that is cut off") from None
            done.append((kind, *what))
        return done

    def _check(self, x, y, w, h):
        require(w > 0 and h > 0 and x + w <= self.width and y + h <= self.height,
                f"{w}×{h} at {x},{y} of {self.width}×{self.height}")

    def _rectangle(self, kind, data, at, only_parse):
        x, y, w, h = struct.unpack_from("<HHBB", data, at)
        w, h, at = w + 1, h + 1, at + 6
        require(w <= TILE and h <= TILE, f"a rectangle of {w}×{h}")
        self._check(x, y, w, h)
        decode = (decode_solid, decode_palette, decode_raw, decode_delta)[kind]
        bits, size = {SOLID: (0, 3), RAW: (24, 3 * w * h), DELTA: (24, 3 * w * h)}.get(
            kind) or palette_size(data[at] + 1, w, h)
        body = data[at : at + size]
        require(len(body) == size, "a rectangle that is cut off")
        if not only_parse:
            self.put(x, y, w, h, decode(body, w, h))
        return at + size, (bits, w, h)

    def _copy(self, _, data, at, only_parse):
        x, y, w, h, from_x, from_y = struct.unpack_from("<6H", data, at)
        self._check(x, y, w, h)
        self._check(from_x, from_y, w, h)
        if not only_parse:
            self.put(x, y, w, h, self.cut(from_x, from_y, w, h))
        return at + 12, (0, w, h)

    def _slot(self, kind, data, at, only_parse):
        column, row, slot = struct.unpack_from("<3H", data, at)
        x, y = TILE * column, TILE * row
        w, h = min(TILE, self.width - x), min(TILE, self.height - y)
        self._check(x, y, w, h)
        require(slot < N_SLOTS, f"slot {slot}")
        if kind == STORE:
            self.slots[slot] = w, h, None if only_parse else self.cut(x, y, w, h)
        else:
            require(self.slots.get(slot, ())[:2] == (w, h), f"slot {slot} has no tile of {w}×{h}")
            if not only_parse:
                self.put(x, y, w, h, self.slots[slot][2])
        return at + 6, (0, w, h)


def palette_size(n, w, h):
    """(bits per pixel, bytes of the body)"""
    require(n >= 2, "a palette of one")
    bits = bits_per_index(n)
    return bits, 1 + 3 * n + (w * bits + 7) // 8 * h


def decode_solid(body, w, h):
    return [bytes([value]) * (w * h) for value in body]


def decode_palette(body, w, h):
    n = body[0] + 1
    bits = bits_per_index(n)
    stride = (w * bits + 7) // 8
    rows, unpacked = body[1 + 3 * n :], UNPACKED[bits]
    indices = b"".join(
        b"".join(unpacked[byte] for byte in rows[i * stride : (i + 1) * stride])[:w]
        for i in range(h)
    )
    require(max(indices) < n, "an index beyond the palette")
    colours = body[1 : 1 + 3 * n].ljust(3 * 256, b"\0")
    return [indices.translate(colours[colour::3]) for colour in range(3)]


def decode_raw(body, _w, _h):
    return [body[colour::3] for colour in range(3)]


def decode_delta(body, w, h):
    n = w * h
    green = undo_delta(body[:n], w)
    return [
        bytes(g + value & 255 for g, value in zip(green, undo_delta(body[n : 2 * n], w))),
        green,
        bytes(g + value & 255 for g, value in zip(green, undo_delta(body[2 * n :], w))),
    ]


def undo_delta(plane, w):
    """One plane of differences: to the left, or above in the first column."""
    firsts = itertools.accumulate(plane[::w])
    return b"".join(
        bytes(value & 255 for value in itertools.accumulate(plane[i * w + 1 : (i + 1) * w], initial=first))
        for i, first in enumerate(firsts)
    )


class Frames:
    """What comes in SCREEN, FRAME and PICTURE messages. With only_parse it is checked, but the
    picture stays black; PICTUREs are counted, not shown."""

    def __init__(self, only_parse=False):
        self.only_parse = only_parse
        self.picture = Picture()
        self.seq = 0
        self.operations = []  # since somebody last emptied it: as Picture.apply() returns them
        self.n_pictures = 0
        self.times = None  # of the newest frame that had any: by name, seconds
        self._inflaters = [zlib.decompressobj(-15) for _ in range(4)]
        self.is_whole = True

    def screen(self, body):
        self.picture = Picture(*struct.unpack("<HH", body))

    def frame(self, body):
        """Returns the seq when it is complete, else None."""
        flags, rest = self._begin(body)
        inflated = self._inflaters[flags >> 2].decompress(rest + b"\0\0\xff\xff")
        self.operations += self.picture.apply(inflated, self.only_parse)
        return self._end(flags)

    def coded_picture(self, body):
        flags, rest = self._begin(body)
        _, x, y, w, h = struct.unpack_from("<BHHHH", rest)
        require(w > 0 and h > 0 and x + w <= self.picture.width and y + h <= self.picture.height,
                "a PICTURE outside")
        self.n_pictures += 1
        return self._end(flags)

    def _begin(self, body):
        flags, seq = struct.unpack_from("<BI", body)
        expected = self.seq + 1 if self.is_whole else self.seq
        require(seq == expected, f"seq {seq} in the place of {expected}")
        require(flags < 16 and flags & (MORE | TIMES) != MORE | TIMES, f"flags {flags}")
        self.seq, self.is_whole = seq, False
        if not flags & TIMES:
            return flags, body[5:]
        ticks = struct.unpack_from("<7H", body, 5)
        self.times = {name: value * 1e-5 for name, value in zip(STAGES, ticks) if value}
        return flags, body[19:]

    def _end(self, flags):
        if flags & MORE:
            return None
        self.is_whole = True
        return self.seq

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""picture.py, which other tests see with, against docs/protocol.md worked out pixel by pixel."""
import random
import struct
import sys
import zlib

from hosting import check, run
from picture import BadPicture, Frames, Picture

WIDTH, HEIGHT = 150, 131


def head(kind, x, y, w, h):
    return struct.pack("<BHHBB", kind, x, y, w - 1, h - 1)


def rectangle(kind, n, x, y, w, h, dice):
    """(operation, pixels)"""
    colours = [dice.randbytes(3) for _ in range(n)]
    indices = [dice.randrange(n) for _ in range(w * h)]
    pixels = [colours[index] for index in indices]
    if kind == 0:
        return head(0, x, y, w, h) + colours[0], [colours[0]] * (w * h)
    if kind == 2:
        return head(2, x, y, w, h) + b"".join(pixels), pixels
    if kind == 1:
        bits = 1 if n == 2 else 2 if n <= 4 else 4 if n <= 16 else 8
        body = bytes([n - 1]) + b"".join(colours)
        for row in range(h):
            number = 0
            for index in indices[row * w : (row + 1) * w]:
                number = number << bits | index
            size = (w * bits + 7) // 8
            body += (number << size * 8 - w * bits).to_bytes(size, "big")
        return head(1, x, y, w, h) + body, pixels
    planes = [bytearray(), bytearray(), bytearray()]
    for i, (r, g, b) in enumerate(pixels):
        left = pixels[i - 1] if i % w else pixels[i - w] if i else bytes(3)
        dr, dg, db = r - left[0], g - left[1], b - left[2]
        for plane, value in zip(planes, (dg, dr - dg, db - dg)):
            plane.append(value & 255)
    return head(3, x, y, w, h) + b"".join(planes), pixels


def each_kind_is_decoded_to_the_pixel():
    dice = random.Random(1)
    picture = Picture(WIDTH, HEIGHT)
    model = [bytes(3)] * (WIDTH * HEIGHT)
    for w, h in ((1, 1), (3, 2), (8, 1), (9, 9), (33, 17), (64, 64)):
        for kind, n in ((0, 1), (2, 99), (3, 99), *((1, n) for n in (2, 3, 4, 5, 16, 17, 256))):
            x, y = dice.randrange(WIDTH - w + 1), dice.randrange(HEIGHT - h + 1)
            operation, pixels = rectangle(kind, n, x, y, w, h, dice)
            check(picture.apply(operation)[0][::2] == (kind, w), "what was done")
            for i, pixel in enumerate(pixels):
                model[(y + i // w) * WIDTH + x + i % w] = pixel
            check(picture.rgb() == b"".join(model), kind, n, w, h)


def copies_overlap_and_tiles_are_remembered():
    dice = random.Random(2)
    picture = Picture(100, 70)
    picture.put(0, 0, 100, 70, [dice.randbytes(7000) for _ in range(3)])
    model = [picture.rgb()[i : i + 3] for i in range(0, 21000, 3)]
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (3, -2), (-3, 2)):
        before = list(model)
        for y in range(50):
            for x in range(60):
                model[(10 + dy + y) * 100 + 10 + dx + x] = before[(10 + y) * 100 + 10 + x]
        picture.apply(struct.pack("<B6H", 4, 10 + dx, 10 + dy, 60, 50, 10, 10))
        check(picture.rgb() == b"".join(model), "copy by", dx, dy)
    edge = picture.cut(64, 64, 36, 6)
    picture.apply(struct.pack("<B3H", 5, 1, 1, 2047) + head(0, 64, 64, 36, 6) + b"abc")
    check(picture.cut(64, 64, 36, 6) != edge, "painted over")
    picture.apply(struct.pack("<B3H", 6, 1, 1, 2047))
    check(picture.cut(64, 64, 36, 6) == edge, "as it was")


def frames_of_four_streams_have_their_seqs_and_times():
    frames = Frames()
    frames.screen(struct.pack("<HH", 64, 64))
    streams = [zlib.compressobj(wbits=-15) for _ in range(4)]

    def frame(flags, seq, nth, operations, times=b""):
        body = streams[nth].compress(operations) + streams[nth].flush(zlib.Z_SYNC_FLUSH)
        return frames.frame(struct.pack("<BI", flags | nth << 2, seq) + times + body[:-4])

    check(frame(1, 1, 3, head(0, 0, 0, 1, 1) + b"abc") is None, "more is to come")
    check(frame(2, 1, 0, b"", struct.pack("<7H", 0, 100, 0, 0, 0, 0, 65535)) == 1, "the seq")
    check(frames.times == {"application": 100 * 1e-5, "queue": 65535 * 1e-5}, frames.times)
    check(frames.picture.rgb()[:3] == b"abc", "the pixel")
    check(frame(0, 2, 3, head(0, 0, 0, 1, 1) + b"abc") == 2, "the next")


def what_is_wrong_is_told():
    for operation in (b"\7", head(0, 0, 0, 65, 1) + b"abc", head(0, 60, 0, 5, 1) + b"abc",
                      head(0, 0, 0, 1, 1) + b"ab", head(1, 0, 0, 1, 1) + b"\0abc\0",
                      head(1, 0, 0, 1, 1) + b"\2abcabcabc\xc0", struct.pack("<B6H", 4, *[0] * 6),
                      struct.pack("<B6H", 4, 0, 0, 2, 1, 63, 0), struct.pack("<B3H", 5, 1, 0, 0),
                      struct.pack("<B3H", 5, 0, 0, 2048), struct.pack("<B3H", 6, 0, 0, 0)):
        try:
            Picture(64, 64).apply(operation)
        except BadPicture:
            continue
        check(False, "not found:", operation)


sys.exit(run([
    each_kind_is_decoded_to_the_pixel,
    copies_overlap_and_tiles_are_remembered,
    frames_of_four_streams_have_their_seqs_and_times,
    what_is_wrong_is_told,
]))

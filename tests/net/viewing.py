# SPDX-License-Identifier: BSD-3-Clause
"""A host, a screen, a link of any kind, and viewers who tell how old a picture is.

Nothing but Python's standard library. A Watcher takes frames as a page does, but looks only at
what painter.c says in the corners of its film's tiles, when it drew them, and in the colour of
another tile, how many keys it heard of. So Python is fast enough for a film.
"""
import contextlib
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.environ["AFAR_SOURCE"], "tests", "integration"))

from hosting import BUILD, DEADLINE, SCREEN, Host, check, make_identity, wait_for

RELAY = os.path.join(BUILD, "tests", "net", "relay")
PAINTER = os.path.join(BUILD, "tests", "net", "painter")
DECODER = os.path.join(BUILD, "tests", "net", "decoder")
NEAR = "10.99.0.1"
ACK, KEY, JOIN, FRAME, PICTURE, TWIN, ECHO = 0x02, 0x03, 0x09, 0x85, 0x88, 0x89, 0x8a
CODECS = {"jpeg": 1, "vp9": 2, "h264": 3}
LETTER = 30  # KEY_A of linux/input-event-codes.h
TILE, CORNER, KEYS = 64, 8, (704, 320)
WINDOW = (256, 192, 384, 256)  # of a film, beside the tile of keys
PONG = 10  # of RFC 6455
MORE, TIMES, IS_KEY, HALF = 1, 2, 4, 8
KIND_COPY, KIND_STORE, KIND_CACHED = 4, 5, 6
SOLID, PALETTE, RAW, DELTA = range(4)
SOAK = bool(os.environ.get("AFAR_SOAK"))


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(77)


def percentile(values, part):
    """0 of none."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0


def figures(values):
    median, late = percentile(values, 0.5) * 1e3, percentile(values, 0.95) * 1e3
    most = max(values, default=0) * 1e3
    return f"median {median:.1f}, p95 {late:.1f}, most {most:.1f} ms of {len(values)}"


class Link:
    """Two network name spaces with a relay between them: see relay.c. The host is near."""

    def __init__(self, rtt_ms, loss=0, kbit=0, queue=0, congestion=None):
        self.rtt, self.loss = rtt_ms / 1e3, loss
        self.process = subprocess.Popen(
            [RELAY, *map(str, (rtt_ms, loss, kbit, queue))], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if not words:
            skip("no name spaces with tun devices here")
        self.spaces = [os.open(f"/proc/{self.process.pid}/fd/{fd}", os.O_RDONLY)
                       for fd in words[1:]]
        self.congestion = congestion

    @contextlib.contextmanager
    def inside(self, space):
        """This thread, and what it begins meanwhile."""
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            check(libc.setns(space, 0) == 0, "setns:", ctypes.get_errno())
            yield
        finally:
            libc.setns(home, 0)
            os.close(home)

    def near(self):
        return self.inside(self.spaces[0])

    def far(self):
        return self.inside(self.spaces[1])

    def set(self, rtt_ms, loss, kbit, queue):
        self.rtt, self.loss = rtt_ms / 1e3, loss
        self.process.stdin.write(f"{rtt_ms} {loss} {kbit} {queue}\n")
        self.process.stdin.flush()

    def counts(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for space in self.spaces:
            os.close(space)
        self.process.stdin.close()
        self.process.wait(DEADLINE)


def congestion_controls(*wanted):
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control") as f:
        known = f.read().split()
    return [name for name in wanted if name in known]


class Desk:
    """An X server with painters on it."""

    def __init__(self, width=1280, height=720):
        ready, theirs = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(theirs), "-screen", "0", f"{width}x{height}x24",
             "-nolisten", "tcp", "-noreset"], pass_fds=[theirs], stderr=subprocess.DEVNULL)
        os.close(theirs)
        with os.fdopen(ready) as f:
            number = f.readline().strip()
        check(number, "Xvfb does not start")
        self.display, self.painters = ":" + number, []
        self.authority = tempfile.NamedTemporaryFile()  # empty: it lets in who has no cookie, too

    def paint(self, *what):
        # Without a buffer, so that select() knows of every line.
        painter = subprocess.Popen([PAINTER, *map(str, what)], stdout=subprocess.PIPE, bufsize=0,
                                   env={**os.environ, "DISPLAY": self.display})
        self.painters.append(painter)
        check(painter.stdout.readline() == b"ready\n", "the painter of", *what)
        return painter

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for painter in self.painters:
            painter.kill()
            painter.wait()
        self.server.terminate()
        self.server.wait()
        self.authority.close()


def stop(film):
    """Nothing moves any more. Returns the stamp that stands there now."""
    film.send_signal(signal.SIGUSR1)
    return int(film.stdout.readline().split()[1])


@contextlib.contextmanager
def desktop(fps=30, place=(), width=1280, height=720, link=None):
    """(host, film, keys). place: of the film, if not everywhere."""
    config, _ = make_identity()
    with Desk(width, height) as desk:
        film = desk.paint("video", fps, *place)
        keys = desk.paint("keys")
        with (link.near() if link else contextlib.nullcontext()):
            host = Host(config, address=NEAR if link else "127.0.0.1")
        if link and link.congestion:  # connections inherit it
            host.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION,
                                     link.congestion.encode())
        with host:
            host.send(type="display_up", display=desk.display, xauthority=desk.authority.name)
            wait_for(lambda: "the screen has" in host.log(), "the screen")
            host.fds = None  # those of the display come and go
            host.display = desk.display
            yield host, film, keys


def pixel(kind, body, w, x, y, version):
    """One of a rectangle's pixels, as red, green, blue."""
    if kind == SOLID:
        return tuple(body[:3])
    if kind == RAW:
        at = (y * w + x) * 3
        return tuple(body[at:at + 3])
    if kind == PALETTE:
        n = body[0] + (version >= 2)
        bits = bits_of(n)
        at = x * bits
        byte = body[1 + n * 3 + y * ((w * bits + 7) // 8) + at // 8]
        index = byte >> (8 - bits - at % 8) & ((1 << bits) - 1)
        return tuple(body[1 + index * 3:4 + index * 3])
    size, sums = len(body) // 3, []
    for plane in range(3):
        first = plane * size
        column = body[first:first + (y + 1) * w:w]
        row = body[first + y * w + 1:first + y * w + x + 1]
        sums.append(sum(column) + sum(row))
    green = sums[0] & 255
    return (sums[1] + green) & 255, green, (sums[2] + green) & 255


def bits_of(n):
    return 1 if n == 2 else 2 if n <= 4 else 4 if n <= 16 else 8


def body_size(kind, data, at, w, h, version):
    if kind == SOLID:
        return 3
    if kind in (RAW, DELTA):
        return w * h * 3
    check(kind == PALETTE, "kind", kind)
    n = data[at] + (version >= 2)
    return 1 + n * 3 + (w * bits_of(n) + 7) // 8 * h


class Decoder:
    """Of coded pictures: see decoder.c."""

    def __init__(self):
        self.process = subprocess.Popen([DECODER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def decode(self, codec, key, width, height, data):
        """The green of each pixel, row by row."""
        self.process.stdin.write(struct.pack("=BBHHI", codec, key, width, height, len(data)) + data)
        self.process.stdin.flush()
        green = self.process.stdout.read(width * height)
        check(len(green) == width * height, "a picture that cannot be decoded")
        return green

    def close(self):
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


def take_message(data):
    """(opcode, payload) of the first WebSocket message in a bytearray, if it is whole: the host
    neither masks nor splits them."""
    if len(data) < 2:
        return None
    n, at = data[1], 2
    if n >= 126:
        size = 2 if n == 126 else 8
        if len(data) < 2 + size:
            return None
        n, at = int.from_bytes(data[2:2 + size], "big"), 2 + size
    if len(data) < at + n:
        return None
    opcode, payload = data[0] & 15, bytes(data[at:at + n])
    del data[:at + n]
    return opcode, payload


def write(ws, message):
    # So short that the socket always has room, unless the host takes nothing.
    ws.socket.setblocking(True)
    ws.send(message)
    ws.socket.setblocking(False)


def keys_in(kind, body, x, y, w, version):
    """How many keys a rectangle tells of."""
    colour = pixel(kind, body, w, KEYS[0] - x, KEYS[1] - y, version)
    return (colour[0] & 127) << 14 | (colour[1] & 127) << 7 | colour[2] & 127


class Twin:
    """A Watcher's second connection, once the host has asked for one."""

    def __init__(self, host, key, version):
        self.ws, self.key, self.version = host.websocket(), key, version
        self.socket, self.bytes = self.ws.socket, bytearray()
        self.n_keys = self.n_echoes = 0

    def join(self, n_before):
        write(self.ws, struct.pack("<B16sI", JOIN, self.key, n_before))

    def take(self, size):
        """What has come, on a screen of that size. Returns how many bytes."""
        some = self.socket.recv(1 << 16)
        check(some, "the host closed the second connection")
        self.bytes += some
        while message := take_message(self.bytes):
            opcode, payload = message
            if opcode != PONG:
                self.echo(payload, size)
        return len(some)

    def echo(self, payload, screen):
        kind, _, *size = struct.unpack_from("<BIHH", payload)
        check(kind == ECHO and tuple(size) == screen, "ECHO", payload[:9])
        data = zlib.decompressobj(-15).decompress(payload[9:] + b"\0\0\xff\xff")
        self.n_echoes += 1
        at = 0
        while at < len(data):
            kind, (x, y, w, h) = data[at], struct.unpack_from("<HHBB", data, at + 1)
            check(kind < KIND_COPY, "an echo of kind", kind)
            w, h, at = w + 1, h + 1, at + 7
            size = body_size(kind, data, at, w, h, self.version)
            if x <= KEYS[0] < x + w and y <= KEYS[1] < y + h:
                self.n_keys = keys_in(kind, data[at:at + size], x, y, w, self.version)
            at += size


class Watcher:
    """A viewer that keeps up. look=False: it counts frames and bytes, and no more. decodes: one of
    CODECS, in which the film at @film may come; None: it comes in tiles. twin: it opens a second
    connection where the host would like that."""

    def __init__(self, host, link=None, look=True, token=None, decodes=None, film=(0, 0),
                 twin=False):
        how = {"twin": twin, **({"decodes": [decodes]} if decodes else {})}
        self.host, self.link, self.n_inputs = host, link, 0
        self.twin, self.connected = None, []  # Twins that have not joined yet
        with self.far():
            self.ws, welcome = host.welcome(link=token or host.make_link(), **how)
        self.decoder = Decoder() if decodes else None
        self.film, self.n_pictures, self.n_probes = film, 0, 0
        self.version = welcome["version"]
        self.socket, self.look = self.ws.socket, look
        self.socket.setblocking(False)
        self.bytes = bytearray(self.ws.data)
        self.inflaters = [zlib.decompressobj(-15) for _ in range(4)]
        self.operations = bytearray()
        self.size = (0, 0)
        self.n_frames = self.n_bytes = 0
        self.ages = []  # (when it came, seconds old), of each frame with something of the film
        self.tiles = {}  # what last filled each: kind, body, width
        self.first = None  # of this frame
        self.n_keys, self.slots = 0, {}
        self.take_messages()  # what came with the welcome

    def far(self):
        return self.link.far() if self.link else contextlib.nullcontext()

    def close(self):
        self.ws.close()
        if self.twin:
            self.twin.ws.close()
        if self.decoder:
            self.decoder.close()

    def send(self, kind, body):
        write(self.ws, bytes([kind]) + body)

    def key(self, down):
        message = struct.pack("<BBH", KEY, down, LETTER)
        write(self.ws, message)
        if self.twin:
            write(self.twin.ws, message)
        self.n_inputs += 1

    def connect_twin(self, key):
        """Meanwhile: that has round trips of its own to wait for."""
        def connect():
            with self.far():
                self.connected.append(Twin(self.host, key, self.version))
        threading.Thread(target=connect, daemon=True).start()

    def join(self):
        self.twin = self.connected.pop()
        self.twin.join(self.n_inputs)

    @property
    def n_seen(self):
        """Keys, in the picture or by an echo."""
        return max(self.n_keys, self.twin.n_keys if self.twin else 0)

    def until(self, is_so, what, seconds=DEADLINE):
        end = time.monotonic() + seconds
        while not is_so():
            check(time.monotonic() < end, "timed out:", what)
            self.take(end)

    def take(self, end):
        """What has come; waits for it until then."""
        left = end - time.monotonic()
        if self.connected:
            self.join()
        sockets = [self.socket, *([self.twin.socket] if self.twin else [])]
        ready = select.select(sockets, [], [], left)[0] if left > 0 else []
        if self.socket in ready:
            some = self.socket.recv(1 << 18)
            check(some, "the host closed the connection")
            self.n_bytes += len(some)
            self.bytes += some
            self.take_messages()
        if self.twin and self.twin.socket in ready:
            self.n_bytes += self.twin.take(self.size)

    def also(self, pipe):
        """Takes what comes until something else is to be read."""
        while pipe not in select.select([self.socket, pipe], [], [])[0]:
            self.take(time.monotonic() + 0.001)

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take(end)

    def take_messages(self):
        while self.take_message():
            pass

    def take_message(self):
        message = take_message(self.bytes)
        if not message:
            return False
        opcode, payload = message
        if opcode == PONG:
            self.n_probes += 1
            return True
        check(opcode == 2, "the host ended the connection:", payload[2:])
        if payload[0] == SCREEN:
            self.size, self.slots = struct.unpack("<HH", payload[1:]), {}
        elif payload[0] == FRAME:
            self.frame(payload)
        elif payload[0] == PICTURE:
            self.picture(payload)
        elif payload[0] == TWIN:
            self.connect_twin(payload[1:])
        return True

    def frame(self, payload):
        flags, seq = struct.unpack_from("<BI", payload, 1)
        body = payload[6 + (14 if flags & TIMES else 0):]
        inflater = self.inflaters[flags >> 2 & 3]
        operations = inflater.decompress(body + b"\0\0\xff\xff")
        if self.look:
            self.perform(operations)
        self.end_message(flags, seq)

    def picture(self, payload):
        flags, seq = struct.unpack_from("<BI", payload, 1)
        at = 6 + (14 if flags & TIMES else 0)
        codec, x, y, w, h = struct.unpack_from("<BHHHH", payload, at)
        step = 2 if flags & HALF else 1
        width, height = (w + step - 1) // step, (h + step - 1) // step
        green = self.decoder.decode(codec, bool(flags & IS_KEY), width, height, payload[at + 9:])
        self.n_pictures += 1

        def is_bright(px, py, least=128):
            return green[(py - y) // step * width + (px - x) // step] >= least
        for tile in self.tiles:
            if x <= tile[0] < x + w and y <= tile[1] < y + h:
                self.tiles[tile] = None
        if x <= KEYS[0] and KEYS[0] + TILE <= x + w and y <= KEYS[1] and KEYS[1] + TILE <= y + h:
            self.n_keys += is_bright(KEYS[0] + TILE // 2, KEYS[1] + TILE // 2, 64) != self.n_keys % 2
        left, top = self.film
        if x <= left and left + TILE <= x + w and y <= top and top + TILE <= y + h:
            stamp = 0
            for i in range(32):
                stamp = stamp << 1 | is_bright(left + i % 8 * 8 + 4, top + 32 + i // 8 * 8 + 4)
            now = time.monotonic()
            # What is rounded up, or has a bit that was not seen well, is not of the future.
            age = (int(now * 1000) + 1 - stamp + (1 << 31)) % (1 << 32) - (1 << 31)
            self.ages.append((now, max(0, age) / 1e3))
        self.end_message(flags, seq)

    def end_message(self, flags, seq):
        if flags & MORE:
            return
        now = time.monotonic()
        self.n_frames += 1
        times = (0, 0) if self.version >= 2 else ()
        self.send(ACK, struct.pack("<I" + "H" * len(times), seq, *times))
        stamp = self.first and self.stamp_of(*self.first)
        if stamp:
            self.ages.append((now, now - stamp / 1e6))
        self.first = None

    def perform(self, data):
        at = 0
        while at < len(data):
            kind = data[at]
            if kind < KIND_COPY:
                x, y, w, h = struct.unpack_from("<HHBB", data, at + 1)
                w, h, at = w + 1, h + 1, at + 7
                size = body_size(kind, data, at, w, h, self.version)
                self.fill(kind, data[at:at + size], x, y, w, h)
                at += size
            elif kind == KIND_COPY:
                at += 13  # nothing moves in what we look at
            else:
                column, row, slot = struct.unpack_from("<HHH", data, at + 1)
                self.remember(kind, (column * TILE, row * TILE), slot)
                at += 7

    def fill(self, kind, body, x, y, w, h):
        if x <= KEYS[0] < x + w and y <= KEYS[1] < y + h:
            self.n_keys = keys_in(kind, body, x, y, w, self.version)
        elif x % TILE == y % TILE == 0 and w >= CORNER and h >= CORNER:
            self.tiles[x, y] = kind, body, w
            self.first = self.first or self.tiles[x, y]

    def remember(self, kind, tile, slot):
        if kind == KIND_STORE:
            self.slots[slot] = self.n_keys if tile == KEYS else self.tiles.get(tile)
        elif tile == KEYS:
            self.n_keys = self.slots[slot]
        else:
            self.tiles[tile] = self.slots[slot]

    def stamp_of(self, kind, body, w):
        """When the film drew that tile; None: it did not."""
        stamp = 0
        for i in range(CORNER * CORNER) if kind != SOLID else ():
            bright = pixel(kind, body, w, i % CORNER, i // CORNER, self.version)
            stamp = stamp << 1 | (bright == (255, 255, 255))
        return stamp if abs(stamp / 1e6 - time.monotonic()) < 600 else None

    def stamps(self):
        """All that are in the picture, and 0 for what is not exact."""
        return {self.stamp_of(*tile) if tile else 0 for tile in self.tiles.values()} - {None}

    def ages_between(self, since, until=float("inf")):
        return [age for at, age in self.ages if since <= at < until]

    def echo(self, seconds=DEADLINE):
        """Presses a key, and sees the picture change. Seconds."""
        wanted = self.n_seen + 1
        start = time.monotonic()
        self.key(1)
        self.key(0)
        self.until(lambda: self.n_seen >= wanted, "the echo of a key", seconds)
        return time.monotonic() - start

    def echoes(self, seconds, pause=0.05):
        """Of one key after the other, for so long."""
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            found.append(self.echo())
            self.watch(pause)
        return found

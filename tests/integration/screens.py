# SPDX-License-Identifier: BSD-3-Clause
"""A real X server under the real host, whose screen a test draws on and changes the size of, and
viewers who see with picture.py what they are sent.

Nothing but Python's standard library.
"""
import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from hosting import BUILD, DEADLINE, SCREEN, SLOW, Host, check, make_identity
from picture import Frames

ACK, FRAME, PICTURE = 0x02, 0x85, 0x88
NARROW = 16384  # set before the connection: afterwards Linux drops what is under way
RST = struct.pack("ii", 1, 0)  # of SO_LINGER: a close that throws away what is under way
XORG = "/usr/lib/xorg/Xorg"
DUMMY = "/usr/lib/xorg/modules/drivers/dummy_drv.so"

# As the supervisor has it: src/supervisor/display/xorg.c.
XORG_CONF = """
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "AutoEnableDevices" "false"
  Option "DontVTSwitch" "true"
  Option "PciForceNone" "true"
EndSection
Section "InputDevice"
  Identifier "input"
  Option "CoreKeyboard" "true"
  Option "CorePointer" "true"
  Driver "void"
EndSection
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 1048576
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  DefaultDepth 24
EndSection
Section "ServerLayout"
  Identifier "layout"
  Screen "screen"
  InputDevice "input"
EndSection
"""


class Fake:
    """One of tests/fakes on the server, which is told what to do line by line."""

    def __init__(self, name, server):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests", "fakes", "fake-" + name)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, **server.environment()})

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class XServer:
    """Xvfb, whose screen is never larger than at first, or Xorg with the dummy driver."""

    def __init__(self, kind="Xvfb", width=1024, height=768):
        self.room = tempfile.mkdtemp(prefix="afar-screen-", dir="/var/tmp")
        self.authority = os.path.join(self.room, "authority")
        with open(self.authority, "wb") as f:
            f.write(b"\xff\xff" + b"".join(
                struct.pack(">H", len(field)) + field
                for field in (b"", b"", b"MIT-MAGIC-COOKIE-1", os.urandom(16))))
        ready, theirs = os.pipe()
        common = ["-displayfd", str(theirs), "-auth", self.authority, "-nolisten", "tcp", "-noreset"]
        if kind == "Xvfb":
            argv = [kind, "-screen", "0", f"{width}x{height}x24", *common]
        else:
            conf = os.path.join(self.room, "xorg.conf")
            with open(conf, "w") as f:
                f.write(XORG_CONF)
            argv = [XORG, "-config", conf, "-logfile", "/dev/null", *common]
            argv += ["-sharevts", "-novtswitch"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(argv, pass_fds=[theirs], stderr=subprocess.DEVNULL)
        os.close(theirs)
        with os.fdopen(ready) as f:
            number = f.readline().strip()
        check(number, kind, "does not start")
        self.display = ":" + number
        self.scene, self.reader, self.n_asked = Fake("scene", self), Fake("screen", self), 0
        check(self.scene.process.stdout.readline() == b"ready\n", "the scene")

    def environment(self):
        return {"DISPLAY": self.display, "XAUTHORITY": self.authority}

    def draw(self, line):
        """Does not wait: see sync()."""
        self.scene.say(line)
        self.n_asked += 1

    def sync(self):
        """Until all is drawn. Tells whether the server has refused no size."""
        answers = [self.scene.process.stdout.readline() for _ in range(self.n_asked)]
        self.n_asked = 0
        check(set(answers) <= {b"done\n", b"refused\n"}, "the scene has ended")
        return b"refused\n" not in answers

    def set_size(self, width, height):
        self.draw(f"size {width} {height}")
        return self.sync()

    def screen(self):
        """((width, height), pixels), as the server has them."""
        self.reader.say("")
        size = tuple(map(int, self.reader.process.stdout.readline().split()))
        check(len(size) == 2, "the screen cannot be read")
        return size, self.reader.process.stdout.read(3 * size[0] * size[1])

    def kill(self):
        """At once, as a crash is; and removes what it could not."""
        for fake in (self.scene, self.reader):
            fake.process.kill()
        self.process.kill()
        self.process.wait()
        for path in (f"/tmp/.X11-unix/X{self.display[1:]}", f"/tmp/.X{self.display[1:]}-lock"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.scene.close()
        self.reader.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.room)


class Viewer:
    """Does with what comes what a page does. decodes: the codecs that it says it knows. It only
    takes note of what comes in them: at rest all of that has to have come in FRAMEs as well.
    narrow: its kernel takes little on store, so that frames wait half sent until it reads."""

    def __init__(self, host, decodes=(), narrow=False):
        self.host, self.decodes, self.narrow, self.resume = host, list(decodes), narrow, None
        self.n_interrupted = 0  # frames, by another size
        self.enter()

    def enter(self):
        """By a link, and later by what it was given when it came in last."""
        how = {"resume": self.resume} if self.resume else {"link": self.host.make_link()}
        self.host.store = NARROW if self.narrow else 0
        self.ws, welcome = self.host.welcome(decodes=self.decodes, **how)
        self.resume, self.frames = welcome["resume"], Frames()
        self.keeps_back, self.owed, self.seconds = False, [], 0  # acknowledgements

    def leave(self, abruptly=True):
        if abruptly:
            self.ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        self.ws.close()

    def has_more(self, seconds=0):
        return bool(self.ws.data or select.select([self.ws.socket], [], [], seconds)[0])

    def take(self, n_most=None, seconds=0):
        """What has come, or comes in time, message by message."""
        while n_most != 0 and self.has_more(seconds):
            self.take_message()
            n_most, seconds = n_most and n_most - 1, 0

    def take_message(self):
        kind, body = self.ws.message()
        seq, began = None, time.monotonic()
        if kind == SCREEN:
            self.n_interrupted += not self.frames.is_whole
            self.frames.screen(body)
        elif kind == FRAME:
            seq = self.frames.frame(body)
        elif kind == PICTURE:
            seq = self.frames.coded_picture(body)
        self.frames.operations.clear()
        self.seconds += time.monotonic() - began
        if seq is not None:
            self.owed.append(seq)
        if not self.keeps_back:
            self.acknowledge()

    def acknowledge(self):
        """The newest stands for all before it. The host is told how slow Python is."""
        if self.owed:
            decoding = min(int(self.seconds * 1e5), 65535)
            self.ws.send(struct.pack("<BIHH", ACK, self.owed[-1], decoding, 0))
            self.owed, self.seconds = [], 0

    def keep_up(self):
        self.keeps_back = False
        self.acknowledge()
        self.take()

    @property
    def size(self):
        return self.frames.picture.width, self.frames.picture.height

    def sees(self, screen):
        size, pixels = screen
        return self.size == size and self.frames.picture.rgb() == pixels


def await_picture(server, *viewers, seconds=DEADLINE * SLOW):
    """Nothing moves any more, and all viewers come to see exactly what the server has."""
    server.sync()
    screen = server.screen()
    end = time.monotonic() + seconds
    while True:
        for viewer in viewers:
            viewer.keep_up()
        blind = [viewer for viewer in viewers if not viewer.sees(screen)]
        if not blind:
            return
        if time.monotonic() > end:
            check(False, "wrong at rest:", *[difference(viewer, screen) for viewer in blind])
        select.select([viewer.ws.socket for viewer in viewers], [], [], 0.02)


def difference(viewer, screen):
    size, pixels = screen
    if viewer.size != size:
        return f"{viewer.size} and not {size}"
    seen = viewer.frames.picture.rgb()
    wrong = [i // 3 for i in range(0, len(seen), 3) if seen[i:i + 3] != pixels[i:i + 3]]
    places = [(i % size[0], i // size[0]) for i in wrong]
    return (f"of {size} {len(wrong)} pixels, x {min(x for x, _ in places)} to "
            f"{max(x for x, _ in places)}, y {places[0][1]} to {places[-1][1]}")


@contextlib.contextmanager
def desktop(kind="Xvfb", width=1024, height=768):
    """(host, server)"""
    with XServer(kind, width, height) as server, Host(make_identity()[0]) as host:
        show(host, server)
        yield host, server
        host.send(type="display_down", component="display", reason="the test is over")


def show(host, server):
    host.send(type="display_up", display=server.display, xauthority=server.authority)


class Film:
    """A part of the screen changes all the time, until it is stopped; then it stands still."""

    def __init__(self, server, fps, *place):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests", "net", "painter"), "video", *map(str, (fps, *place))],
            stdout=subprocess.PIPE, env={**os.environ, **server.environment()})
        check(self.process.stdout.readline() == b"ready\n", "the film")

    def stop(self):
        self.process.send_signal(signal.SIGUSR1)
        check(self.process.stdout.readline().startswith(b"stopped"), "the film goes on")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

# SPDX-License-Identifier: BSD-3-Clause
"""Those who carry a desktop's picture, each with an X server of its own, behind one face: afar, and
what Debian has besides. A rival that is not installed is NotInstalled, which is no failure."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from . import rfb
from .desktop import CannotMeasure, Desktop, XServer, accepts, write_authority
from .viewer import FRAME, OPCODE_BINARY, OPCODE_PING, SCREEN, Viewer

PICTURE, MORE = 0x88, 1
OPCODE_PONG = 10
NOVNC = "/usr/share/novnc"
LIMIT_S = 20
KEY_A, KEYSYM_A = 30, 0x61


class NotInstalled(Exception):
    pass


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise NotInstalled(program)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stop(process):
    process.terminate()
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class AfarViewer(Viewer):
    """Counts and acknowledges frames as they are: nothing is decoded, as in rfb.py, so that no
    client's Python is part of a rate; and so it may claim to decode all that Chromium does."""

    def __init__(self, port, token):
        super().__init__(port, token, decodes=["jpeg", "vp9", "h264"])

    def receive(self):
        opcode, payload = self._message()
        if opcode == OPCODE_PING:
            self._write(OPCODE_PONG, payload)
            return
        if opcode != OPCODE_BINARY:
            raise CannotMeasure(f"the host ended the connection: {payload[2:]!r}")
        self.down += len(payload)
        kind, body = payload[0], payload[1:]
        if kind == SCREEN:
            self.size = struct.unpack("<HH", body)
        elif kind in (FRAME, PICTURE):
            flags, seq = struct.unpack_from("<BI", body)
            if not flags & MORE:
                self.n_frames += 1
                self.acknowledge(seq)

    def press(self, down):
        self.key(KEY_A, down)


class VncViewer(rfb.Client):
    def press(self, down):
        self.key(KEYSYM_A, down)


class Server:
    """name: as the table has it. processes(): what its picture costs, name → pid."""

    def __init__(self, name, size):
        self.name, self.size = name, size
        self.directory = tempfile.mkdtemp(prefix="afar-bench-")
        self.authority = os.path.join(self.directory, "authority")
        write_authority(self.authority)
        self.x = self.process = None

    def start_x(self, argv):
        self.x = XServer([*argv, "-displayfd", "3", "-auth", self.authority], self.authority)

    def await_port(self, port, process):
        end = time.monotonic() + LIMIT_S
        while not accepts(port):
            if process.poll() is not None or time.monotonic() > end:
                self.close()
                raise CannotMeasure(f"{process.args[0]} does not listen")
            time.sleep(0.02)

    def environment(self):
        return {"DISPLAY": self.x.display, "XAUTHORITY": self.authority}

    def processes(self):
        found = {"X": self.x.process.pid}
        if self.process:
            found["server"] = self.process.pid
        return found

    def viewer(self):
        return VncViewer(self.port)

    def close(self):
        if self.process:
            stop(self.process)
        if self.x:
            stop(self.x.process)
        shutil.rmtree(self.directory, ignore_errors=True)


class Xvnc(Server):
    def __init__(self, name, size, options=()):
        need("Xtigervnc")
        super().__init__(name, size)
        self.port = free_port()
        self.start_x(["Xtigervnc", "-geometry", "x".join(map(str, size)), "-depth", "24",
                      "-rfbport", str(self.port), "-SecurityTypes", "None", "-localhost",
                      "-AlwaysShared", "-ac", *options])
        self.await_port(self.port, self.x.process)


class X11vnc(Server):
    def __init__(self, name, size):
        need("x11vnc", "Xvfb")
        super().__init__(name, size)
        self.port = free_port()
        width, height = size
        self.start_x(["Xvfb", "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"])
        argv = ["x11vnc", "-display", self.x.display, "-auth", self.authority, "-localhost",
                "-rfbport", str(self.port), "-noipv6", "-forever", "-shared", "-nopw", "-quiet"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_port(self.port, self.process)


class NoVnc(Xvnc):
    """Its page in a browser; between it and Xvnc stands Debian's websockify."""

    selector = "#noVNC_container canvas"

    def __init__(self, name, size, options=()):
        need("websockify")
        if not os.path.isfile(os.path.join(NOVNC, "vnc.html")):
            raise NotInstalled("novnc")
        super().__init__(name, size, options)
        self.web_port = free_port()
        argv = ["websockify", "--web", NOVNC, f"127.0.0.1:{self.web_port}",
                f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_port(self.web_port, self.process)

    def page_port(self):
        return self.web_port

    def url(self):
        return (f"http://127.0.0.1:{self.web_port}/vnc.html?autoconnect=true&resize=off"
                "&shared=true&path=websockify")


class Afar:
    selector = "#screen"

    def __init__(self, name, size, build):
        self.name, self.size = name, size
        width, height = size
        self.desktop = Desktop(build, ("--session", "openbox", "--size", f"{width}x{height}"))
        self.desktop.start()
        self._environment = self.desktop.x_environment()
        self._processes = {"X": self.desktop.pid("display"), "server": self.desktop.pid("host")}

    def environment(self):
        return self._environment

    def processes(self):
        return self._processes

    def viewer(self):
        return AfarViewer(self.desktop.port(), self.desktop.token())

    def page_port(self):
        return self.desktop.port()

    def url(self):
        return self.desktop.link()

    def close(self):
        self.desktop.__exit__()


FAST = ("-FrameRate", "240")
AFAR = "afar"
NEUTRAL = ("Xvnc", "Xvnc 240", "x11vnc")
BROWSED = ("noVNC", "noVNC 240")


def make(name, size, build):
    makers = {
        AFAR: lambda: Afar(name, size, build),
        "Xvnc": lambda: Xvnc(name, size),
        "Xvnc 240": lambda: Xvnc(name, size, FAST),
        "x11vnc": lambda: X11vnc(name, size),
        "noVNC": lambda: NoVnc(name, size),
        "noVNC 240": lambda: NoVnc(name, size, FAST),
    }
    return makers[name]()

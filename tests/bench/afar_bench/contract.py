# SPDX-License-Identifier: BSD-3-Clause
"""A desktop by the contract: under the vendor's name, with a host that is ready at once."""

import glob
import json
import os
import select
import socket
import subprocess
import time

from .desktop import CannotMeasure, Desktop

NAME = "chrome-remote-desktop"
REPORT_FD = 202  # CONST-5
LIMIT_S = 30

CONFIG = {
    "host_id": "bench", "host_name": "bench", "private_key": "none",
    "service_account": "bench@example.org", "oauth_refresh_token": "none",
}


class Stamps:
    """Where children tell when they were executed: see stamp.c."""

    def __init__(self, path):
        os.mkfifo(path, 0o600)
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.text = b""

    def close(self):
        os.close(self.fd)

    def clear(self):
        while self._is_readable(0):
            os.read(self.fd, 65536)
        self.text = b""

    def _is_readable(self, seconds):
        return bool(select.select([self.fd], [], [], seconds)[0])

    def wait(self, name):
        """(pid, seconds of CLOCK_MONOTONIC) of the next one of that name."""
        end = time.monotonic() + LIMIT_S
        while True:
            line, newline, rest = self.text.partition(b"\n")
            if newline:
                self.text = rest
                said, pid, usec = line.decode().split()
                if said == name:
                    return int(pid), int(usec) / 1e6
            elif self._is_readable(max(0, end - time.monotonic())):
                self.text += os.read(self.fd, 65536)
            else:
                raise CannotMeasure(f"no {name} was started")


class Stamped(Desktop):
    """A desktop of ours, whose session tells when it was executed."""

    def __init__(self, bench, env=(), options=()):
        stamp = bench.helper("stamp")
        super().__init__(bench.build, ["--session", f"exec {stamp} session openbox", *options])
        self.stamps = Stamps(os.path.join(self.directory, "stamps"))
        self.env.update({"AFAR_BENCH_STAMPS": self.stamps.path, **dict(env)})

    def __exit__(self, *unused):
        super().__exit__()
        self.stamps.close()


class Contract(Stamped):
    """The same as the vendor's script is started by those who open a session for it: with
    --child-process, the log on stderr, and somebody who waits at descriptor 202."""

    def __init__(self, bench, env=()):
        super().__init__(bench, env)
        self.process = None
        self.log = self.news = -1
        places = os.path.join(self.directory, "bin")
        os.mkdir(places)
        self.script = os.path.join(places, NAME)
        os.symlink(self.program, self.script)
        os.symlink(bench.helper("stamp"), self.script + "-host")
        self.config_dir = os.path.join(self.env["HOME"], ".config", NAME)
        os.makedirs(self.config_dir, 0o700)
        self.config = os.path.join(self.config_dir, "host#bench.json")
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(CONFIG, file)
        session = os.path.join(self.env["HOME"], f".{NAME}-session")
        with open(session, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexec {bench.helper('stamp')} session openbox\n")
        os.chmod(session, 0o755)

    def _socket(self):
        """A configuration that is not the machine's own has a directory with a longer name."""
        return glob.glob(os.path.join(self.env["XDG_RUNTIME_DIR"], NAME + "*", "control"))[0]

    def launch(self):
        """Starts it; returns when, without waiting for anything."""
        argv = [self.script, "--start", "--child-process", f"--config={self.config}"]
        self._close()
        self.log, log = os.pipe()
        self.news, news = os.pipe()
        os.dup2(news, REPORT_FD)
        start = time.monotonic()
        self.process = subprocess.Popen(argv, env=self.env, pass_fds=[REPORT_FD],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for fd in (log, news, REPORT_FD):
            os.close(fd)
        return start

    def _await_text(self, fd, wanted):
        """Reads until that came; returns when it was there."""
        text, end = b"", time.monotonic() + LIMIT_S
        while select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            more = os.read(fd, 65536)
            text += more
            if wanted in text:
                return time.monotonic()
            if not more:
                break
        raise CannotMeasure(f"no {wanted.decode().strip()}: {text.decode(errors='replace')}")

    def start_timed(self):
        """Seconds until the host is ready, and until session and window manager are."""
        start = self.launch()
        host = self._await_text(self.news, b"READY\n") - start
        return host, self._await_text(self.log, b"the desktop is ready\n") - start

    def start(self):
        return self.start_timed()[1]

    def wait(self):
        """Its exit status, when it ends by itself. Meanwhile its log is read."""
        end = time.monotonic() + LIMIT_S
        while select.select([self.log], [], [], max(0, end - time.monotonic()))[0]:
            if not os.read(self.log, 65536):
                return self.process.wait(LIMIT_S)
        raise CannotMeasure("the daemon does not end")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.wait()
            self.process = None
        self._close()

    def _close(self):
        for fd in (self.log, self.news):
            if fd >= 0:
                os.close(fd)
        self.log = self.news = -1

    def status(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT_S)
            s.connect(self._socket())
            s.sendall(b'{"type":"get_status"}\n')
            return json.loads(s.makefile().readline())["body"]

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The sound of a desktop, with the real PipeWire, WirePlumber and PulseAudio.

audio.py [BUILD-DIRECTORY]. The session plays a tone with its first breath, and the test reads
the fifo as the host does.
"""
import math
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave

from hosting import *
from homes import *

ROUNDS = 20 if os.environ.get("AFAR_SOAK") else 3
ORDINARY = os.environ.get("AFAR_TEST_USER")

RATE, SECONDS, PITCH, LOUD = 48000, 0.5, 440, 8000
FRAMES = int(RATE * SECONDS)

PARTS = ("pipewire", "pipewire-pulse", "session-manager")

PLAYERS = {
    "pulseaudio": "pacat --raw --format=s16le --rate=48000 --channels=2 $HOME/tone.raw",
    "pipewire": "pw-play $HOME/tone.wav",
}


def make_tone(home):
    """Left only, so that swapped or mixed channels show."""
    raw = b"".join(
        struct.pack("<hh", int(LOUD * math.sin(2 * math.pi * PITCH * i / RATE)), 0)
        for i in range(FRAMES)
    )
    with open(os.path.join(home.path, "tone.raw"), "wb") as f:
        f.write(raw)
    with wave.open(os.path.join(home.path, "tone.wav"), "wb") as f:
        f.setnchannels(2)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(raw)


def playing(player):
    """A session that plays at once, and leaves word of how that went."""
    return f"({PLAYERS[player]}; echo $? >$HOME/played) & env >$HOME/env; exec openbox"


class Listener(threading.Thread):
    """Reads whatever fifo is at this path, from the moment when it is there."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.data, self.ended = path, b"", False
        self.first = None
        self.start()

    def run(self):
        fd, inode = -1, None
        while not self.ended:
            try:
                now = os.stat(self.path)
                if now.st_ino != inode and stat_is_fifo(now):
                    if fd >= 0:
                        os.close(fd)
                    fd, inode = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK), now.st_ino
            except OSError:
                pass
            try:
                more = os.read(fd, 65536) if fd >= 0 else b""
            except BlockingIOError:
                more = b""
            if more and self.first is None and any(more):
                self.first = time.monotonic()
            self.data += more
            time.sleep(0.002)
        if fd >= 0:
            os.close(fd)

    def stop(self):
        self.ended = True
        self.join()
        return self.data


def stat_is_fifo(st):
    return (st.st_mode & 0o170000) == 0o010000


def channels(data):
    n = len(data) // 4
    samples = struct.unpack("<%dh" % (2 * n), data[: 4 * n])
    return samples[0::2], samples[1::2]


def heard(data):
    """What is no silence, which may come before and behind a tone."""
    return [x for x in channels(data)[0] if x]


def check_tone(data, what):
    """s16le, 48 kHz, two channels; nearly all of it, only left, at its pitch."""
    left, right = channels(data)
    check(len(heard(data)) > 0.9 * FRAMES, what, "heard:", len(heard(data)), "of", FRAMES)
    check(0.98 * LOUD < max(left) <= LOUD, what, "loudness", max(left))
    check(not any(right), what, "something on the right")
    rising = sum(1 for a, b in zip(left, left[1:]) if a < 0 <= b)
    check(abs(rising - PITCH * SECONDS) < 0.1 * PITCH * SECONDS, what, "pitch", rising)


def read(home, name):
    with open(os.path.join(home.path, name)) as f:
        return f.read()


def environment(home):
    wait_for(lambda: os.path.exists(home.path + "/env"), "the session's environment")
    return dict(line.split("=", 1) for line in read(home, "env").splitlines() if "=" in line)


def sound_of(home):
    base = home.runtime or "/tmp/afar-%d" % os.stat(home.path).st_uid
    return os.path.join(base, "afar", "audio")


def wait_played(home):
    path = os.path.join(home.path, "played")
    wait_for(lambda: os.path.exists(path) and read(home, "played"), "the player's end", 20 * SLOW)
    check(read(home, "played") == "0\n", "the player:", read(home, "played"))


def first_try(player, env=None, runtime=True):
    """One desktop, one tone. Returns the seconds from the start to the first sound."""
    with Home(runtime=runtime) as home:
        make_tone(home)
        listener = Listener(sound_of(home) + "/fifo_output")
        began = time.monotonic()
        try:
            home.up(session=playing(player), env=env)
            wait_played(home)
            wait_for(lambda: len(heard(listener.data)) > 0.9 * FRAMES, "all of the tone")
            check_tone(listener.stop(), player)
        finally:
            listener.stop()
            home.afar("stop")
        home.is_free_of_processes()
        check(not os.path.exists(sound_of(home)), "the directory is left")
        return listener.first - began


def rounds(player, env=None):
    took = [first_try(player, env) for _ in range(ROUNDS)]
    print(f"# {player}: {ROUNDS} of {ROUNDS}, first sound after "
          f"{min(took):.2f} to {max(took):.2f} s", flush=True)


# AUDIO-4, AUDIO-7, AUDIO-12, PWT-1, PWT-2, PWT-3, D-11: without a session bus of the user's
def a_tone_of_a_pulseaudio_client_arrives_at_the_first_try():
    rounds("pulseaudio")


def a_tone_of_a_pipewire_client_arrives_at_the_first_try():
    rounds("pipewire")


class Bus:
    def __enter__(self):
        self.process = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return self.process.stdout.readline().decode().strip()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


# AUDIO-12
def with_a_session_bus_that_was_there_it_is_the_same():
    for player in PLAYERS:
        with Bus() as address:
            rounds(player, {"DBUS_SESSION_BUS_ADDRESS": address})


def while_there_is_no_bus_nobody_starts_one_of_his_own():
    """Of one that was killed, and does not come back, the address is still what all are told."""
    with Home(conf="[relaunch]\nfast_delay = 0.05\nslow_delay = 0.1\n") as home:
        os.mkdir(home.path + "/bin")
        bus, once = home.path + "/bin/dbus-daemon", home.path + "/once"
        with open(bus, "w") as f:
            f.write(f"#!/bin/sh\nmkdir {once} && exec {shutil.which('dbus-daemon')} \"$@\"\n")
        os.chmod(bus, 0o755)
        home.env["PATH"] = home.path + "/bin:" + os.environ["PATH"]
        session = "env | grep ^DBUS_SESSION >>$HOME/buses; echo >>$HOME/sessions; exec openbox"
        home.up(session=session)
        os.kill(home.component("bus")["pid"], signal.SIGKILL)
        wait_for(lambda: read(home, "sessions") == "\n\n", "another session")
        wanted = f"DBUS_SESSION_BUS_ADDRESS=unix:path={home.runtime}/afar/bus"
        check(read(home, "buses") == 2 * f"{wanted}\n", read(home, "buses"))
        wait_for(lambda: home.component("bus")["restarts"] >= 3, "three tries")
        # Sound, which is tried again and again meanwhile, and so may be gone as it is looked at.
        for pid, line in processes_of(home.path).items():
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    its = f.read().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if line.startswith(("pipewire", "wireplumber")) and any(its):
                told = [v for v in its if v.startswith(b"DBUS_SESSION")]
                check(told == [wanted.encode()], line, told)
        check(home.component("display")["restarts"] == 1, home.component("display"))
        check(read(home, "sessions") == "\n\n", read(home, "sessions"))
        home.afar("stop")


# AUDIO-1
def without_a_runtime_directory_it_is_the_same():
    first_try("pulseaudio", runtime=False)
    first_try("pipewire", runtime=False)


# ENV-6, AUDIO-4, D-11
def the_environment_leads_to_this_desktop_and_no_other():
    other = {"PULSE_SERVER": "unix:/nowhere", "PULSE_RUNTIME_PATH": "/nowhere",
             "PIPEWIRE_REMOTE": "other", "PIPEWIRE_RUNTIME_DIR": "/nowhere",
             "PULSE_CONFIG_PATH": "/nowhere", "PULSE_STATE_PATH": "/nowhere",
             "PULSE_SOURCE": "other", "PIPEWIRE_CORE": "other"}
    with Home() as home:
        make_tone(home)
        listener = Listener(sound_of(home) + "/fifo_output")
        home.up(session=playing("pulseaudio"), env=other)
        env = environment(home)
        path = sound_of(home)
        check(env["PULSE_RUNTIME_PATH"] == path and env["PULSE_SINK"] == "afar", env)
        check(env["PIPEWIRE_REMOTE"] == "afar/audio/pipewire", env)
        for name in ("PULSE_SERVER", "PULSE_CONFIG_PATH", "PULSE_STATE_PATH", "PULSE_SOURCE",
                     "PIPEWIRE_RUNTIME_DIR", "PIPEWIRE_CORE"):
            check(name not in env, name, env.get(name))
        check(os.stat(path).st_mode & 0o777 == 0o700, "the directory is not private")
        wait_played(home)
        wait_for(lambda: len(heard(listener.data)) > 0.9 * FRAMES, "all of the tone")
        check_tone(listener.stop(), "the tone")
        # AUDIO-7
        lines = processes_of(home.path)
        for part, line in zip(PARTS, (
                f"pipewire -c {path}/pipewire.conf ",
                f"pipewire -c {path}/pipewire-pulse.conf ",
                f"wireplumber -c {path}/wireplumber.conf ")):
            pid = home.component(part)["pid"]
            check(lines.get(pid) == line, part, lines.get(pid))
            with open(f"/proc/{pid}/environ", "rb") as f:
                its = f.read().split(b"\0")
            listens = f"LISTEN_PID={pid}".encode() in its
            check(listens == (part != "session-manager"), part, its)
            check((b"MEDIA_SESSION_CONFIG_DIR=/" in its) == (part == "session-manager"), its)
        home.afar("stop")


# AUDIO-11, D-23, SUP-01
def when_one_is_killed_all_three_come_back_and_the_next_tone_arrives():
    with Home() as home:
        make_tone(home)
        os.mkfifo(home.path + "/go")
        home.up(session="(while read -r line <$HOME/go; do eval \"$line\"; done) & exec openbox")
        lasting = {name: home.component(name)["pid"] for name in ("host", "session", "display")}
        for part in PARTS:
            before = {p: home.wait_ready(p)["pid"] for p in PARTS}
            os.kill(before[part], signal.SIGKILL)
            for p in PARTS:
                home.wait_ready(p, other_than=before[p])
            for player in PLAYERS:
                listener = Listener(sound_of(home) + "/fifo_output")
                if os.path.exists(home.path + "/played"):
                    os.unlink(home.path + "/played")
                with open(home.path + "/go", "w") as go:
                    go.write(f"{PLAYERS[player]}; echo $? >$HOME/played\n")
                wait_played(home)
                wait_for(lambda: len(heard(listener.data)) > 0.9 * FRAMES, "all of the tone")
                check_tone(listener.stop(), player + " after the end of " + part)
        for name, pid in lasting.items():
            check(home.component(name)["pid"] == pid, name, "was not left alone")
        home.afar("stop")


# --- other programs ---


class Programs:
    """A directory for PATH: all there is, without or with others in its place."""

    def __init__(self, without=(), **scripts):
        self.path = tempfile.mkdtemp(prefix="afar-path-", dir="/var/tmp")
        os.chmod(self.path, 0o755)
        for place in os.environ["PATH"].split(":"):
            for name in os.listdir(place) if os.path.isdir(place) else ():
                link = os.path.join(self.path, name)
                if name not in without and not os.path.lexists(link):
                    os.symlink(os.path.join(place, name), link)
        for name, text in scripts.items():
            path = os.path.join(self.path, name)
            if os.path.lexists(path):
                os.unlink(path)
            with open(path, "w") as f:
                f.write("#!/bin/sh\n" + text + "\n")
            os.chmod(path, 0o755)
        self.env = {"PATH": self.path}

    def __enter__(self):
        return self.env

    def __exit__(self, *_):
        shutil.rmtree(self.path)


# AUDIO-10; PulseAudio does not start itself for root
def where_there_is_no_pipewire_pulseaudio_plays_the_tone():
    with Programs(without=("pipewire", "pipewire-pulse")) as env, Home() as home:
        make_tone(home)
        listener = Listener(sound_of(home) + "/fifo_output")
        home.up(session=playing("pulseaudio"), env=env)
        path = sound_of(home)
        its = environment(home)
        check(its["PULSE_CONFIG_PATH"] == its["PULSE_STATE_PATH"] == path, its)
        check("PIPEWIRE_REMOTE" not in its, its)
        with open(path + "/daemon.conf") as f:
            check(f.read() == "default-sample-format = s16le\ndefault-sample-rate = 48000\n"
                  "default-sample-channels = 2\n")
        with open(path + "/default.pa") as f:
            check(f.read() == "load-module module-native-protocol-unix\n"
                  f'load-module module-pipe-sink sink_name=afar file="{path}/fifo_output" '
                  "rate=48000 channels=2 format=s16le\n")
        wait_played(home)
        wait_for(lambda: len(heard(listener.data)) > 0.9 * FRAMES, "all of the tone")
        check_tone(listener.stop(), "PulseAudio's")
        check(all(home.component(p)["state"] == "off" for p in PARTS))
        check("Not enabling PipeWire audio support." in home.log(), home.log())
        home.afar("stop")
        home.is_free_of_processes()
        check(not os.path.exists(path), "the directory is left")


# AUDIO-5, D-23
def a_pipewire_that_is_no_good_is_not_used_and_holds_up_nothing():
    cases = (
        ("echo Linked with libpipewire 0.3.52", "older"),
        ("echo Linked with libpipewire new", "is none"),
        ("echo Hello", "does not tell"),
        ("echo libpipewire 1.0.0; exit 3", "failed"),
        ("sleep 600", "no answer"),
        ("while :; do echo libpipewire 1.0.0; done", "no answer"),
    )
    for script, word in cases:
        with Programs(pipewire=script) as env, Home() as home:
            began = time.monotonic()
            home.up(env=env)
            took = time.monotonic() - began
            log = home.log()
            check(re.search(word + r".*Not enabling PipeWire audio support\.", log), script, log)
            check(took < 6 * SLOW, script, "held the desktop up for", took)
            check(all(home.component(p)["state"] == "off" for p in PARTS), home.status())
            home.afar("stop")
    with Programs(without=("wireplumber",)) as env, Home() as home:
        home.up(env=env)
        check("neither wireplumber nor" in home.log(), home.log())
        home.afar("stop")


RECORD = """case $1 in
--version) echo Compiled with libwireplumber %s; exit ;;
esac
printf '%%s\\n' "$0" "$@" >$HOME/argv
env >$HOME/manager-env
exec sleep 600"""


# N-7, PWT-3
def a_wireplumber_from_0_5_on_gets_a_profile():
    for version in ("0.5.0", "0.5.8", "1.0"):
        with Programs(wireplumber=RECORD % version) as env, Home() as home:
            home.up(env={**env, "XDG_DATA_DIRS": "/one:/two"})
            home.wait_ready("session-manager")
            wait_for(lambda: os.path.exists(home.path + "/manager-env"), "its environment")
            check(read(home, "argv").splitlines()[1:] == ["--profile", "afar"], read(home, "argv"))
            its = dict(x.split("=", 1) for x in read(home, "manager-env").splitlines() if "=" in x)
            path = sound_of(home)
            check(its["PIPEWIRE_REMOTE"] == "afar/audio/pipewire", its)
            check(its["XDG_DATA_DIRS"] == path + ":/one:/two", its)
            with open(path + "/wireplumber/wireplumber.conf.d/profile.conf") as f:
                text = f.read()
            check(re.search(r"wireplumber.profiles = \{\s+afar = \{", text), text)
            with open(path + "/pipewire.conf") as f:
                check("access.force" not in f.read(), "nobody would be let in")
            home.afar("stop")
    with Programs(wireplumber=RECORD % "0.4.99") as env, Home() as home:
        home.up(env=env)
        wait_for(lambda: os.path.exists(home.path + "/argv"), "its arguments")
        check(read(home, "argv").splitlines()[1] == "-c", read(home, "argv"))
        home.afar("stop")


# AUDIO-5: the other session manager
def without_wireplumber_the_older_session_manager_serves():
    manager = "printf '%s\\n' \"$@\" >$HOME/argv; exec sleep 600"
    with Programs(without=("wireplumber",)) as env, Home() as home:
        with open(env["PATH"] + "/pipewire-media-session", "w") as f:
            f.write("#!/bin/sh\n" + manager + "\n")
        os.chmod(env["PATH"] + "/pipewire-media-session", 0o755)
        home.up(env=env)
        wait_for(lambda: os.path.exists(home.path + "/argv"), "its arguments")
        path = sound_of(home) + "/pipewire-media-session.conf"
        check(read(home, "argv").splitlines() == ["-c", path], read(home, "argv"))
        with open(path) as f:
            check('remote.name = "afar/audio/pipewire"' in f.read())
        home.afar("stop")


# AUDIO-11, D-23
def sound_that_fails_again_and_again_is_given_up_and_nothing_else():
    wireplumber = "[ \"$1\" = --version ] && exec echo libwireplumber 0.4.13; exit 70"
    conf = FAST + "give_up_after = 3\n"
    with Programs(wireplumber=wireplumber) as env, Home(conf) as home:
        home.up(env=env)
        others = {name: home.component(name)["pid"] for name in ("host", "session", "display")}
        wait_for(lambda: home.component("pipewire")["state"] == "failed", "it is given up",
                 30 * SLOW)
        for name, pid in others.items():
            check(home.component(name)["pid"] == pid, name, "was not left alone")
        check(home.status()["state"] == "ready")
        check(all(home.component(p)["pid"] is None for p in PARTS), home.status())
        # Nobody is left waiting for it.
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(sound_of(home) + "/native")
                raise Failed("somebody still listens")
            except OSError:
                pass
        home.afar("stop")


# AUDIO-9, AUDIO-10
def a_part_that_cannot_be_started_leaves_sound_to_pulseaudio():
    # It can be asked for its version, once.
    vanishing = 'rm "$0"; echo libwireplumber 0.4.13'
    with Programs(wireplumber=vanishing) as env, Home() as home:
        home.up(env=env)
        wait_for(lambda: home.component("pipewire")["state"] == "off", "it is left alone")
        check("cannot start PipeWire" in home.log(), home.log())
        names = " ".join(processes_of(home.path).values())
        check("pipewire.conf" not in names and "pipewire-pulse.conf" not in names, names)
        for name in ("daemon.conf", "default.pa"):
            check(os.path.exists(os.path.join(sound_of(home), name)), name)
        check(home.status()["state"] == "ready")
        home.afar("stop")


# AUDIO-8
def what_an_earlier_desktop_left_is_ended_and_nobody_else():
    with Home() as home:
        conf = sound_of(home) + "/pipewire.conf"

        def pretend(*argv):
            """A process with these arguments, as ps shows them."""
            return subprocess.Popen(argv, executable=home.path + "/idle")

        with open(home.path + "/idle.c", "w") as f:
            f.write("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
        subprocess.run(["cc", "-o", home.path + "/idle", home.path + "/idle.c"], check=True)
        left = pretend("pipewire", "-c", conf)
        longer = pretend("pipewire", "-c", conf, "more")
        other = pretend("pipewire", "-c", conf + "2")
        try:
            home.up()
            for part in PARTS:
                home.wait_ready(part)
            check(left.wait(5) == -signal.SIGTERM, left.returncode)
            check(longer.poll() is None and other.poll() is None, "others were ended")
            home.afar("stop")
        finally:
            for process in (left, longer, other):
                if process.poll() is None:
                    process.kill()
                process.wait()


# AUDIO-2
def a_path_that_is_too_long_means_no_sound_and_nothing_worse():
    with Home() as home:
        # Room enough for the other sockets, and one byte too few for this.
        home.runtime = os.path.join(home.path, "r" * 99)[: 108 - len("/afar/audio/pipewire")]
        os.mkdir(home.runtime, 0o700)
        home.env["XDG_RUNTIME_DIR"] = home.runtime
        home.up(session="env >$HOME/env; exec openbox")
        check("audio UNIX socket path is too long" in home.log(), home.log())
        env = environment(home)
        check("PULSE_SINK" not in env and "PIPEWIRE_REMOTE" not in env, env)
        line = processes_of(home.path)[home.component("host")["pid"]]
        check("--audio-pipe-name" not in line, line)
        home.afar("stop")


TESTS = [
    a_tone_of_a_pulseaudio_client_arrives_at_the_first_try,
    a_tone_of_a_pipewire_client_arrives_at_the_first_try,
    with_a_session_bus_that_was_there_it_is_the_same,
    while_there_is_no_bus_nobody_starts_one_of_his_own,
    without_a_runtime_directory_it_is_the_same,
    the_environment_leads_to_this_desktop_and_no_other,
    when_one_is_killed_all_three_come_back_and_the_next_tone_arrives,
    a_pipewire_that_is_no_good_is_not_used_and_holds_up_nothing,
    a_wireplumber_from_0_5_on_gets_a_profile,
    without_wireplumber_the_older_session_manager_serves,
    sound_that_fails_again_and_again_is_given_up_and_nothing_else,
    a_part_that_cannot_be_started_leaves_sound_to_pulseaudio,
    what_an_earlier_desktop_left_is_ended_and_nobody_else,
    a_path_that_is_too_long_means_no_sound_and_nothing_worse,
]

if os.geteuid() != 0:
    TESTS.append(where_there_is_no_pipewire_pulseaudio_plays_the_tone)
elif ORDINARY:
    TESTS.append(as_user(ORDINARY, where_there_is_no_pipewire_pulseaudio_plays_the_tone))
    TESTS.append(as_user(ORDINARY, the_environment_leads_to_this_desktop_and_no_other))

if __name__ == "__main__":
    wanted = sys.argv[2:]
    sys.exit(run([t for t in TESTS if not wanted or any(w in t.__name__ for w in wanted)]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""afar doctor in homes and with programs that are not as they should be: D-6, D-8..D-11.

doctor.py [BUILD-DIRECTORY]. Changes nothing but what is in temporary homes.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

from hosting import *
from homes import *

NAMES = ["programs", "home", "config", "settings", "log", "runtime", "space", "x-server", "keymap",
         "x-sockets", "display", "bus", "session", "pre-session", "sound", "other-sound", "port",
         "display-manager", "shell", "locker", "polkit", "portal"]


def examine(home, **env):
    code, out, err = home.afar("doctor", "--json", env=env)
    check(code in (0, 1) and not err, code, out, err)
    document = json.loads(out)
    check(set(document) == {"version", "problems", "notes", "checks"}, document)
    checks = document["checks"]
    check([c["name"] for c in checks] == NAMES, [c["name"] for c in checks])
    for c in checks:
        check(c["state"] in ("ok", "note", "problem") and c["text"], c)
        check(c["state"] != "ok" or c["advice"] is None, c)
    count = {s: sum(c["state"] == s for c in checks) for s in ("note", "problem")}
    check(document["problems"] == count["problem"] and document["notes"] == count["note"], document)
    check(code == (1 if count["problem"] else 0), code, document)
    return {c["name"]: c for c in checks}


def expect(home, name, state, words, **env):
    found = examine(home, **env)[name]
    text = found["text"] + ": " + (found["advice"] or "")
    check(found["state"] == state and words in text, "wanted", name, state, words, "but", found)


def write(home, name, text, mode=0o644):
    path = os.path.join(home.path, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def tree(home):
    found = {}
    for directory, names, files in os.walk(home.path):
        for name in names + files:
            path = os.path.join(directory, name)
            s = os.lstat(path)
            found[path] = (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ino)
    return found


# --- the report ---


def a_sound_machine_has_no_problem_and_nothing_is_changed():
    with Home() as home:
        before = tree(home)
        code, out, err = home.afar("doctor")
        check(not err and "\033" not in out, out, err)
        lines = out.splitlines()
        check([line.split()[1] for line in lines[:-1]] == NAMES, out)
        check(code == 0 and lines[-1].startswith("0 problems, "), code, out)
        examine(home)
        check(tree(home) == before, "something was changed")


def a_home_without_anything_is_all_right():
    with Home() as home:
        for path in (os.path.join(home.config, "afar.conf"), home.config):
            os.remove(path) if os.path.isfile(path) else os.rmdir(path)
        expect(home, "config", "ok", "made at the first start")
        check(not os.path.exists(home.config), "it was made")


def only_json_is_an_option():
    with Home() as home:
        for options in (["--xml"], ["--json", "--json"], ["now"]):
            code, out, err = home.afar("doctor", *options)
            check(code == 2 and not out and err.count("\n") == 1, code, out, err)


# --- files ---


def directories_that_are_not_right_are_told():
    with Home() as home:
        expect(home, "home", "problem", "not there", HOME="/nonexistent/home")
        plain = write(home, "file", "")
        expect(home, "home", "problem", "no directory", HOME=plain)
        os.chmod(home.config, 0o777)
        expect(home, "config", "note", "others may write")
        os.chmod(home.config, 0o700)
        expect(home, "log", "problem", "no directory", XDG_STATE_HOME=plain)
        os.chmod(home.runtime, 0o755)
        expect(home, "runtime", "note", "open to others")
        os.chmod(home.runtime, 0o700)
        write(home, "run/afar/x", "")
        home.leaks.allow(home.runtime + "/afar")
        os.chmod(os.path.join(home.runtime, "afar"), 0o777)
        expect(home, "runtime", "problem", "not a private directory")
        expect(home, "runtime", "note", "is not yours", XDG_RUNTIME_DIR="/nonexistent")


def files_that_others_may_read_or_write_are_told():  # CFG-06
    with Home() as home:
        secret = write(home, ".config/afar/host.json", "{}", 0o600)
        expect(home, "config", "ok", "yours alone")
        for mode in (0o640, 0o604):
            os.chmod(secret, mode)
            expect(home, "config", "problem", "private key")
        os.chmod(secret, 0o660)
        expect(home, "config", "problem", "others may write")
        os.unlink(secret)
        os.mkfifo(secret)
        expect(home, "config", "problem", "no regular file")
        os.unlink(secret)
        os.symlink("nowhere", secret)
        expect(home, "config", "problem", "link to nowhere")
        os.unlink(secret)
        os.chmod(os.path.join(home.config, "afar.conf"), 0o666)
        expect(home, "config", "problem", "afar.conf")
        if os.geteuid() == 0:
            os.chmod(os.path.join(home.config, "afar.conf"), 0o644)
            os.chown(home.config, 12345, 12345)
            expect(home, "config", "problem", "another user")


def settings_that_make_no_sense_are_told_with_their_line():
    with Home("[display]\nsizes = 1x1\n") as home:
        expect(home, "settings", "problem", "afar.conf, line 2")
        home.write_conf("[moon]\nphase = full\n")
        expect(home, "settings", "note", '"phase" in [moon]')
        home.write_conf("\xff[[[\n")
        expect(home, "settings", "problem", "line 1")
        home.write_conf("[display]\n\0type = nonsense\n")
        expect(home, "settings", "problem", "NUL")
        os.unlink(os.path.join(home.config, "afar.conf"))
        os.mkfifo(os.path.join(home.config, "afar.conf"))
        expect(home, "settings", "problem", "cannot be read")


# --- the session ---


def session_scripts_are_read_as_they_will_be_run():  # SESS-2, D-8
    name = ".config/afar/session"
    good = "exec openbox\n"
    cases = [
        (good, 0o644, "ok", "session is"),
        (good, 0o755, "ok", "session is"),
        ("#!/bin/sh\nif\n", 0o755, "problem", "yntax"),
        ("if true; then\n", 0o644, "problem", "yntax"),
        ("echo 'open\n", 0o755, "problem", "nterminated"),
        ("#!/no/such/program\n", 0o755, "problem", "/no/such/program"),
        ("#!/usr/bin/env no-such-program\n", 0o755, "problem", "no-such-program"),
        ("#!/usr/bin/env python3\nif (:\n", 0o755, "ok", "session is"),
        ("#!/usr/bin/env python3\nimport os; os.system(')\n", 0o644, "problem", "nterminated"),
        ("#!\n", 0o755, "ok", "session is"),
        (good, 0o666, "problem", "others may write"),
        ("\x7fELF\0\0\0", 0o755, "ok", "session is"),
    ]
    with Home() as home:
        for text, mode, state, words in cases:
            write(home, name, text, mode)
            expect(home, "session", state, words)
        path = os.path.join(home.path, name)
        os.unlink(path)
        os.mkdir(path)
        expect(home, "session", "problem", "no regular file")
        os.rmdir(path)
        os.mkfifo(path)
        expect(home, "session", "problem", "no regular file")
        os.unlink(path)
        os.symlink("session", path)
        expect(home, "session", "problem", "leads nowhere")
        os.unlink(path)
        write(home, name, "touch %s/executed\n" % home.path, 0o755)
        examine(home)
        check(not os.path.exists(home.path + "/executed"), "the script was run")


def the_command_of_the_settings_goes_first():
    with Home("[session]\ncommand = startxfce4 || exec openbox\n") as home:
        expect(home, "session", "ok", "startxfce4")
        home.write_conf("[session]\ncommand = echo $(touch %s/executed) && (\n" % home.path)
        expect(home, "session", "problem", "yntax")
        check(not os.path.exists(home.path + "/executed"), "the command was run")
        home.write_conf("[session]\ncommand = choose\n")
        expect(home, "session", "ok", "chosen")


# --- programs ---


def missing_programs_are_named_with_their_packages():
    with Home() as home:
        found = examine(home, PATH=home.path)
        check(found["sound"]["state"] == "note" and "pipewire" in found["sound"]["advice"], found)
        check(found["bus"]["state"] == "problem" and "dbus" in found["bus"]["advice"], found)
        check(found["session"]["state"] == "problem", found["session"])
        check(found["x-server"]["state"] in ("note", "problem"), found["x-server"])
        home.write_conf("[display]\ntype = xvfb\n")
        expect(home, "x-server", "problem", "apt install xvfb", PATH=home.path)
        home.write_conf("[display]\ntype = attach\n")
        expect(home, "x-server", "ok", "none is needed", PATH=home.path)
        expect(home, "session", "ok", "attached", PATH=home.path)


def versions_of_sound_programs_are_understood():  # AUDIO-5
    cases = [
        ("echo pipewire; echo Compiled with libpipewire 0.3.53", 0, "ok", "PipeWire 0.3.53"),
        ("echo Compiled with libpipewire 1.2.7", 0, "ok", "PipeWire 1.2.7"),
        ("echo Compiled with libpipewire 0.3.52", 0, "note", "older than 0.3.53"),
        ("echo Compiled with libpipewire 0.2.99", 0, "note", "older"),
        ("echo nonsense", 0, "note", "does not tell"),
        (":", 0, "note", "does not tell"),
        ("exit 3", 0, "note", "exit status 3"),
        ("kill -9 $$", 0, "note", "exit status 137"),
        ("head -c 1000000 /dev/zero; echo libpipewire 1.0.0", 0, "note", "does not tell"),
        ("sleep 1000", 3, "note", "does not end"),
        ("trap '' TERM; sleep 1000 & sleep 1000", 3, "note", "does not end"),
        ("sleep 1000 & echo libpipewire 1.0.0", 0, "ok", "1.0.0"),
    ]
    with Home() as home:
        write(home, "bin/wireplumber", "#!/bin/sh\necho Linked with libwireplumber 0.5.7\n", 0o755)
        path = os.path.join(home.path, "bin") + ":" + os.environ["PATH"]
        for script, least, state, words in cases:
            write(home, "bin/pipewire", "#!/bin/sh\n" + script + "\n", 0o755)
            begin = time.monotonic()
            expect(home, "sound", state, words, PATH=path)
            took = time.monotonic() - begin
            check(least <= took < 8 + 2 * SLOW, script, "took", took)
        check(not [c for c in processes_of(home.path).values() if "sleep" in c], "left running")
        write(home, "bin/pipewire", "#!/bin/sh\necho libpipewire 1.0.0\n", 0o755)
        expect(home, "sound", "ok", "WirePlumber 0.5.7", PATH=path)


def other_sound_servers_are_told():  # D-11
    with Home() as home:
        expect(home, "other-sound", "note", "PULSE_SERVER", PULSE_SERVER="tcp:elsewhere")
        expect(home, "other-sound", "note", "PIPEWIRE_REMOTE", PIPEWIRE_REMOTE="x")
        # A bus that accepts and says nothing.
        with socket.socket(socket.AF_UNIX) as silent:
            path = os.path.join(home.runtime, "silent")
            home.leaks.allow("*" + path)
            silent.bind(path)
            silent.listen()
            begin = time.monotonic()
            expect(home, "other-sound", "ok", "no other", DBUS_SESSION_BUS_ADDRESS="unix:path=" + path)
            check(time.monotonic() - begin < 8 + SLOW, "it took", time.monotonic() - begin)


def a_locker_that_shuts_out_is_told():  # D-10
    with Home() as home:
        write(home, "bin/light-locker", "#!/bin/sh\n", 0o755)
        expect(home, "locker", "note", "light-locker",
               PATH=os.path.join(home.path, "bin") + ":" + os.environ["PATH"])


def gdm_is_noticed():  # CLI-8, D-6
    with Home() as home:
        path = os.path.join(home.path, "gdm3")
        shutil.copy("/bin/sleep", path)
        with subprocess.Popen([path, "1000"], env=home.env) as gdm:
            try:
                expect(home, "display-manager", "note", "afar stop")
            finally:
                gdm.kill()


# --- what others use ---


def a_port_that_is_in_use_is_a_problem_when_it_was_named():
    with Home() as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        home.write_conf("[server]\nlisten = 127.0.0.1:%d\n" % taken.getsockname()[1])
        expect(home, "port", "problem", "cannot listen on 127.0.0.1")
        home.write_conf("[server]\nlisten = 127.0.0.1\n")
        check(examine(home)["port"]["state"] == "ok", "the next free one would do")


def a_display_to_attach_to_is_looked_for():  # D-1
    with Home("[display]\ntype = attach:64000\n") as home:
        expect(home, "display", "note", "afar waits for it")
        home.write_conf("[display]\ntype = attach\n")
        expect(home, "display", "ok", "first that is there")
        home.write_conf("")
        expect(home, "display", "ok", "is free")


tests = [
    a_sound_machine_has_no_problem_and_nothing_is_changed,
    a_home_without_anything_is_all_right,
    only_json_is_an_option,
    directories_that_are_not_right_are_told,
    files_that_others_may_read_or_write_are_told,
    settings_that_make_no_sense_are_told_with_their_line,
    session_scripts_are_read_as_they_will_be_run,
    the_command_of_the_settings_goes_first,
    missing_programs_are_named_with_their_packages,
    versions_of_sound_programs_are_understood,
    other_sound_servers_are_told,
    a_locker_that_shuts_out_is_told,
    gdm_is_noticed,
    a_port_that_is_in_use_is_a_problem_when_it_was_named,
    a_display_to_attach_to_is_looked_for,
]
if __name__ == "__main__":
    sys.exit(run(tests))

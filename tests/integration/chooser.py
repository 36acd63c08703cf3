#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The session chooser from outside: real keys and a real mouse on a bare Xvfb.

chooser.py [BUILD-DIRECTORY]. What is started is a script that writes down how.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from hosting import BUILD, check, run, wait_for
from leakcheck import Leaks, processes_of

SOURCE = os.environ.get("AFAR_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..")
CHOOSER = os.path.join(BUILD, "src", "afar-chooser")
HOST = os.path.join(BUILD, "src", "afar-host")
KEYS = os.path.join(BUILD, "tests", "fakes", "fake-keys")
PACKAGING = os.path.join(SOURCE, "packaging")
DEBIAN = "/etc/X11/Xsession"
DEADLINE = 20

# Arguments, environment, ignored signals and descriptors, each into a file of its own.
RECORDER = """#!/bin/sh
for arg; do printf '%%s\\0' "$arg"; done >%(at)s/args
env -0 >%(at)s/env
grep SigIgn /proc/self/status >%(at)s/signals
ls /proc/$$/fd >%(at)s/fds
exit 7
"""

FIXTURES = {
    "zebra": "Name=Zebra\nName[de]=Streifentier\nComment=Stripes\nComment[de]=Gestreift\n"
             "Exec=%(record)s --zebra \"a b\" 'c;d' $HOME %%u\nDesktopNames=Zebra;GNOME;\n",
    "apple": "Name=Apple\nComment=A fruit\nExec=%(record)s --apple\n",
    "mango": "Name=Mango\nExec=%(record)s --mango\n",
    "hidden": "Name=Hidden\nNoDisplay=true\nExec=%(record)s --hidden\n",
}


class Desk:
    """A bare X server, a home, fixtures, and the chooser beside a recording Xsession."""

    def __init__(self, screen="1024x768", server=True):
        self.path = tempfile.mkdtemp(prefix="afar-chooser-", dir="/var/tmp")
        self.server = self.chooser = None
        self.log_file = open(os.path.join(self.path, "log"), "w+b")
        for name in ("dir", "record", "run", "share/xsessions"):
            os.makedirs(os.path.join(self.path, name), 0o700)
        self.dir = os.path.join(self.path, "dir")
        self.recorder = self.script("dir/Xsession")
        for name, text in FIXTURES.items():
            self.session(name, "[Desktop Entry]\nType=XSession\n" + text % {"record": self.recorder})
        # Copies, for it is the place of a program that says what is beside it.
        self.program = shutil.copy(CHOOSER, self.dir)
        self.env = {
            "HOME": self.path,
            "PATH": os.environ["PATH"],
            "XDG_DATA_DIRS": os.path.join(self.path, "share"),
            "XDG_RUNTIME_DIR": os.path.join(self.path, "run"),
            "LANG": "C.UTF-8",
            "MARK": "as it was\nwith a line",
        }
        self.leaks = Leaks([self.path], self.env["XDG_RUNTIME_DIR"], displays=self.displays)
        if server:
            self.start_server(screen)

    def displays(self):
        return {int(self.env["DISPLAY"][1:])} if "DISPLAY" in self.env else ()

    def start_server(self, screen):
        ready, theirs = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(theirs), "-screen", "0", screen + "x24",
             "-nolisten", "tcp", "-noreset"],
            pass_fds=[theirs], stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        with os.fdopen(ready) as f:
            self.env["DISPLAY"] = ":" + f.readline().strip()
        check(self.env["DISPLAY"] != ":", "Xvfb did not start")

    def script(self, name, text=RECORDER):
        path = os.path.join(self.path, name)
        with open(path, "w") as f:
            f.write(text % {"at": os.path.join(self.path, "record")})
        os.chmod(path, 0o755)
        return path

    def session(self, name, text):
        path = os.path.join(self.path, "share", "xsessions", name + ".desktop")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o644)
        return path

    def run(self, *args, program=None, env=None, prefix=()):
        """(exit status, stdout, log) of one that asks nothing."""
        done = subprocess.run(
            [*prefix, program or self.program, *args], env={**self.env, **(env or {})}, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
        )
        return done.returncode, done.stdout, done.stderr

    def open(self, *args, program=None, env=None, fds=()):
        """Starts it, and waits until its window has the keyboard."""
        self.chooser = subprocess.Popen(
            [program or self.program, *args], env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file, pass_fds=fds,
        )
        self.keys("focus")

    def keys(self, *what):
        done = subprocess.run(
            [KEYS, *what], env=self.env, capture_output=True, text=True, timeout=DEADLINE + 5
        )
        check(done.returncode == 0, what, done.returncode, done.stderr, self.log())
        return done.stdout

    def ends(self):
        return self.chooser.wait(DEADLINE)

    def log(self):
        return os.pread(self.log_file.fileno(), 1 << 20, 0).decode(errors="replace")

    def read(self, name):
        with open(os.path.join(self.path, "record", name), "rb") as f:
            return f.read().decode()

    def started(self):
        """The arguments that the script got, once."""
        check(self.ends() == 7, "the script did not run:", self.log())
        args = self.read("args").split("\0")[:-1]
        os.unlink(os.path.join(self.path, "record", "args"))
        return args

    def nothing_started(self):
        return not os.path.exists(os.path.join(self.path, "record", "args"))

    def environment(self):
        return dict(v.split("=", 1) for v in self.read("env").split("\0") if v)

    @property
    def choice_file(self):
        return os.path.join(self.path, ".config", "afar", "session-choice")

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        for process in (self.chooser, self.server):
            if process and process.poll() is None:
                process.terminate()  # the server takes its socket away
                process.wait(DEADLINE)
        self.log_file.close()
        try:
            if failure is None:
                self.leaks.check(DEADLINE)
        finally:
            self.close()

    def close(self):
        """Ends what a failed test left, by pid: it carries this home."""
        for pid in processes_of(self.path):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.path, ignore_errors=True)


CONTRACT = "--flavour=chrome-remote-desktop"
OWN = ("--flavour=afar", "--wrapper=")


# --- the window ---


def the_dialog_is_in_the_middle_and_has_the_keyboard_without_a_window_manager():
    """CHOOSE-5"""
    with Desk() as desk:
        desk.open(CONTRACT)
        check(desk.keys("where") == "212 184 600 400\n", desk.keys("where"))
        check(list(processes_of(desk.path)) == [desk.chooser.pid], processes_of(desk.path))
        desk.keys("key:Escape", "leave")
        check(desk.ends() == 1, desk.log())


def it_fits_a_small_screen_and_follows_a_change_of_size():
    """CHOOSE-5"""
    with Desk("320x240") as desk:
        desk.open(CONTRACT)
        check(desk.keys("where") == "0 0 320 240\n", desk.keys("where"))
    with Desk() as desk:
        desk.open(CONTRACT)
        desk.keys("size:640x480")
        wait_for(lambda: desk.keys("where") == "20 40 600 400\n", "the middle of 640x480")
        desk.keys("key:Return")
        check(desk.started() == ["default"])


def with_a_window_manager_it_gets_the_keyboard_too():
    """CHOOSE-5"""
    with Desk() as desk:
        up = os.path.join(desk.path, "up")
        env = {**desk.env, "XDG_DATA_DIRS": "/usr/share"}
        manager = subprocess.Popen(
            ["openbox", "--startup", "touch " + up], env=env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: os.path.exists(up), "openbox")
            desk.open(CONTRACT)
            check(desk.keys("where") != "212 184 600 400\n", "the window has no frame")
            desk.keys("key:Down", "key:Return")
            check(desk.started()[0].endswith("--apple"))
        finally:
            manager.kill()
            manager.wait()


def the_first_row_is_selected_and_enter_is_ok():
    """CHOOSE-4, CHOOSE-5"""
    with Desk() as desk:
        desk.open(CONTRACT)
        desk.keys("key:Return", "leave")
        check(desk.started() == ["default"])


def arrows_letters_and_tab_reach_everything():
    """CHOOSE-4, CHOOSE-5: the rows are Default session, Apple, Mango, Zebra."""
    cases = [
        (("key:Down",), "--apple"),
        (("key:Down", "key:Down"), "--mango"),
        (("key:End",), "--zebra"),
        (("key:End", "key:Up"), "--mango"),
        (("key:m",), "--mango"),
        (("key:Down", "key:Tab"), "--apple"),
    ]
    for keys, wanted in cases:
        with Desk() as desk:
            desk.open(CONTRACT)
            desk.keys(*keys, "key:Return", "leave")
            args = desk.started()
            check(len(args) == 1 and wanted in args[0], keys, args)


def a_double_click_is_ok_and_so_is_the_button():
    """CHOOSE-5: the rows begin 57 px below the window's top and are 23 px high."""
    with Desk() as desk:
        desk.open(CONTRACT)
        desk.keys("at:300,275", "click", "click", "leave")
        check("--apple" in desk.started()[0])
        desk.open(CONTRACT)
        desk.keys("at:300,298", "click", "at:760,558", "click", "leave")
        check("--mango" in desk.started()[0])


def closing_it_in_any_way_ends_with_1_and_starts_nothing():
    """CHOOSE-5"""
    for how in ("key:Escape", "close"):
        with Desk() as desk:
            desk.open(CONTRACT)
            desk.keys("key:Down", how, "leave")
            check(desk.ends() == 1 and desk.nothing_started(), how, desk.log())


# --- what is started ---


def the_wrapper_gets_exec_as_one_argument_and_the_environment_as_it_was():
    """CHOOSE-3, CHOOSE-6"""
    with Desk() as desk:
        desk.open(CONTRACT, fds=[desk.log_file.fileno()])
        desk.keys("key:End", "key:Return")
        check(desk.started() == [desk.recorder + " --zebra \"a b\" 'c;d' $HOME %u"], desk.log())
        env = desk.environment()
        check(env.pop("XDG_CURRENT_DESKTOP") == "Zebra:GNOME", env)
        for own in ("PWD", "OLDPWD", "SHLVL", "_"):
            env.pop(own, None)
        check(env == desk.env, env)
        ignored = int(desk.read("signals").split()[1], 16)
        # 32 and 33 are the C library's own, which nobody can set.
        check(ignored & ~0x180000000 == 0, "signals are ignored:", hex(ignored))
        fds = desk.read("fds")
        desk.run(program=desk.recorder)
        check(fds == desk.read("fds"), "descriptors leak:", fds)


def without_desktop_names_the_current_desktop_stays():
    """CHOOSE-6"""
    with Desk() as desk:
        desk.open(CONTRACT, env={"XDG_CURRENT_DESKTOP": "before"})
        desk.keys("key:Down", "key:Return")
        check("--apple" in desk.started()[0])
        check(desk.environment()["XDG_CURRENT_DESKTOP"] == "before")


def a_wrapper_that_is_not_there_ends_with_1():
    """CHOOSE-6"""
    with Desk() as desk:
        os.unlink(desk.recorder)
        desk.open(CONTRACT)
        desk.keys("key:Return", "leave")
        check(desk.ends() == 1 and "cannot be started" in desk.log(), desk.log())


def the_variables_of_the_session_say_whose_it_is():
    """CHOOSE-6: the wrapper beside us is the contract's."""
    with Desk() as desk:
        desk.open(env={"CHROME_REMOTE_DESKTOP_SESSION": "1"})
        desk.keys("key:Return")
        check(desk.started() == ["default"])
        desk.script("x-session-manager", "#!/bin/sh\nexit 9\n")
        desk.open("--wrapper=", env={
            "CHROME_REMOTE_DESKTOP_SESSION": "1", "AFAR_SESSION": "1",
            "PATH": desk.path + ":" + os.environ["PATH"],
        })
        desk.keys("alt:a", "key:Return", "leave")
        check(desk.ends() == 9 and os.path.exists(desk.choice_file), desk.log())


def without_a_wrapper_exec_is_split_and_no_shell_reads_it():
    """D-3, T11"""
    with Desk() as desk:
        desk.open(*OWN)
        desk.keys("key:End", "key:Return")
        check(desk.started() == ["--zebra", "a b", "c;d", "$HOME"], desk.log())
        check(desk.environment()["XDG_CURRENT_DESKTOP"] == "Zebra:GNOME")
        canary = os.path.join(desk.path, "canary")
        for text in (f"; touch {canary}", f"$(touch {canary})", f"`touch {canary}`",
                     f"| touch {canary}", f"& touch {canary}", f"> {canary}"):
            code, out, err = desk.run(f"--start={desk.recorder} {text}")
            check(code == 7 and not os.path.exists(canary), text, err)
            check(desk.read("args").split("\0")[:-1] == text.split(), text)
        for text in ('"', "%", "%z", "'", '""'):
            code, out, err = desk.run("--start=" + text)
            check(code == 1 and "not valid" in err and err.count("\n") == 1, text, code, err)


def without_a_wrapper_the_default_is_the_session_manager_or_the_first():
    """D-3"""
    with Desk() as desk:
        tools = os.path.join(desk.path, "bin")
        os.mkdir(tools)
        for name in ("sh", "env", "grep", "ls"):
            os.symlink(shutil.which(name), os.path.join(tools, name))
        desk.env["PATH"] = tools
        desk.open(*OWN)
        desk.keys("key:Return")
        check(desk.started() == ["--apple"], desk.log())
        desk.script("bin/x-session-manager")
        desk.open(*OWN)
        desk.keys("key:Return")
        check(desk.started() == [], desk.log())
        check("XDG_CURRENT_DESKTOP" not in desk.environment())


def debians_wrapper_starts_a_session():
    """CHOOSE-6, with the real one."""
    with Desk() as desk:
        # Of the bus that it may start, which nobody else knows of.
        desk.leaks.allow(desk.env["XDG_RUNTIME_DIR"] + "/dbus-1*")
        desk.open("--flavour=afar")
        desk.keys("key:Down", "key:Return")
        check(desk.started() == ["--apple"], desk.log())


# --- remembering ---


def the_contract_asks_each_time():
    """CHOOSE-7"""
    with Desk() as desk:
        os.makedirs(os.path.dirname(desk.choice_file), 0o700)
        with open(desk.choice_file, "w") as f:
            f.write("mango.desktop\n")
        for _ in range(2):
            desk.open(CONTRACT)
            # No check button: nothing to tick, and nothing is selected but the first.
            desk.keys("alt:a", "key:Return", "leave")
            check(desk.started() == ["default"])
        with open(desk.choice_file) as f:
            check(f.read() == "mango.desktop\n")


def a_choice_is_remembered_when_asked_to_and_started_without_asking():
    with Desk() as desk:
        desk.open(*OWN)
        desk.keys("key:Down", "key:Return")
        check(desk.started() == ["--apple"] and not os.path.exists(desk.choice_file))
        desk.open(*OWN)
        desk.keys("key:Down", "key:Down", "alt:a", "key:Tab", "key:Return")
        check(desk.started() == ["--mango"], desk.log())
        check(os.stat(desk.choice_file).st_mode & 0o777 == 0o600)

        code, out, err = desk.run(*OWN, env={"DISPLAY": ""})
        check(code == 7 and desk.read("args") == "--mango\0", code, err)
        desk.open(*OWN, "--ask")
        desk.keys("key:Return", "leave")
        check(desk.started() == ["--mango"], "it is not selected")
        check(desk.run(*OWN)[0] == 7, "it was forgotten")
        desk.open(*OWN, "--ask")
        desk.keys("alt:a", "key:Escape", "leave")
        check(desk.ends() == 1 and os.path.exists(desk.choice_file), "closing changed it")
        desk.open(*OWN, "--ask")
        desk.keys("alt:a", "key:Home", "key:Down", "key:Return", "leave")
        desk.ends()
        check(not os.path.exists(desk.choice_file), "it is still remembered")


def a_remembered_session_that_is_gone_is_asked_for_anew():
    with Desk() as desk:
        os.makedirs(os.path.dirname(desk.choice_file), 0o700)
        for text in ("nowhere.desktop\n", "hidden.desktop\n", "\0\xff", "x" * 5000):
            with open(desk.choice_file, "w") as f:
                f.write(text)
            os.chmod(desk.choice_file, 0o600)
            desk.open(*OWN)
            desk.keys("key:Escape", "leave")
            check(desk.ends() == 1, text, desk.log())
        with open(desk.choice_file, "w") as f:
            f.write("mango.desktop\n")
        check(desk.run(*OWN)[0] == 7)
        os.chmod(desk.choice_file, 0o602)
        desk.open(*OWN)
        check("others may write it" in desk.log(), desk.log())
        os.chmod(desk.choice_file, 0o600)
        check(desk.run("--flavour=afar", "--forget")[0] == 0)
        check(not os.path.exists(desk.choice_file))
        check(desk.run("--flavour=afar", "--forget")[0] == 0)


def a_session_that_cannot_be_started_is_not_remembered():
    with Desk() as desk:
        desk.session("broken", "[Desktop Entry]\nName=Broken\nExec=/nonexistent/program\n")
        desk.session("cursed", "[Desktop Entry]\nName=Cursed\nExec=\"open\n")
        for n in (2, 3):
            desk.open(*OWN)
            desk.keys(*["key:Down"] * n, "alt:a", "key:Return", "leave")
            check(desk.ends() == 1 and "cannot be started" in desk.log(), desk.log())
            check(not os.path.exists(desk.choice_file), n)


# --- the list ---


def names(out):
    return [line.split("\t")[1] for line in out.splitlines()]


def the_list_is_in_the_users_language():
    """CHOOSE-3"""
    with Desk() as desk:
        check(names(desk.run("--list")[1]) == ["Default session", "Apple", "Mango", "Zebra"])
        code, out, err = desk.run("--list", env={"LANGUAGE": "de"})
        check("zebra.desktop\tStreifentier\tGestreift\n" in out, out, err)
        desk.open(*OWN, env={"LANGUAGE": "de"})
        desk.keys("key:s", "key:Return")
        check(desk.started()[0] == "--zebra", "the window has other names")


def the_list_is_in_the_order_of_the_locale():
    """CHOOSE-4: bytes would have Zebra before apple, and what has an accent last."""
    with Desk(server=False) as desk:
        subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", os.path.join(desk.path, "de_DE.UTF-8")],
            check=True, timeout=60, stdout=subprocess.DEVNULL,
        )
        for name in ("Äpfel", "apfel", "Birne"):
            desk.session(name, f"[Desktop Entry]\nName={name}\nExec=x\n")
        env = {"LOCPATH": desk.path, "LC_ALL": "de_DE.UTF-8"}
        found = names(desk.run("--list", env=env)[1])
        check(found[1:] == ["apfel", "Äpfel", "Apple", "Birne", "Mango", "Streifentier"], found)


def directories_and_base_names_follow_the_rules():
    """CHOOSE-1, CHOOSE-2"""
    with Desk(server=False) as desk:
        first = os.path.join(desk.path, "first", "xsessions")
        os.makedirs(first)
        open(os.path.join(first, "mango.desktop"), "w").close()
        shutil.copy(os.path.join(desk.path, "share/xsessions/zebra.desktop"),
                    os.path.join(first, "apple.desktop"))
        dirs = os.path.join(desk.path, "first") + ":relative::" + desk.env["XDG_DATA_DIRS"]
        code, out, err = desk.run("--list", env={"XDG_DATA_DIRS": dirs})
        check([l.split("\t")[:2] for l in out.splitlines()[1:]] == [
            ["apple.desktop", "Zebra"], ["zebra.desktop", "Zebra"]], out, err)
        check(not err, "hiding is nothing to complain about:", err)


def hostile_files_neither_hang_it_nor_hide_the_rest():
    """FUZ-10"""
    with Desk() as desk:
        place = os.path.join(desk.path, "share", "xsessions")
        at = lambda name: os.path.join(place, name + ".desktop")
        os.mkfifo(at("fifo"))
        os.symlink("loop.desktop", at("loop"))
        os.symlink("/dev/zero", at("zero"))
        os.symlink("nowhere", at("dangling"))
        os.mkdir(at("directory"))
        socket.socket(socket.AF_UNIX).bind(at("socket"))
        desk.leaks.allow("socket " + at("socket"))
        with open(at("sparse"), "wb") as f:
            f.truncate(1 << 40)
        contents = {
            "bad-utf8": b"[Desktop Entry]\nName=\xff\xfe\nExec=x\n",
            "binary": bytes(range(256)) * 500,
            "brackets": b"[" * 200000,
            "nul": b"[Desktop Entry]\nName=N\0\nExec=\0x\n",
            "open": b"[Desktop Entry",
            "many-keys": b"[Desktop Entry]\n" + b"".join(b"K%d=v\n" % i for i in range(25000)),
            "no-newline": b"[Desktop Entry]\nExec=x\nName=Without newline",
            "markup": b"[Desktop Entry]\nName=<b>&\\n\\t" + b"x" * 100000 + b"\nExec=x\n",
        }
        for name, text in contents.items():
            with open(at(name), "wb") as f:
                f.write(text)
            os.chmod(at(name), 0o644)
        with open(at("writable"), "w") as f:
            f.write("[Desktop Entry]\nName=Writable\nExec=x\n")
        os.chmod(at("writable"), 0o666)
        code, out, err = desk.run("--list")
        check(code == 0, code, err)
        found = names(out)
        check(found[0] == "Default session" and {"Apple", "Mango", "Zebra", "Without newline"}
              <= set(found), found)
        check([n for n in found if n.startswith("<b>&") and len(n) <= 200], found)
        check(not {"Writable", "Hidden"} & set(found), found)
        for refused in ("fifo", "loop", "zero", "socket", "sparse", "writable", "binary"):
            check(refused + ".desktop is not listed" in err, refused, err)
        desk.open(CONTRACT)
        desk.keys("key:m", "key:Return")
        check("--mango" in desk.started()[0], desk.log())


# --- around it ---


def the_host_becomes_the_chooser():
    """CHOOSE-1..7 are reached by HOST --type=xsession_chooser; HOST-1."""
    with Desk() as desk:
        host = shutil.copy(HOST, os.path.join(desk.dir, "chrome-remote-desktop-host"))
        desk.open("--type=xsession_chooser", program=host)
        desk.keys("alt:a", "key:Return")
        check(desk.started() == ["default"], desk.log())
        check(not os.path.exists(desk.choice_file))
        os.unlink(desk.program)
        code, out, err = desk.run("--type=xsession_chooser", program=host)
        check(code == 1 and not out and err.count("\n") == 1, code, out, err)
        code, out, err = desk.run("--type=nonsense", program=host)
        check(code == 3 and not out and err.count("\n") == 1, code, out, err)


def in_private(script):
    """A prefix that runs a command where /etc/X11 has just what the script puts there."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *user, "sh", "-ec",
            f'mount -t tmpfs none /etc/X11\n{script}\nexec "$@"', "sh"]


def the_xsession_beside_us_passes_its_arguments_on():
    """PKG-7"""
    with Desk(server=False) as desk:
        xsession = shutil.copy(os.path.join(PACKAGING, "Xsession"), desk.path)
        there = in_private(f"cp {desk.recorder} /etc/X11/Xsession")
        for args in ([], ["default"], ["a b \"c\" $d"], ["", "x y", "*"]):
            code, out, err = desk.run(*args, program=xsession, prefix=there)
            given = desk.read("args").split("\0")[:-1]
            check(code == 7 and given == args, args, given, err)


def without_debians_xsession_ours_starts_the_command():
    """PKG-7, D-3"""
    with Desk(server=False) as desk:
        shutil.copy(os.path.join(PACKAGING, "Xsession"), desk.path)
        shutil.copy(CHOOSER, desk.path)
        # Reached by a link, as from the contract's directory: no chooser lies beside that.
        link = os.path.join(desk.path, "record", "link")
        os.symlink("../Xsession", link)
        missing = in_private(":")
        code, out, err = desk.run(desk.recorder + ' "a b" c', program=link, prefix=missing)
        check(code == 7 and desk.read("args").split("\0")[:-1] == ["a b", "c"], code, err)
        desk.script("x-session-manager", "#!/bin/sh\nexit 9\n")
        for args in ([], ["default"]):
            code, out, err = desk.run(
                *args, program=link, prefix=missing,
                env={"PATH": desk.path + ":" + os.environ["PATH"]},
            )
            check(code == 9, args, code, err)


def is_remoting_session_says_so_by_its_status():
    """PKG-7"""
    program = os.path.join(PACKAGING, "is-remoting-session")
    for env, status in (({"CHROME_REMOTE_DESKTOP_SESSION": "1"}, 0),
                        ({"CHROME_REMOTE_DESKTOP_SESSION": "no"}, 0),
                        ({"CHROME_REMOTE_DESKTOP_SESSION": ""}, 1), ({}, 1)):
        done = subprocess.run([program], env=env, capture_output=True, timeout=DEADLINE)
        check((done.returncode, done.stdout, done.stderr) == (status, b"", b""), env, done)


def what_cannot_be_done_is_one_line():
    with Desk(server=False) as desk:
        for args in (("--nonsense",), ("stray",), ("--flavour=x",), ("--start",), ("--start=",)):
            code, out, err = desk.run(*args)
            check(code == 2 and not out and err.count("\n") == 1, args, code, err)
        for display in ("", ":12345", "nonsense"):
            code, out, err = desk.run(CONTRACT, env={"DISPLAY": display})
            check(code == 1 and "no display" in err and err.count("\n") == 1, display, code, err)
        code, out, err = desk.run("--help")
        check(code == 0 and out.startswith("Usage: afar-chooser") and not err)
        check(desk.run("--version")[1].startswith("afar-chooser "))


tests = [
    the_dialog_is_in_the_middle_and_has_the_keyboard_without_a_window_manager,
    it_fits_a_small_screen_and_follows_a_change_of_size,
    with_a_window_manager_it_gets_the_keyboard_too,
    the_first_row_is_selected_and_enter_is_ok,
    arrows_letters_and_tab_reach_everything,
    a_double_click_is_ok_and_so_is_the_button,
    closing_it_in_any_way_ends_with_1_and_starts_nothing,
    the_wrapper_gets_exec_as_one_argument_and_the_environment_as_it_was,
    without_desktop_names_the_current_desktop_stays,
    a_wrapper_that_is_not_there_ends_with_1,
    the_variables_of_the_session_say_whose_it_is,
    without_a_wrapper_exec_is_split_and_no_shell_reads_it,
    without_a_wrapper_the_default_is_the_session_manager_or_the_first,
    the_contract_asks_each_time,
    a_choice_is_remembered_when_asked_to_and_started_without_asking,
    a_remembered_session_that_is_gone_is_asked_for_anew,
    a_session_that_cannot_be_started_is_not_remembered,
    the_list_is_in_the_users_language,
    the_list_is_in_the_order_of_the_locale,
    directories_and_base_names_follow_the_rules,
    hostile_files_neither_hang_it_nor_hide_the_rest,
    the_host_becomes_the_chooser,
    the_xsession_beside_us_passes_its_arguments_on,
    without_debians_xsession_ours_starts_the_command,
    is_remoting_session_says_so_by_its_status,
    what_cannot_be_done_is_one_line,
]
if os.access(DEBIAN, os.X_OK):
    tests.append(debians_wrapper_starts_a_session)
if __name__ == "__main__":
    sys.exit(run(tests))

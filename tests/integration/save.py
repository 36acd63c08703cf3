#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Files that must never be torn, saved by the real programs: killed at any call, on a machine that
loses its power, on full and broken disks, and by two at once. CFG-01, CFG-02, CFG-04, CFG-05.

save.py [BUILD-DIRECTORY]. By strace(1); the states after a crash are crash_states.py's. AFAR_SOAK=1:
two writers with a thousand turns each.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import crash_states
from contract_home import ContractHome
from hosting import *
from homes import *

TURNS = 1000 if os.environ.get("AFAR_SOAK") else 10
SUPERVISOR = os.path.join(BUILD, "src", "afar-supervisor")
KEPT = {"a_key_of_tomorrow": {"kept": [1, None, "\U0001f5a5"]}}

# A leak cannot be looked for in a program that is traced.
TRACED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Identity(Home):
    """A home in which an identity has been made, with a key in it that we do not know."""

    def __init__(self, make=True):
        super().__init__()
        self.file = os.path.join(self.config, "host.json")
        self.trace = os.path.join(self.path, "trace")
        if make:
            check(self.pin().returncode == 0)
            with open(self.file) as f:
                config = json.load(f)
            with open(self.file, "w") as f:
                json.dump({**config, **KEPT}, f)

    def run(self, argv, **more):
        return subprocess.run(argv, env={**self.env, **TRACED}, cwd="/", text=True, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, **more)

    def pin(self, prefix=()):
        """`afar pin --new`; behind a prefix it is the program alone that does its work."""
        return self.run([*prefix, *([SUPERVISOR, "--new-pin"] if prefix else [AFAR, "pin", "--new"])])

    def record(self, *argv, before=None):
        """What a program does to host.json and to what lies beside it under that name."""
        before = {"host.json": read(self.file)} if before is None else before
        done = self.run(crash_states.strace(self.trace) + list(argv))
        check(done.returncode == 0, done)
        return crash_states.record(self.trace, self.config, "host.json", before)

    def names(self):
        return sorted(name for name in os.listdir(self.config) if name.startswith("host.json"))

    def put(self, state):
        for name in self.names():
            os.unlink(os.path.join(self.config, name))
        for name, data in state:
            with open(os.path.join(self.config, name), "wb") as f:
                f.write(data)
            os.chmod(f.name, 0o600)

    def is_read(self):
        """Does a daemon take host.json as it is? It goes as far as looking for an X server."""
        before = read(self.file)
        code, out, err = self.start("--display", "xvfb", env={"PATH": "/nonexistent"})
        check(code == 1 and err.count("\n") == 1, code, out, err)
        check(read(self.file) == before, "reading changed it")
        return "install" in err


# --- CFG-01 ---


def calls_of(trace):
    """The calls of the program that saved, by name, from the temporary file's birth on, with what
    matters of their arguments."""
    seen, fd, pid = [], None, None
    for who, call, args, result in crash_states.lines_of(trace):
        words = [crash_states.text_of(a).decode() if re.fullmatch(r'"(\\x..)*"', a) else a
                 for a in args if call != "execve" and call != "write"]
        if call == "openat" and ("O_TMPFILE" in args[2] or "O_EXCL" in args[2]):
            seen, fd, pid = [(call, *words[1:])], str(result), who
        elif who != pid:
            continue
        elif call == "openat" and "O_DIRECTORY" in args[2]:
            seen.append((call, words[1]))
            directory = str(result)
        elif call in ("fsync", "write") and args[0] == fd:
            seen.append((call,))
        elif call == "fsync" and args[0] == directory:
            seen.append(("fsync of", seen[-1][1]))
        elif call in ("link", "linkat", "rename", "unlink"):
            seen.append((call, *words))
    return seen


def a_save_makes_these_calls_and_no_other():
    with Identity() as home:
        home.record(AFAR, "pin", "--new")
        seen = calls_of(home.trace)
        check([s[0] for s in seen] == ["openat", "write", "fsync", "linkat", "rename", "openat",
                                       "fsync of", "unlink"], seen)
        birth, _, _, name, move, _, synced, unlock = seen
        check(birth[1:] == (home.config, "O_WRONLY|O_CLOEXEC|O_TMPFILE", "0600"), birth)
        check(name[4].startswith(home.file + ".") and move[1:] == (name[4], home.file), seen)
        check(synced[1] == home.config and unlock[1] == home.file + ".lock", seen)
        check(home.names() == ["host.json"], home.names())


def ordinal(home, call, which):
    """The number among the program's calls of this name of the one that `which` picks by its
    arguments (the last such), and of how many: for strace's when=."""
    done = home.pin(["strace", "-qq", "-xx", "-s", "2000000", "-o", home.trace, "-e",
                     "signal=none", "-e", "trace=" + crash_states.CALLS])
    check(done.returncode == 0, done)
    number, found = 0, None
    with open(home.trace) as f:
        for line in f:
            if line.startswith(call + "("):
                number += 1
                words = re.sub(r'"((?:\\x..)*)"',
                               lambda m: bytes.fromhex(m[1].replace("\\x", "")).decode(), line)
                if which(words):
                    found = number
    check(found, call, "is not among the calls")
    return found


def inject(home, call, which, what):
    number = ordinal(home, call, which)
    return ["strace", "-qq", "-o", home.trace, "-e", "trace=" + call, "-e",
            f"inject={call}:{what}:when={number}"]


def where_no_file_is_nameless_it_is_made_under_a_name_that_nobody_has():
    with Identity() as home:
        prefix = inject(home, "openat", lambda line: "O_TMPFILE" in line, "error=EOPNOTSUPP")
        at = prefix.index("trace=openat")
        prefix[at] = "trace=" + crash_states.CALLS
        prefix[1:1] = ["-f", "-xx", "-s", "2000000"]
        before = read(home.file)
        check(home.pin(prefix).returncode == 0)
        seen = calls_of(home.trace)
        check([s[0] for s in seen] == ["openat", "write", "fsync", "rename", "openat", "fsync of",
                                       "unlink"], seen)
        check(seen[0][1].startswith(home.file + ".") and seen[0][3] == "0600", seen)
        check("O_EXCL" in seen[0][2] and "O_CREAT" in seen[0][2], seen)
        check(home.names() == ["host.json"] and read(home.file) != before)


# --- CFG-02 ---


def survives(home, recorder, old):
    """Every state is read as the old or as the new one; when it is over, as the new one."""
    new = read(home.file)
    everything, final = crash_states.states(recorder)
    for state in everything:
        home.put(state)
        now = dict(state).get("host.json")
        check(now in (old, new), "torn:", now, "among", sorted(dict(state)))
        if now is not None:
            check(home.is_read(), "not read:", now)
        code, out, err = home.afar("pin")
        when = json.loads(now)["pin_set_at"] if now else "no PIN yet"
        check(code == 0 and when in out, code, out, err)
    check(final and all(dict(state).get("host.json") == new for state in final), "not durable")
    print(f"# {len(recorder.steps)} steps, {len(everything)} states, all read", flush=True)


def after_any_crash_the_old_pin_or_the_new_one_is_there():
    with Identity() as home:
        old = read(home.file)
        recorder = home.record(AFAR, "pin", "--new")
        check(read(home.file) != old)
        survives(home, recorder, old)


def after_any_crash_the_first_identity_is_whole_or_not_there():
    with Identity(make=False) as home:
        survives(home, home.record(AFAR, "pin", "--new", before={}), None)


# CFG-6
def after_any_crash_a_deleted_hosts_configuration_is_the_old_or_an_empty_one():
    with ContractHome() as home:
        old = read(home.config_file)
        trace = os.path.join(home.path, "trace")
        home.env.update(TRACED)
        home.tell_host("read\nexit 106\n")
        home.in_namespace = lambda **_: crash_states.strace(trace)
        check(home.start().exit_status() == 0)
        del home.in_namespace
        check(read(home.config_file) == b"{}")
        # A daemon that gets as far as this has read and believed it.
        home.env["CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS"] = "--enable-wayland"
        words = {old: "there is no Wayland desktop", b"{}": "Failed to load host configuration."}
        base = os.path.basename(home.config_file)
        recorder = crash_states.record(trace, home.config, base, {base: old})
        everything, final = crash_states.states(recorder)
        for state in everything:
            for name in os.listdir(home.config):
                os.unlink(os.path.join(home.config, name))
            for name, data in state:
                home.write(os.path.join(home.config, name), data)
            now = dict(state).get(base)
            check(now in words, "torn:", now)
            daemon = home.start()
            check(daemon.exit_status() == 1)
            daemon.log.wait_end()
            check(daemon.log.find(words[now]), now, daemon.log.texts())
        check(final and all(dict(state)[base] == b"{}" for state in final), "not durable")
        print(f"# {len(recorder.steps)} steps, {len(everything)} states, all read", flush=True)


# Ways to save a file: each is one line short of the right one, or quite another.
SAVES = {
    "right": """
fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, new)
os.fsync(fd)
os.rename(path + ".new", path)
os.fsync(os.open(os.path.dirname(path), os.O_RDONLY))
""",
    "without a sync of the data": """
fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, new)
os.rename(path + ".new", path)
os.fsync(os.open(os.path.dirname(path), os.O_RDONLY))
""",
    "with a sync that comes too late": """
fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, new)
os.rename(path + ".new", path)
os.fsync(fd)
os.fsync(os.open(os.path.dirname(path), os.O_RDONLY))
""",
    "in its place": """
fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
os.write(fd, new)
os.fsync(fd)
""",
    "with the old one out of the way": """
fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, new)
os.fsync(fd)
os.unlink(path)
os.rename(path + ".new", path)
os.fsync(os.open(os.path.dirname(path), os.O_RDONLY))
""",
    "without a sync of the name": """
fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, new)
os.fsync(fd)
os.rename(path + ".new", path)
""",
}


# The test of the tests above.
def a_save_that_is_one_step_short_is_found_out():
    for how, code in SAVES.items():
        with Identity() as home:
            old = read(home.file)
            new = json.dumps({**json.loads(old), "pin_set_at": "2026-01-02T03:04:05.678Z"}).encode()
            code = f"import os\npath, new = {home.file!r}, {new!r}\n{code}"
            recorder = home.record(sys.executable, "-c", code)
            check(read(home.file) == new, how)
            everything, final = crash_states.states(recorder)
            found = {dict(state).get("host.json") for state in everything}
            torn = found - {old, new}
            durable = all(dict(state).get("host.json") == new for state in final)
            check({old, new} <= found, how)
            check(durable == (how not in ("without a sync of the name",
                                          "without a sync of the data")), how)
            if how in ("right", "without a sync of the name"):
                check(not torn, how, torn)
                continue
            if how == "with the old one out of the way":
                check(torn == {None}, how, torn)
                continue
            # Empty, begun, or zeros: none of it is an identity to the daemon.
            check(b"" in torn and new[: len(new) // 2] in torn and b"\0" * len(new) in torn, how)
            for data in (b"", new[: len(new) // 2], b"\0" * len(new)):
                home.put([("host.json", data)])
                check(not home.is_read(), how, data)


def killed_at_any_call_it_leaves_the_old_or_the_new_and_the_next_one_works():
    with Identity() as home:
        # strace kills it as it enters the call.
        calls = (
            ("openat", lambda line: "O_TMPFILE" in line, 0, False),
            ("write", lambda line: "a_key_of_tomorrow" in line, 0, False),
            ("fsync", lambda line: True, -1, False),
            ("linkat", lambda line: True, 0, False),
            ("rename", lambda line: True, 0, False),
            ("fsync", lambda line: True, 0, True),
            ("unlink", lambda line: True, 0, True),
        )
        for call, which, shift, is_new in calls:
            number = ordinal(home, call, which) + shift
            old = read(home.file)
            done = home.pin(["strace", "-qq", "-o", home.trace, "-e", "trace=" + call, "-e",
                             f"inject={call}:signal=KILL:when={number}"])
            check(done.returncode == -signal.SIGKILL and not done.stdout, call, done)
            check((read(home.file) != old) == is_new and home.is_read(), call)
            config = json.loads(read(home.file))
            check({k: config[k] for k in KEPT} == KEPT, call)
            # A name of its own it has but between two calls.
            left = set(home.names()) - {"host.json", "host.json.lock"}
            check(len(left) == (call == "rename"), call, left)
            check(home.pin().returncode == 0, call, "its lock is in the way")
            for name in left:
                os.unlink(os.path.join(home.config, name))
            check(home.names() == ["host.json"], call, home.names())


# --- CFG-04 ---


def what_fails_is_told_in_one_line_and_leaves_the_old_file():
    places = (
        ("openat", lambda line: "O_TMPFILE" in line, 0),
        ("write", lambda line: "a_key_of_tomorrow" in line, 0),
        ("fsync", lambda line: True, -1),
        ("linkat", lambda line: True, 0),
        ("rename", lambda line: True, 0),
        ("openat", lambda line: "host.json.lock" in line, 0),
    )
    with Identity() as home:
        for call, which, shift in places:
            number = ordinal(home, call, which) + shift
            old = read(home.file)
            for error in ("ENOSPC", "EIO", "EROFS", "EDQUOT"):
                done = home.pin(["strace", "-qq", "-o", home.trace, "-e", "trace=" + call, "-e",
                                 f"inject={call}:error={error}:when={number}"])
                check(done.returncode == 1 and not done.stdout, call, error, done)
                check(re.fullmatch(r"afar: cannot .*/host\.json: .*\n", done.stderr), done.stderr)
                check(read(home.file) == old, call, error)
                check(home.names() == ["host.json"], call, error, home.names())


def when_only_the_directory_cannot_be_synced_the_new_one_counts_and_a_warning_is_given():
    with Identity() as home:
        number = ordinal(home, "fsync", lambda line: True)
        old = read(home.file)
        done = home.pin(["strace", "-qq", "-o", home.trace, "-e", "trace=fsync", "-e",
                         f"inject=fsync:error=EIO:when={number}"])
        check(done.returncode == 0 and re.fullmatch(r"The new PIN is \d{8}\n", done.stdout), done)
        check(done.stderr.count("\n") == 1 and "host.json is saved, but" in done.stderr, done)
        check(read(home.file) != old and home.names() == ["host.json"])


def a_write_that_comes_short_is_gone_on_with():
    with Identity() as home:
        # As a signal or an almost full disk has it: nothing written, once.
        prefix = inject(home, "write", lambda line: "a_key_of_tomorrow" in line, "error=EINTR")
        check(home.pin(prefix).returncode == 0 and home.is_read())


def on_a_full_disk_the_old_file_stays_and_the_daemon_runs_on():
    if os.geteuid() != 0:
        return
    with Identity() as home, tempfile.TemporaryDirectory() as aside:
        # In a name space of its own; the daemon sees the same disk, by way of a link.
        disk = os.path.join(home.path, "disk")
        os.mkdir(disk)
        script = f"""
set -e
mount -t tmpfs -o size=64k,mode=700 none {disk}
cp -a {home.config}/. {disk}/
mount --bind {disk} {home.config}
{AFAR} start --display xvfb --session 'exec openbox' >{aside}/out 2>{aside}/err
before=$({AFAR} status --json)
cat /dev/zero >{disk}/full 2>{aside}/full || :
cp {home.file} {aside}/old
code=0
{AFAR} pin --new >{aside}/out 2>{aside}/err || code=$?
echo $code >{aside}/code
cp {home.file} {aside}/kept
ls {home.config} >{aside}/names
{AFAR} status --json >{aside}/status
rm {disk}/full
{AFAR} pin --new >{aside}/again
{AFAR} stop
"""
        done = home.run(["unshare", "--mount", "sh", "-c", script])
        check(done.returncode == 0, done)
        text = {name: read(os.path.join(aside, name)) for name in os.listdir(aside)}
        check(text["code"] == b"1\n" and not text["out"], text)
        check(text["err"].count(b"\n") == 1 and b"No space left" in text["err"], text["err"])
        check(text["kept"] == text["old"] and b"host.json." not in text["names"], text["names"])
        check(json.loads(text["status"])["state"] == "ready", text["status"])
        check(re.match(rb"The new PIN is \d{8}\n", text["again"]), text["again"])


# --- CFG-05 ---


def lets_in(host, pin):
    ws = host.sign_in(pin=pin)
    kind, body = ws.message()
    ws.close()
    check(kind in (WELCOME, REFUSED), kind, body)
    return kind == WELCOME


def two_writers_and_a_reader_see_whole_files_only_and_lose_nothing():
    with Identity() as home:
        said, wrong, done = [], [], threading.Event()

        def write():
            mine = []
            for _ in range(TURNS):
                answer = home.run([AFAR, "pin", "--new"])
                match = re.fullmatch(r"The new PIN is (\d{8})\n", answer.stdout)
                if answer.returncode or not match or answer.stderr:
                    wrong.append(answer)
                    return
                mine.append(match.group(1))
            said.append(mine)

        def look():
            seen = set()
            while not done.is_set():
                text = read(home.file)
                try:
                    config = json.loads(text)
                    check({k: config[k] for k in KEPT} == KEPT and len(config) == 6, config)
                    seen.add(text)
                except (ValueError, KeyError, Failed) as error:
                    wrong.append((error, text))
                    return
            said.append(seen)

        reader = threading.Thread(target=look)
        writers = [threading.Thread(target=write) for _ in range(2)]
        for thread in (reader, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        reader.join()
        check(not wrong and len(said) == 3, wrong[:1])
        check(home.names() == ["host.json"], home.names())
        # The PIN that was set last is one of the two that were shown last, and no other.
        last = [mine[-1] for mine in said if isinstance(mine, list)]
        config = json.loads(read(home.file))
        with Host(config) as host:
            check([lets_in(host, pin) for pin in last].count(True) == 1, last)


def stopped_while_starting(home):
    """A command whose supervisor stops before it listens on its control socket: by then it has read
    its identity. Its first other socket has a port that is given."""
    directory = os.path.join(home.path, "bin")
    os.mkdir(directory)
    for name in ("afar", "afar-guard"):
        shutil.copy(os.path.join(BUILD, "src", name), directory)
    path = os.path.join(directory, "afar-supervisor")
    with open(path, "w") as f:
        # -DDD: the tracer is nobody's child, and the supervisor the guard's.
        f.write(f"""#!/bin/sh
[ "$1" != --new-pin ] || exec {SUPERVISOR} "$@"
exec strace -DDD -qq -o {home.trace} -e trace=bind -e inject=bind:signal=STOP:when=2 \
    {SUPERVISOR} "$@"
""")
    os.chmod(path, 0o755)
    return os.path.join(directory, "afar")


def a_pin_that_is_set_while_a_daemon_starts_is_the_one_that_lets_in():
    with Identity() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = "127.0.0.1:%d" % free.getsockname()[1]
        free.close()
        home.env.update(TRACED)
        afar = stopped_while_starting(home)
        start = subprocess.Popen(
            [afar, "start", "--listen", where, "--display", "xvfb", "--session", "exec openbox"],
            env=home.env, cwd="/", text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

        def stopped():
            return [pid for pid, line in processes_of(home.path).items()
                    if line.startswith(SUPERVISOR) and state_of(pid) in "Tt"]
        wait_for(stopped, "it stops", 20 * SLOW)
        code, out, err = home.afar("status")
        check(code == 1 and "does not answer" in err, "it listens already")
        code, out, err = home.afar("pin", "--new")
        check(code == 0 and not err, code, out, err)
        pin = re.fullmatch(r"The new PIN is (\d{8})\n", out).group(1)
        os.kill(stopped()[0], signal.SIGCONT)
        home.wait_state("ready", 30)
        host = Host.of_others("127.0.0.1", where.rsplit(":", 1)[1])
        check(lets_in(host, pin), "the old one")
        check(home.afar("stop")[0] == 0)
        # strace has the pipe too on which that one hears of success.
        said = start.communicate(timeout=60 * SLOW)[0]
        check(start.returncode == 0, said)
        home.is_free_of_processes()


tests = [
    a_save_makes_these_calls_and_no_other,
    where_no_file_is_nameless_it_is_made_under_a_name_that_nobody_has,
    after_any_crash_the_old_pin_or_the_new_one_is_there,
    after_any_crash_the_first_identity_is_whole_or_not_there,
    after_any_crash_a_deleted_hosts_configuration_is_the_old_or_an_empty_one,
    a_save_that_is_one_step_short_is_found_out,
    killed_at_any_call_it_leaves_the_old_or_the_new_and_the_next_one_works,
    what_fails_is_told_in_one_line_and_leaves_the_old_file,
    when_only_the_directory_cannot_be_synced_the_new_one_counts_and_a_warning_is_given,
    a_write_that_comes_short_is_gone_on_with,
    on_a_full_disk_the_old_file_stays_and_the_daemon_runs_on,
    two_writers_and_a_reader_see_whole_files_only_and_lose_nothing,
    a_pin_that_is_set_while_a_daemon_starts_is_the_one_that_lets_in,
]
if __name__ == "__main__":
    sys.exit(run(tests))

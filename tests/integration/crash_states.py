# SPDX-License-Identifier: BSD-3-Clause
"""What may be on the disk after a crash: every state of some files in a directory that a file
system may leave, found from a trace of the system calls that changed them (CFG-02).

Nothing but Python's standard library, and strace(1). The file system supposed here promises what
POSIX does and no more (as in Pillai et al., All File Systems Are Not Created Equal, OSDI 2014):

- data that was not followed by fsync(2) of its file may be there whole, in part, as zeros, or not;
- names that were made, moved or removed, and not followed by fsync(2) of the directory, may be so
  or not, each for itself; a rename is one step;
- what was synced stays.

A program that is killed, on a machine that runs on, is the case in which nothing of it is lost.
"""
import itertools
import os
import re

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice,"
    "ftruncate,truncate,fallocate,fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,"
    "unlinkat,close,clone,clone3,fork,vfork,execve,dup,dup2,dup3,fcntl"
)
# Names of more steps than this would have too many states; no save has half as many.
STEPS_MAX = 12


class File:
    """An inode. data: what was in it from the beginning."""

    def __init__(self, data=b""):
        self.data = data


def strace(output, *options):
    """What a command begins with, to be traced together with its children."""
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "2000000", "-o", output,
            "-e", "trace=" + CALLS, "-e", "signal=none", *options]


def text_of(word):
    """An argument that is a text."""
    return bytes.fromhex(word.strip('"').replace("\\x", ""))


def lines_of(path):
    """(pid, call, arguments, result) in the order in which calls returned; without the failed."""
    begun = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            pid, rest = line.rstrip("\n").split(None, 1)
            if rest.endswith(" <unfinished ...>"):
                begun[pid] = rest[: -len(" <unfinished ...>")]
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>", rest)
            if resumed:
                rest = begun.pop(pid) + rest[resumed.end():]
            call = re.match(r"(\w+)\((.*)\) += (-?\d+)", rest)
            if call and int(call.group(3)) >= 0:
                yield pid, call.group(1), call.group(2).split(", "), int(call.group(3))


class Recorder:
    """Reads a trace: the steps that concern files of `directory` whose name begins with `prefix`,
    as tuples: ("write", file, offset, bytes), ("size", file, n), ("sync", file), ("name", name,
    file), ("move", old, new, file), ("remove", name), ("sync names",)."""

    def __init__(self, directory, prefix, before):
        self.directory, self.prefix = directory, prefix
        self.files = {name: File(data) for name, data in before.items()}
        self.before = dict(self.files)
        self.open = {}  # pid -> fd -> [file or directory, offset, closed by exec]
        self.steps = []

    def name_in(self, path):
        path = os.path.normpath(path.decode())
        head, name = os.path.split(path)
        return name if head == self.directory and name.startswith(self.prefix) else None

    def path_of(self, pid, at, path):
        """Relative ones are none of ours, unless they begin in our directory."""
        path = text_of(path)
        if path.startswith(b"/") or at == "AT_FDCWD":
            return path
        base = self.open.get(pid, {}).get(int(at))
        return os.path.join(base[0].encode(), path) if base and isinstance(base[0], str) else path

    def opened(self, pid, path, flags, fd):
        table = self.open.setdefault(pid, {})
        table.pop(fd, None)
        closes = "O_CLOEXEC" in flags
        if os.path.normpath(path.decode()) == self.directory:
            if "O_TMPFILE" in flags:
                table[fd] = [File(), 0, closes]
            else:
                table[fd] = [self.directory, 0, closes]
            return
        name = self.name_in(path)
        if name is None:
            return
        if name not in self.files:
            self.files[name] = File()
            self.steps.append(("name", name, self.files[name]))
        elif "O_TRUNC" in flags:
            self.steps.append(("size", self.files[name], 0))
        if "O_APPEND" in flags:
            raise AssertionError("appending is not understood here")
        table[fd] = [self.files[name], 0, closes]

    def linked(self, pid, old, new):
        """From a name, or from a descriptor's name in /proc."""
        number = re.fullmatch(rb"/proc/self/fd/(\d+)", old)
        entry = self.open.get(pid, {}).get(int(number.group(1))) if number else None
        file = entry[0] if entry else self.files.get(self.name_in(old))
        name = self.name_in(new)
        if file and name:
            self.files[name] = file
            self.steps.append(("name", name, file))

    def moved(self, old, new):
        old, new = self.name_in(old), self.name_in(new)
        if old and new:
            self.files[new] = self.files.pop(old)
            self.steps.append(("move", old, new, self.files[new]))
        elif old or new:
            raise AssertionError("moving between places is not understood here")

    def removed(self, path):
        name = self.name_in(path)
        if name and self.files.pop(name, None):
            self.steps.append(("remove", name))

    def take(self, pid, call, args, result):
        table = self.open.setdefault(pid, {})
        entry = table.get(int(args[0])) if re.fullmatch(r"\d+", args[0]) else None
        if call in ("open", "creat"):
            flags = "O_CREAT|O_TRUNC" if call == "creat" else args[1]
            self.opened(pid, text_of(args[0]), flags, result)
        elif call == "openat":
            self.opened(pid, self.path_of(pid, args[0], args[1]), args[2], result)
        elif call in ("clone", "clone3", "fork", "vfork") and result:
            # A thread's table is its own here: nothing that is traced has any that writes.
            self.open[str(result)] = {fd: list(e) for fd, e in table.items()}
        elif call == "execve":
            self.open[pid] = {fd: e for fd, e in table.items() if not e[2]}
        elif call == "link":
            self.linked(pid, text_of(args[0]), text_of(args[1]))
        elif call == "linkat":
            self.linked(pid, self.path_of(pid, *args[:2]), self.path_of(pid, *args[2:4]))
        elif call == "rename":
            self.moved(text_of(args[0]), text_of(args[1]))
        elif call in ("renameat", "renameat2"):
            self.moved(self.path_of(pid, *args[:2]), self.path_of(pid, *args[2:4]))
        elif call == "unlink":
            self.removed(text_of(args[0]))
        elif call == "unlinkat":
            self.removed(self.path_of(pid, *args[:2]))
        elif entry:
            self.take_open(table, entry, call, args, result)

    def take_open(self, table, entry, call, args, result):
        """A call by a descriptor."""
        thing, at = entry[0], entry[1]
        if call == "close":
            del table[int(args[0])]
        elif call in ("dup", "dup2", "dup3") or (call == "fcntl" and args[1].startswith("F_DUPFD")):
            # An offset in common would need more: nobody here writes through both.
            table[result] = [thing, at, "CLOEXEC" in "".join(args[1:])]
        elif call == "fcntl":
            if args[1] == "F_SETFD":
                entry[2] = "FD_CLOEXEC" in args[2]
        elif call in ("fsync", "fdatasync"):
            self.steps.append(("sync names",) if thing is self.directory else ("sync", thing))
        elif call == "write":
            self.steps.append(("write", thing, at, text_of(args[1])[:result]))
            entry[1] += result
        elif call == "pwrite64":
            self.steps.append(("write", thing, int(args[3]), text_of(args[1])[:result]))
        elif call == "ftruncate":
            self.steps.append(("size", thing, int(args[1])))
        else:
            raise AssertionError(f"{call} is not understood here")


def record(trace, directory, prefix, before):
    """What the traced program did. before: name -> bytes, the files that were there."""
    recorder = Recorder(os.path.normpath(directory), prefix, before)
    for line in lines_of(trace):
        recorder.take(*line)
    return recorder


def changed(data, step):
    """The contents after a step that is done in full."""
    if step[0] == "size":
        return data[: step[2]].ljust(step[2], b"\0")
    _, _, at, new = step
    return data[:at].ljust(at, b"\0") + new + data[at + len(new):]


def in_parts(data, step):
    """What a write that was under way may leave: how far it came, and what the disk shows there."""
    if step[0] != "write":
        return
    _, file, at, new = step
    n = len(new)
    for cut in sorted({0, 1, n // 2, n - 1} & set(range(n))):
        yield changed(data, ("write", file, at, new[:cut]))
        yield changed(data, ("write", file, at, new[:cut] + b"\0" * (n - cut)))
        yield changed(data, ("write", file, at, b"\0" * (n - cut) + new[n - cut:]))


def contents(file, steps):
    """Every content that the file may have."""
    mine = [step for step in steps if len(step) > 1 and step[1] is file]
    synced = max((i + 1 for i, step in enumerate(mine) if step[0] == "sync"), default=0)
    data = file.data
    for step in mine[:synced]:
        data = changed(data, step) if step[0] in ("write", "size") else data
    found = {data}
    for step in mine[synced:]:
        # Any of the earlier ones may be missing as well.
        for old in list(found):
            found.update(in_parts(old, step))
            found.add(changed(old, step))
    return found


def names(before, steps):
    """Every directory that may be: dictionaries of name -> file."""
    kinds = ("name", "move", "remove")
    synced = max((i for i, step in enumerate(steps) if step[0] == "sync names"), default=-1)
    sure = [step for step in steps[:synced + 1] if step[0] in kinds]
    open_ones = [step for step in steps[synced + 1:] if step[0] in kinds]
    assert len(open_ones) <= STEPS_MAX, open_ones
    for chosen in itertools.product((False, True), repeat=len(open_ones)):
        found = dict(before)
        for step in sure + [step for step, done in zip(open_ones, chosen) if done]:
            if step[0] == "name":
                found[step[1]] = step[2]
            elif step[0] == "remove":
                found.pop(step[1], None)
            else:
                found.pop(step[1], None)
                found[step[2]] = step[3]
        yield found


def states_at(recorder, count):
    """The states after a crash when `count` steps were done: a set of frozensets of (name, bytes)."""
    steps = recorder.steps[:count]
    found, may_hold = set(), {}
    for entries in names(recorder.before, steps):
        order = sorted(entries)
        for file in entries.values():
            if file not in may_hold:
                may_hold[file] = contents(file, steps)
        # Two names of one file have the same in them.
        files = list({id(entries[name]): entries[name] for name in order}.values())
        for held in itertools.product(*(sorted(may_hold[file]) for file in files)):
            data = {id(file): text for file, text in zip(files, held)}
            found.add(frozenset((name, data[id(entries[name])]) for name in order))
    return found


def states(recorder):
    """(all that a crash at any moment may leave, those that one after the end may leave)"""
    count = len(recorder.steps)
    everything = set()
    for n in range(count + 1):
        everything |= states_at(recorder, n)
    return everything, states_at(recorder, count)

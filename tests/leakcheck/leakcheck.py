#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a desktop leaves behind: processes, files, sockets, shared objects, authority, mounts.

	leakcheck.py snapshot FILE [--home DIRECTORY]… [--runtime DIRECTORY] [--everything]
	leakcheck.py compare FILE [--within SECONDS]

Compares two looks, before and after. What is new counts when it can be ours: others run beside
us, also other tests as the same user. Ours is what lies in the home; who has it as HOME or has
something of it open; what names it; and what is called as programs of a desktop call their files,
unless somebody living has a hand on it, or it says that a stranger made it. With --everything
(in name spaces of one's own) it is all there is. compare prints a line for each leak and ends
with 1 when there is one.

Nothing but Python's standard library. Of processes that others may not look into, only root
sees all.
"""
import argparse
import collections
import fnmatch
import glob
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import stat
import statistics
import struct
import subprocess
import sys
import threading
import time

PUBLIC = ("/tmp", "/var/tmp", "/dev/shm", "/tmp/.X11-unix", "/tmp/.ICE-unix")
# These belong to the machine, whoever made them.
COMMON = re.compile(r"/tmp/\.(X11|ICE|font|XIM|Test)-unix$")

# How programs of a desktop call what they leave in /tmp; {} is the user's id.
CALLED = (r"\.t?X\d+-lock|\.xfsm-ICE-|afar-{}$|chromoting\.|dbus-|pulse-|server-\d+\.xkm|"
          r"serverauth\.|ssh-|xorg")
# What programs keep in the runtime directory until the end of a login.
KEPT = ("at-spi", "dconf")
# Files that are being written, of base/sys.h and of Xau.
UNDER_WAY = re.compile(r"(afar\.conf|host\.json|host#\w+\.json|\.Xauthority)\.\w{6}$|"
                       r"\.Xauthority-[cln]$")
ABSTRACT = ("@/tmp/.X11-unix/", "@/tmp/.ICE-unix/", "@/tmp/dbus-")

TICKS = os.sysconf("SC_CLK_TCK")
# In seconds: most of what is named cannot be awaited.
LOOK_AGAIN, REST, NEIGHBOURS = 0.02, 0.3, 1


class Leaked(Exception):
    pass


# --- processes ---


Stat = collections.namedtuple("Stat", "pid name state parent start")


def stat_of(pid):
    """None: there is none. start: clock ticks since boot, as in proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as f:
            head, _, tail = f.read().rpartition(")")
    except OSError:
        return None
    fields = tail.split()
    return Stat(int(pid), head.partition("(")[2], fields[0], int(fields[1]), int(fields[19]))


def all_stats():
    return [s for s in map(stat_of, filter(str.isdigit, os.listdir("/proc"))) if s]


def is_alive(pid):
    """Zombies are not: they only wait to be reaped by somebody else."""
    s = stat_of(pid)
    return s is not None and s.state != "Z"


def read_bytes(path, most=1 << 20):
    try:
        with open(path, "rb") as f:
            return f.read(most)
    except OSError:
        return b""


def command_line(pid):
    return read_bytes(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace")


def has_home(pid, home):
    """Does its environment say so?"""
    mark = b"HOME=" + home.encode()
    return any(v == mark or v.startswith(mark + b"/")
               for v in read_bytes(f"/proc/{pid}/environ").split(b"\0"))


def processes_of(home):
    """Living processes that carry this home in their environment: pid -> command line."""
    return {s.pid: command_line(s.pid) for s in all_stats()
            if s.state != "Z" and has_home(s.pid, home)}


def open_files(pid):
    """fd -> what it is, as in /proc/PID/fd. Raises OSError when it cannot be seen."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
    return found


def places(pid):
    """What of the file system it holds on to: where it is and runs from, what it has open."""
    found = []
    for name in ("cwd", "exe", "root"):
        try:
            found.append(os.readlink(f"/proc/{pid}/{name}"))
        except OSError:
            continue
    try:
        found += open_files(pid).values()
    except OSError:
        pass
    return found


def is_below(path, top):
    return path == top or path.startswith(top + "/")


def descendants(pid, stats=None):
    """Stats of all below it, zombies too."""
    below = collections.defaultdict(list)
    for s in stats or all_stats():
        below[s.parent].append(s)
    found, parents = [], [pid]
    while parents:
        children = below[parents.pop()]
        found += children
        parents += [c.pid for c in children]
    return found


def ancestors(pid):
    found = {pid}
    while (s := stat_of(pid)) and s.parent:
        pid = s.parent
        found.add(pid)
    return found


# --- what there is ---


class Owner:
    """Whose leavings count: those of a user with these homes, or, alone, everybody's."""

    tmp = "/tmp"  # where what is written to it ends up: elsewhere when it is an overlay

    def __init__(self, homes=(), runtime=None, uid=None, alone=False, since=None):
        self.homes = [os.path.realpath(home) for home in homes]
        self.runtime, self.alone = runtime, alone
        self.uid = os.getuid() if uid is None else uid
        # Who was there before is none of ours: in clock ticks, as processes have it.
        self.since = int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS) if since is None else since

    def why_ours(self, pid):
        """What of a process is ours; None: nothing."""
        if self.alone:
            return "being here"
        for home in self.homes:
            if has_home(pid, home):
                return "its HOME"
            for place in places(pid):
                if is_below(place, home):
                    return place
            if home in command_line(pid):
                return "its command line"
        # It has got away from the test, and says nothing of any home.
        if (Leaks.family and Leaks.family.has(pid) and os.getpid() not in ancestors(pid)
                and b"\0HOME=" not in b"\0" + read_bytes(f"/proc/{pid}/environ")):
            return "having left us"
        return None

    def has(self, path):
        try:
            return self.alone or os.lstat(path).st_uid == self.uid
        except OSError:
            return False


def look_processes(owner):
    found = {}
    mine = ancestors(os.getpid())
    for s in all_stats():
        if s.pid in mine or s.start < owner.since:
            continue
        if s.state == "Z":
            # The first process of a name space inherits those of others.
            if s.parent == os.getpid() != 1:
                found[f"{s.pid} {s.start}"] = f"zombie {s.pid} ({s.name})"
            continue
        why = owner.why_ours(s.pid)
        if why:
            line = command_line(s.pid) or s.name
            found[f"{s.pid} {s.start}"] = f"process {s.pid} ({line.strip()}), by {why}"
    return found


def look_public(owner):
    """Directories that everybody writes to."""
    found = {}
    for directory in PUBLIC:
        try:
            names = os.listdir(re.sub("^/tmp", owner.tmp, directory))
        except OSError:
            continue
        for name in names:
            path = os.path.join(directory, name)
            if COMMON.match(path) or path in owner.homes or not owner.has(path):
                continue
            try:
                found[f"{path} {os.lstat(path).st_ino}"] = path
            except OSError:
                continue
    return found


def sysv_objects():
    """Shared memory, semaphores and queues of System V: "shm 7" -> {column: number}."""
    found = {}
    for kind, column in (("shm", "shmid"), ("sem", "semid"), ("msg", "msqid")):
        header, *lines = read_bytes(f"/proc/sysvipc/{kind}").decode().splitlines() or [""]
        for line in lines:
            entry = dict(zip(header.split(), map(int, line.split())))
            found[f"{kind} {entry[column]}"] = entry
    return found


def look_sysv(owner):
    return {key: "SysV " + key for key, entry in sysv_objects().items()
            if owner.alone or entry["uid"] == owner.uid}


def look_abstract(owner):
    """Sockets without a file, of X and of its friends."""
    found = {}
    for line in read_bytes("/proc/net/unix", 1 << 24).decode(errors="replace").splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) == 8 and fields[7].startswith(ABSTRACT) and fields[3] == "00010000":
            found[f"{fields[7]} {fields[6]}"] = "socket " + fields[7]
    return found


def look_mounts(owner):
    found = {}
    for line in read_bytes("/proc/self/mountinfo").decode(errors="replace").splitlines():
        where = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), line.split()[4])
        if owner.alone or any(is_below(where, home) for home in owner.homes):
            found[f"{where} {line.split()[0]}"] = "mount at " + where
    return found


def authority_entries(path):
    """[(display number, hash of the whole entry)]; what cannot be read of it is one too."""
    data, found = read_bytes(path), []
    while data:
        at, parts = 2, []
        try:
            for _ in range(4):
                (n,) = struct.unpack_from(">H", data, at)
                parts.append(data[at + 2:at + 2 + n])
                at += 2 + n
        except struct.error:
            at = len(data)
        number = parts[1].decode(errors="replace") if len(parts) > 1 else "?"
        found.append((number, hashlib.sha256(data[:at]).hexdigest()[:16]))
        data = data[at:]
    return found


def is_socket(path):
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def look_homes(owner):
    """Of a home: ~/.Xauthority and its entries, locks, files under way, and sockets."""
    found = {}
    for home in owner.homes:
        path = os.path.join(home, ".Xauthority")
        if os.path.lexists(path):
            found[path] = path
        for number, digest in authority_entries(path):
            found[f"{path} {number} {digest}"] = f"entry for :{number} in {path}"
        for path in glob.glob(glob.escape(home) + "/.config/*/lock"):
            found[path] = path
        for directory, _, names in os.walk(home):
            for name in names:
                path = os.path.join(directory, name)
                if is_socket(path):
                    found[path] = "socket " + path
                elif UNDER_WAY.match(name):
                    found[path] = path
    return found


def look_runtime(owner):
    try:
        names = os.listdir(owner.runtime) if owner.runtime else ()
    except OSError:
        names = ()
    return {path: path for path in (os.path.join(owner.runtime, n) for n in names if n not in KEPT)}


LOOKS = {
    "processes": look_processes,
    "public": look_public,
    "sysv": look_sysv,
    "abstract": look_abstract,
    "mounts": look_mounts,
    "homes": look_homes,
    "runtime": look_runtime,
}


def look(owner):
    """kind -> {key: words}; a key names the same thing as long as it is there."""
    return {kind: function(owner) for kind, function in LOOKS.items()}


# --- whose it is ---


class Family:
    """Everybody who has ever been forked below this process, as the kernel tells of it.

    It tells root, outside of name spaces (linux/cn_proc.h); where nothing is to be had, or
    something was lost, everybody may be one of us."""

    NETLINK_CONNECTOR, CN_IDX_PROC, CN_VAL_PROC, LISTEN = 11, 1, 1, 1
    FORK, HEAD = 1, 36  # struct nlmsghdr and struct cn_msg before struct proc_event
    FIRST_NAME_SPACE = 0xEFFFFFFC  # linux/proc_ns.h: PROC_PID_INIT_INO
    SO_RCVBUFFORCE, ROOM = 33, 1 << 24

    def __init__(self):
        self.known, self.is_complete = {os.getpid()}, False
        self.changed = threading.Condition()
        if os.stat("/proc/self/ns/pid").st_ino != self.FIRST_NAME_SPACE:
            return  # the numbers would be those of outside
        try:
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, self.NETLINK_CONNECTOR)
            self.socket.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, self.ROOM)
            self.socket.bind((0, self.CN_IDX_PROC))
            body = struct.pack("=IIIIHHI", self.CN_IDX_PROC, self.CN_VAL_PROC, 0, 0, 4, 0, self.LISTEN)
            self.socket.send(struct.pack("=IHHII", 16 + len(body), 3, 0, 0, 0) + body)
        except OSError:
            return
        self.is_complete = True
        threading.Thread(target=self.listen, daemon=True).start()
        self.catch_up()

    def listen(self):
        while True:
            try:
                event = self.socket.recv(4096)
            except OSError:  # ENOBUFS
                self.is_complete = False
                return
            if struct.unpack_from("=I", event, self.HEAD)[0] != self.FORK:
                continue
            _, parent, child, thread_group = struct.unpack_from("=4I", event, self.HEAD + 16)
            if child != thread_group:
                continue
            with self.changed:
                if parent in self.known:
                    self.known.add(child)
                else:
                    self.known.discard(child)  # the number has come round
                self.changed.notify_all()

    def catch_up(self):
        """Until what happened before is known: then a child from now on is."""
        child = subprocess.Popen(["true"])
        child.wait()
        with self.changed:
            if not self.changed.wait_for(lambda: child.pid in self.known, 5):
                self.is_complete = False

    def has(self, pid):
        return self.is_complete and pid in self.known

    def may_have(self, pids):
        if self.is_complete:
            self.catch_up()
        return not self.is_complete or bool(self.known & set(pids))


class Holders:
    """Living processes that are not ours, and what they have their hands on."""

    def __init__(self, owner):
        self.held = set()
        for s in all_stats():
            if s.state == "Z" or s.start >= owner.since and owner.why_ours(s.pid):
                continue
            self.held.update(places(s.pid))
            # A segment of shared memory is mapped and no longer open.
            for line in read_bytes(f"/proc/{s.pid}/maps", 1 << 24).splitlines():
                if b" /dev/shm/" in line:
                    self.held.add(line.split(None, 5)[5].decode(errors="replace"))

    def have(self, path):
        return any(is_below(place, path) for place in self.held)


def is_served(path):
    """Does somebody listen? /proc/net/unix would not tell of those in another network."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as s:
        try:
            s.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it is busy, or of another type
            return True
    return True


def files_below(path):
    """The file itself, or those in a directory, not more than say whose it is."""
    if not os.path.isdir(path) or os.path.islink(path):
        return [path]
    files = (os.path.join(d, n) for d, _, names in os.walk(path) for n in names)
    return list(itertools.islice(files, 200))


def names_a_home(path, homes):
    """Does a file, or one in a directory, say whose it is?"""
    for file in files_below(path):
        if any(os.path.basename(home) in file for home in homes):
            return True
        try:
            st = os.lstat(file)
            text = os.readlink(file).encode() if stat.S_ISLNK(st.st_mode) else b""
        except OSError:
            continue
        text = text or (read_bytes(file, 1 << 14) if stat.S_ISREG(st.st_mode) else b"")
        if any(home.encode() in text for home in homes):
            return True
    return False


def makers(path):
    """The pids that say who made it: in an X server's lock, as the name of a session manager's
    socket and in its notes, and in that of an agent's. Empty: it does not tell."""
    if re.search(r"/\.t?X\d+-lock$", path):
        text = read_bytes(path, 64).strip()
        return [int(text)] if text.isdigit() else []
    names = [path, *(files_below(path) if os.path.isdir(path) else ())]
    if "/.xfsm-ICE-" in path:
        names.append(read_bytes(path, 4096).decode(errors="replace"))
    return [int(n) for name in names for n in re.findall(r"(?:/\.ICE-unix/|/agent\.)(\d+)", name)]


def display_number(path):
    """Of an X server's socket or lock; None: it is neither."""
    match = re.fullmatch(r"/tmp/\.(?:X11-unix/X(\d+)|t?X(\d+)-lock)", path)
    return int(match[1] or match[2]) if match else None


class Leaks:
    """What there was when this was made; check() says what is new and should not be.

    displays() gives the numbers that ours have had: a server that a neighbour killed leaves its
    socket as ours would. None: any. allowed: patterns of what may be left nevertheless (fnmatch
    of path or words)."""

    family = None  # a Family, of tests that start themselves what they look at

    def __init__(self, homes=(), runtime=None, uid=None, alone=False, displays=None):
        self.owner = Owner(homes, runtime, uid, alone)
        self.before = look(self.owner)
        self.displays, self.allowed = displays, []

    def allow(self, *patterns):
        self.allowed += patterns

    def find(self, allowed=()):
        """In words, what is left now."""
        made = []

        def holders():
            if not made:
                made.append(Holders(self.owner))
            return made[0]
        patterns = [*self.allowed, *allowed]
        return sorted(
            words
            for kind, items in look(self.owner).items()
            for key, words in items.items()
            if key not in self.before[kind]
            and not any(fnmatch.fnmatch(words, p) for p in patterns)
            and self.may_be_ours(kind, key, holders)
        )

    def may_be_one_of_us(self, pids):
        return self.family is None or self.family.may_have(pids)

    def may_be_ours(self, kind, key, holders):
        """Of what is new. holders(): they are looked for only when the answer depends on them."""
        owner = self.owner
        if kind == "abstract":
            # Who is neither ours nor somebody else's is just being closed.
            mark = f"socket:[{key.rpartition(' ')[2]}]"
            return any(mark in places(s.pid) for s in all_stats()
                       if s.pid == os.getpid() or s.start >= owner.since and owner.why_ours(s.pid))
        if owner.alone:
            return True
        if kind == "public":
            path = key.rpartition(" ")[0]
            return os.path.lexists(path) and self.may_be_our_file(path, holders)
        if kind == "sysv":
            entry = sysv_objects().get(key, {"nattch": 1})
            # Of a toolkit (cairo) that was killed as it tried whether shared memory works.
            if entry.get("size") == 4096 and entry.get("lpid") == 0:
                return False
            creator = entry.get("cpid")  # of semaphores and queues nobody knows
            return not entry.get("nattch") and (creator is None or self.may_be_one_of_us([creator]))
        return True

    def may_be_our_file(self, path, holders):
        directory, name = os.path.split(path)
        if directory in ("/tmp", "/var/tmp"):
            if names_a_home(path, self.owner.homes):
                return not holders().have(path)
            if not re.match(CALLED.format(self.owner.uid), name):
                return False
        number, pids = display_number(path), makers(path)
        if number is not None and self.displays and number not in self.displays():
            return False
        if pids and not self.may_be_one_of_us(pids):
            return False
        if name.endswith("-lock") and any(map(is_alive, pids)):
            return False
        sockets = list(filter(is_socket, files_below(path)))
        return not any(map(is_served, sockets)) and (sockets == [path] or not holders().have(path))

    def check(self, seconds=5, allowed=()):
        """What is ending may take this time. Once nobody of ours lives, there is only what a
        neighbour is just about to remove; to wait longer would be to let him remove what is ours."""
        end = time.monotonic() + seconds
        while left := self.find(allowed):
            if not any(words.startswith("process ") for words in left):
                end = min(end, time.monotonic() + NEIGHBOURS)
            if time.monotonic() >= end:
                raise Leaked("left over: " + "; ".join(left))
            time.sleep(LOOK_AGAIN)

    def save(self, path):
        with open(path, "w") as f:
            json.dump({"owner": vars(self.owner), "before": self.before}, f)

    @classmethod
    def load(cls, path):
        self = cls.__new__(cls)
        with open(path) as f:
            saved = json.load(f)
        self.owner, self.before = Owner(**saved["owner"]), saved["before"]
        self.displays, self.allowed = None, []
        return self


# --- what lives long ---


def kind_of(link):
    """socket:[7] is a socket, anon_inode:[eventfd] an eventfd, and a file is its path."""
    if match := re.match(r"(socket|pipe|net|mnt):\[", link):
        return match[1]
    if match := re.match(r"anon_inode:\[?([\w-]+)", link):
        return match[1]
    return "memfd" if link.startswith("/memfd:") else link


class Fds:
    """How many descriptors a process has open, of which kinds.

    Two looks compare when the process does the same both times: is ready, say, with no viewer
    and no command under way."""

    def __init__(self, pid):
        self.pid = pid
        self.kinds = collections.Counter(map(kind_of, open_files(pid).values()))

    @classmethod
    def at_rest(cls, pid):
        """Once nothing has changed for a moment: what the last command left is closed then."""
        fds, since = cls(pid), time.monotonic()
        while time.monotonic() - since < REST:
            time.sleep(LOOK_AGAIN)
            if (now := cls(pid)).since(fds):
                fds, since = now, time.monotonic()
        return fds

    def __len__(self):
        return sum(self.kinds.values())

    @property
    def deleted(self):
        """Files that nobody can reach by a name any more, without those that never had one."""
        return sorted(k for k in self.kinds if k.endswith(" (deleted)"))

    def since(self, before):
        """In words what is different; empty: nothing."""
        kinds = self.kinds.keys() | before.kinds.keys()
        changes = {k: self.kinds[k] - before.kinds[k] for k in sorted(kinds)}
        return ", ".join(f"{n:+d} {k}" for k, n in changes.items() if n)

    def settle(self, seconds=5):
        """Waits until the process has the same as now, no more and no less."""
        end = time.monotonic() + seconds
        while changes := type(self)(self.pid).since(self):
            if time.monotonic() >= end:
                raise Leaked(f"descriptors of {self.pid} ({command_line(self.pid).strip()}): {changes}")
            time.sleep(LOOK_AGAIN)


def rss_kib(pid):
    """Resident memory in KiB. /proc/PID/status is off by what each processor has not yet told."""
    text = read_bytes(f"/proc/{pid}/smaps_rollup") or read_bytes(f"/proc/{pid}/status")
    return int(re.search(rb"^(?:Rss|VmRSS):\s+(\d+) kB", text, re.M)[1])


def slope(points):
    """Of the line through (x, y), y for each x: the median of the slopes between any two (Theil and
    Sen). The least squares would go by the few rests that stand out: how much of a new display's
    picture has been read, which counts as resident, differs."""
    return statistics.median((b[1] - a[1]) / (b[0] - a[0])
                             for a, b in itertools.combinations(points, 2))


class Slopes:
    """What many deaths, viewers or hours cost those who live through them.

    pids: name -> pid of who lives on (guard, supervisor, host). guard: all of the home are below
    it, or below the test."""

    def __init__(self, pids, guard=None, home=None):
        self.pids, self.guard, self.home = dict(pids), guard, home
        self.fds = {name: Fds.at_rest(pid) for name, pid in self.pids.items()}
        self.rss = {name: rss_kib(pid) for name, pid in self.pids.items()}

    def growth_kib(self):
        return {name: rss_kib(pid) - self.rss[name] for name, pid in self.pids.items()}

    def zombies(self):
        return [s for s in descendants(self.guard) if s.state == "Z"] if self.guard else []

    def orphans(self):
        """Of the home, and neither below the guard nor below us: pid -> command line."""
        if not self.guard or not self.home:
            return {}
        stats = all_stats()
        known = {s.pid for top in (self.guard, os.getpid()) for s in descendants(top, stats)}
        return {pid: line for pid, line in processes_of(self.home).items()
                if pid not in known | {self.guard, os.getpid()}}

    def check(self, rss_kib=256, seconds=5):
        """Each has as many descriptors as before and at most so much more memory (None: it does not
        matter, as under ASan, which keeps what is freed); whoever ended is reaped, and nobody has
        got away."""
        for fds in self.fds.values():
            fds.settle(seconds)
        end = time.monotonic() + seconds
        while (zombies := self.zombies()) or (orphans := self.orphans()):
            if time.monotonic() >= end:
                raise Leaked(f"zombies: {zombies}" if zombies else f"orphans: {orphans}")
            time.sleep(LOOK_AGAIN)
        grown = self.growth_kib()
        if rss_kib is not None and max(grown.values(), default=0) > rss_kib:
            raise Leaked(f"grown by more than {rss_kib} KiB: {grown}")


# --- by hand ---


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("snapshot", help="what there is before")
    one.add_argument("file")
    one.add_argument("--home", action="append", default=[], help="what is below it is ours")
    one.add_argument("--runtime", help="the runtime directory")
    one.add_argument("--everything", action="store_true", help="nobody else is here")
    other = commands.add_parser("compare", help="what there is more now")
    other.add_argument("file")
    other.add_argument("--within", type=float, default=5, help="seconds for what is just ending (5)")
    args = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    if args.command == "snapshot":
        Leaks(args.home, args.runtime, alone=args.everything).save(args.file)
        return 0
    leaks = Leaks.load(args.file)
    try:
        leaks.check(args.within, allowed=[os.path.realpath(args.file)])
    except Leaked:
        for words in leaks.find(allowed=[os.path.realpath(args.file)]):
            print(words)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

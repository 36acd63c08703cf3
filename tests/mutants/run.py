#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are the tests worth anything? Puts one fault at a time into the code, and expects them to fail.

run.py [--list | --check] [--only PATTERN]… [--build DIRECTORY]

A copy of the source tree is built once. For each NAME.mutant here its line is changed, the copy
built anew, and the tests that it names run: it is killed when each of them fails. The last line is
"N passed, N failed", passed being those killed. Exits with 0 when all are.

--list      what there is
--check     only that each still fits the code, one TAP line each
--only      those whose name matches, as a shell would; may be repeated
--build     keeps the copy there and uses it again

NAME.mutant:

	ids: SUP-3, INH-3              lines of the contract that it breaks (conformance/ids.txt)
	file: src/supervisor/relaunch.c
	tests: relaunch policy         meson's names; each of them must fail
	  		self->n_short = 0;     context, when the line alone is not unique
	-	else if (!expected)
	+	else if (expected)

The lines behind "-" and those of the context, which have a space there, stand in the file together
and whole, exactly once. "#" begins a comment.
"""
import argparse
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIELDS = ("ids", "file", "tests")
TEST_LIMIT_SECONDS = 300


class Bad(Exception):
    pass


class Mutant:
    def __init__(self, path):
        self.name = os.path.basename(path)[: -len(".mutant")]
        self.fields, self.old, self.new = {}, [], []
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                self.take(line.rstrip("\n"))
        missing = [field for field in FIELDS if not self.fields.get(field)]
        if missing or self.old == self.new:
            raise Bad(f"{self.name}.mutant lacks {' and '.join(missing) or 'a change'}")
        self.file = self.fields["file"]
        self.tests = self.fields["tests"].split()

    def take(self, line):
        field, _, value = line.partition(":")
        if field in FIELDS:
            self.fields[field] = value.strip()
        elif line[:1] in ("-", " "):
            self.old.append(line[1:])
        if line[:1] in ("+", " "):
            self.new.append(line[1:])
        elif line[:1] not in ("-", "#", "") and field not in FIELDS:
            raise Bad(f"{self.name}.mutant: '{line}' is not understood")

    def apply(self, text):
        """The faulty text; it must fit exactly once."""
        lines, n = text.split("\n"), len(self.old)
        places = [i for i in range(len(lines) - n + 1) if lines[i : i + n] == self.old]
        if len(places) != 1:
            raise Bad(f"{self.name} fits {self.file} {len(places)} times")
        lines[places[0] : places[0] + n] = self.new
        return "\n".join(lines)


def read_text(root, path):
    try:
        with open(os.path.join(root, path), encoding="utf-8") as f:
            return f.read()
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error


def all_mutants(patterns):
    names = sorted(name for name in os.listdir(HERE) if name.endswith(".mutant"))
    if patterns:
        names = [n for n in names if any(fnmatch.fnmatch(n[:-7], p) for p in patterns)]
    return [os.path.join(HERE, name) for name in names]


def check_all(paths):
    failed = 0
    print(f"1..{len(paths)}")
    for number, path in enumerate(paths, 1):
        name, why = os.path.basename(path)[:-7], ""
        try:
            mutant = Mutant(path)
            mutant.apply(read_text(ROOT, mutant.file))
        except Bad as error:
            failed, why = failed + 1, f"\n# {error}"
        print(f"{'not ' if why else ''}ok {number} - {name} fits once{why}")
    return 1 if failed else 0


# --- the copy ---


def source_files():
    listed = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, capture_output=True, check=True)
    return [name for name in done.stdout.decode().split("\0") if name]


class Copy:
    """The source tree, and its build."""

    def __init__(self, directory):
        self.root = os.path.realpath(directory)
        self.build = os.path.join(self.root, "build-mutants")

    def refresh(self):
        """What is the same keeps its time, or everything would be built again."""
        for name in source_files():
            source, target = os.path.join(ROOT, name), os.path.join(self.root, name)
            if not os.path.isfile(source):
                continue
            if os.path.isfile(target) and os.path.getsize(source) == os.path.getsize(target):
                with open(source, "rb") as a, open(target, "rb") as b:
                    if a.read() == b.read():
                        continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)

    def run(self, argv, limit=None):
        """(exit status, what it said); None as status: over its limit."""
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", cwd=self.root, start_new_session=True,
            env={**os.environ, "AFAR_TEST_ONE_FAILURE": "1"},
        )
        try:
            said, _ = process.communicate(timeout=limit)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]

    def make(self):
        script = os.path.join(self.root, "packaging", "build.sh")
        status, said = self.run([script, self.build, "-Dtests=enabled"])
        if status != 0:
            raise Bad("the copy cannot be built:\n" + said)

    def rebuild(self):
        status, said = self.run(["ninja", "-C", self.build])
        return "" if status == 0 else said

    def known(self):
        """The names of all tests."""
        _, said = self.run(["meson", "test", "-C", self.build, "--no-rebuild", "--list"])
        return {line.split(" / ")[-1].strip() for line in said.splitlines()}

    def failing(self, names):
        """Those of these tests that fail."""
        log = os.path.join(self.build, "meson-logs", "testlog.json")
        if os.path.exists(log):
            os.unlink(log)
        argv = ["meson", "test", "-C", self.build, "--no-rebuild", *names]
        _, output = self.run(argv, TEST_LIMIT_SECONDS * len(names))
        try:
            with open(log, encoding="utf-8", errors="replace") as lines:
                results = [json.loads(line) for line in lines if line.strip()]
        except OSError:
            raise Bad("no such test among " + " ".join(names) + ":\n" + output[-2000:]) from None
        # Meson puts suites before a name. Two of one name, a unit test and a corpus, are one here.
        said = {name: set() for name in names}
        for result in results:
            said[result["name"].split(" / ")[-1].split(":")[-1]].add(result["result"])
        skipped = [name for name in names if said[name] == {"SKIP"}]
        if skipped:
            raise Bad(" ".join(skipped) + " cannot run here")
        # Without a result it was over our own limit.
        well = {"OK", "EXPECTEDFAIL", "SKIP"}
        return [name for name in names if not said[name] or not said[name] <= well]


def try_mutant(copy, mutant):
    """What is wrong; "" when it was killed."""
    path = os.path.join(copy.root, mutant.file)
    right = read_text(copy.root, mutant.file)
    faulty = mutant.apply(right)
    try:
        with open(path, "w", encoding="utf-8") as out:
            out.write(faulty)
        said = copy.rebuild()
        if said:
            return "does not compile:\n" + "\n".join(said.splitlines()[-15:])
        failing = copy.failing(mutant.tests)
        passing = [name for name in mutant.tests if name not in failing]
        return "survived: " + " ".join(passing) + " passed" if passing else ""
    finally:
        with open(path, "w", encoding="utf-8") as out:
            out.write(right)


def what_is_useless(mutant, known, broken):
    for name in mutant.tests:
        if name not in known:
            return f"there is no test '{name}'"
        if name in broken:
            return f"{name} fails without a fault too"
    return ""


def try_all(copy, paths):
    start = time.monotonic()
    copy.refresh()
    copy.make()
    mutants, passed, failed = [], 0, 0
    for path in paths:
        try:
            mutants.append(Mutant(path))
        except Bad as error:
            failed += 1
            print(f"not ok  {error}", flush=True)
    known = copy.known()
    names = sorted({name for mutant in mutants for name in mutant.tests if name in known})
    broken = copy.failing(names) if names else []
    # Beside the others some may have been too slow.
    broken = [name for name in broken if copy.failing([name])]
    print(f"built, and {len(names)} tests run without a fault: {time.monotonic() - start:.0f} s",
          flush=True)
    for mutant in mutants:
        start = time.monotonic()
        try:
            why = what_is_useless(mutant, known, broken) or try_mutant(copy, mutant)
        except (Bad, OSError) as error:
            why = str(error)
        passed, failed = passed + (not why), failed + bool(why)
        print(f"{'not ok' if why else 'killed'}  {time.monotonic() - start:6.1f} s  {mutant.name}"
              f"  ({mutant.fields['ids']})" + (f": {why}" if why else ""), flush=True)
    copy.rebuild()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description="one fault at a time")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", metavar="PATTERN", default=[])
    parser.add_argument("--build", metavar="DIRECTORY")
    options = parser.parse_args()
    # A shell ignores these for what it starts in the background, and tests would inherit that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    paths = all_mutants(options.only)
    if options.check:
        return check_all(paths)
    try:
        if options.list:
            for mutant in map(Mutant, paths):
                print(f"{mutant.name:32} {mutant.fields['ids']:24} {' '.join(mutant.tests)}")
            return 0
        if options.build:
            os.makedirs(options.build, exist_ok=True)
            return try_all(Copy(options.build), paths)
        with tempfile.TemporaryDirectory(prefix="afar-mutants-", dir="/var/tmp") as scratch:
            return try_all(Copy(scratch), paths)
    except Bad as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())

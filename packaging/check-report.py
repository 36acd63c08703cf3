#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts single tests in meson's test logs, for check.sh.

check-report.py suite BUILD SUITE LOG END START RESULTS: one line about a suite, and
what went wrong in it; adds "passed failed" to RESULTS.
check-report.py total RESULTS: the last line; exits with 1 unless all is well.

A test that prints TAP lines counts as many; any other as one. One that ends
badly without saying which of its tests failed counts as one failure more.
"""

import json
import re
import sys

TAP = re.compile(r"^\s*(not )?ok\b(.*)$", re.MULTILINE)


def count(test):
    """(passed, failed, skipped) of one entry of the log."""
    if test["result"] == "SKIP":
        return 0, 0, 1
    passed = failed = skipped = 0
    for bad, rest in TAP.findall(test.get("stdout") or ""):
        if re.search(r"#\s*skip", rest, re.IGNORECASE):
            skipped += 1
        elif bad:
            failed += 1
        else:
            passed += 1
    well = test["result"] in ("OK", "EXPECTEDFAIL")
    if not well and not failed:
        failed = 1
    elif well and not passed and not failed and not skipped:
        passed = 1
    return passed, failed, skipped


def what_failed(said):
    """Each "not ok" with the lines up to the next result; the end when there is none."""
    lines, failed, inside = said.splitlines(), [], False
    for line in lines:
        result = TAP.match(line)
        if result:
            inside = bool(result.group(1))
        if inside:
            failed.append(line)
    return failed or lines[-25:]


def report_suite(build, suite, log, end, start, results):
    tests = []
    try:
        with open(log, encoding="utf-8", errors="replace") as lines:
            tests = [json.loads(line) for line in lines if line.strip()]
    except FileNotFoundError:
        pass
    if not tests:
        return
    totals = [sum(column) for column in zip(*map(count, tests))]
    passed, failed, skipped = totals
    text = f"    {build:6} {suite:12} {float(end) - float(start):6.1f} s  {passed:5} passed"
    if failed:
        text += f", {failed} failed"
    if skipped:
        text += f", {skipped} skipped"
    print(text, flush=True)
    for test in tests:
        if count(test)[1]:
            print(f"--- {build} {test['name']}: {test['result']}")
            print("\n".join(what_failed(test.get("stdout") or "")))
            print("\n".join((test.get("stderr") or "").splitlines()[-25:]), flush=True)
    with open(results, "a", encoding="utf-8") as out:
        out.write(f"{passed} {failed}\n")


def report_total(results):
    try:
        with open(results, encoding="utf-8") as lines:
            rows = [tuple(map(int, line.split())) for line in lines]
    except FileNotFoundError:
        rows = []
    passed = sum(row[0] for row in rows)
    failed = sum(row[1] for row in rows)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if sys.argv[1] == "suite":
    report_suite(*sys.argv[2:])
else:
    sys.exit(report_total(sys.argv[2]))

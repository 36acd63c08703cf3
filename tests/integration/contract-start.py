#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The contract from the start of the child process to READY: configuration, sizes, the message
pipe, the log.

contract-start.py [BUILD-DIRECTORY]. Real daemon and Xvfb, all else is fake.
"""
import datetime
import json
import os
import re
import sys

from contract_home import *
from hosting import *

RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}:(DEBUG|INFO|WARNING|ERROR):")


def nothing_was_started(home):
    check(not home.hosts() and not home.launches("session"), os.listdir(home.fakes))


def records(daemon):
    """Texts of the log's records, without time and level."""
    return [RECORD.sub("", line) for line in daemon.log.texts() if RECORD.match(line)]


def size_of(argv):
    return argv[argv.index("-screen") + 2]


# CFG-2
def a_configuration_that_cannot_be_loaded_is_told_on_stderr_alone():
    for text in (None, "", "{", '{"host_id": }', "nonsense"):
        with ContractHome(config=None) as home:
            if text is not None:
                home.write(home.config_file, text)
            daemon = home.start()
            check(daemon.exit_status() == 1, text)
            daemon.log.wait_end()
            daemon.news.wait_end()
            said = [line for line in daemon.log.texts() if "Failed to load config: " in line]
            check(len(said) == 1 and len(said[0]) > len("Failed to load config: "), text, said)
            check(not [m for m in daemon.messages() if "Failed to load" in m], daemon.messages())
            check("READY" not in daemon.messages(), text)
            nothing_was_started(home)


# CFG-3, TERM-3, MSG-4
def a_configuration_without_what_a_host_needs_is_refused():
    wrong = [{k: v for k, v in CONFIG.items() if k != key}
             for key in ("host_name", "private_key", "host_id", "service_account",
                         "oauth_refresh_token")]
    wrong += [{**CONFIG, "host_id": ""}, {**CONFIG, "host_id": None},
              {**CONFIG, "service_account": None}, {**CONFIG, "oauth_refresh_token": None}, {}]
    for config in wrong:
        with ContractHome(config) as home:
            daemon = home.start()
            check(daemon.exit_status() == 1, config)
            daemon.log.wait_end()
            daemon.news.wait_end()
            check("Failed to load host configuration." in records(daemon), daemon.log.texts())
            check("Cleanup." in records(daemon), daemon.log.texts())
            check("MSG:Failed to load host configuration." in daemon.messages(), daemon.messages())
            check("READY" not in daemon.messages(), config)
            nothing_was_started(home)


# CFG-3, CFG-4
def nothing_but_what_a_host_needs_is_needed():
    least = {k: CONFIG[k] for k in ("host_id", "private_key", "oauth_refresh_token")}
    least["host_name"] = None
    for login in ({"service_account": "a"}, {"xmpp_login": "b"},
                  {"service_account": None, "xmpp_login": "b"}):
        with ContractHome({**least, **login}) as home:
            daemon = home.up()
            check(json.loads(home.wait_host().stdin()) == {**least, **login})
            check(daemon.stop() == 0)


# CFG-1, CFG-5, CFG-7
def the_host_gets_all_of_the_configuration_in_its_order_and_the_end_of_the_file():
    text = json.dumps({**CONFIG, "1st": 1, "große Zahl": 12345678901234567, "x": {"b": 1, "a": 2}})
    with ContractHome(config=None) as home:
        home.write(home.config_file, text)
        daemon = home.up()
        came = home.wait_host().stdin()
        check(came.isascii(), came)
        pairs = lambda data: json.loads(data, object_pairs_hook=list)
        check(pairs(came) == pairs(text), came)
        check("Using host_id: " + CONFIG["host_id"] in records(daemon), records(daemon))
        check(text.encode() == open(home.config_file, "rb").read(), "it was changed")
        daemon.stop()


# MSG-1, MSG-3, SIG-3, HL-2
def the_message_pipe_has_every_record_and_ready_when_the_host_says_so():
    with ContractHome() as home:
        home.gate("gate")
        home.tell_host("read\nawait gate\nready\nhang\n")
        daemon = home.start()
        home.wait_host().stdin()
        session = home.wait_launch("session")
        check("READY" not in daemon.messages(), "released before the host was ready")
        home.open_gate("gate")
        daemon.news.wait_end()
        daemon.wait_line("Host ready to receive connections.")
        *messages, last = daemon.messages()
        check(last == "READY", last)
        # What children print meanwhile may stand on the same line.
        log, at = "\n".join(daemon.log.texts()), 0
        for message in messages:
            check(message.startswith("MSG:"), message)
            at = log.find(message[len("MSG:") :], at)
            check(at >= 0, "not in the log, or not in that order:", message)
        check(messages[-1] == "MSG:Host ready to receive connections.", messages[-1])
        for launch in (session, home.hosts()[0]):
            check(str(MESSAGE_FD) not in launch.fds, "a child has the pipe:", launch.fds)
        # What is logged later goes to nobody, and the host's signal a second time to nobody either.
        os.kill(home.hosts()[0].pid, 0)
        daemon.stop()
        check(daemon.messages()[-1] == "READY" and daemon.messages().count("READY") == 1)


# MSG-1
def without_a_message_pipe_it_starts_all_the_same():
    with ContractHome() as home:
        daemon = home.start(messages=False)
        daemon.wait_line("Host ready to receive connections.")
        check(not [t for t in records(daemon) if "READY" in t], records(daemon))
        check(daemon.stop() == 0)


# MSG-3
def who_waited_and_went_away_is_no_trouble():
    with ContractHome() as home:
        home.gate("gate")
        home.tell_host("read\nawait gate\nready\nhang\n")
        daemon = home.start(hear=False)
        home.wait_launch("session")
        home.open_gate("gate")
        daemon.wait_line("Host ready to receive connections.")
        daemon.wait_line("Caught IOError writing READY message.")
        check(daemon.process.poll() is None, "it ended")
        check(daemon.stop() == 0)


# MSG-2
def no_name_of_a_file_can_forge_a_line():
    with ContractHome() as home:
        folder = home.make("a\nREADY\nMSG:forged\n2026-01-01 00:00:00,000:ERROR:forged")
        home.env["HOME"] = folder
        os.rename(os.path.join(home.path, ".config"), os.path.join(folder, ".config"))
        home.write(os.path.join(folder, ".chrome-remote-desktop-session"), home.run_fake("session"),
                   0o755)
        config = os.path.join(folder, ".config", NAME, os.path.basename(home.config_file))
        daemon = home.start(config=config)
        home.wait_launch("session")
        daemon.news.wait_end()
        check(all(m.startswith("MSG:") for m in daemon.messages()[:-1]), daemon.messages())
        check(daemon.messages()[-1] == "READY", daemon.messages())
        check(not [l for l in daemon.log.texts() if re.match(r"READY|MSG:|2026-01-01", l)],
              daemon.log.texts())
        check(daemon.stop() == 0)


# LOG-1
def records_have_local_time_and_level():
    with ContractHome() as home:
        daemon = home.up(env={"TZ": "AHEAD-11:30"})
        first = next(line for line in daemon.log.texts() if RECORD.match(line))
        said = datetime.datetime.strptime(first[:19], "%Y-%m-%d %H:%M:%S")
        wanted = datetime.datetime.utcnow() + datetime.timedelta(hours=11, minutes=30)
        check(abs((said - wanted).total_seconds()) < 60, first)
        daemon.stop()


# LOG-2, LOG-3, LSES-1, TERM-3
def the_lines_that_others_look_for_are_there_in_order():
    with ContractHome() as home:
        daemon = home.up()
        host, session = home.wait_host(), home.wait_launch("session")
        check(daemon.stop() == 0)
        daemon.log.wait_end()
        said = records(daemon)
        argv = "[" + ", ".join(f"'{a}'" for a in host.argv) + "]"
        display = session.env["DISPLAY"]
        script = os.path.join(home.path, ".chrome-remote-desktop-session")
        wanted = [
            "Using host_id: " + CONFIG["host_id"],
            "Launching X server and X session.",
            "Setting up and launching session",
            "Starting Xvfb on display " + display,
            "X server is active.",
            f"Launching X session: ['/bin/sh', '-c', '{script}']",
            "Launching host process",
            argv,
            "Host ready to receive connections.",
            "Caught signal: 15",
            "Cleanup.",
            f"Sending SIGTERM to host proc (pid={host.pid})",
        ]
        at = -1
        for text in wanted:
            check(text in said[at + 1:], f"'{text}' is not there, or not in this place:", said)
            at = said.index(text, at + 1)


# SIZE-1, SIZE-3, CONST-1, CONST-2, XVFB-1
def sizes_come_from_options_or_the_variable_or_are_built_in():
    cases = [
        ((), None, "3840x2560x24"),
        ((), "800x600", "800x600x24"),
        ((), "800x600,640x900,700x700", "800x900x24"),
        (("--size=320x400", "-s", "500x200"), "800x600", "500x400x24"),
        (("--size", "700x500"), "nonsense", "700x500x24"),
    ]
    for options, variable, wanted in cases:
        with ContractHome() as home:
            home.fake_x("Xvfb", "become /usr/bin/Xvfb\n")
            home.env.pop("CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES")
            if variable:
                home.env["CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES"] = variable
            daemon = home.up(*options)
            came = size_of(home.launches("Xvfb")[0].argv)
            check(came == wanted, options, variable, came)
            daemon.stop()


# SIZE-2, CLI-2, START-6
def a_size_that_is_none_is_told_before_anything_else():
    cases = {
        "Incorrect size format '{}', should be WIDTHxHEIGHT":
            ["", "x", "1600", "1600x", "x1200", "1600x1200x1", "1600×1200", "1e3x500", "800x600,700x700"],
        "Width and height should be 100 pixels or greater": ["99x100", "100x99", "0x10"],
    }
    for message, sizes in cases.items():
        for size in sizes:
            # That there is no configuration would come later.
            with ContractHome(config=None) as home:
                daemon = home.start(f"--size={size}")
                check(daemon.exit_status() == 2, size)
                daemon.log.wait_end()
                said = "\n".join(daemon.log.texts())
                check(message.format(size) in said, size, said)


# SIZE-2, N-3
def a_variable_that_makes_no_sense_is_told_and_not_heeded():
    for variable in ("nonsense", "99x99", "1600×1200", "x" * 100000):
        with ContractHome() as home:
            home.fake_x("Xvfb", "become /usr/bin/Xvfb\n")
            home.env["CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES"] = variable
            daemon = home.up()
            check(size_of(home.launches("Xvfb")[0].argv) == "3840x2560x24", variable)
            errors = [line for line in daemon.log.texts() if ":ERROR:" in line]
            check("CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES" in errors[0], errors)
            check(daemon.stop() == 0)


# START-8
def the_hosts_extra_arguments_are_words_without_quotes():
    cases = [
        (None, []),
        ("", [""]),
        ("  --one \t --two=2\n --three ", ["--one", "--two=2", "--three"]),
        ("--name=\"two words\" 'x $(touch canary) ;|&", ['--name="two', 'words"', "'x", "$(touch",
                                                          "canary)", ";|&"]),
    ]
    for variable, wanted in cases:
        with ContractHome() as home:
            if variable is not None:
                home.env["CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS"] = variable
            daemon = home.up()
            argv = home.wait_host().plain_argv()
            check(argv[-1] == "--signal-parent" and argv[3:-1] == wanted, argv)
            daemon.stop()


# START-9
def a_wayland_desktop_is_refused_for_there_is_none_yet():
    with ContractHome() as home:
        home.env["CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS"] = "--x --enable-wayland"
        daemon = home.start()
        check(daemon.exit_status() == 1)
        check("Wayland" in "\n".join(daemon.messages()), daemon.messages())
        nothing_was_started(home)
    with ContractHome() as home:
        home.env["CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS"] = "--enable-waylandish"
        daemon = home.up()
        check("--enable-waylandish" in home.wait_host().argv)
        daemon.stop()


# START-10, CRU-1
def the_crash_uploader_runs_with_consent_only():
    cases = [
        ({}, False),
        ({"host_owner": "a@google.com"}, True),
        ({"host_owner": "a@google.com.example.com"}, False),
        ({"host_owner": ""}, False),
        ({"usage_stats_consent": True}, True),
        ({"usage_stats_consent": 1}, True),
        ({"usage_stats_consent": "no"}, True),
        ({"usage_stats_consent": False}, False),
        ({"usage_stats_consent": None}, False),
        ({"usage_stats_consent": ""}, False),
        ({"usage_stats_consent": {}}, False),
    ]
    for keys, wanted in cases:
        with ContractHome({**CONFIG, **keys}) as home:
            daemon = home.up()
            if wanted:
                uploader = home.wait_launch("crash-uploader")
                check(uploader.argv == [os.path.join(home.dir, "crash-uploader")], uploader.argv)
                check(uploader.env["CHROME_REMOTE_DESKTOP_SESSION"] == "1")
                check(uploader.fork >= home.wait_host().fork, "it came before the host")
            daemon.stop()
            check(bool(home.launches("crash-uploader")) == wanted, keys)


# CONST-8
def no_interpreter_but_the_shell_is_needed():
    with ContractHome() as home:
        for name in ("Xvfb", "dbus-daemon", "sh"):
            os.symlink(shutil.which(name), os.path.join(home.bin, name))
        daemon = home.up(env={"PATH": home.bin})
        check(daemon.stop() == 0)


# CONST-7
def its_programs_are_beside_the_name_that_was_called():
    with ContractHome() as home:
        check(os.path.islink(home.script), "the command itself lies elsewhere")
        daemon = home.up()
        check(home.wait_host().argv[0] == f"{home.dir}/{NAME}-host", home.wait_host().argv)
        daemon.stop()


tests = [
    a_configuration_that_cannot_be_loaded_is_told_on_stderr_alone,
    a_configuration_without_what_a_host_needs_is_refused,
    nothing_but_what_a_host_needs_is_needed,
    the_host_gets_all_of_the_configuration_in_its_order_and_the_end_of_the_file,
    the_message_pipe_has_every_record_and_ready_when_the_host_says_so,
    without_a_message_pipe_it_starts_all_the_same,
    who_waited_and_went_away_is_no_trouble,
    no_name_of_a_file_can_forge_a_line,
    records_have_local_time_and_level,
    the_lines_that_others_look_for_are_there_in_order,
    sizes_come_from_options_or_the_variable_or_are_built_in,
    a_size_that_is_none_is_told_before_anything_else,
    a_variable_that_makes_no_sense_is_told_and_not_heeded,
    the_hosts_extra_arguments_are_words_without_quotes,
    a_wayland_desktop_is_refused_for_there_is_none_yet,
    the_crash_uploader_runs_with_consent_only,
    no_interpreter_but_the_shell_is_needed,
    its_programs_are_beside_the_name_that_was_called,
]
if __name__ == "__main__":
    sys.exit(run(tests))

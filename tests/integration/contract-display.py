#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The contract about the display: which X server, its number, arguments, configuration and
authority, when it is ready, and how its keys and modes are set.

contract-display.py [BUILD-DIRECTORY]. Real daemon, Xorg and Xvfb, and fakes of these; all else is
fake. Needs root for mount namespaces.
"""
import os
import re
import signal
import stat
import subprocess
import sys
import time

from contract_home import *
from hosting import *

XORG = "/usr/lib/xorg/Xorg"
XORG_CONFIG = """
Section Files | ModulePath /usr/lib/xorg/modules | EndSection
Section ServerFlags | Option AutoAddDevices false | Option AutoEnableDevices false |
Option DontVTSwitch true | Option PciForceNone true | EndSection
Section InputDevice | Identifier Chrome Remote Desktop Input | Option CoreKeyboard true |
Option CorePointer true | Driver void | EndSection
Section Device | Identifier Chrome Remote Desktop Videocard | Driver dummy | VideoRam 1048576 |
EndSection
Section Monitor | Identifier Chrome Remote Desktop Monitor | EndSection
Section Screen | Identifier Chrome Remote Desktop Screen | Device Chrome Remote Desktop Videocard |
Monitor Chrome Remote Desktop Monitor | DefaultDepth 24 | SubSection Display | Viewport 0 0 |
Depth 24 | EndSubSection | EndSection
Section ServerLayout | Identifier Chrome Remote Desktop Layout |
Screen Chrome Remote Desktop Screen | InputDevice Chrome Remote Desktop Input | EndSection
"""


def arguments_of(home, name):
    """(pid, command line) of the X server of this home."""
    found = []
    for pid in processes_of(home.path):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                argv = f.read().split("\0")[:-1]
        except OSError:
            continue
        if argv and os.path.basename(argv[0]) == name:
            found.append((pid, argv))
    check(len(found) == 1, name, found)
    return found[0]


def with_xorg(home):
    home.env.pop("CHROME_REMOTE_DESKTOP_USE_XVFB")
    return home


def ask(launch, *argv, **env):
    """What an X client says that has this child's environment."""
    done = subprocess.run(argv, env={**launch.env, **env}, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def wait_answer(launch, wanted, *argv):
    seen = []

    def is_so():
        seen[:] = [ask(launch, *argv)]
        return re.search(wanted, seen[0])
    try:
        wait_for(is_so, wanted, SECONDS)
    except Failed as error:
        raise Failed(f"{error}:\n{seen[0]}") from None
    return seen[0]


def current_size(launch):
    return re.search(r"current (\d+ x \d+)", ask(launch, "xrandr")).group(1)


def words_of(config):
    lines = [line.strip() for line in config.replace("\n", " ").replace('"', "").split("|")]
    return [" ".join(line.split()) for line in lines]


# XCH-1, XVFB-1, XCH-5, CLI-1
def the_variable_chooses_xvfb_whatever_its_value():
    for value in ("", "0", "no"):
        with ContractHome() as home:
            home.env["CHROME_REMOTE_DESKTOP_USE_XVFB"] = value
            daemon = home.up("--", "-dpi", "100")
            display = home.wait_launch("session").env["DISPLAY"]
            _, argv = arguments_of(home, "Xvfb")
            ready = argv.index("-displayfd")
            check(argv[:ready] + argv[ready + 2:] == [
                "Xvfb", display, "-auth", f"{home.path}/.Xauthority", "-nolisten", "tcp",
                "-noreset", "-screen", "0", "640x480x24", "-dpi", "100"], argv)
            daemon.stop()


# XORG-1, XORG-2, XCH-2, CLI-1
def xorg_is_called_with_these_arguments():
    with with_xorg(ContractHome()) as home:
        daemon = home.up("--", "-dpi", "100")
        display = home.wait_launch("session").env["DISPLAY"]
        _, argv = arguments_of(home, "Xorg")
        folder = argv[argv.index("-configdir") + 1]
        ours = [a for a in argv if a not in ("-sharevts", "-novtswitch")]
        ready = ours.index("-displayfd")
        check(ours[:ready] + ours[ready + 2:] == [
            XORG, display, "-auth", f"{home.path}/.Xauthority", "-nolisten", "tcp", "-noreset",
            "-logfile", "/dev/null", "-verbose", "3", "-configdir", folder, "-config",
            folder + "/none", "-dpi", "100"], argv)
        daemon.wait_line(f"Starting {XORG} on display {display}")
        daemon.stop()


# XORG-3, XORG-4
def xorgs_configuration_is_the_contracts_and_private_and_gone_in_the_end():
    with with_xorg(ContractHome()) as home:
        daemon = home.up()
        _, argv = arguments_of(home, "Xorg")
        folder = argv[argv.index("-configdir") + 1]
        check(stat.S_IMODE(os.stat(folder).st_mode) == 0o700, oct(os.stat(folder).st_mode))
        check(os.listdir(folder) == ["xorg.conf"], os.listdir(folder))
        with open(os.path.join(folder, "xorg.conf"), encoding="utf-8") as f:
            lines = [line.strip() for line in f if line.strip()]
        came = [" ".join(line.replace('"', "").split()) for line in lines]
        wanted = [w for w in words_of(XORG_CONFIG.replace("EndSection\n", "EndSection |\n")) if w]
        check(came == wanted, [pair for pair in zip(came, wanted) if pair[0] != pair[1]])
        daemon.stop()
        check(not os.path.exists(folder), "it is still there")


# XORG-5, XINIT-4, XINIT-5, XINIT-3, CONST-2
def xorg_has_the_modes_of_each_size_on_four_outputs_and_the_first_size_at_96_dpi():
    sizes = {"CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES": "1600x1200,3840x2560,700x900"}
    with with_xorg(ContractHome()) as home:
        daemon = home.up(env=sizes)
        session = home.wait_launch("session")
        said = ask(session, "xrandr")
        check("minimum 64 x 64, current 1600 x 1200, maximum 32767 x 32767" in said, said[:200])
        check("DUMMY0 connected primary 1600x1200+0+0" in said, said[:400])
        for number in range(16):
            check(re.search(rf"^DUMMY{number} ", said, re.M), number)
        blocks = re.split(r"^(DUMMY\d+) ", said, flags=re.M)[1:]
        modes = dict(zip(blocks[::2], blocks[1::2]))
        for output in ("DUMMY0", "DUMMY1", "DUMMY2", "DUMMY3"):
            for size in ("1600x1200", "3840x2560", "700x900"):
                check(re.search(rf"^ +{size}_60 +60\.00", modes[output], re.M), output, size)
            check("_120" not in modes[output], modes[output])
        check("1600x1200_60" not in modes["DUMMY4"], modes["DUMMY4"])
        said = ask(session, "xdpyinfo")
        check("1600x1200 pixels (423x317 millimeters)" in said and "96x96 dots" in said, said)
        daemon.stop()


# XINIT-3
def a_machine_of_many_processors_has_120_hz_too():
    with ContractHome() as home:
        online = home.write("online", "0-31\n")
        daemon = home.start(mounts=[(online, "/sys/devices/system/cpu/online")])
        session = home.wait_launch("session")
        said = inside(session, "xrandr")
        check("640x480_60" in said and re.search(r"640x480_120 +120\.00", said), said)
        daemon.stop()


def inside(launch, *argv):
    """The same as ask(), in this child's namespaces."""
    return ask(launch, "nsenter", "-m", "-n", "-t", str(launch.pid), *argv)


# XINIT-5, XVFB-1, SIZE-3
def xvfb_starts_large_and_is_made_as_small_as_the_first_size():
    with ContractHome() as home:
        daemon = home.up(env={"CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES": "640x480,800x600"})
        session = home.wait_launch("session")
        said = ask(session, "xrandr")
        check("current 640 x 480, maximum 800 x 600" in said, said)
        check(re.search(r"^screen connected.* 640x480\+0\+0", said, re.M), said)
        check("800x600_60" in said and "640x480_60" in said, said)
        said = ask(session, "xdpyinfo")
        check("640x480 pixels" in said and "96x96 dots" in said, said)
        daemon.stop()


# XINIT-6, WATCH-1, WATCH-2
def an_xvfb_made_as_large_as_can_be_is_made_small_again_once():
    sizes = {"CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES": "640x480,800x600,800x500"}
    with ContractHome() as home:
        daemon = home.up(env=sizes)
        session = home.wait_launch("session")
        check(current_size(session) == "640 x 480")
        ask(session, "xrandr", "-s", "800x600")
        wait_answer(session, "current 640 x 480", "xrandr")
        check("96x96 dots" in ask(session, "xdpyinfo"))
        ask(session, "xrandr", "-s", "800x600")
        time.sleep(1)  # the original looks once a second; nothing would tell us
        check(current_size(session) == "800 x 600", "a second time")
        daemon.stop()
    with ContractHome() as home:
        daemon = home.up(env=sizes)
        session = home.wait_launch("session")
        ask(session, "xrandr", "-s", "800x500")
        time.sleep(1)
        check(current_size(session) == "800 x 500", "that is not the largest")
        daemon.stop()


# XINIT-2
def the_keymap_is_evdevs():
    for prepare in (lambda home: home, with_xorg):
        with prepare(ContractHome()) as home:
            daemon = home.up()
            session = home.wait_launch("session")
            said = ask(session, "setxkbmap", "-query")
            check(re.search(r"^rules: +evdev$", said, re.M), said)
            said = ask(session, "xkbcomp", "-w", "0", session.env["DISPLAY"], "-")
            check("evdev" in said and re.search(r"<UP> = 111;", said), said[:300])
            daemon.stop()


# XVFB-2
def without_randr_the_size_stays_and_the_desktop_starts():
    with ContractHome() as home:
        daemon = home.up("--", "-extension", "RANDR",
                         env={"CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES": "640x480,800x600"})
        said = ask(home.wait_launch("session"), "xdpyinfo")
        check("800x600 pixels" in said and "RANDR" not in said, said)
        daemon.stop()


# XCH-2, D-3
def without_the_dummy_driver_it_is_xvfb():
    with with_xorg(ContractHome()) as home:
        nothing = home.make("nothing")
        daemon = home.start(mounts=[(nothing, "/usr/lib/xorg/modules/drivers")])
        home.wait_launch("session")
        check(daemon.log.find("Starting Xvfb on display "), daemon.log.texts())
        check(not daemon.log.find("Xorg on display"), daemon.log.texts())
        daemon.stop()


# XCH-2, D-4, XINIT-7
def an_xorg_that_cannot_start_is_replaced_by_xvfb_and_no_failure():
    with with_xorg(ContractHome()) as home:
        daemon = home.start(mounts=[("/bin/false", XORG)])
        home.wait_launch("session")
        daemon.wait_line("Starting Xvfb on display ")
        check(not daemon.log.find("Failure count"), daemon.log.texts())
        daemon.stop()


# XORG-1
def where_debians_xorg_is_not_it_is_the_one_in_the_path():
    with with_xorg(ContractHome()) as home:
        other = home.write("other", "")  # not executable, so that it is not the one
        home.write("bin/Xorg", "#!/bin/sh\nexec /usr/bin/Xvfb \"$1\" \"$2\" \"$3\" "
                               "$(echo \"$*\" | grep -o -- '-displayfd [0-9]*')\n", 0o755)
        daemon = home.start(mounts=[(other, XORG)])
        home.wait_launch("session")
        daemon.wait_line("Starting Xorg on display ")
        daemon.stop()


# No X server's sockets and locks but those that a test makes; all else of /tmp stays visible.
OWN_TMP = """
mount -t tmpfs none "$AFAR_TEST_FAKES/../tmp" && cd "$AFAR_TEST_FAKES/../tmp" && mkdir up work &&
mount -t overlay overlay -o lowerdir=/tmp,upperdir=up,workdir=work /tmp && cd /tmp &&
mount -t tmpfs -o mode=1777 none /tmp/.X11-unix && rm -f .X[0-9]*-lock && {} && cd /
"""


def number_chosen(home, prepare):
    home.make("tmp")
    daemon = home.start(prepare=OWN_TMP.format(prepare).strip())
    display = home.wait_launch("session").env["DISPLAY"]
    daemon.stop()
    return int(display[1:])


# XCH-3, CONST-2, N-1, D-16
def the_display_number_is_the_first_free_one_from_20():
    serve = "{{ python3 -c \"import socket, time; s = socket.socket(socket.AF_UNIX); " \
            "s.bind('{}'); s.listen(); print(flush=True); time.sleep(60)\" & }} | read x"
    cases = [
        ("true", 20),
        # What a dead server left is no reason to skip a number; what is not ours to remove is.
        ("echo 1000000000 > .X20-lock", 20),
        ("touch .X11-unix/X20 && touch .X11-unix/X21", 22),
        (serve.format("/tmp/.X11-unix/X20"), 21),
        (serve.format("\\0/tmp/.X11-unix/X20"), 21),
        ("touch .X11-unix/X19", 20),
    ]
    for prepare, wanted in cases:
        with ContractHome() as home:
            number = number_chosen(home, prepare)
            check(number == wanted, prepare, number)
            for pid in processes_of(home.path):  # whoever served the number
                os.kill(pid, signal.SIGKILL)


# XCH-4, ENV-4, TERM-3
def the_authority_file_gets_an_entry_and_loses_it_again():
    with ContractHome() as home:
        path = os.path.join(home.path, ".Xauthority")
        subprocess.run(["xauth", "-q", "-f", path, "add", ":7", ".", "00" * 16], check=True,
                       capture_output=True)
        home.leaks.allow("entry for :7 *")
        daemon = home.up()
        session = home.wait_launch("session")
        number = session.env["DISPLAY"][1:]
        check(sorted(home.xauth()) == sorted(["7", number]), home.xauth())
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600)
        check(ask(session, "xdpyinfo"), "its own cannot connect")
        check(not ask(session, "xdpyinfo", XAUTHORITY="/dev/null"), "everybody can")
        daemon.stop()
        check(home.xauth() == ["7"], home.xauth())


# XINIT-7, XCH-4, SUP-1
def an_x_server_that_does_not_start_is_tried_again_and_then_reported():
    tell_nothing = {
        "exit 1": "exit 1\n",
        "is killed": "kill 11\n",
        "says it is ready and is not": "displayfd 20\\n\nexit 0\n",
        "says half of it": "displayfd 20\nexit 0\n",
        "says too much": f"displayfd {'9' * 5000}\\n\nexit 0\n",
        "says nonsense": "displayfd \\x00\\xff;$(reboot)\\n\nexit 0\n",
    }
    for what, how in tell_nothing.items():
        with ContractHome(scale=QUICK) as home:
            home.fake_x("Xvfb", how)
            daemon = home.start()
            check(daemon.exit_status(30) == 1, what)
            daemon.wait_line("Too many launch failures of 'Display server', exiting.")
            check(len(home.launches("Xvfb")) >= 15, what, len(home.launches("Xvfb")))
            check(home.wait_launch("report").argv[-1].endswith("=X_SERVER_RETRIES_EXCEEDED"))
            check(not home.hosts() and not home.launches("session"), what)
    with ContractHome(scale=QUICK) as home:
        os.mkdir(os.path.join(home.path, ".Xauthority"))
        daemon = home.start()
        check(daemon.exit_status(30) == 1)
        daemon.wait_line("Too many launch failures of 'Display server', exiting.")


# XINIT-1
def an_x_server_that_is_not_ready_after_ten_seconds_is_a_failure():
    for how in ("hang\n", "displayfd 20\nhang\n"):
        with ContractHome(scale=1) as home:
            home.fake_x("Xvfb", how)
            daemon = home.start()
            failed = daemon.wait_line("Failure count for 'Display server' is now 1", seconds=60)
            # The fake one does not take its display: a neighbour may, and then another is tried.
            begin = max(launch.start for launch in home.launches("Xvfb") if launch.start < failed)
            check(9.5 < failed - begin < 11 + SLOW, failed - begin)
            daemon.stop()


# XINIT-1
def ready_is_known_at_once():
    with ContractHome() as home:
        times = []
        for _ in range(3):
            daemon = home.up()
            times.append(daemon.wait_line("X server is active.") - daemon.wait_line("Starting Xvfb"))
            daemon.stop()
        check(min(times) < 0.4 * SLOW, times)  # the original's first look is after 0.5 s


tests = [
    the_variable_chooses_xvfb_whatever_its_value,
    xorg_is_called_with_these_arguments,
    xorgs_configuration_is_the_contracts_and_private_and_gone_in_the_end,
    xorg_has_the_modes_of_each_size_on_four_outputs_and_the_first_size_at_96_dpi,
    a_machine_of_many_processors_has_120_hz_too,
    xvfb_starts_large_and_is_made_as_small_as_the_first_size,
    an_xvfb_made_as_large_as_can_be_is_made_small_again_once,
    the_keymap_is_evdevs,
    without_randr_the_size_stays_and_the_desktop_starts,
    without_the_dummy_driver_it_is_xvfb,
    an_xorg_that_cannot_start_is_replaced_by_xvfb_and_no_failure,
    where_debians_xorg_is_not_it_is_the_one_in_the_path,
    the_display_number_is_the_first_free_one_from_20,
    the_authority_file_gets_an_entry_and_loses_it_again,
    ready_is_known_at_once,
    an_x_server_that_does_not_start_is_tried_again_and_then_reported,
    an_x_server_that_is_not_ready_after_ten_seconds_is_a_failure,
]
if __name__ == "__main__":
    sys.exit(run(tests))

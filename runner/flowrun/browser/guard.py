"""Stands between flowrun and chromedriver, so that no browser outlives the run, however the run ends.

A script of its own, started with `python -I -S guard.py FOLDER PROGRAM ARGUMENT…`: it makes the folder (profile and
temporary files of the browser), starts the program, and waits until its standard input closes. The kernel closes that
pipe when flowrun ends in any way, SIGKILL included. Then everything that descends from the program is killed and the
folder removed. As a sub-reaper it inherits processes that lost their parent, so none gets out of sight.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
LOOK_SECONDS = 0.5  # how often to look whether the parent changed: a fork of flowrun may hold the pipe open
GIVE_UP_SECONDS = 10.0


def descendants(root: int) -> list[int]:
    """Return the processes below `root`, as /proc shows them."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - pathlib doubles the start of this script
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def reap() -> set[int]:
    """Collect the children that have ended."""
    ended: set[int] = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.add(pid)


def kill_all() -> None:
    """Kill until nothing is left below us."""
    until = time.monotonic() + GIVE_UP_SECONDS
    while (left := descendants(os.getpid())) and time.monotonic() < until:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.002)
        reap()


def watch(child: int, parent: int) -> None:
    """Wait until the pipe closes, the parent is another one, or the program ends."""
    while os.getppid() == parent and child not in reap():
        ready, _, _ = select.select([0], [], [], LOOK_SECONDS)
        if ready and not os.read(0, 1024):
            return


def main(folder: str, command: list[str]) -> None:
    """Run the command until it is to end; see the module."""
    parent = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the pipe says when to end
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.mkdir(folder, 0o700)  # noqa: PTH102
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        words = os.open(f"{folder}/stderr", os.O_WRONLY | os.O_CREAT, 0o600)
        child = os.posix_spawn(
            command[0],
            command,
            dict(os.environ, TMPDIR=folder, XDG_CONFIG_HOME=folder),
            file_actions=[(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, words, 2)],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        )
        watch(child, parent)
    finally:
        kill_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

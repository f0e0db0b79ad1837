"""Becomes another program, one that does not outlive its parent.

    python leash.py PARENT_ID PROGRAM ARGUMENT …

A parent that is killed cannot stop its children. On Linux the kernel does: it sends SIGTERM to this process
once the thread that started it is gone, and that wish survives the change into the other program. Elsewhere
the program simply runs. Started by its path, and importing nothing of ours, this takes a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, then become the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            sys.exit("the parent ended before this began")
    os.execvp(command[0], command)  # noqa: S606 - the very purpose; our own programs, no shell


if __name__ == "__main__":
    main()

"""How long `tutordex up` takes on a warm environment: until the UI answers, and until the first assignments.

    python bench/startup.py

Targets: 20 s for the UI, 40 s for the first assignments. The home folder is new, so this includes making the
database; the machine should be idle otherwise.
"""

import sys
import time

from running import running

UI_SECONDS, ASSIGNMENTS_SECONDS = 20, 40


def main() -> None:
    """Start, read what `up` says, stop; exit code 1 when a target is missed."""
    began = time.monotonic()
    with running() as up:
        up.said("The UI answers")
        ui = time.monotonic() - began
        up.said("First assignments:")
        assignments = time.monotonic() - began
    print(f"UI answering after {ui:.1f} s (target {UI_SECONDS} s)")
    print(f"first assignments after {assignments:.1f} s (target {ASSIGNMENTS_SECONDS} s)")
    sys.exit(ui > UI_SECONDS or assignments > ASSIGNMENTS_SECONDS)


if __name__ == "__main__":
    main()

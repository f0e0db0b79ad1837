"""A real browser without a network, driven through two pipes: Debian's chromium, where it is installed."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from itertools import count
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)


class Page:
    """One open page of the browser."""

    def __init__(self, to_browser: int, from_browser: RawIOBase) -> None:
        self._out, self._in = to_browser, from_browser
        self._numbers = count(1)
        self._rest = b""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")

    _session: str | None = None

    def open(self, file: Path) -> None:
        """Load a file and wait until it is there."""
        number = self._send("Page.navigate", url=file.as_uri())
        self._until(lambda message: message.get("id") == number)
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the page answers
        """Evaluate an expression in the page and return its value."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        number = self._send(method, **params)
        answer = self._until(lambda message: message.get("id") == number)
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _send(self, method: str, **params: object) -> int:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return number

    def _until(self, wanted: Any) -> dict[str, Any]:  # noqa: ANN401 - a predicate
        while True:
            while b"\0" not in self._rest:
                part = self._in.read(65_536)
                assert part, "the browser went away"
                self._rest += part
            line, _, self._rest = self._rest.partition(b"\0")
            message: dict[str, Any] = json.loads(line)
            if wanted(message):
                return message


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start the browser with a fresh profile and lend a page of it."""
    assert CHROMIUM is not None
    commands_out, commands_in = os.pipe()
    answers_out, answers_in = os.pipe()
    # The browser listens on its descriptor 3 and answers on 4.
    shell = f'exec "$@" 3<&{commands_out} 4>&{answers_in}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
        pass_fds=(commands_out, answers_in),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_out)
    os.close(answers_in)
    answers = os.fdopen(answers_out, "rb", buffering=0)
    try:
        yield Page(commands_in, answers)
    finally:
        os.close(commands_in)  # the browser ends itself when nobody can command it any more
        answers.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

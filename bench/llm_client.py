"""Client and extractor of a language model: `python bench/llm_client.py [SECONDS [LATENCY [AT_ONCE]]]`.

Prints messages per second against a stub server of fixed latency (1 s, 32 calls at once) in a process of its
own, the ratio to the ideal (calls at once ÷ latency), our own processor time a message and how much memory
grew; then the processor time of a bare httpx call that sends and reads about the same. Targets: 95 %, 3 ms.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT))

from tests.llm_server.replies import POST  # noqa: E402 - found beside this folder
from tutordex_dagster.extraction.contract import AsyncExtractor  # noqa: E402 - as above
from tutordex_dagster.extraction.llm import REVISION  # noqa: E402 - as above
from tutordex_dagster.extraction.llm.spec import LlmDefaults, LlmParameters, LlmSpec  # noqa: E402 - as above
from tutordex_dagster.extraction.versions import PipelineSpec  # noqa: E402 - as above
from tutordex_dagster.resources.llm import open_extractor  # noqa: E402 - as above
from tutordex_dagster.settings import Settings  # noqa: E402 - as above


@contextmanager
def served(latency: float) -> Iterator[str]:
    """Run the stub in a process of its own; gives its address."""
    command = [sys.executable, "-m", "tests.llm_server.serve", str(latency)]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        assert server.stdin
        yield server.stdout.readline().strip()
        server.stdin.close()


def version(url: str, concurrency: int) -> PipelineSpec:
    """Return a version with the shipped prompt and examples, asking for a schema."""
    parameters = LlmParameters(
        api_url=url, model="stub-model", dialect="json_schema", concurrency=concurrency
    )
    llm = LlmSpec.of(parameters, LlmDefaults(root=PROJECT))
    return PipelineSpec(name="bench", extractor="llm", revision=REVISION, description="d", llm=llm)


@dataclass(slots=True)
class Progress:
    """How many were answered so far."""

    answered: int = 0

    async def ask_for_ever(self, extractor: AsyncExtractor) -> None:
        """Ask about one invented post after the other."""
        while True:
            await extractor.answer(f"{POST}\nRemarks: number {self.answered}")
            self.answered += 1


@asynccontextmanager
async def asking(extractor: AsyncExtractor, at_once: int) -> AsyncIterator[Progress]:
    """Keep so many questions under way."""
    progress = Progress()
    tasks = [asyncio.create_task(progress.ask_for_ever(extractor)) for _ in range(at_once)]
    try:
        yield progress
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(url: str, seconds: float, latency: float, at_once: int) -> None:
    """Measure the extractor, once it is under way, and print."""
    async with (
        open_extractor(version(url, at_once), Settings(_env_file=None)) as extractor,
        asking(extractor, at_once) as progress,
    ):
        await asyncio.sleep(3 * latency + 1)
        before, memory = progress.answered, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        took, used = time.perf_counter() - began, time.process_time() - used
        answered = progress.answered - before
    rate, grown = answered / took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    ratio = rate * latency / at_once
    ideal = f", {ratio:.3f} of the ideal {at_once / latency:.1f}" if latency else ""
    print(f"{rate:.1f} messages/s over {answered:,}{ideal}")
    print(f"{used / answered * 1e3:.2f} ms of our processor time a message, {grown:,} KiB grown")


async def measure_bare(url: str, calls: int) -> None:
    """Print the processor time of httpx alone for a request and an answer of the usual size."""
    body = b'{"messages": [{"content": "%s"}]}' % (b"x" * 18_000)
    async with httpx.AsyncClient() as client:
        used = time.process_time()
        for _ in range(calls):
            (await client.post(f"{url}/chat/completions", content=body)).raise_for_status()
    print(f"{(time.process_time() - used) / calls * 1e3:.2f} ms for a bare httpx call")


def main(seconds: float, latency: float, at_once: int) -> None:
    """Measure at the latency, then without any, where only our own work counts."""
    with served(latency) as url:
        print(f"latency {latency:g} s, {at_once} at once:")
        asyncio.run(measure(url, seconds, latency, at_once))
    with served(0) as url:
        print(f"no latency, {at_once} at once:")
        asyncio.run(measure(url, seconds, 0, at_once))
        asyncio.run(measure_bare(url, 500))


if __name__ == "__main__":
    given = [float(value) for value in sys.argv[1:4]]
    seconds, latency, concurrency = (*given, *(30.0, 1.0, 32.0)[len(given) :])
    main(seconds, latency, int(concurrency))

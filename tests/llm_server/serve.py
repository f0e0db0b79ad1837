"""The stub as a process of its own: `python -m tests.llm_server.serve [LATENCY_SECONDS]`.

Prints its address and serves until its standard input ends.
"""

import asyncio
import sys

from tests.llm_server.stub import StubServer


async def serve(latency: float) -> None:
    """Serve until standard input ends."""
    async with StubServer(latency=latency) as stub:
        stub.keep_requests = False
        print(stub.url, flush=True)  # noqa: T201 - how the caller learns the address
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))

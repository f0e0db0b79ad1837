"""A version that asks a language model, as Dagster runs it: paid, paused, stopped."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from tests.integration.dagster.test_drain import collect, drain
from tests.integration.dagster.ticks import tick
from tests.integration.dagster.world import START, World, post
from tests.llm_server.replies import Mode
from tests.llm_server.stub import StubServer, careful
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.partitions import partition_key
from tutordex_dagster.resources.services import services_on
from tutordex_dagster.sensors.extract import extract_sensor
from tutordex_dagster.store.resilience import Breakers

LLM = dg.AssetKey(["extractions", "llm"])
FILE = f"""
name: llm
extractor: llm
revision: {REVISION}
description: Asks the stub.
parameters:
  few_shot: none
  dialect: json_schema
  price_prompt: 2.0
  price_completion: 4.0
  concurrency: 8
"""


@contextmanager
def served(mode: Mode) -> Iterator[StubServer]:
    """Run a chat server in a thread of its own."""
    loop, server = asyncio.new_event_loop(), StubServer(mode)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def asking(world: World, url: str, folder: Path, *, at_once: int = 8) -> World:
    """Return the world with a version `llm` beside the live one, and three posts of two texts enqueued."""
    for file in (Path(__file__).parents[3] / "pipelines").glob("*.yaml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "llm.yaml").write_text(
        FILE.replace("concurrency: 8", f"concurrency: {at_once}"), encoding="utf-8"
    )
    settings = world.services.settings.model_copy(
        update={"tutordex_pipelines": folder, "llm_api_url": url, "llm_model_name": "stub-model"}
    )
    services = services_on(world.services.database, settings, clock=world.clock)
    changed = replace(world, services=services)
    changed.record("alpha", [post(6.2, "A1"), post(6.4, "A2"), post(6.6, "A1")], channel_id=1)
    changed.publish()
    collect(changed, START)
    ids = [row[0] for row in changed.rows("SELECT raw_id FROM telegram_messages_raw")]
    services.queue.enqueue("llm", ids, lane="live")
    return changed


def look(world: World) -> Any:  # noqa: ANN401 - what a sensor may return
    return tick(world, extract_sensor(spec=world.services.pipeline("llm")))


def states(world: World) -> list[tuple[str, int]]:
    """Return the status and the attempts of every job of the version."""
    query = "SELECT status::text, attempt FROM telegram_extractions WHERE pipeline_version = 'llm'"
    return [(row[0], row[1]) for row in world.rows(f"{query} ORDER BY raw_id")]


def told(result: dg.ExecuteInProcessResult) -> Any:  # noqa: ANN401 - metadata values
    """Return the metadata of the run's one step."""
    (output,) = (event for event in result.all_events if event.is_successful_output)
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_a_run_tells_tokens_cost_latency_and_what_was_reused(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    with served("valid") as server:
        there = asking(world, server.url, folder)
        result = drain(there, "llm")
    metadata = told(result)
    assert states(there) == [("ok", 1)] * 3
    assert (metadata["jobs"], metadata["calls"], metadata["reused_share"]) == (3, 2, 0.3333)
    assert metadata["prompt_tokens"] > 0
    assert metadata["cost"] > 0
    assert "svg" in metadata["latency"]
    counted = {(row.name, row.labels.get("status")): row.value for row in there.services.metrics.all()}
    assert counted["extractions_total", "ok"] == 3
    assert counted["extractions_reused_total", None] == 1
    assert set(there.events(LLM)) == {partition_key("t.me/alpha", START)}


def test_while_the_server_is_away_no_run_is_started_and_no_attempt_burnt_until_it_is_back(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    with served("503 later") as server:
        there = asking(world, server.url, folder)
        paused = drain(there, "llm")
        assert paused.success
        assert "llm:llm is paused until" in told(paused)["obstacle"]
        assert states(there) == [("pending", 0)] * 3
        there.clock.advance(timedelta(seconds=30))
        assert "llm:llm is paused until" in look(there).skip_message
        server.mode = "valid"
        there.clock.advance(timedelta(hours=1))
        assert isinstance(look(there), dg.RunRequest)
        assert drain(there, "llm").success
    assert states(there) == [("ok", 1)] * 3


def test_one_call_at_a_time_takes_two_failures_for_an_outage(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    with served("500") as server:
        there = asking(world, server.url, folder, at_once=1)
        assert "llm:llm is paused until" in told(drain(there, "llm"))["obstacle"]
        assert len(server.requests) == 2
    assert states(there) == [("pending", 0)] * 3


def test_a_refused_key_stops_the_version_until_somebody_resets_it(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    with served("401") as server:
        there = asking(world, server.url, folder)
        assert "llm:llm is stopped" in told(drain(there, "llm"))["obstacle"]
        there.clock.advance(timedelta(days=1))
        asked = len(server.requests)
        assert "once put right: tutordex breaker reset llm:llm" in look(there).skip_message
        drain(there, "llm")
        assert len(server.requests) == asked
        server.mode = "valid"
        Breakers(there.services.database).reset("llm:llm", there.clock(), actor="test")
        drain(there, "llm")
    assert states(there) == [("ok", 1)] * 3


def test_a_partition_says_why_it_could_not_be_extracted(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    with served("401") as server:
        there = asking(world, server.url, folder)
        summary = there.backfill(hours=1, versions=["llm"], assignments=False)
    assert summary.failed_partitions == (partition_key("t.me/alpha", START),)
    assert states(there) == [("pending", 0)] * 3


def test_a_run_that_is_told_to_end_finishes_what_it_asked_and_gives_the_rest_back(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()

    def end(request: Mapping[str, Any]) -> Mapping[str, Any]:
        os.kill(os.getpid(), signal.SIGTERM)
        return careful(request)

    with served("valid") as server:
        server.brain = end
        there = asking(world, server.url, folder, at_once=1)
        assert not drain(there, "llm").success
    assert states(there) == [("ok", 1), ("pending", 0), ("pending", 0)]

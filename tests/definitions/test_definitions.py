"""The definitions as Dagster resolves them: what exists and when it runs."""

from datetime import UTC, datetime

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config_schema
from pydantic import SecretStr

from tutordex_dagster.definitions import build
from tutordex_dagster.extraction.versions import fingerprint, load_pipelines
from tutordex_dagster.partitions import CHANNEL
from tutordex_dagster.settings import PROJECT, Settings

SETTINGS = Settings(_env_file=None)
RAW = dg.AssetKey("raw_messages")
VERSIONS = load_pipelines(SETTINGS.tutordex_pipelines)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    built = build(SETTINGS)
    dg.Definitions.validate_loadable(built)
    return built


@pytest.fixture(scope="module")
def assets(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def test_every_key_of_the_instance_file_is_known_to_dagster() -> None:
    instance = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))

    assert set(instance) <= set(dagster_instance_config_schema())
    assert instance["telemetry"] == {"enabled": False}


def test_each_version_is_an_asset_behind_the_raw_messages(assets: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    extractions = {key: spec for key, spec in assets.items() if key.path[0] == "extractions"}

    assert {key.path[1] for key in extractions} == {version.asset_name for version in VERSIONS}
    assert {spec.code_version for spec in extractions.values()} == {
        fingerprint(version) for version in VERSIONS
    }
    assert all([dep.asset_key for dep in spec.deps] == [RAW] for spec in extractions.values())


def test_assignments_stand_behind_every_version_that_can_be_live(
    assets: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    assignments = assets[dg.AssetKey("assignments")]

    assert {dep.asset_key for dep in assignments.deps} == {
        dg.AssetKey(["extractions", version.asset_name]) for version in VERSIONS
    }
    assert assignments.partitions_def is None


def test_each_version_has_a_score_that_is_stale_when_the_version_changes(
    assets: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    scores = {key.path[1]: spec for key, spec in assets.items() if key.path[0] == "extraction_quality"}

    assert {name: spec.code_version for name, spec in scores.items()} == {
        version.asset_name: fingerprint(version) for version in VERSIONS
    }


@pytest.mark.parametrize("job", ["pipeline", "nightly"])
def test_scores_cost_money_with_a_language_model_so_only_their_own_job_makes_them(
    definitions: dg.Definitions, job: str
) -> None:
    graph = definitions.resolve_job_def(job).asset_layer
    assert not [key for key in graph.executable_asset_keys if key.path[0] == "extraction_quality"]
    assert not [key for key in graph.asset_graph.asset_check_keys if key.name == "no_drop"]


def test_an_experiment_stands_behind_its_versions_and_runs_only_when_asked(
    assets: dict[dg.AssetKey, dg.AssetSpec], definitions: dg.Definitions
) -> None:
    key = dg.AssetKey(["comparisons", "rules_vs_strict"])

    assert {dep.asset_key.path[1] for dep in assets[key].deps} == {"rules", "rules_strict"}
    assert assets[key].partitions_def is None
    for job in ("collect", "pipeline", "nightly"):
        assert key not in definitions.resolve_job_def(job).asset_layer.executable_asset_keys


def test_raw_messages_and_extractions_share_one_grid(assets: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    gridded = [key for key in assets if key.path[0] in ("raw_messages", "extractions")]
    grids = [assets[key].partitions_def for key in gridded]
    first = grids[0]

    assert isinstance(first, dg.MultiPartitionsDefinition)
    assert all(each == first for each in grids)
    hours = first.get_partitions_def_for_dimension("hour")
    channels = first.get_partitions_def_for_dimension("channel")
    assert isinstance(channels, dg.DynamicPartitionsDefinition)
    assert isinstance(hours, dg.TimeWindowPartitionsDefinition)
    assert channels.name == CHANNEL
    assert (hours.start, hours.timezone, hours.end_offset) == (datetime(2026, 1, 1, tzinfo=UTC), "UTC", 1)


def test_schedules_name_their_time_zone_and_run(definitions: dg.Definitions) -> None:
    schedules = {
        each.name: each for each in definitions.schedules or () if isinstance(each, dg.ScheduleDefinition)
    }

    assert {name: (each.cron_schedule, each.execution_timezone) for name, each in schedules.items()} == {
        "nightly": ("30 3 * * *", "Asia/Singapore")
    }
    assert all(each.default_status == dg.DefaultScheduleStatus.RUNNING for each in schedules.values())


def test_sensors_run_by_default_and_are_due_just_before_dagster_comes_by(definitions: dg.Definitions) -> None:
    sensors = {sensor.name: sensor for sensor in definitions.sensors or ()}

    extract = {f"extract_{version.asset_name}" for version in VERSIONS}
    assert set(sensors) == {"tail", "seal", "catchup", "quality", "failure", *extract}
    assert all(each.default_status == dg.DefaultSensorStatus.RUNNING for each in sensors.values())
    intervals = {name: sensor.minimum_interval_seconds for name, sensor in sensors.items()}
    assert (intervals["seal"], intervals["catchup"], intervals["tail"]) == (29, 29, 9)
    assert {intervals[name] for name in extract} == {4}


def test_checks_that_keep_bad_results_from_spreading_block(definitions: dg.Definitions) -> None:
    specs = [spec for checks in definitions.asset_checks or () for spec in checks.check_specs]
    blocking = {(spec.asset_key.to_user_string(), spec.name) for spec in specs if spec.blocking}

    assert len(specs) == 3 + 3 * len(VERSIONS) + 2
    assert blocking == {
        ("raw_messages", "duplicates"),
        *((f"extractions/{version.asset_name}", "failure_share") for version in VERSIONS),
        *((f"extractions/{version.asset_name}", "schema") for version in VERSIONS),
    }


@pytest.mark.parametrize("job", ["collect", "pipeline", "nightly", "quality", "drain", "promote", "rollback"])
def test_jobs_run_in_one_process(definitions: dg.Definitions, job: str) -> None:
    assert definitions.resolve_job_def(job).executor_def.name == "in_process"


def test_runs_over_raw_messages_take_turns_only_where_telegram_is_read(definitions: dg.Definitions) -> None:
    """Recordings and exports may be read by any number of runs; a session by one process at a time."""
    live = SETTINGS.model_copy(update={"telegram_api_id": 1, "telegram_api_hash": SecretStr("x")})

    def pools(built: dg.Definitions) -> set[str]:
        return {pool for node in built.resolve_job_def("pipeline").nodes for pool in node.definition.pools}

    assert pools(definitions) == set()
    assert pools(build(live)) == {"telegram"}


def test_a_run_of_a_full_pool_waits_in_the_queue_and_two_runs_go_at_once() -> None:
    """With the finer granularity it would be started, and wait inside with a place taken from others."""
    concurrency = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))["concurrency"]

    assert concurrency["pools"] == {"granularity": "run", "default_limit": 1}
    assert concurrency["runs"] == {"max_concurrent_runs": 2}

"""The deployment files: true to the code beside them, and safe as they stand."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tutordex_dagster.cli.app import VERBS
from tutordex_dagster.cli.environment import INSTANCE_FILE, WORKSPACE_FILE, dagster_environment
from tutordex_dagster.resources.databases import Urls
from tutordex_dagster.settings import PROJECT, Settings

DEPLOY = PROJECT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "postgres"]
ALWAYS_ON = [name for name in SERVICES if name != "migrate"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = [line for line in (DEPLOY / "example.env").read_text(encoding="utf-8").splitlines() if "=" in line]


def test_the_services_of_the_documents_exist_and_what_never_ends_is_started_again() -> None:
    assert set(SERVICES) == {"postgres", "migrate", "dagster-webserver", "dagster-daemon", "collector-tail"}
    assert {SERVICES[name]["restart"] for name in ALWAYS_ON} == {"unless-stopped"}
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["collector-tail"]["command"] == ["tutordex", "tail"]


@pytest.mark.parametrize("name", ALWAYS_ON)
def test_a_service_that_is_stopped_gets_longer_than_the_ten_seconds_of_docker(name: str) -> None:
    seconds = {"s": 1, "m": 60}
    grace = SERVICES[name]["stop_grace_period"]
    assert int(grace[:-1]) * seconds[grace[-1]] >= 30


def test_nothing_can_be_reached_from_another_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:3001:3001"]


def test_secrets_come_from_the_env_file_alone() -> None:
    assert {SERVICES[name]["env_file"] for name in OURS} == {".env"}
    assert not any("environment" in SERVICES[name] for name in OURS)
    given = SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert re.fullmatch(r"\$\{PGPASSWORD:\?[^}]+\}", given)


@pytest.mark.parametrize("name", OURS)
def test_every_command_runs_a_verb_or_program_that_exists(name: str) -> None:
    text = " ".join(SERVICES[name]["command"]).replace("$$", "$")
    assert all(verb in VERBS for verb in re.findall(r"tutordex (\w+)", text))
    for module in re.findall(r"python -m tutordex_dagster\.([\w.]+)", text):
        assert (PROJECT / "tutordex_dagster" / f"{module.replace('.', '/')}.py").is_file()
    if SERVICES[name]["command"][0] == "sh":
        subprocess.run(["sh", "-n", "-c", SERVICES[name]["command"][2]], check=True)


def test_an_image_gets_what_the_programs_read_and_no_secret() -> None:
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    needed = {INSTANCE_FILE.name, WORKSPACE_FILE.name, "pipelines", "prompts", "examples", "tutordex_dagster"}
    assert "*" in rules
    assert needed <= let_in
    assert all((PROJECT / name).exists() for name in let_in)
    assert not any(name.startswith((".env", "deploy", ".tutordex")) for name in let_in)


def test_a_dagster_process_in_a_container_has_every_variable_that_up_gives_it() -> None:
    given = {line.partition("=")[0] for line in EXAMPLE} | set(re.findall(r"(\w+)=\S", DOCKERFILE))
    urls = Urls(tutordex="postgresql://a/b", dagster="postgresql://a/c")
    assert set(dagster_environment(Settings(), urls)) <= given


def test_the_example_names_settings_that_exist_and_holds_no_secret() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"PGPASSWORD"}
    values = dict(line.split("=", 1) for line in EXAMPLE)
    assert set(values) <= known
    assert {values[name] for name in ("PGPASSWORD", "TELEGRAM_API_ID", "TELEGRAM_API_HASH")} == {""}
    assert not any(re.search(r"://[^/@]*:", value) for value in values.values())


def test_git_keeps_the_env_file_and_sessions_out() -> None:
    """Without a slash a pattern holds in every folder, `deploy/` as well."""
    assert {".env", "*.session"} <= set((PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines())

"""The code location loads as the server loads it: without network, secret or database."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

LOAD_WITHOUT_SOCKETS = """
import socket

def refuse(*args, **kwargs):
    raise AssertionError("loading the definitions must not open a connection")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = refuse

import psycopg
psycopg.connect = psycopg.Connection.connect = refuse

import dagster as dg
from tutordex_dagster.definitions import defs

dg.Definitions.validate_loadable(defs)
import sys

assert "telethon" not in sys.modules, "it takes a second and 165 MiB, and most processes never need it"
keys = sorted(key.to_user_string() for key in defs.resolve_all_asset_keys())
print(" ".join(keys))
"""


def python(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an empty folder with an empty environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_loading_needs_no_network_no_secret_no_database_and_no_environment(tmp_path: Path) -> None:
    loaded = python(tmp_path, "-c", LOAD_WITHOUT_SOCKETS)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == [
        "assignments",
        "comparisons/rules_vs_strict",
        "extraction_quality/rules",
        "extraction_quality/rules_strict",
        "extractions/rules",
        "extractions/rules_strict",
        "raw_messages",
    ]


def test_the_workspace_file_is_accepted_by_dagster_itself(tmp_path: Path) -> None:
    workspace = str(PROJECT / "workspace.yaml")
    validated = python(tmp_path, "-m", "dagster", "definitions", "validate", "-w", workspace)
    assert validated.returncode == 0, validated.stdout + validated.stderr

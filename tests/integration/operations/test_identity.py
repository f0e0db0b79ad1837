"""Processes told apart, also when an id is used again."""

import os
import subprocess
from datetime import timedelta

from tutordex_dagster.operations.identity import is_gone, lives_since, own_identity
from tutordex_dagster.windows import utc_now


def test_this_process_is_here() -> None:
    assert not is_gone(own_identity())


def test_a_process_that_ended_is_gone() -> None:
    host = own_identity().split()[0]
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert is_gone(f"{host} {child.pid} 123")


def test_another_process_with_the_same_id_is_another_process() -> None:
    host, pid, started = own_identity().split()
    assert is_gone(f"{host} {pid} {int(started) - 1}")


def test_of_another_host_nothing_is_known() -> None:
    assert not is_gone(f"elsewhere {os.getpid()} 1")


def test_a_process_lives_since_it_began_and_not_since_before_that() -> None:
    assert lives_since(os.getpid(), utc_now())
    with subprocess.Popen(["sleep", "60"]) as young:
        assert not lives_since(young.pid, utc_now() - timedelta(minutes=1))
        young.kill()
    assert not lives_since(young.pid, utc_now())

"""Experiments from their file to their report: freeze the posts, run every version over them, compare.

Nothing here writes `assignments`, sends anything, or touches the rows of a version that takes no part.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tutordex_dagster.capture.references import parse_channel_list
from tutordex_dagster.comparison.contract import Arm, Pair
from tutordex_dagster.comparison.experiments import ExperimentSpec, load_experiments
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.resources.arms import Progress, work_off
from tutordex_dagster.windows import Sleep, Window

if TYPE_CHECKING:
    from tutordex_dagster.comparison.findings import Comparison
    from tutordex_dagster.resources.services import Services

ALPHA = 0.05
"""False alarms of an experiment as a whole: several pages share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A comparison and the folder of its files; `to_judge` rows wait in `adjudicate.csv`."""

    comparison: "Comparison"
    folder: Path
    to_judge: int


def find_experiment(services: "Services", name: str) -> ExperimentSpec:
    """Return the experiment of that name; UsageError lists the known ones."""
    known = {spec.name: spec for spec in load_experiments(services.settings.tutordex_experiments)}
    if name not in known:
        raise UsageError(
            repr(name),
            "is no experiment",
            f"choose one of {', '.join(known) or 'none yet'}, or add experiments/{name}.yaml",
        )
    return known[name]


def run_experiment(
    services: "Services",
    spec: ExperimentSpec,
    *,
    progress: Progress = lambda _version, _ended, _posts: None,
    sleep: Sleep = time.sleep,
) -> list[Report]:
    """Do the whole workflow; what a version has done already it does not do again.

    Compares only when every post has ended for every version, whoever extracted it. Raises UsageError for an
    unknown version or channel, and for an experiment that was frozen differently; TransientError when a
    version cannot extract now, or posts do not come to an end. What was extracted is kept.
    """
    versions = [services.registered(services.pipeline(name)) for name in spec.versions]
    freeze(services, spec)
    work_off(services, spec.name, versions, progress=progress, sleep=sleep)
    return compare_experiment(services, spec)


def freeze(services: "Services", spec: ExperimentSpec) -> int:
    """Choose the posts at the first run, find them again later; return how many there are."""
    named = None if spec.channels is None else parse_channel_list(",".join(spec.channels))
    channels = services.channels.all() if named is None else services.channels.by_reference(named)
    return services.comparisons.freeze(
        spec.name,
        spec.window,
        channels={channel.reference: channel.channel_id for channel in channels},
        named=None if named is None else [channel.reference for channel in channels],
        sample=spec.sample,
    ).members


def compare_experiment(services: "Services", spec: ExperimentSpec) -> list[Report]:
    """Compare every version with the first one, over the frozen posts."""
    first, *others = (arm_of(services, name) for name in spec.versions)
    posts = freeze(services, spec)
    return [
        write_report(
            services,
            (first, other),
            services.comparisons.member_pairs(spec.name, first.version, other.version),
            folder=_folder(services, spec.name, f"{first.version}_vs_{other.version}"),
            title=f"{spec.name}: {first.version} against {other.version}",
            scope=f"{posts} frozen posts of {_span(spec.window)}",
            alpha=ALPHA / len(others),
        )
        for other in others
    ]


def compare_versions(
    services: "Services", a: str, b: str, *, window: Window, channels: "list[int] | None", scope: str
) -> Report:
    """Compare what two versions have, over the posts of a window; nothing is extracted."""
    if a == b:
        raise UsageError(a, "is compared with itself", "name two versions")
    return write_report(
        services,
        (arm_of(services, a), arm_of(services, b)),
        services.comparisons.version_pairs(a, b, window, channels),
        folder=_folder(services, f"{a}_vs_{b}"),
        title=f"{a} against {b}",
        scope=f"{_span(window)}, {scope}",
        alpha=ALPHA,
    )


def arm_of(services: "Services", name: str) -> Arm:
    """Return a version the database knows, whether or not its file is still there; UsageError otherwise."""
    known = {version.name: version.fingerprint for version in services.versions.all()}
    if name not in known:
        raise UsageError(
            repr(name), "has extracted nothing here", f"known versions: {', '.join(known) or 'none yet'}"
        )
    return Arm(version=name, fingerprint=known[name])


def write_report(
    services: "Services",
    arms: tuple[Arm, Arm],
    pairs: Iterable[Pair],
    *,
    folder: Path,
    title: str,
    scope: str,
    alpha: float,
) -> Report:
    """Compare the pairs and write every file of the report; each is replaced only when it is whole.

    Raises PermanentError when a file cannot be written.
    """
    from tutordex_dagster.comparison.adjudication import write_sheet
    from tutordex_dagster.comparison.collecting import collect
    from tutordex_dagster.comparison.findings import find
    from tutordex_dagster.comparison.report import html
    from tutordex_dagster.comparison.side_by_side import SideBySide
    from tutordex_dagster.comparison.summary import summary_json

    with _replacing(folder / "side_by_side.csv") as file:
        collected = collect(pairs, SideBySide(file, *arms))
    comparison = find(
        collected.tally, title=title, scope=scope, arms=arms, compared_at=services.clock(), alpha=alpha
    )
    texts = services.comparisons.texts(collected.raw_ids)
    with _replacing(folder / "adjudicate.csv") as file:
        to_judge = write_sheet(file, collected.to_judge, texts)
    with _replacing(folder / "report.html") as file:
        file.write(html(comparison, collected.shown, texts))
    with _replacing(folder / "summary.json") as file:
        file.write(summary_json(comparison, schema_version=services.settings.schema_version).decode())
    return Report(comparison=comparison, folder=folder, to_judge=to_judge)


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """Open a new file beside the old one, which it replaces when the block ends well; else it is gone again.

    Raises PermanentError when the folder cannot be written or the disk is full.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8", newline="") as file:
            yield file
        fresh.replace(path)
    except OSError as error:
        raise PermanentError(
            f"{path}: cannot be written ({error.strerror}); make room or give access to its folder, then"
            " compare again: what was extracted is kept"
        ) from error
    finally:
        with suppress(OSError):  # it has replaced the old one, or its folder never was
            fresh.unlink()


def _folder(services: "Services", *parts: str) -> Path:
    return services.settings.tutordex_home.joinpath("comparisons", *parts)


def _span(window: Window) -> str:
    return f"{window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M} UTC"

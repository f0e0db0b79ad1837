"""`tutordex extract`: a file of posts in, a file of assignments out, no database."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from tutordex_dagster.cli.console import progress, stderr


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--version", "name", help="Pipeline version. Default: EXTRACTION_PIPELINE_VERSION, or rules.")
@click.option("-o", "--output", type=click.File("wb", atomic=True), default="-", help="Default: stdout.")
def extract(file: IO[bytes], name: str | None, output: IO[bytes]) -> None:
    """Extract the posts of FILE, one JSON object a line with the text under `raw`; `-` reads stdin.

    Writes one JSON object a line, in the same order, with the assignment under `extraction`.
    """
    from tutordex_dagster.extraction.files import LineCounts, extract_lines
    from tutordex_dagster.extraction.versions import build_extractor, load_pipelines
    from tutordex_dagster.resources.services import FIRST_VERSION, find_pipeline
    from tutordex_dagster.settings import load_settings

    settings = load_settings()
    spec = find_pipeline(
        load_pipelines(settings.tutordex_pipelines),
        name or settings.extraction_pipeline_version or FIRST_VERSION,
    )
    counts = LineCounts()
    lines = extract_lines(_shown(file), build_extractor(spec), pipeline_version=spec.name, counts=counts)
    output.writelines(lines)
    stderr().print(
        f"{spec.name}: {counts.kinds.total()} posts with assignments, {counts.skipped.total()} without,"
        f" {counts.errors} lines that are no posts",
        soft_wrap=True,
        markup=False,
    )


def _shown(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file while a bar shows how far it is read; a pipe has no length to show."""
    path = Path(file.name)
    with progress(in_bytes=True) as bar:
        task = bar.add_task("Extracting", total=path.stat().st_size if path.is_file() else None)
        for line in file:
            yield line
            bar.advance(task, len(line))

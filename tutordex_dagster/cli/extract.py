"""`tutordex extract`: a file of posts in, a file of assignments out, no database."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from tutordex_dagster.cli.console import progress, stderr

if TYPE_CHECKING:
    from tutordex_dagster.extraction.files import LineCounts
    from tutordex_dagster.extraction.versions import PipelineSpec
    from tutordex_dagster.settings import Settings


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--version", "name", help="Pipeline version. Default: EXTRACTION_PIPELINE_VERSION, or rules.")
@click.option("-o", "--output", type=click.File("wb", atomic=True), default="-", help="Default: stdout.")
def extract(file: IO[bytes], name: str | None, output: IO[bytes]) -> None:
    """Extract the posts of FILE, one JSON object a line with the text under `raw`; `-` reads stdin.

    Writes one JSON object a line, in the same order, with the assignment under `extraction`.
    """
    from tutordex_dagster.extraction.files import LineCounts, extract_lines
    from tutordex_dagster.extraction.versions import build_extractor
    from tutordex_dagster.resources.pipelines import load_versions
    from tutordex_dagster.resources.services import FIRST_VERSION, find_pipeline
    from tutordex_dagster.settings import load_settings

    settings = load_settings()
    chosen = name or settings.extraction_pipeline_version or FIRST_VERSION
    spec = find_pipeline(load_versions(settings), chosen)
    counts = LineCounts()
    if spec.llm:
        asyncio.run(_ask(spec, settings, _shown(file), output, counts))
    else:
        lines = extract_lines(_shown(file), build_extractor(spec), pipeline_version=spec.name, counts=counts)
        output.writelines(lines)
    stderr().print(
        f"{spec.name}: {counts.kinds.total()} posts with assignments, {counts.skipped.total()} without,"
        f" {counts.errors} lines that are no posts",
        soft_wrap=True,
        markup=False,
    )
    if spec.llm:
        saved = counts.savings
        stderr().print(
            f"{spec.name}: {saved.tokens:,} tokens; {saved.share_of_posts:.0%} of the posts cost no call, "
            f"about {saved.share_of_tokens:.0%} of the tokens were saved",
            soft_wrap=True,
            markup=False,
        )


async def _ask(
    spec: "PipelineSpec",
    settings: "Settings",
    lines: Iterator[bytes],
    output: IO[bytes],
    counts: "LineCounts",
) -> None:
    """Write the answers of a language model, as many at once as the version allows."""
    from tutordex_dagster.extraction.files import answer_lines
    from tutordex_dagster.resources.llm import open_extractor

    async with open_extractor(spec, settings) as extractor:
        answers = answer_lines(
            lines,
            extractor,
            pipeline_version=spec.name,
            at_once=spec.llm.concurrency if spec.llm else 1,
            counts=counts,
        )
        async for line in answers:
            output.write(line)


def _shown(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file while a bar shows how far it is read; a pipe has no length to show."""
    path = Path(file.name)
    with progress(in_bytes=True) as bar:
        task = bar.add_task("Extracting", total=path.stat().st_size if path.is_file() else None)
        for line in file:
            yield line
            bar.advance(task, len(line))

"""`tutordex version`: which pipeline versions there are, and what the next one is called."""

import click
from rich.markup import escape

from tutordex_dagster.cli.console import instant, say, stderr, stdout, table
from tutordex_dagster.cli.session import open_session


@click.group()
def version() -> None:
    """List the pipeline versions, or name a new one."""


@version.command("list")
def list_versions() -> None:
    """List every version on record, which one is live, and how it became that."""
    rows = table("Versions", "version", "registered (UTC)", "file", "live since (UTC)", "by")
    with open_session() as services:
        live, known = services.live.name, {spec.name for spec in services.pipelines}
        promotion = services.promotions.before(live)
        for each in services.versions.all():
            is_live = each.name == live
            rows.add_row(
                escape(each.name),
                instant(each.registered_at),
                "there" if each.name in known else "gone",
                instant(promotion.at) if is_live and promotion else ("always" if is_live else "-"),
                escape(promotion.actor) if is_live and promotion else "-",
            )
    stdout().print(rows)


@version.command("new")
@click.option("--note", required=True, help="What is new in it, such as prompt_v4.")
def new(note: str) -> None:
    """Propose the name of a new version and say what to do with it; nothing is written."""
    from tutordex_dagster.operations.promotion import next_name, order_warning

    with open_session() as services:
        recorded = {each.name for each in services.versions.all()}
        known = recorded | {spec.name for spec in services.pipelines}
        name, live = next_name(note, services.clock().date(), known), services.live.name
        folder = services.settings.tutordex_pipelines
    say(name)
    warning = order_warning(name, known)
    if warning:
        stderr().print(warning, soft_wrap=True, markup=False)
    say(f"next: copy the file of {live} in {folder} to {name}.yaml, set `name: {name}` and change it, then")
    say(f"tutordex enqueue --version {name} and tutordex drain --version {name} --oneshot")

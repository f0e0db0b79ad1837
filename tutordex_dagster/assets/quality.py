"""`extraction_quality/<version>`: how well a pipeline version reads the gold set, field by field."""

from collections.abc import Iterator, Mapping

import dagster as dg

from tutordex_dagster.assets.keys import quality_key
from tutordex_dagster.assets.pictures import bars, table
from tutordex_dagster.comparison.promotion import yardstick
from tutordex_dagster.comparison.scoring import Judged, ScoreCard, score_by_agency
from tutordex_dagster.extraction.failures import LaneStopped, LaneUnavailable
from tutordex_dagster.extraction.gold import GoldSet, load_gold
from tutordex_dagster.extraction.versions import PipelineSpec, fingerprint
from tutordex_dagster.operations.scoring import no_drop, score_card
from tutordex_dagster.resources.scoring import read_gold
from tutordex_dagster.resources.services import Services

GROUP = "quality"
CHECK = "no_drop"


def quality_asset(*, spec: PipelineSpec) -> dg.AssetsDefinition:
    """Make the asset of one version with its check, which fails on a drop of more than two points.

    The live version is held against its own best score, any other against the live one: its check then says
    whether it may be promoted.
    """
    key = quality_key(spec)

    @dg.asset(
        key=key,
        description=f"What {spec.name} makes of the labelled posts in TUTORDEX_GOLD, field by field. Made"
        " again by itself whenever the version changes.",
        group_name=GROUP,
        kinds={"python", "postgres"},
        code_version=fingerprint(spec),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK, asset=key, description="Neither the mean nor a field dropped by more than two points."
            )
        ],
    )
    def quality(
        context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
    ) -> Iterator[dg.MaterializeResult[None]]:
        gold = load_gold(services.settings.tutordex_gold)
        judged = _read(services, spec, gold)
        card = score_card(spec, gold, judged, now=services.clock())
        earlier = services.scores.cards({spec.name, services.live.name}, gold=gold.digest)
        before = yardstick(card, earlier, live=services.live.name)
        services.scores.add(card)
        context.log.info("%s scores %.1f on %d posts", spec.name, 100 * card.mean, card.posts)
        yield dg.MaterializeResult(
            metadata=_metadata(card, before, judged),
            check_results=[_result(services, card, before)],
            data_version=dg.DataVersion(f"{card.mean:.6f}-{gold.digest[:12]}"),
        )

    return quality


def _read(services: Services, spec: PipelineSpec, gold: GoldSet) -> Judged:
    try:
        return read_gold(spec, gold, services.settings)
    except (LaneUnavailable, LaneStopped) as error:
        raise dg.Failure(
            f"{spec.name} was not scored, earlier scores stand: {error}", allow_retries=False
        ) from error


def _result(services: Services, card: ScoreCard, before: ScoreCard | None) -> dg.AssetCheckResult:
    finding = no_drop(card, before)
    live = card.version == services.live.name
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if live else dg.AssetCheckSeverity.WARN,
        description=finding.summary,
        metadata={"dropped": table(finding.rows)} if finding.rows else {},
    )


def _metadata(card: ScoreCard, before: ScoreCard | None, judged: Judged) -> Mapping[str, dg.MetadataValue]:
    points = {each.field: round(100 * each.score) for each in card.fields}
    return {
        "mean": dg.MetadataValue.float(round(100 * card.mean, 2)),
        "posts": dg.MetadataValue.int(card.posts),
        "gold": dg.MetadataValue.text(card.gold[:12]),
        "fields": dg.MetadataValue.md(field_table(card, before)),
        "agencies": dg.MetadataValue.md(_agency_table(judged)),
        "score_by_field": bars(f"{card.version}: score by field, of 100", points),
    }


def field_table(card: ScoreCard, before: ScoreCard | None) -> str:
    """Return the scores as a Markdown table, with the difference to the card before where there is one."""
    known = before.scores if before else {}
    head = f"| field | score | against {before.version} |" if before else "| field | score | against |"
    lines = [f"{head} labelled | found | wrong | missing | invented |", "| --- |" + " ---: |" * 7]
    lines.append(
        f"| **mean** | **{100 * card.mean:.1f}** | {_change(card.mean, known.get('mean'))} | | | | | |"
    )
    lines += [
        f"| {each.field} | {100 * each.score:.1f} | {_change(each.score, known.get(each.field))}"
        f" | {each.labelled} | {each.found} | {each.wrong} | {each.missing} | {each.invented} |"
        for each in card.fields
    ]
    return "\n".join(lines)


def _agency_table(judged: Judged) -> str:
    rows = (
        f"| {agency} | {posts} | {100 * mean:.1f} |"
        for agency, (posts, mean) in score_by_agency(judged).items()
    )
    return "\n".join(["| agency | posts | mean |", "| --- | ---: | ---: |", *rows])


def _change(now: float, before: float | None) -> str:
    return "" if before is None else f"{100 * (now - before):+.1f}"

"""Findings, figures and claims of a run as `results.json` holds them."""

from tasks.report.config import ReportConfig
from tasks.report.quoted import Quoted
from tasks.report.quoted_ladders import quoted_ladders
from tasks.report.quoted_recall import quoted_recall
from tasks.report.tables.decomposition import Relation
from tasks.report.tables.provenance import relation_to_base
from tasks.report.verdict.answer import verdict
from tasks.report.verification.card import verification_card
from tasks.report.verification.evidence import Evidence
from tasks.schemas.results import Results, Source
from tasks.store.records import Record


def results_of(
    config: ReportConfig,
    found: Evidence,
) -> Results:
    """What the report says, for programs.

    Args:
        config: Title, and whether the run is only a smoke test.
        found: Scores, checks, records, recall probes where there are any and, unless the run is an audit, the corpus.
    """
    scores, records, is_audit = found.scores, found.records, found.corpus is None
    relation: Relation = "separate" if is_audit else relation_to_base(records)
    quoted = Quoted(scores, found.digest("premium"))
    return Results(
        title=config.title,
        plumbing_only=config.plumbing_only,
        is_audit=is_audit,
        **{name: getattr(scores, name) for name in ("cut", "n_stocks", "n_rows", "n_train_rows", "n_test_rows")},
        models=list(scores.models),
        pairs=list(scores.pairs),
        findings=verdict(quoted, relation, found.recall),
        figures=quoted.everything(),
        ladders=quoted_ladders(quoted),
        recall=quoted_recall(found.recall, found.digest("recall")),
        claims=verification_card(found),
        sources=[_source(record) for record in records],
    )


def _source(record: Record) -> Source:
    dollars = record.spent.dollars if record.spent else None
    return Source(path=record.ref.path, digest=record.digest, seconds=record.seconds, dollars=dollars)

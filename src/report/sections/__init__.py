"""The sections of the report, in the order of the workflow: evidence in; text, figures and tables out."""

from src.judging.printer import Printer, printer_of
from src.report.blocks import Section
from src.report.evidence import Evidence
from src.report.sections.baselines import baselines
from src.report.sections.columns import columns
from src.report.sections.evaluation import errors, evaluation, sample_sizes
from src.report.sections.ladder import ladder
from src.report.sections.question import balance, choices, data_checks, protocol, question
from src.report.sections.sealed_test import sealed_test
from src.report.sections.search import search
from src.report.sections.verdicts import all_verdicts


def sections(evidence: Evidence, printer: Printer) -> list[Section]:
    """All sections but the answer and the model card, which the page sets apart.

    printer: of what `evaluate` found; the steps before have digits of their own.
    """
    baseline, climbed, searched = (
        printer_of(result, evidence.settings.unit)
        for result in (evidence.baseline, evidence.overfit, evidence.regularize)
    )
    return [
        question(evidence),
        columns(evidence),
        data_checks(evidence),
        *([balance(evidence)] if evidence.prepared.targets else []),
        choices(evidence, printer),
        protocol(evidence),
        baselines(evidence, baseline, printer),
        ladder(evidence, climbed),
        search(evidence, searched),
        evaluation(evidence, printer),
        *([sample_sizes(evidence, printer)] if len(evidence.evaluate.sample_sizes) > 1 else []),
        errors(evidence),
        sealed_test(evidence, printer),
        all_verdicts(evidence),
    ]

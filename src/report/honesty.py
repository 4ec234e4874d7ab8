"""How often verdicts and intervals were right where the truth is known, as `python -m benchmarks.honesty` found."""

from pathlib import Path

from pydantic import BaseModel

FIGURES = Path(__file__).with_name("honesty.json")


class Optimism(BaseModel):
    """By how many standard errors a score is better than the truth, on average."""

    search: float
    evaluation_folds: float
    nested: float


class Honesty(BaseModel):
    """What the report cites of the benchmark's figures; the others stay in the file."""

    problems_without_signal: int
    problems_with_signal: int
    false_claims: float
    allowed_claims: float
    coverage_cross_validation: float
    coverage_test: float
    optimism: Optimism


def read_honesty() -> Honesty:
    return Honesty.model_validate_json(FIGURES.read_text(encoding="utf-8"))


def behind(optimism: float) -> str:
    """An optimism in words: `0.41 standard errors too good`."""
    return f"{abs(optimism):.2f} standard errors too {'good' if optimism > 0 else 'bad'}"

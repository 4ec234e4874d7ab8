"""The experiments of several problems, as `dvc exp show --json` tells them, on lines that fit a terminal."""

from typing import Any

from tasks.experiments import WIDTH, experiments

SCORES = {"measure": "mae", "baseline": 65.3, "shallow": 45.1, "cv": 44.67, "low": 41.0, "high": 48.7, "test": 42.88}
SCORES |= {"use": "nothing"}


def entry(name: str | None, problems: dict[str, dict[str, Any]], cv: dict[str, float]) -> dict[str, Any]:
    metrics = {f"results/{problem}/metrics.json": {"data": SCORES | {"cv": value}} for problem, value in cv.items()}
    params = {f"problems/{problem}.yaml": {"data": settings} for problem, settings in problems.items()}
    params["params.yaml"] = {"data": {"problems": list(problems), "defaults": {"seed": len(problems)}}}
    data = {"timestamp": "2026-11-28T10:32:39", "params": params, "metrics": metrics}
    return {"name": name, "rev": name or "workspace", "data": data, "experiments": None}


def test_each_problem_has_the_experiments_that_changed_it_and_what_they_changed():
    settings = {"wine": {"search": {"budget": 4}, "folds": 5}, "diabetes": {"folds": 5}}
    cv = {"wine": 44.67, "diabetes": 44.67}
    wider = settings | {"wine": {"search": {"budget": 9}, "type": "regression"}}
    other = settings | {"diabetes": {"folds": 3}}
    commit = entry("main", settings, cv)
    tried = [entry("wine-1a2b3c4d", wider, cv | {"wine": 45.1}), entry("diabetes-1a2b3c4d", other, cv)]
    queued = {"revs": [entry("wine-queued", wider, {})]}
    commit["experiments"] = [*({"revs": [each]} for each in tried), queued, {"revs": None}]
    assert experiments([entry(None, settings, cv), commit], ["wine", "diabetes"]).splitlines() == [
        "wine: mae",
        "  experiment     created           network (95%)      its sealed test  answer",
        "  workspace      2026-11-28 10:32  44.7 [41.0, 48.7]  42.9             no answer",
        "  main           2026-11-28 10:32  44.7 [41.0, 48.7]  42.9             no answer",
        "  wine-1a2b3c4d  2026-11-28 10:32  45.1 [41.0, 48.7]  42.9             no answer",
        "      search.budget=9, type=regression, without folds",
        "  wine-queued    2026-11-28 10:32  not finished",
        "      search.budget=9, type=regression, without folds",
        "",
        "diabetes: mae",
        "  experiment         created           network (95%)      its sealed test  answer",
        "  workspace          2026-11-28 10:32  44.7 [41.0, 48.7]  42.9             no answer",
        "  main               2026-11-28 10:32  44.7 [41.0, 48.7]  42.9             no answer",
        "  diabetes-1a2b3c4d  2026-11-28 10:32  44.7 [41.0, 48.7]  42.9             no answer  folds=3",
    ]


def test_scores_of_an_older_version_which_stored_no_answer_have_none():
    old = entry("main", {"wine": {}}, {"wine": 44.67})
    del old["data"]["metrics"]["results/wine/metrics.json"]["data"]["use"]
    *_, line = experiments([entry(None, {"wine": {}}, {}), old], ["wine"]).splitlines()
    assert line.endswith("  42.9")


def test_many_changes_are_wrapped():
    many: dict[str, Any] = {f"setting_{number}": {"value": number} for number in range(30)}
    commit = entry("main", {"wine": {}}, {"wine": 44.67})
    commit["experiments"] = [{"revs": [entry("wine-1a2b3c4d", {"wine": many}, {"wine": 44.67})]}]
    lines = experiments([entry(None, {"wine": {}}, {}), commit], ["wine"]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "setting_29.value=29" in lines[-1]

"""Evaluations of runs as files: pictures, numbers, tables, and what could not be made and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brevox.analysis.evaluation import Evaluation, plain
from brevox.analysis.runs import Run
from brevox.errors import BrevoxError, SettingsError
from brevox.output import atomic_output, write_json
from brevox.pictures import to_png


@dataclass(frozen=True)
class Made:
    """One evaluation, made.

    Args:
        evaluation: which.
        run: of which run; empty if of all together.
        facts: the numbers worth telling at once.
        paths: what was written, the picture first.
    """

    evaluation: Evaluation[Any, Any]
    run: str
    facts: dict[str, float | str]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Analysis:
    """All that was made.

    Args:
        runs: their names.
        made: in order.
        left_out: reasons, by run (empty for all together) and evaluation.
        empty: utterances without a single frame, by run: nothing was computed of them.
    """

    runs: tuple[str, ...]
    made: list[Made] = field(default_factory=list)
    left_out: dict[tuple[str, str], str] = field(default_factory=dict)
    empty: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, str]:
        """What was left out: each reason once, and all that it concerns."""
        found: dict[str, list[str]] = {}
        for (run, name), reason in self.left_out.items():
            found.setdefault(reason, []).append(f"{run} {name}".strip() if len(self.runs) > 1 else name)
        return {reason: ", ".join(what) for reason, what in found.items()}


def told(value: float | str) -> str:
    """A fact as people read it."""
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def analyse(
    runs: Sequence[Run],
    evaluations: Sequence[Evaluation[Any, Any]],
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> Analysis:
    """Make what can be made; what cannot is left out with its reason.

    Files go to `folder`, or to a folder in it for each run if there are several.

    Args:
        runs: with names of their own.
        evaluations: which.
        folder: made if it is not there.
        progress: called with what is done next, how much is done, and how much there is.

    Raises:
        SettingsError: two runs have the same name.
        OutputError: the folder cannot be written to.
    """
    names = tuple(run.name for run in runs)
    if len(set(names)) < len(names):
        raise SettingsError(f"two of the runs have the same name, {', '.join(names)}: their files would be the same")
    alone = [evaluation for evaluation in evaluations if not evaluation.together]
    together = [evaluation for evaluation in evaluations if evaluation.together]
    result = Analysis(names)
    of = len(runs) * len(alone) + len(together)
    done = 0

    def make(evaluation: Evaluation[Any, Any], subject: Any, run: str, where: Path) -> None:
        nonlocal done
        if progress is not None:
            progress(f"{run} {evaluation.name}".strip(), done, of)
        done += 1
        try:
            facts, paths = _write(evaluation, subject, where)
        except BrevoxError as error:
            result.left_out[run, evaluation.name] = str(error)
        except ModuleNotFoundError as error:
            missing = f"it needs the package {error.name}; install the extra with pip install 'brevox[analysis]'"
            result.left_out[run, evaluation.name] = missing
        else:
            result.made.append(Made(evaluation, run, facts, paths))

    for run in runs:
        where = folder / run.name if len(runs) > 1 else folder
        if alone:
            where.mkdir(parents=True, exist_ok=True)
        for evaluation in alone:
            make(evaluation, run, run.name, where)
        if run.observed is not None and run.observed.empty:
            result.empty[run.name] = run.observed.empty
        run.forget()  # those of all runs at once would not fit into memory
    folder.mkdir(parents=True, exist_ok=True)
    for evaluation in together:
        make(evaluation, runs, "", folder)
    return result


def _write(
    evaluation: Evaluation[Any, Any], subject: Any, folder: Path
) -> tuple[dict[str, float | str], tuple[Path, ...]]:
    """Compute, and write picture, numbers and other files."""
    computed = evaluation.compute(subject)
    facts = evaluation.facts(computed)
    files = {".png": to_png(evaluation.draw(computed)), **evaluation.files(computed)}
    paths = []
    for ending, data in files.items():
        path = folder / f"{evaluation.name}{ending}"
        with atomic_output(path) as part:
            part.write_bytes(data)
        paths.append(path)
    path = folder / f"{evaluation.name}.json"
    numbers = plain(evaluation.numbers(computed))
    write_json(
        path, {"title": evaluation.title, "how_to_read": evaluation.read, "facts": plain(facts), "numbers": numbers}
    )
    return facts, (*paths, path)

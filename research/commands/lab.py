"""`./coin lab`: GO or NO-GO on a run or a sweep, with reasons."""

from typing import Annotated

import typer

from research import runs, terminal
from research.errors import ResearchError
from research.lab import subject as subjects
from research.lab.cross_validation import asked_for
from research.lab.examination import Examination, examine
from research.lab.judgement import LabAnswer
from research.options import Json, data_dir, guarded
from research.report.lab import crossed_rows, stress_rows, write_report
from shared.exits import Exit


def _names(incomplete: str) -> list[str]:
    """Ids of kept runs and sweeps that begin so, for Tab."""
    try:
        root = data_dir(only_read=True)
    except ResearchError:
        return []
    found = [path.parent.name for path in runs.folder(root).glob("*/run.json")]
    found += [path.parent.name for path in (root / "research" / "sweeps").glob("*/sweep.json")]
    return sorted(name for name in (*found, "last") if name.startswith(incomplete))


@guarded
def lab(
    name: Annotated[str, typer.Argument(help="Id of a run or a sweep, or last.", autocompletion=_names)] = "last",
    cpcv: Annotated[
        str | None,
        typer.Option(help="Combinatorial purged cross-validation of the choice: groups and tests, such as 10,2."),
    ] = None,
    json: Json = False,
) -> None:
    """Judge a run, or the best point of a sweep. Exit code 0 = GO, 1 = NO-GO."""
    folder, crossed = data_dir(), asked_for(cpcv) if cpcv else None
    subject = subjects.find(folder, name)
    with terminal.slowly("  the same signals at other times") as step:
        done = examine(folder, subject, step, crossed)
    path = write_report(done)
    if json:
        terminal.say_json(done.document())
    else:
        show(done)
        terminal.say(f"\n  {path}\n  {done.subject.folder / 'lab.json'}")
    if done.judged.answer is not LabAnswer.GO:
        raise typer.Exit(Exit.FAILED)


def show(done: Examination) -> None:
    """The verdict, its reasons, and what it rests on."""
    judged = done.judged
    go = judged.answer is LabAnswer.GO
    terminal.say(f"  {'✓' if go else '✗'} {judged.answer}: {done.subject.title}\n")
    for gate in judged.gates:
        terminal.say(f"  {'✓' if gate.passed else '✗'} {gate.title}: {gate.said} ({gate.limit}); {gate.reason}")
    for doubt in done.doubts:
        terminal.say(f"  ! {doubt}")
    terminal.say()
    terminal.table(("", ""), [*stress_rows(done.stressed), *crossed_rows(done.crossed)])
    terminal.say(
        f"\n  · {len(done.own):,} trials to choose from, {done.related:,} on the same history, worth "
        f"{done.evidence.trials:,.1f} independent ones"
    )

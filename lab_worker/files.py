"""Candles that a person brings: looked at before anything is kept, then imported; or downloaded.

A dropped file lies under an id of ours. Its own name is read as text, for the product and the kind of file that it may
name, and is never a path.
"""

import contextlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab_worker.reporting import LabRefusal
from lab_worker.sets import describe
from research.data import product_name, store
from research.data.candles import granularity_s
from research.data.choices import OutlierChoice
from research.data.download import URL, DownloadClient, Wanted, download
from research.data.importer import Imported, read_files
from research.errors import ResearchError
from research.lab import holdout
from research.lab.trials import TrialRegistry
from research.options import day_s
from shared.documents.lab import LabFile, LabLooked, LabSet
from shared.lab_files import LabFolder
from shared.settings import load

KINDS = (".parquet", ".csv.gz", ".csv", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".jsonl", ".ndjson", ".json")
_PRODUCT = re.compile(r"[A-Z0-9]{2,12}-[A-Z0-9]{2,8}")
_SIM = "_sim"  # in the name of a set that a simulator made up: never taken for a market's


def look(folder: LabFolder, file: LabFile) -> LabLooked:
    """What the file holds. Nothing is kept. `asks` where a person must say something first. Raises LabRefusal."""
    try:
        return _looked(folder, _read(folder, file, _choice(file)))
    except ResearchError as error:
        problem = str(error)
    asks = next((word for word in ("product", "outliers") if f"--{word}" in problem), "")
    refused = _for_page(problem, file)
    if asks == "outliers":
        for other in (OutlierChoice.DROP, OutlierChoice.KEEP):
            with contextlib.suppress(ResearchError):
                return _looked(folder, _read(folder, file, other), asks, refused)
    return LabLooked(set=None, said=[], asks=asks, refused=refused)


def bring_in(folder: LabFolder, file: LabFile) -> LabSet:
    """Import it, and remove what was dropped. Raises LabRefusal, ResearchError."""
    try:
        found = _read(folder, file, _choice(file))
    except ResearchError as error:
        raise LabRefusal(_for_page(str(error), file)) from error
    data_dir = folder.root.parent
    name = store.default_name(found.candles.product_id, found.candles.granularity_s)
    path = store.save(data_dir, name, found.candles)
    _lock(data_dir, path)
    folder.upload(file.upload).unlink(missing_ok=True)
    return describe(name, found.candles, path.stat().st_size)


def fetch(data_dir: Path, file: LabFile, progress: Callable[[int, int], None]) -> LabSet:
    """Download a set from the chosen venue; it goes on where an earlier download ended. Raises LabRefusal."""
    product = _product(file.product)
    wanted = Wanted(product, granularity_s(file.granularity or "1m"), day_s(file.since) or 0, day_s(file.until or None))
    name = store.default_name(product, wanted.granularity_s)
    if file.venue == "sim":
        settings = load().settings
        client = DownloadClient(f"https://127.0.0.1:{settings.sim_port}", settings.paths.sim / "ca.pem")
        name += _SIM
    else:
        client = DownloadClient(URL)
    candles, _ = download(data_dir, name, wanted, client, progress)
    path = store.find(data_dir, name)
    _lock(data_dir, path)
    return describe(name, candles, path.stat().st_size)


def _choice(file: LabFile) -> OutlierChoice | None:
    return OutlierChoice(file.outliers) if file.outliers in list(OutlierChoice) else None


def _product(text: str) -> str:
    if not _PRODUCT.fullmatch(text.upper()):
        raise LabRefusal("a product is written like BTC-USD")
    return text.upper()


def _read(folder: LabFolder, file: LabFile, choice: OutlierChoice | None) -> Imported:
    """Raises ResearchError, LabRefusal."""
    dropped = folder.upload(file.upload)
    if not dropped.is_file():
        raise LabRefusal("the file is gone: drop it again")
    kind = next((end for end in KINDS if file.shown_name.lower().endswith(end)), None)
    if kind is None:
        raise LabRefusal(f"{file.shown_name} is none of {', '.join(KINDS)}")
    product = _product(file.product) if file.product else _named(file.shown_name)
    with tempfile.TemporaryDirectory(prefix="lab-") as place:
        path = Path(place) / f"file{kind}"
        path.symlink_to(dropped.resolve())
        return read_files([path], product, data_dir=folder.root.parent, outlier_choice=choice, source=file.shown_name)


def _named(name: str) -> str | None:
    """The one product that the file's own name gives; None = it does not, and the table is asked."""
    hints = [hint for hint in product_name.of_file_name(name) if hint.quote]
    return hints[0].text if len(hints) == 1 else None


def _looked(folder: LabFolder, found: Imported, asks: str = "", refused: str = "") -> LabLooked:
    candles = found.candles
    name = store.default_name(candles.product_id, candles.granularity_s)
    there = (store.folder(folder.root.parent) / f"{name}.parquet").exists()
    said = [line.removeprefix(f"file{kind}: ") for line in found.said for kind in [_kind_in(line)]]
    return LabLooked(set=describe(name, candles), said=said, asks=asks, refused=refused, exists=there)


def _kind_in(line: str) -> str:
    return next((kind for kind in KINDS if line.startswith(f"file{kind}: ")), "")


def _for_page(problem: str, file: LabFile) -> str:
    """A sentence of the command line without its options, and with the file's own name."""
    for kind in KINDS:
        problem = problem.replace(f"file{kind}", file.shown_name)
    problem = re.split(r": (?:leave them out|choose one|set it)[^:]*--|: --|, for example --|: it needs", problem)[0]
    return re.sub(r"\s+", " ", problem)


def _lock(data_dir: Path, path: Path) -> None:
    """The last fifth of a new set is left for the lab's one look; where too little is left of it, nothing is."""
    with contextlib.suppress(ResearchError):
        holdout.lock(TrialRegistry(data_dir), store.entry(path))

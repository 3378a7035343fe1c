"""Which tests, or which seeds, run a line of the products."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from coverage import Coverage, CoverageData

LOADING = ""  # the context of what runs before the first test or seed
DEEPEST = 3  # imports between a module that only defines and one that runs it


def measured(database: str, root: Path) -> Coverage:
    """What writes the lines of the products that are run, by the context they are run in, into `database`."""
    coverage = Coverage(data_file=database, include=[f"{root}/bot/*", f"{root}/shared/*"], config_file=False)
    coverage.set_option("run:relative_files", True)
    return coverage


class CoverageMap:
    """Path and line → the contexts that run it. Raises coverage.CoverageException for what is no record."""

    def __init__(self, databases: Iterable[Path], texts: Mapping[str, str]) -> None:
        """`texts`: path → source of the products, to follow their imports."""
        self._databases = [CoverageData(str(path)) for path in databases]
        for data in self._databases:
            data.read()
        self._importers = _importers(texts)
        self._lines = cache(self._read)

    def contexts(self, path: str, lines: Iterable[int]) -> set[str]:
        """Those that run any of the lines. Without lines, as for a module's own constants: those that run anything of
        the file, or else of the files that import it."""
        wanted = set(lines)
        if wanted:
            return {context for line in wanted for context in self._lines(path).get(line, ())} - {LOADING}
        for paths in self._outwards(path):
            found = {context for each in paths for names in self._lines(each).values() for context in names}
            if found := found - {LOADING}:
                return found
        return set()

    def only_loads(self, path: str, lines: Iterable[int]) -> bool:
        """Whether the lines run while modules are loaded and at no other time, as what fills a table does."""
        return {context for line in lines for context in self._lines(path).get(line, ())} == {LOADING}

    def _read(self, path: str) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for data in self._databases:
            for line, contexts in data.contexts_by_lineno(path).items():
                found[line].update(contexts)
        return found

    def _outwards(self, path: str) -> Iterator[set[str]]:
        at, seen = {path}, {path}
        for _ in range(DEEPEST):
            yield at
            at = {importer for each in at for importer in self._importers.get(each, ())} - seen
            seen |= at


def _importers(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Path → the paths that import it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                if (other := name.replace(".", "/") + ".py") in texts:
                    found[other].add(path)
    return found

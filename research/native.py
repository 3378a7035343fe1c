"""Compiled loops kept as machine code and called by address, so that a new process needs no compiler to run them.

Importing the compiler (numba) takes longer than a year's backtest. So the machine code that it makes is kept as an
object file, which its small sister library (llvmlite) loads in a moment; numba is imported only where nothing is kept
for these sources, this processor and this signature.

Numbers and arrays cross as numba's own calling convention wants them, which numba does not promise to keep: with a
version that was not checked (`CHECKED`) functions are called through numba itself.

The convention: a pointer for the result and one for an error, then every argument flattened. A named
tuple of numbers crosses as one record, any other tuple field by field.
"""

import ctypes
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

log = logging.getLogger("research")
_DIGEST = 32
CHECKED = "0.68"  # the compiler whose convention this file knows; tests/research/test_cache.py says what to do
Register = Callable[[], None]


class ObjectCode(NamedTuple):
    """Machine code and the name of the function in it."""

    name: str
    code: bytes


class Native:
    """`function` compiled for whatever it is called with first; every call must look alike. Runs without the GIL."""

    def __init__(self, function: Callable[..., Any], folder: Callable[[], Path], register: Register) -> None:
        self.function = function
        self.compiled = 0  # how often the compiler was needed
        self._folder = folder
        self._register = register
        self._calls: dict[str, Callable[..., int]] = {}
        self._alive: list[Any] = []
        self._dispatcher: Any = None
        self._lock = threading.Lock()
        self._by_address = version("numba").startswith(f"{CHECKED}.")

    def __call__(self, *arguments: Any) -> int:
        """What the function answers, which must be a whole number. Raises TypeError for what can't cross."""
        if not self._by_address:
            return self._through_compiler(arguments)
        held = [_crossing(one) for one in arguments]
        word = " ".join(_kind(one) for one in held)
        call = self._calls.get(word)
        if call is None:
            with self._lock:
                call = self._calls.get(word) or self._find(word, held)
                self._calls[word] = call
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        status = call(ctypes.byref(result), ctypes.byref(error), *(v for one in held for v in _flat(one)))
        if status != 0:
            raise RuntimeError(f"the compiled {self.function.__name__} failed (status {status})")
        return result.value

    def _through_compiler(self, arguments: tuple[Any, ...]) -> int:
        """The same by numba's own call: slower to begin with, since nothing is kept for another process."""
        with self._lock:
            if self._dispatcher is None:
                self.compiled += 1
                self._register()
                self._dispatcher = _compiler().dispatcher(self.function)
        return int(self._dispatcher(*arguments))

    def _find(self, word: str, held: list[Any]) -> Callable[..., int]:
        path = self._folder() / f"{self.function.__name__}-{hashlib.sha256(word.encode()).hexdigest()[:12]}.o"
        kept = _read(path)
        address = _load(kept, self._alive) if kept is not None else 0
        if not address:
            address = self._compile(held, path)
        kinds = [kind for one in held for kind in _kinds(one)]
        return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *kinds)(address)

    def _compile(self, held: list[Any], path: Path) -> int:
        """Address of the function, made now; kept where its code needs nothing but what every process has."""
        self.compiled += 1
        self._register()
        made, result = _compiler().compile_for(self.function, held)
        name: str = result.fndesc.llvm_func_name
        kept = ObjectCode(name, _emit(result.library.get_llvm_str(), name))
        address = _load(kept, self._alive) if kept.code else 0
        if address:
            _write(path, kept)
            return address
        self._alive.append(made)
        return int(result.library.get_pointer_to_function(name))


def _compiler() -> ModuleType:
    """numba's part, loaded now: importing it takes longer than a year's backtest, and kept code needs none of it."""
    from research import numba_compiler  # noqa: PLC0415

    return numba_compiler


def _crossing(value: Any) -> Any:
    """The value as it crosses: a named tuple of numbers as a record, arrays and other tuples as they are."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        if fields and all(isinstance(one, (bool, int, float)) for one in value):
            kinds = ["?" if isinstance(one, bool) else "<i8" if isinstance(one, int) else "<f8" for one in value]
            dtype = np.dtype(list(zip(fields, kinds, strict=True)), align=True)
            return np.array([tuple(value)], dtype=dtype)[0]
        return type(value)(*(_crossing(one) for one in value)) if fields else tuple(_crossing(one) for one in value)
    if isinstance(value, np.ndarray) and not value.flags.c_contiguous:
        raise TypeError("an array for compiled code must be contiguous")
    return value


def _kind(value: Any) -> str:
    """What the compiled code was made for, as text."""
    match value:
        case bool():
            return "b"
        case int() | np.integer():
            return "i"
        case float():
            return "f"
        case np.ndarray():
            return f"{value.dtype.str}x{value.ndim}"
        case np.void():
            return f"r{value.dtype.descr}"
        case tuple():
            return f"({' '.join(_kind(one) for one in value)})"
    raise TypeError(f"{type(value).__name__} can't be passed to compiled code")


def _kinds(value: Any) -> Iterator[Any]:
    match value:
        case bool():
            yield ctypes.c_uint8
        case float():
            yield ctypes.c_double
        case np.ndarray():
            yield from (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
            yield from (ctypes.c_int64,) * (2 * value.ndim)
        case np.void():
            yield ctypes.c_void_p
        case tuple():
            for one in value:
                yield from _kinds(one)
        case _:
            yield ctypes.c_int64


def _flat(value: Any) -> Iterator[Any]:
    match value:
        case np.ndarray():
            # An array: owner and parent (none: nothing is freed there), items, bytes of one, data, shape, strides.
            yield from (None, None, value.size, value.itemsize, value.ctypes.data)
            yield from value.shape
            yield from value.strides
        case np.void():
            yield value.__array_interface__["data"][0]
        case tuple():
            for one in value:
                yield from _flat(one)
        case _:
            yield value


def _machine() -> Any:
    """The processor at hand, as llvmlite makes and loads code for it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="default", codemodel="jitdefault", jit=True
    )


def _emit(code: str, name: str) -> bytes:
    """Machine code of a module; b"" where it calls something that only the compiler's own process has."""
    machine = _machine()
    module = llvm.parse_assembly(code)
    foreign = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    foreign += [v.name for v in module.global_variables if v.is_declaration]
    lacking = [one for one in foreign if llvm.address_of_symbol(one) is None]
    if lacking:
        log.warning("machine code of %s can't be cached: it needs %s", name, ", ".join(lacking))
        return b""
    return bytes(machine.emit_object(module))


def _load(kept: ObjectCode, alive: list[Any]) -> int:
    """Address of the function, its code held by `alive`; 0 where it is not there."""
    machine = _machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(kept.code))
    engine.finalize_object()
    alive.append(engine)
    return int(engine.get_function_address(kept.name))


def _read(path: Path) -> ObjectCode | None:
    """What is kept; None where there is nothing, or not what was written."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    digest, body = raw[:_DIGEST], raw[_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        log.warning("%s is damaged: compiling again", path.name)
        return None
    name, _, code = body.partition(b"\0")
    return ObjectCode(name.decode(), code)


def _write(path: Path, kept: ObjectCode) -> None:
    body = kept.name.encode() + b"\0" + kept.code
    try:
        handle, temporary = tempfile.mkstemp(prefix=path.name, suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except OSError as error:
        log.warning("compiled code can't be cached (%s): the next process compiles again", error)

"""A model by name: ``file.onnx``, ``file.pt2``, ``package.module:callable`` or ``path/to/file.py:callable``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from zeroskip.contracts.errors import InputError, typed_line
from zeroskip.contracts.extras import needs_extra

from .quiet import quiet

FORMS = "file.onnx, file.pt2, package.module:callable or path/to/file.py:callable"


def load_model(spec: str | Path) -> nn.Module:
    """The torch module that ``spec`` names.

    spec : an ONNX file (``.onnx``); a file saved by ``torch.export.save`` (``.pt2``); or ``package.module:callable`` or
        ``path/to/file.py:callable``, where the callable takes no argument and returns an ``nn.Module``

    Raises InputError, in one line that names the failure: the form, the file, the attribute, the call or the returned value.
    Raises UnsupportedError for the nodes of an ONNX file that cannot be built.
    """
    text = str(spec)
    source, colon, name = text.rpartition(":")
    if colon and source and name.isidentifier():
        return _call(_import_file(Path(source)) if source.endswith(".py") else _import_module(source), name, text)
    path = Path(text)
    if path.suffix == ".pt2":
        return _load_exported(path)
    if path.suffix == ".onnx":
        return _load_onnx(path)
    raise InputError(f"model {text!r}: must be {FORMS}")


def _load_onnx(path: Path) -> nn.Module:
    _require_file(path)
    with needs_extra("onnx"):  # imported here: the package takes a while to load, and few models need it
        from zeroskip.frontend.onnx.file import load_onnx

    return load_onnx(path)


def _load_exported(path: Path) -> nn.Module:
    _require_file(path)
    if not zipfile.is_zipfile(path):
        raise InputError(f"model {str(path)!r}: must be a file saved by torch.export.save")
    try:
        with quiet("torch.export"):
            return torch.export.load(path).module()
    except Exception as error:
        raise InputError(f"model {str(path)!r}: torch.export.load failed: {typed_line(error)}") from error


def _import_file(path: Path) -> ModuleType:
    _require_file(path)
    module_name = f"zeroskip_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and pickle look the module up by name
    try:
        with _import_path(path.parent.resolve()):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise InputError(f"model {str(path)!r}: importing the file failed: {typed_line(error)}") from error
    return module


def _import_module(name: str) -> ModuleType:
    try:
        with _import_path(Path.cwd()):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise InputError(f"model {name!r}: importing the module failed: {typed_line(error)}") from error


def _call(module: ModuleType, name: str, text: str) -> nn.Module:
    function = getattr(module, name, None)
    if function is None:
        raise InputError(f"model {text!r}: the module has no attribute {name!r}")
    if not callable(function) or isinstance(function, nn.Module):
        raise InputError(
            f"model {text!r}: {name!r} must be a callable that returns an nn.Module, not {type(function).__name__}"
        )
    try:
        model = function()
    except (Exception, SystemExit) as error:
        raise InputError(f"model {text!r}: calling {name}() failed: {typed_line(error)}") from error
    if not isinstance(model, nn.Module):
        raise InputError(f"model {text!r}: {name}() must return an nn.Module, not {type(model).__name__}")
    empty = next((key for key, value in model.named_parameters() if value.is_meta), None)
    if empty is not None:
        raise InputError(f"model {text!r}: parameter {empty!r} must hold values, but is on the meta device")
    return model


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"model {str(path)!r}: no such file")


@contextmanager
def _import_path(folder: Path) -> Iterator[None]:
    """Make a model's neighbours importable, as when it runs as a script."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))

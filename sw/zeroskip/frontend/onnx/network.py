"""An ONNX model as a torch module: one submodule per node, named after its weight, so that pruning and training work on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from zeroskip.contracts.errors import UnsupportedError
from zeroskip.frontend.refusal import RefusalError

Array = npt.NDArray[Any]
Operand = Tensor | Array | None
"""An input of a node: an activation, an array known on the host, or None for an optional input that is left out."""


class Operator(nn.Module):
    """A node without learned weights: a function of its inputs.

    location : operator and name of the node, for refusals
    constants : the known inputs, by position; they move and change precision with the module
    """

    def __init__(self, location: str, function: Callable[..., Any], constants: Mapping[int, Array]) -> None:
        super().__init__()
        self._location = location
        self._function = function
        self._constants = {position: f"constant_{position}" for position in constants}
        for position, value in constants.items():
            self.register_buffer(self._constants[position], torch.from_numpy(np.array(value)))

    def forward(self, *inputs: Operand) -> Any:
        operands: list[Any] = list(inputs)
        for position, name in self._constants.items():
            operands[position] = getattr(self, name)
        try:
            return self._function(*operands)
        except RefusalError as refusal:
            raise UnsupportedError(f"{self._location}: {refusal}") from refusal


@dataclass(frozen=True, kw_only=True)
class Call:
    """One node.

    path : path of its submodule, or None for a node that computes on the host
    inputs : values by name
    outputs : values by name
    """

    path: str | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    host: Callable[..., Sequence[Array]] | None = None


class OnnxNetwork(nn.Module):
    """Runs the nodes of an ONNX model in order.

    A weight with the name ``conv1.weight`` in the file is the parameter ``conv1.weight`` of a Conv or Linear module. A weight with the
    name ``W`` is ``W.weight``.

    input_shape : shape of one sample without the batch axis, or None where the file does not state it
    stated_batch : the samples that the file states, or None where it takes any number. With one, more samples run one by one if its shapes
        do not allow for more
    """

    def __init__(
        self, calls: Sequence[Call], modules: Mapping[str, nn.Module], constants: Mapping[str, Array], entry: str,
        output: str, input_shape: tuple[int, ...] | None, *, stated_batch: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.input_shape = input_shape
        self._calls = tuple(calls)
        self._constants = dict(constants)
        self._entry, self._output = entry, output
        self.stated_batch = stated_batch
        self._batches: bool | None = None
        for path, module in modules.items():
            _attach(self, path, module)

    def forward(self, x: Tensor) -> Tensor:
        if self.stated_batch == 1 < len(x) and not torch.compiler.is_exporting() and not self._takes_batches(x):
            return torch.cat([self._run(x[i : i + 1]) for i in range(len(x))])
        return self._run(x)

    def _takes_batches(self, x: Tensor) -> bool:
        """Whether several samples at once give what each gives alone."""
        if self._batches is None:
            with torch.no_grad():
                alone = torch.cat([self._run(x[i : i + 1]) for i in range(2)])
                try:
                    together = self._run(x[:2])
                except (RuntimeError, UnsupportedError):
                    together = alone[:0]
                self._batches = together.shape == alone.shape and torch.allclose(together, alone, rtol=1e-3, atol=1e-3)
        return self._batches

    def _run(self, x: Tensor) -> Tensor:
        values: dict[str, Operand] = {"": None, self._entry: x, **self._constants}
        for call in self._calls:
            inputs = [values[name] for name in call.inputs]
            if call.host is not None:
                arrays = [np.asarray(tuple(value.shape)) if isinstance(value, Tensor) else value for value in inputs]
                results: Any = call.host(*arrays)
            else:
                assert call.path is not None
                results = self.get_submodule(call.path)(*inputs)
                results = results if isinstance(results, tuple | list) else (results,)
            values.update(zip(call.outputs, results, strict=False))
        result = values[self._output]
        assert isinstance(result, Tensor)
        return result


def free_path(wanted: str, taken: Mapping[str, object]) -> str:
    """A path for a submodule near the wanted one. It has no empty parts, is no attribute of a module, and is not taken."""
    parts = [part if part not in dir(nn.Module) else f"{part}_" for part in wanted.split(".") if part] or ["node"]
    path, count = ".".join(parts), 1
    while path in taken:
        count += 1
        path = f"{'.'.join(parts)}_{count}"
    return path


def _attach(root: nn.Module, path: str, module: nn.Module) -> None:
    """Register ``module`` under a path with dots, inside the modules that exist there already."""
    *parents, name = path.split(".")
    owner = root
    for parent in parents:
        if parent not in owner._modules:
            owner.add_module(parent, nn.Module())
        owner = owner.get_submodule(parent)
    for child_name, child in owner._modules[name].named_children() if name in owner._modules else ():  # type: ignore[union-attr]
        module.add_module(child_name, child)
    owner.add_module(name, module)


def as_tensor(value: Operand, like: Tensor) -> Tensor:
    """A constant as a tensor of the same type as the activations."""
    if isinstance(value, Tensor):
        return value
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)

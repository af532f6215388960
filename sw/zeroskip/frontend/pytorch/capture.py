"""Torch module → Graph, through ``torch.export``, from the graph before decomposition."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from zeroskip.contracts.axes import Axes
from zeroskip.contracts.errors import InputError, UnsupportedError, first_line
from zeroskip.contracts.graph import INPUT, Graph
from zeroskip.frontend.hints import hint
from zeroskip.frontend.lowering.lower import lower
from zeroskip.frontend.lowering.steps import Port, image_shape
from zeroskip.frontend.quiet import quiet
from zeroskip.frontend.refusal import RefusalError

from .chains import Chain
from .functions import as_table, chain_of
from .layouts import image_of, in_whole
from .masks import Masks, remove_pruning_hooks
from .moves import entry_layout
from .nodes import Parameters, operator_name, qualified_name, shape
from .operators import Reader, reader_of
from .orders import Order, whole
from .reading import Given, Reading, SkippedError, Value, same_order

SEVERAL = 5
"""Samples that a model is exported for: more than two, since a slice of the first two would not show."""

_CHECKS = {torch.ops.aten._assert_tensor_metadata.default}


def capture(model: nn.Module, example_input: Tensor, masks: Mapping[str, Tensor] | None = None) -> Graph:
    """Capture ``model`` in eval mode as window operators, with all that folds folded. ``model`` stays untouched.

    model : module from one float tensor to one tensor; models that still carry ``torch.nn.utils.prune`` hooks load as they are
    example_input : (batch, *input_shape) float, batch ≥ 1; only its shape and dtype matter
    masks : parameter name (``fc1.weight``) → bool tensor of the weight's shape, True where kept. A weight without a mask and
        without a pruning hook keeps its nonzero entries. A weight that two modules share becomes two layers

    Raises UnsupportedError that lists all that cannot be built, by operator and node name. Raises InputError for a wrong mask or
    example, and for parameters that are not finite.
    """
    _check_arguments(model, example_input)
    working = _copy(model)
    hooked = remove_pruning_hooks(working)
    program = _export(working, example_input, type(model).__name__)
    known_masks = Masks(working, masks or {}, hooked)
    reading, entry, result = _read(program, known_masks)
    known_masks.require_all_used()
    return lower(reading.steps, entry, result)


def _check_arguments(model: object, example_input: object) -> None:
    if not isinstance(model, nn.Module):
        raise InputError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    if not isinstance(example_input, Tensor) or not example_input.is_floating_point():
        kind = str(example_input.dtype) if isinstance(example_input, Tensor) else type(example_input).__name__
        raise InputError(f"example_input must be a float tensor, not {kind}")
    if example_input.ndim < 2 or 0 in example_input.shape:
        raise InputError(
            f"example_input must have a batch axis and at least one more, none of them empty, not shape {tuple(example_input.shape)}"
        )
    required = [
        parameter.name
        for parameter in inspect.signature(model.forward).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    if len(required) > 1:
        raise UnsupportedError(
            f"model {type(model).__name__!r}: forward must take one tensor, not {len(required)} ({', '.join(required)})"
        )


def _copy(model: nn.Module) -> nn.Module:
    """A deep copy in eval mode on the CPU. Tensors with a gradient history, as pruning hooks leave them, are copied as plain values."""
    memo: dict[int, object] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, on copying an exported module
        try:
            working = copy.deepcopy(model, memo).cpu()
        except Exception as error:
            raise InputError(f"model {type(model).__name__!r}: cannot be copied: {error}") from error
    try:
        return working.eval()
    except NotImplementedError:  # an exported module: its mode is fixed in its graph
        return working


def _export(model: nn.Module, example_input: Tensor, model_name: str) -> ExportedProgram:
    """The program for several samples, in which samples that are mixed show, or for as many as the model takes."""
    example = example_input.detach().cpu()
    stated = getattr(model, "stated_batch", None)  # of an ONNX file
    wanted = [stated] if stated else [SEVERAL, len(example), 1]
    candidates = [example[torch.arange(samples) % len(example)] for samples in dict.fromkeys(wanted)]
    failures: list[tuple[Tensor, BaseException]] = []
    for batch in candidates:
        try:
            with torch.no_grad(), quiet("torch.export"):
                return torch.export.export(model, (batch,), strict=False)
        except UnsupportedError:  # a module's own refusal
            raise
        except (Exception, SystemExit) as error:  # the model's forward is the user's code
            failures.append((batch, error))
    batch, failure = next((found for found in failures if len(found[0]) == len(example)), failures[-1])
    raise UnsupportedError(
        f"model {model_name!r}: torch.export cannot capture it for an example of shape {tuple(batch.shape)}: {first_line(failure)}"
    ) from failure


def _read(program: ExportedProgram, masks: Masks) -> tuple[Reading, Port, Port]:
    """The steps of the graph in order, and its two ends. Raises UnsupportedError with a clause for each fault."""
    signature = program.graph_signature
    stored = {**program.state_dict, **program.constants}
    tensors = {
        spec.arg.name: (spec.target, stored[spec.target])
        for spec in signature.input_specs
        if spec.kind is not InputKind.USER_INPUT and spec.target in stored
    }
    entry = next(n for n in program.graph.nodes if n.op == "placeholder" and n.name in signature.user_inputs)
    parameters = Parameters(tensors, masks)
    image, order = entry_layout(program.graph, entry, parameters)
    reading = Reading(program.graph, parameters, entry, image, order)
    problems: list[str] = []
    for node in program.graph.nodes:
        if node.op != "call_function" or node.target in _CHECKS:
            continue
        reader = reader_of(node)
        location = f"{operator_name(node)} {qualified_name(node)!r}"
        try:
            if not any(reading.holds(read) for read in node.all_input_nodes):
                parameters.compute(node)
                continue
            chain = chain_of(node, reading)
            if reader is None and chain is None:
                problems.append(f"{location}: not supported{hint(operator_name(node))}")
                reading.refuse(node)
            else:
                _give(node, reading, reader, chain)
        except RefusalError as refusal:
            problems.append(f"{location}: {refusal}")
            reading.refuse(node)
        except SkippedError:
            reading.refuse(node)
    result, faults = _result(program, reading)
    if problems or faults or result is None:
        raise UnsupportedError(*problems, *faults)
    user = shape(entry)[1:]
    axes = _axes(order, reading.batch)
    assert axes is not None  # as it was chosen
    return reading, Port(value=INPUT, stored=image, user=user, axes=axes), result


def _give(node: fx.Node, reading: Reading, reader: Reader | None, chain: Chain | None) -> None:
    """Read the node: as a table what only a table computes, or what is refused otherwise."""
    given: Given | Sequence[Given] | None = None
    if reader is not None and (chain is None or not chain.tabled):
        try:
            given = reader(node, reading)
        except RefusalError:
            if chain is None:
                raise
    if given is None:
        assert chain is not None
        chain = replace(chain, tabled=True)
        given = as_table(node, reading, chain)
    if (
        chain is not None
        and isinstance(given, Value)
        and same_order(given, chain.root)
        and given.name != chain.root.name
    ):
        reading.chains.setdefault(given.name, chain)
    reading.give(node, given)


def _result(program: ExportedProgram, reading: Reading) -> tuple[Port | None, list[str]]:
    """The output, or the clauses that say what is wrong with it."""
    kinds = [spec.kind for spec in program.graph_signature.output_specs]
    if kinds != [OutputKind.USER_OUTPUT]:
        return None, [f"output: must be one tensor, not {len(kinds)} outputs"]
    output = next(node for node in program.graph.nodes if node.op == "output")
    (node,) = output.args[0]
    if not isinstance(node, fx.Node) or not reading.holds(node):
        return None, ["output: must depend on the network's input"]
    try:
        return _leaving(node, reading), []
    except RefusalError as refusal:
        return None, [f"output: {str(refusal).removeprefix('input ')}"]
    except SkippedError:
        return None, []


def _leaving(node: fx.Node, reading: Reading) -> Port:
    """The value as it leaves: in the order in which it is stored, if the host can turn it into the model's."""
    value = reading.given(node)
    host = value.host
    value = in_whole(node, reading, value)
    first = whole(value.order, reading.batch, math.prod(value.stored))
    axes = _axes(value.order, reading.batch) if first.size == math.prod(value.stored) == len(np.unique(first)) else None
    if axes is not None:
        return Port(value=value.name, stored=value.stored, user=first.shape, axes=axes, host=host)
    wanted = image_shape(first.shape) or (first.size, 1, 1)
    copy = image_of(node, reading, value, first.reshape(wanted))
    axes = _axes(copy.order(*copy.shape), 1)
    assert axes is not None  # an image, or one turned
    return Port(value=copy.value, stored=copy.stored, user=first.shape, axes=axes, host=host)


def _axes(order: Order, batch: int) -> Axes | None:
    """From the user's order to the stored one. ``order`` tells where the user's elements are stored."""
    return Axes.of(np.argsort(order.reshape(batch, -1)[0]))

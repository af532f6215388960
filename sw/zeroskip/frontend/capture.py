"""Torch module → Graph, through ``torch.export``, from the graph before decomposition."""

from __future__ import annotations

import copy
import inspect
import operator
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from zeroskip.spec.errors import InputError, UnsupportedError
from zeroskip.spec.graph import Graph

from .fold import fold
from .masks import Masks, remove_pruning_hooks
from .operators import READERS, SUPPORTED, Parameters, RefusalError, operand, operator_name, qualified_name, shape
from .steps import RefusedStep, Step

_CHECKS = {torch.ops.aten._assert_tensor_metadata.default}


def capture(model: nn.Module, example_input: Tensor, masks: Mapping[str, Tensor] | None = None) -> Graph:
    """Capture ``model`` in eval mode as a chain of layers, BatchNorm folded and Dropout gone. ``model`` stays untouched.

    model : module of one float tensor to one tensor; models that still carry ``torch.nn.utils.prune`` hooks load as they are
    example_input : (batch, *input_shape) float, batch ≥ 1; only its shape and dtype matter
    masks : parameter name (``fc1.weight``) → bool tensor of the weight's shape, True where kept. A weight without a mask, and
        without a pruning hook, keeps its nonzero entries. A weight that two linear modules share becomes two layers

    Raises UnsupportedError, which lists everything that cannot be built by operator and node name, and InputError for a wrong mask
    or example, or parameters that are not finite.
    """
    _check_arguments(model, example_input)
    working = _copy(model)
    hooked = remove_pruning_hooks(working)
    known_masks = Masks(working, masks or {}, hooked)
    program = _export(working, example_input, type(model).__name__)
    steps, problems = _read(program, known_masks)
    layers, unfolded = fold(steps)
    problems += unfolded
    if problems:
        raise UnsupportedError("; ".join(problems))
    known_masks.require_all_used()
    return Graph(
        input_shape=tuple(example_input.shape[1:]),
        output_shape=(layers[-1].outputs,),
        layers=tuple(layers),
    )


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
    """A deep copy in eval mode on the CPU. Tensors with a gradient history, as pruning hooks leave them, copy as plain values."""
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
    try:
        with torch.no_grad():
            return torch.export.export(model, (example_input.detach().cpu(),), strict=False)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UnsupportedError(
            f"model {model_name!r}: torch.export cannot capture it for an example of shape {tuple(example_input.shape)}: {reason}"
        ) from error


def _read(program: ExportedProgram, masks: Masks) -> tuple[list[Step], list[str]]:
    """The steps of the graph in order, and a clause for each node that cannot be built."""
    signature = program.graph_signature
    stored = {**program.state_dict, **program.constants}
    tensors = {
        spec.arg.name: (spec.target, stored[spec.target])
        for spec in signature.input_specs
        if spec.kind is not InputKind.USER_INPUT and spec.target in stored
    }
    parameters = Parameters(tensors=tensors, masks=masks)
    chain = _Chain(program.graph, signature.user_inputs)
    steps: list[Step] = []
    problems: list[str] = []
    for node in program.graph.nodes:
        if node.op != "call_function" or node.target in _CHECKS:
            continue
        reader = READERS.get(node.target)
        try:
            if reader is None:
                if node.target is not operator.getitem:  # it picks from a list that an operator already refused returns
                    problems.append(
                        f"{operator_name(node)} {qualified_name(node)!r}: not supported; supported are {SUPPORTED}"
                    )
                step: Step | None = RefusedStep()
            else:
                chain.require_next(node)
                step = reader(node, parameters)
        except RefusalError as refusal:
            problems.append(f"{operator_name(node)} {qualified_name(node)!r}: {refusal}")
            step = RefusedStep()
        chain.advance(node)
        if step is not None:
            steps.append(step)
    problems += chain.output_problems(signature)
    return steps, problems


class _Chain:
    """Follows the one value that runs through the network, so that a branch, however written, is noticed."""

    def __init__(self, graph: fx.Graph, user_inputs: object) -> None:
        names = tuple(user_inputs) if isinstance(user_inputs, tuple | list) else ()
        self._current: fx.Node | None = next(
            (n for n in graph.nodes if n.op == "placeholder" and n.name in names[:1]), None
        )
        self._activations: set[object] = {self._current}
        self._overwritten: dict[fx.Node, fx.Node] = {}
        self._output = next(n for n in graph.nodes if n.op == "output")

    def _latest(self, node: object) -> object:
        """The value now in ``node``'s storage: an in-place operator replaces it."""
        while isinstance(node, fx.Node) and node in self._overwritten:
            node = self._overwritten[node]
        return node

    def require_next(self, node: fx.Node) -> None:
        if operand(node) not in self._activations:
            raise RefusalError("must work on the network's input, not on parameters alone")
        if self._latest(operand(node)) is not self._current:
            raise RefusalError("must take the result of the operator before it; branches are not supported")

    def advance(self, node: fx.Node) -> None:
        if self._activations.isdisjoint(node.all_input_nodes):
            return  # it computes with parameters alone
        if isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable:
            overwritten = self._latest(operand(node))
            if isinstance(overwritten, fx.Node):
                self._overwritten[overwritten] = node
        self._current = node
        self._activations.add(node)

    def output_problems(self, signature: torch.export.ExportGraphSignature) -> list[str]:
        kinds = [spec.kind for spec in signature.output_specs]
        if kinds != [OutputKind.USER_OUTPUT]:
            changed = [str(spec.target) for spec in signature.output_specs if spec.kind is not OutputKind.USER_OUTPUT]
            count = f"{kinds.count(OutputKind.USER_OUTPUT)} outputs" + (
                f" and a change of {', '.join(changed)}" if changed else ""
            )
            return [f"output: must be one tensor, not {count}"]
        (value,) = self._output.args[0]
        if self._latest(value) is not self._current:
            return ["output: must be the result of the last operator; branches are not supported"]
        return [] if len(shape(value)) == 2 else [f"output: must be (batch, features), not {shape(value)}"]

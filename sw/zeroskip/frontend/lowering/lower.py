"""Steps → Graph, in passes that each keep the numbers: formats, copies, BatchNorm, activations and sums, tensors."""

from __future__ import annotations

from collections.abc import Sequence

from zeroskip.contracts.graph import INPUT, Graph

from .affine import fold_affine
from .copies import absorb_flattening, copies_to_layers, fold_padding, merge_copies, plain_copy
from .formats import fix_formats
from .fuse import fuse, pool_last
from .steps import Port, Step, sources
from .tensors import assign_tensors


def lower(steps: Sequence[Step], input: Port, result: Port) -> Graph:
    """The graph that computes ``result`` from ``input``. Steps that it does not need vanish. A graph that changes nothing is one copy.

    Raises InputError for numbers that are not finite.
    """
    shapes = {INPUT: input.stored}
    needed = _needed(steps, result.value)
    needed, output, formats = fix_formats(needed, result.value)
    for rewrite in (merge_copies, fold_padding, fold_affine, absorb_flattening, copies_to_layers, pool_last, fuse):
        needed = rewrite(needed, shapes, output, formats)
    if output == INPUT:
        needed, output = [plain_copy("copy", INPUT, "%copy", input.stored[0])], "%copy"
        formats |= {output: formats[INPUT]} if INPUT in formats else {}
    layers, tensors, names, formats = assign_tensors(needed, shapes, output, formats)
    return Graph(
        input_shape=input.user, output_shape=result.user, input_axes=input.axes, output_axes=result.axes, host=result.host,
        tensors=tensors, layers=layers, output=names[output], formats=formats,
    )  # fmt: skip


def _needed(steps: Sequence[Step], result: str) -> list[Step]:
    """The steps on which ``result`` depends."""
    wanted = {result}
    kept = []
    for step in reversed(steps):
        if step.output in wanted:
            wanted.update(sources(step))
            kept.append(step)
    return kept[::-1]

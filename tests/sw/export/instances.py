"""Counts over all instances of a design's modules: the text has each module once."""

from __future__ import annotations

import re
from collections.abc import Callable


def of_all_instances(core: str, count: Callable[[str], int], module: str = "zeroskip_core") -> int:
    """What ``count`` finds in a module and in all instances below it."""
    bodies = dict(re.findall(r"^module (\w+)(.*?)^endmodule", core, re.MULTILINE | re.DOTALL))
    inner = re.findall(rf"^  ({'|'.join(bodies)}) (?:#\(.*\) )?\w+ \($", bodies[module], re.MULTILINE)
    return count(bodies[module]) + sum(of_all_instances(core, count, kind) for kind in inner)


def registers(body: str) -> int:
    """Bits of every ``reg`` of a module, of the word that each memory in it has read, and of what each multiplier holds."""
    declared = re.findall(r"^  (?:output )?reg (?:\[(\d+):0\] )?\w+[;,]?$", body, re.MULTILINE)
    return sum(int(high or 0) + 1 for high in declared) + sum(
        map(int, re.findall(r"\.(?:WIDTH|A|B|PRODUCT)\(32'd(\d+)\)", body))
    )

"""Memories and multipliers of every shape that the array can have, as RTL and as a netlist, under one random stimulus."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from zeroskip.storage.images import write
from zeroskip.synth.netlist import Netlist, map_design
from zeroskip_sim.netlist import netlist_sources

LARGE = (
    (1, 16384, 1), (2, 8192, 1), (4, 4096, 1), (9, 2048, 1), (18, 1024, 1), (36, 512, 1), (72, 512, 1), (8, 512, 1), (16, 1024, 2),
    (24, 512, 3), (32, 512, 4), (5, 3000, 1),
)  # fmt: skip
"""Width, depth and parts of memories that must be block RAM: each shape of a block, words wider than a block and parts of words."""

SMALL = ((6, 4, 1), (7, 16, 1), (16, 12, 2), (40, 20, 1))
"""Of memories that synthesis may put elsewhere: into flip-flops, or into RAM made of look-up tables."""

PRODUCTS = (
    (9, 8, True),
    (9, 9, True),
    (16, 16, True),
    (17, 17, False),
    (17, 16, True),
    (18, 18, True),
    (18, 18, False),
    (20, 10, True),
)
"""Widths of operands, and whether they are signed."""

HELD_PRODUCTS = ((9, 8, 16), (9, 16, 24), (10, 17, 26), (18, 17, 34), (6, 17, 22), (18, 18, 36))
"""Widths of operands and product of multipliers with registers."""

RTL = {name: (files("zeroskip_hw") / "verilog" / name).read_text() for name in ("zs_multiplier.v", "zs_ram.v")}


def _memories() -> list[tuple[str, int, int, int, str]]:
    """(name, width, depth, parts, style)."""
    return [
        *((f"large{i}", *shape, "block") for i, shape in enumerate(LARGE)),
        *((f"small{i}", *shape, "auto") for i, shape in enumerate(SMALL)),
    ]


def _outputs() -> list[tuple[str, int]]:
    products = [(f"product{i}", a + b) for i, (a, b, _) in enumerate(PRODUCTS)]
    held = [(f"held{i}", width) for i, (_, _, width) in enumerate(HELD_PRODUCTS)]
    return [*((name, width) for name, width, *_ in _memories()), *products, *held]


INPUTS = (
    ("clk", 1),
    ("write", 4),
    ("to", 14),
    ("data", 72),
    ("large_read", 1),
    ("small_read", 1),
    ("at", 14),
    ("a", 20),
    ("b", 18),
)


def rtl(name: str) -> str:
    """The module, with an image in every memory but the last large one."""
    ports = [f"input [{width - 1}:0] {port}" for port, width in INPUTS]
    ports += [f"output [{width - 1}:0] {port}" for port, width in _outputs()]
    body = []
    for memory, width, depth, parts, style in _memories():
        bits = max(1, (depth - 1).bit_length())
        image = "" if memory == f"large{len(LARGE) - 1}" else f"images/{memory}.mem"
        body.append(
            f'zs_ram #(.WIDTH({width}), .DEPTH({depth}), .ADDRESS({bits}), .PARTS({parts}), .STYLE("{style}"), .IMAGE("{image}"))'
            f" {memory}_ram (.clk(clk), .write_enable(write[{parts - 1}:0]), .write_address(to[{bits - 1}:0]),"
            f" .write_data(data[{width - 1}:0]), .read_enable({memory[:5]}_read), .read_address(at[{bits - 1}:0]), .read_data({memory}));"
        )
    for i, (a, b, signed) in enumerate(PRODUCTS):
        sign = "$signed" if signed else ""
        body.append(f"assign product{i} = {sign}(a[{a - 1}:0]) * {sign}(b[{b - 1}:0]);")
    for i, (a, b, width) in enumerate(HELD_PRODUCTS):
        body.append(
            f"zs_multiplier #(.A({a}), .B({b}), .PRODUCT({width})) held{i}_multiplier"
            f" (.clk(clk), .a(a[{a - 1}:0]), .b(b[{b - 1}:0]), .product(held{i}));"
        )
    return f"module {name} (\n{', '.join(ports)}\n);\n" + "\n".join(body) + "\nendmodule\n"


def write_images(folder: Path, rng: np.random.Generator) -> None:
    for name, width, depth, _, _ in _memories():
        words = [int.from_bytes(rng.bytes(9), "little") % (1 << width) for _ in range(depth)]
        write(folder / "images" / f"{name}.mem", words, width)


def subject_netlist(folder: Path, family: str) -> Netlist:
    """Synthesised with the images in ``folder``."""
    (folder / "images").mkdir(parents=True)
    write_images(folder, np.random.default_rng(1))
    return map_design({"subject.v": rtl("subject"), **RTL}, folder, family, cache=folder / "cache", top="subject")


BENCH = """
module bench;
    integer seed = {seed}, cycle, compared = 0, unknown = 0;
    reg clk = 0;
    reg [3:0] write = 0;
    reg [13:0] to = 0, at = 0, recent = 0;
    reg [71:0] data = 0;
    reg large_read = 0, small_read = 0;
    reg [19:0] a = 0;
    reg [17:0] b = 0;
    {wires}
    subject mapped ({inputs}, {mapped});
    subject_rtl source ({inputs}, {source});
    always #5 clk = ~clk;
    initial begin
        for (cycle = 0; cycle < 4096; cycle = cycle + 1) begin
            // All contents of the images, then writes and reads, many of them of what was written just before.
            if (cycle == 2048) recent = 0;
            write = cycle < 2048 ? 4'd0 : $random(seed);
            to = recent ^ ($random(seed) & ($random(seed) & 1 ? 14'h003f : 14'h3fff));
            at = cycle < 2048 ? cycle * 8191 : $random(seed) & 1 ? recent : to ^ ($random(seed) & 14'h01ff);
            data = {{$random(seed), $random(seed), $random(seed)}};
            large_read = ({collide} || write == 0 || to[8:0] != at[8:0]) && (cycle < 2048 || $random(seed) & 3);
            small_read = (write == 0 || to[1:0] != at[1:0]) && (cycle < 2048 || $random(seed) & 3);
            if (write != 0) recent = to;
            a = $random(seed) & 7 ? $random(seed) : {{20{{1'b1}}}} << ($random(seed) & 31);
            b = $random(seed) & 7 ? $random(seed) : {{18{{1'b1}}}} << ($random(seed) & 31);
            @(posedge clk) #1;
            {compare}
        end
        $display("compared %0d unknown %0d", compared, unknown);
        $finish;
    end
    // What the source knows, the netlist must know too.
    task check(input [8*16-1:0] name, input [71:0] wanted, input [71:0] got);
        integer i;
        if (wanted === got)
            compared = compared + 1;
        else
            for (i = 0; i < 72; i = i + 1)
                if (wanted[i] !== 1'bx && got[i] !== wanted[i]) begin
                    if ({collide} && got[i] === 1'bx)
                        unknown = unknown + 1;
                    else begin
                        $display("wrong %0s bit %0d cycle %0d: expected %b got %b", name, i, cycle, wanted[i], got[i]);
                        $finish;
                    end
                end
    endtask
endmodule
"""


def bench(seed: int, collide: bool) -> str:
    names = [name for name, _ in _outputs()]
    return BENCH.format(
        seed=seed, collide=int(collide),
        wires=" ".join(f"wire [{width - 1}:0] mapped_{name}, source_{name};" for name, width in _outputs()),
        inputs=", ".join(f".{name}({name})" for name, _ in INPUTS),
        mapped=", ".join(f".{name}(mapped_{name})" for name in names),
        source=", ".join(f".{name}(source_{name})" for name in names),
        compare="\n            ".join(f'check("{name}", source_{name}, mapped_{name});' for name in names),
    )  # fmt: skip


def compare(
    folder: Path, netlist: Netlist, *, seed: int = 1, changed: Mapping[str, str] | None = None, collide: bool = False
) -> str:
    """What the bench says under Icarus. Changed : texts of models by file name. Collide : reads may meet writes of the same word."""
    sources = {**netlist_sources(netlist.verilog, netlist.models, netlist.unmodelled), **(changed or {})}
    sources |= {"bench.v": bench(seed, collide), "source.v": rtl("subject_rtl"), **RTL}
    for name, text in sources.items():
        (folder / name).write_text(text)
    verilog: Sequence[str] = [name for name in sources if name.endswith(".v")]
    subprocess.run(
        ["iverilog", "-g2005", "-o", "bench.vvp", "-s", "bench", *verilog], cwd=folder, check=True, capture_output=True
    )
    return subprocess.run(
        ["vvp", "-n", "bench.vvp"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()

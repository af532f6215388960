"""Random command lines: commands, options and values that may or may not belong together."""

from __future__ import annotations

import random

NUMBERS = ("0", "1", "2", "3", "8", "16", "64", "65", "-1", "1e3", "0.5", "999999999999", "x", "", "nan", "٣")
SHARES = ("0", "0.5", "0.9", "1", "1.0001", "-0.1", "nan", "inf", "half", "0.5,0.9", "", "1e-300")
FILES = ("x.npy", "y.npy", "none.npy", "net.py", ".", "net", "broken.npy", "", "a" * 300 + ".npy", "\x7f.npy")
METHODS = ("magnitude", "obs", "wanda", "taylor", "random", "gradient", "grasp", "size", "")
MODELS = (
    "net.py:net",
    "net.py:absent",
    "net.py",
    "none.py:net",
    "broken.onnx",
    "broken.pt2",
    "math:sqrt",
    ":",
    "net.py:net:net",
    "json:loads",
    "",
)

BUILD = {
    "--calibration": FILES, "--input-shape": ("6", "1,6", "7", "0", "-6", "6,", "a,b", "2,3"), "--weights": FILES, "--method": METHODS,
    "--sparsity": SHARES, "--allocation": ("uniform", "global", "erk", "lamp", "even"), "--pattern": ("nm:4", "block:2x2", "nm:0", "channel", "x"),
    "--layer": ("0=0.5", "0", "2=2", "9=0.5", "=", "0.weight=0.5"), "--exclude": ("0", "2", "9"), "--inputs": FILES, "--labels": FILES,
    "--prune-seed": NUMBERS, "--test-inputs": FILES, "--test-labels": FILES, "--masks": ("m.npz", "x.npy", "none.pt", "net.py"),
    "--target": ("ecp5-85k", "ice40-up5k", "virtex"), "--image-format": ("hex", "bin", "elf"), "--preset": ("tiny", "batch", "huge"),
    "--config": ("array.toml", "net.py", "none.toml"), "--lanes": NUMBERS, "--columns": NUMBERS, "--word": NUMBERS, "--weight-bits": NUMBERS,
}  # fmt: skip
PRUNE = {
    **{name: values for name, values in BUILD.items() if name not in ("--masks", "--target", "--image-format", "--input-shape")},
    "--budget": ("cycles=40%", "weights=50", "bits=0", "cycles=", "area=3", "weights=101%"), "--reestimate": (None,),
}  # fmt: skip
PLACES = ("out", "out", "out", "out.npz", "out.safetensors", "x.npy", "net.py/out", "no/where/out.pt", "b" * 260, "")


def command(rng: random.Random) -> list[str]:
    """One command line in a folder that holds some of the files."""
    kind = rng.choice(("build", "build", "prune", "prune", "sim", "synth", "run", "demo", "other"))
    if kind in ("build", "prune"):
        known = BUILD if kind == "build" else PRUNE
        words = [kind, rng.choice(MODELS) if rng.random() < 0.3 else "net.py:net"]
        if rng.random() < 0.8:
            words += ["--calibration", "x.npy"]
        for name in rng.sample(list(known), rng.randint(0, 5)):
            value = rng.choice(known[name])
            words += [name] if value is None else [name, value]
        return [*words, "--out", rng.choice(PLACES)]
    if kind == "sim":
        words = ["sim", rng.choice(("none", "x.npy", ".", ""))]
        return [
            *words,
            *rng.choice(
                ([], ["--samples", rng.choice(NUMBERS)], ["--simulator", "modelsim"], ["--seed", rng.choice(NUMBERS)])
            ),
        ]
    if kind == "synth":
        where = ["--target", rng.choice(("ecp5-25k", "virtex", ""))]
        if rng.random() < 0.5:
            where = ["--board", rng.choice(("icebreaker", "ulx3s", "")), "--baud", rng.choice(NUMBERS)]
        return ["synth", rng.choice(("none", ".", "x.npy")), *where, "--seeds", rng.choice(NUMBERS)]
    if kind == "run":
        port = rng.choice(("/dev/none", ".", "x.npy", ""))
        return [
            "run",
            rng.choice(("none", ".")),
            "--port",
            port,
            "--baud",
            rng.choice(NUMBERS),
            "--samples",
            rng.choice(NUMBERS),
        ]
    if kind == "demo":
        return ["demo", "--out", rng.choice(("x.npy", "full", "net.py/x", "c" * 300)), "--seed", rng.choice(("x", "1"))]
    return rng.choice(
        [
            [""],
            ["nothing"],
            ["--nothing"],
            ["build", "--", "--out"],
            ["sim", "--help"],
            ["--debug=3"],
            ["build", "-o"],
            ["\x00"],
        ]
    )

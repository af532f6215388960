"""Random model files: broken, hostile, unsupported and good ones."""

from __future__ import annotations

import random

HEAD = "import os, sys\nimport torch\nfrom torch import nn\n\n"

BROKEN = (
    "def net(:\n",
    "raise RuntimeError('first line\\nsecond line')\n",
    "raise SystemExit(3)\n",
    "import nothing_of_that_name\n",
    "def net():\n    sys.exit(0)\n",
    "def net():\n    sys.exit('bye')\n",
    "def net():\n    raise KeyError('4')\n",
    "def net():\n    raise Exception\n",
    "def net():\n    raise OSError(28, 'No space left on device')\n",
    "def net():\n    raise MemoryError\n",
    "def net():\n    return None\n",
    "def net():\n    return 3\n",
    "def net():\n    return nn.Linear\n",
    "def net(x):\n    return nn.Linear(6, 3)\n",
    "net = 3\n",
    "net = nn.Linear(6, 3)\n",
    "def net():\n    return net()\n",
    "\x00",
    "",
)

FORWARD = (
    "return x.softmax(1)",
    "return self.a(x) * self.a(x)",
    "return self.a(x), x",
    "return None",
    "return x[:, :0]",
    "return self.a(x).sum()",
    "sys.exit(4)",
    "raise ValueError('no\\nforward')",
    "return self.a(x) if x.sum() > 0 else self.a(-x)",
    "return torch.ones(3)",
    "return self.b(x)",
    "return self.a(x.reshape(3, -1))",
    "return self.a(x) + float('nan')",
    "return torch.fft.fft(x)",
    "return self.a(x).relu().view(-1)",
    "return torch.cat([self.a(x), self.a(x)], 1)",
    "print('a word of the model'); return self.a(x)",
)

LAYERS = (
    "nn.Linear(6, 8)", "nn.Linear(8, 8)", "nn.Linear(8, 3)", "nn.Linear(0, 3)", "nn.Linear(6, 0)", "nn.ReLU()", "nn.ReLU6()", "nn.Sigmoid()",
    "nn.GELU()", "nn.Softmax(1)", "nn.BatchNorm1d(8)", "nn.BatchNorm1d(3)", "nn.Flatten()", "nn.Dropout()", "nn.Identity()", "nn.Unflatten(1, (2, 3))",
    "nn.Conv1d(2, 3, 2)", "nn.Conv1d(3, 2, 1, groups=1)", "nn.MaxPool1d(2)", "nn.LSTM(6, 3)", "nn.Linear(6, 8, dtype=torch.float64)",
    "nn.Embedding(6, 3)", "nn.LeakyReLU(2.0)", "nn.Hardtanh(1.0, 1.5)", "nn.PReLU(8)", "nn.AvgPool1d(2)",
)  # fmt: skip

SPOILS = (
    "", "", "",
    "    with torch.no_grad():\n        for p in model.parameters():\n            p.fill_(float('nan'))\n",
    "    with torch.no_grad():\n        for p in model.parameters():\n            p.zero_()\n",
    "    with torch.no_grad():\n        for p in model.parameters():\n            p.mul_(1e30)\n",
    "    model = model.half()\n",
    "    model = model.to('meta')\n",
    "    model = model.double()\n",
)  # fmt: skip


def model_source(rng: random.Random) -> str:
    """A file with a function ``net``, or something in its stead."""
    kind = rng.randrange(4)
    if kind == 0:
        return HEAD + rng.choice(BROKEN)
    if kind == 1:
        body = "        self.a = nn.Linear(6, 3)\n\n    def forward(self, x):\n        " + rng.choice(FORWARD)
        return f"{HEAD}class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n{body}\n\ndef net():\n    return Net()\n"
    layers = [rng.choice(LAYERS) for _ in range(rng.randint(0, 5))]
    if kind == 3:
        layers = [
            "nn.Linear(6, 8)",
            *rng.sample(["nn.ReLU()", "nn.Dropout()", "nn.Identity()", "nn.BatchNorm1d(8)"], 2),
            "nn.Linear(8, 3)",
        ]
    lines = ",\n        ".join(layers)
    return f"{HEAD}def net():\n    torch.manual_seed(0)\n    model = nn.Sequential(\n        {lines}\n    )\n{rng.choice(SPOILS)}    return model\n"

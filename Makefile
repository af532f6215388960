# Every target but help and clean first makes .venv, once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PIP    := $(BIN)/python -m pip --disable-pip-version-check
TORCH  := $(shell sed -n 's/^torch==//p' constraints.txt)
SHELL  := /bin/bash

# Debian's names of what pip cannot bring; ccache and the two headers (for FST waves) are conveniences
SYSTEM := g++ perl iverilog tcl ccache liblz4-dev zlib1g-dev

.DEFAULT_GOAL := help
.PHONY: help setup demo data test test-quick test-long test-nightly lint type sim bench pruning synth verilog registers snapshot clean

help: ## show this list
	@awk 'BEGIN { FS = ":[^#]*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv with every dependency, and install what the system lacks where that is allowed

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "setup: $(PYTHON) must be Python 3.11 or newer; choose another with make PYTHON=python3.12" >&2; exit 1; }
	@$(install_system)
	$(PYTHON) -m venv $(VENV)
	@$(install_torch)
	@echo "setup: installing into $(VENV), which takes minutes"
	$(PIP) install -qq --constraint constraints.txt --editable '.[dev,all]'
	@touch $@

define install_system
need=; \
for name in $(SYSTEM); do \
  case $$name in \
    liblz4-dev) test -e /usr/include/lz4.h ;; \
    zlib1g-dev) test -e /usr/include/zlib.h ;; \
    tcl) command -v tclsh >/dev/null ;; \
    *) command -v $$name >/dev/null ;; \
  esac || need="$$need $$name"; \
done; \
if [ -n "$$need" ]; then \
  as_root=sudo; \
  if [ "$$(id -u)" = 0 ]; then as_root=; fi; \
  if command -v apt-get >/dev/null && { [ -z "$$as_root" ] || sudo -n true 2>/dev/null; }; then \
    echo "setup: apt-get install$$need"; \
    { $$as_root apt-get update -qq && \
      $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$need; } >/dev/null || \
    echo "setup: apt-get failed; what needs them is skipped:$$need" >&2; \
  else \
    echo "setup: not installed here; run: sudo apt-get install$$need" >&2; \
  fi; \
fi; \
for tool in g++ make perl; do \
  command -v $$tool >/dev/null || echo "setup: $$tool is missing: Verilator cannot compile a model without it" >&2; \
done
endef

# PyPI's Linux torch brings gigabytes of CUDA. The CPU build is taken from the configured index if it has one, else from
# PyTorch's own; where neither answers, the installation below takes PyPI's. --no-deps: that index lacks the pinned versions.
define install_torch
if [ "$$(uname -s)" = Linux ] && ! $(BIN)/python -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null; then \
  $(PIP) --retries 0 --timeout 20 install --quiet --no-deps 'torch==$(TORCH)+cpu' 2>/dev/null || \
  $(PIP) --retries 0 --timeout 20 install --quiet --no-deps 'torch==$(TORCH)+cpu' \
    --index-url https://download.pytorch.org/whl/cpu 2>/dev/null || \
  echo "setup: no CPU build of torch $(TORCH) to be had; taking the default one, which may be large" >&2; \
fi
endef

demo: $(STAMP) ## run the main job: sparse network to Verilog, simulated and compared bit for bit
	$(BIN)/zeroskip demo

data: $(STAMP) ## fetch the real networks and data that tests read (200 MB), into build/data or ZEROSKIP_DATA
	@$(BIN)/python -m tests.data.fetch

test: lint type ## lint, layering, types, and every test but the long ones
	$(BIN)/python -m pytest -m "not long" -n 2 --dist worksteal

test-quick: $(STAMP) ## no test of more than ten seconds
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal

test-long: $(STAMP) ## the long tests: largest arrays, real networks in bulk, Icarus after Verilator
	$(BIN)/python -m pytest -m "long and not nightly" -n 2 --dist worksteal

test-nightly: $(STAMP) ## exports, netlists, boards and testbenches of real networks, on every tool: half an hour
	$(BIN)/python -m pytest -m nightly -n 2 --dist worksteal

lint: $(STAMP) ## ruff (rules and format) and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

type: $(STAMP) ## mypy
	$(BIN)/mypy

sim: $(STAMP) ## only the RTL simulations
	$(BIN)/python -m pytest tests/sim -n 2 --dist worksteal

bench: $(STAMP) ## measure the targets of the documentation into build/bench.json
	$(BIN)/python benchmarks/run.py

pruning: $(STAMP) ## measure pruning: high sparsities, one shot, tuned, budgets of cycles; about an hour
	$(BIN)/python benchmarks/pruning_lenet.py
	$(BIN)/python benchmarks/pruning_networks.py
	$(BIN)/python benchmarks/pruning_budget.py --method magnitude obs

synth: $(STAMP) ## area and Fmax of the demo on a Lattice ECP5-85k
	test -d build/demo || $(BIN)/zeroskip demo
	$(BIN)/zeroskip synth build/demo --target ecp5-85k

verilog: $(STAMP) ## Verilog and memory images of a trained digits network, in build/digits
	$(BIN)/python -c 'import numpy; from zeroskip.demo import Digits; numpy.save("build/digits.npy", Digits.load().train_x)'
	$(BIN)/zeroskip build zeroskip.demo:trained --calibration build/digits.npy --lanes 8 --out build/digits

registers: $(STAMP) ## write anew what is made from the register map: constants in Python and C, docs/registers.md
	$(BIN)/python -m tests.registers.generate

snapshot: $(STAMP) ## accept the present Verilog and images as tests/golden
	$(BIN)/python tests/golden/update.py

clean: ## empty build/ but for build/data, which took long to fetch
	find build -mindepth 1 -maxdepth 1 ! -name .gitignore ! -name data -exec rm -rf {} +

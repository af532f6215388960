"""Loading a model by name: each form works, each failure is one line that names it."""

from __future__ import annotations

import sys
import zipfile

import pytest
import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.frontend import capture, load_model

SOURCE = """
import torch
from neighbour_of_the_model import WIDTH

def net():
    return torch.nn.Linear(WIDTH, 2)

class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(3, 2)

def fails():
    raise RuntimeError("no weights here\\nsecond line")

def number():
    return 3

def leaves():
    raise SystemExit(3)

def empty():
    return torch.nn.Linear(3, 2, device="meta")

value = 3
module = net()
"""


@pytest.fixture
def model_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "neighbour_of_the_model.py").write_text("WIDTH = 3\n")
    path = tmp_path / "a_model.py"
    path.write_text(SOURCE)
    yield path
    for name in ("neighbour_of_the_model", "a_model", "zeroskip_model_a_model"):
        sys.modules.pop(name, None)


@pytest.fixture
def exported(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)).eval()
    batch = torch.export.Dim("batch")
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(model, (torch.zeros(2, 4),), dynamic_shapes=({0: batch},)), path)
    return model, path


def test_pt2_files_are_captured_like_the_model_they_hold(exported):
    model, path = exported
    wanted, graph = capture(model, torch.zeros(1, 4)), capture(load_model(path), torch.zeros(1, 4))
    assert [layer.name for layer in graph.layers] == [layer.name for layer in wanted.layers] == ["1", "4"]
    for layer, other in zip(graph.layers, wanted.layers, strict=True):
        assert (layer.weight == other.weight).all()
        assert (layer.bias == other.bias).all()
        assert (layer.activation.low, layer.activation.high) == (other.activation.low, other.activation.high)


def test_pt2_files_take_masks_by_parameter_name(exported):
    mask = torch.zeros(3, 4, dtype=torch.bool)
    graph = capture(load_model(str(exported[1])), torch.zeros(1, 4), {"1.weight": mask})
    assert not graph.layers[0].mask.any()


@pytest.mark.parametrize("name", ["net", "Net"])
def test_python_files_and_their_neighbours(model_file, name):
    assert load_model(f"{model_file}:{name}").in_features == 3


def test_modules(model_file, monkeypatch):
    monkeypatch.chdir(model_file.parent)
    path = list(sys.path)
    assert load_model("a_model:net").in_features == 3
    assert load_model("torch.nn:Identity").training
    assert sys.path == path


@pytest.mark.parametrize(
    "name, match",
    [
        ("nothing", r"model '.*:nothing': the module has no attribute 'nothing'"),
        ("fails", r"model '.*:fails': calling fails\(\) failed: RuntimeError: no weights here"),
        ("leaves", r"model '.*:leaves': calling leaves\(\) failed: SystemExit: 3"),
        ("empty", r"model '.*:empty': parameter 'weight' must hold values, but is on the meta device"),
        ("number", r"model '.*:number': number\(\) must return an nn.Module, not int"),
        ("value", r"model '.*:value': 'value' must be a callable that returns an nn.Module, not int"),
        ("module", r"model '.*:module': 'module' must be a callable that returns an nn.Module, not Linear"),
    ],
)
def test_wrong_attributes_are_refused(model_file, name, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        load_model(f"{model_file}:{name}")


@pytest.mark.parametrize(
    "text, match",
    [
        ("no.pt2", r"model 'no.pt2': no such file"),
        ("no.py:net", r"model 'no.py': no such file"),
        ("no_such_package.x:net", r"model 'no_such_package.x': importing the module failed: ModuleNotFoundError: .+"),
        ("no.onnx", r"model 'no.onnx': no such file"),
        (
            "net.pth",
            r"model 'net.pth': must be file.onnx, file.pt2, package.module:callable or path/to/file.py:callable",
        ),
        ("file.py", r"model 'file.py': must be .*"),
        ("", r"model '': must be .*"),
    ],
)
def test_unknown_forms_and_absent_files_are_refused(text, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        load_model(text)


@pytest.mark.parametrize("text, reason", [("raise SystemExit(3)", "SystemExit: 3"), ("1 +", "SyntaxError: .*")])
def test_a_file_that_does_not_import_is_refused(tmp_path, text, reason):
    path = tmp_path / "broken_model.py"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^model '.*broken_model.py': importing the file failed: {reason}$"):
        load_model(f"{path}:net")


def test_a_damaged_pt2_file_is_refused(tmp_path, exported, capfd):
    path = tmp_path / "bad.pt2"
    path.write_text("not a zip")
    with pytest.raises(InputError, match=r"^model '.*bad.pt2': must be a file saved by torch.export.save$"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(InputError, match=r"^model '.*bad.pt2': torch.export.load failed: .+$"):
        load_model(path)
    assert capfd.readouterr().err == ""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune import from_file, magnitude, save

SUFFIXES = (".safetensors", ".npz", ".pt", ".pth")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_masks_come_back(mixed, tmp_path, suffix):
    masks = magnitude(mixed, 0.7)
    path = tmp_path / f"masks{suffix}"
    path.write_text("an older file")
    save(masks, path)
    back = from_file(str(path), mixed)
    assert list(back) == list(masks)
    assert all(torch.equal(back[name], mask) and back[name].dtype == torch.bool for name, mask in masks.items())
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_views_are_saved_as_they_look(mlp, tmp_path):
    mask = torch.rand(12, 16).round().bool().T
    save({"0.weight": mask}, tmp_path / "m.safetensors")
    assert torch.equal(from_file(tmp_path / "m.safetensors", mlp)["0.weight"], mask)


def test_numbers_and_other_names_are_understood(mlp, tmp_path):
    mask = np.arange(192).reshape(16, 12) % 3 == 0
    for dtype in (np.uint8, np.float32, np.int64):
        np.savez(tmp_path / "m.npz", **{"0": mask.astype(dtype), "2.weight_mask": np.ones((4, 16), dtype)})
        assert torch.equal(from_file(tmp_path / "m.npz", mlp)["0.weight"], torch.from_numpy(mask))


def test_torch_masks_in_a_file(mlp, tmp_path):
    torch_prune.l1_unstructured(mlp[0], "weight", amount=0.5)
    mask = mlp[0].weight_mask
    torch.save({name: value for name, value in mlp.state_dict().items() if name.endswith("_mask")}, tmp_path / "m.pt")
    torch_prune.remove(mlp[0], "weight")
    masks = from_file(tmp_path / "m.pt", mlp)
    assert torch.equal(masks["0.weight"], mask.bool())
    assert masks["2.weight"].all()  # not in the file


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"not a file of masks\n" * 9])
def test_an_unreadable_file_is_refused(mlp, tmp_path, suffix, content):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^masks file '.*bad\{suffix}': cannot be read as \{suffix}: .+$") as caught:
        from_file(path, mlp)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused(mlp, tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    save(magnitude(mlp, 0.5), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=rf"^masks file '.*cut\{suffix}': cannot be read as \{suffix}: .+$"):
        from_file(path, mlp)


def test_code_in_a_file_is_not_run(mlp, tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the file ran code",))

    torch.save({"0.weight": Evil()}, tmp_path / "evil.pt")
    np.savez(tmp_path / "evil.npz", **{"0.weight": np.array([Evil()], dtype=object)})
    for name in ("evil.pt", "evil.npz"):
        with pytest.raises(InputError, match=rf"^masks file '.*{name}': cannot be read as "):
            from_file(tmp_path / name, mlp)


def test_refusals(mlp, tmp_path):
    good, path = torch.ones(16, 12), tmp_path / "m.safetensors"
    cases = [
        ({"9.weight": good}, r"^masks file '.*': unknown name '9\.weight'; allowed are 0\.weight, 2\.weight$"),
        ({"0": good, "0.weight": good}, r"^masks file '.*': '0\.weight' is given twice$"),
        ({"0.weight": good * 2}, r"^mask '0\.weight' must hold only 0 and 1, not other torch\.float32 values$"),
        (
            {"0.weight": good * float("nan")},
            r"^mask '0\.weight' must hold only 0 and 1, not other torch\.float32 values$",
        ),
        (
            {"0.weight": good.T.contiguous()},
            r"^mask '0\.weight' must have the weight's shape \(16, 12\), not \(12, 16\)$",
        ),
    ]
    for tensors, message in cases:
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, path)
        with pytest.raises(InputError, match=message):
            from_file(path, mlp)
    with pytest.raises(InputError, match=r"^masks file '.*none\.npz': no such file$"):
        from_file(tmp_path / "none.npz", mlp)
    for call in (lambda p: from_file(p, mlp), lambda p: save({}, p)):
        with pytest.raises(
            InputError, match=r"^masks file 'm\.json': suffix must be \.safetensors, \.npz, \.pt, \.pth, not '\.json'$"
        ):
            call("m.json")
    torch.save([good], tmp_path / "list.pt")
    with pytest.raises(InputError, match=r"^masks file '.*list\.pt': must hold a dict from parameter name to tensor$"):
        from_file(tmp_path / "list.pt", mlp)
    with pytest.raises(InputError, match=r"^mask '0\.weight' must be a torch\.bool tensor, not torch\.float32$"):
        save({"0.weight": good}, path)
    with pytest.raises(InputError, match=r"^masks file '.*x/m\.pt': the folder does not exist$"):
        save({}, tmp_path / "x" / "m.pt")

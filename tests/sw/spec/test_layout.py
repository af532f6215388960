"""Memory words hold what is put into them, and windows do not overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.spec.config import ArrayConfig
from zeroskip.spec.layout import Field, Layout, Word, bits_for

configs = st.builds(
    ArrayConfig,
    lanes=st.integers(1, 64), columns=st.integers(1, 16), word=st.sampled_from([8, 16, 32, 64]),
    weight_bits=st.sampled_from([4, 8, 16]), stream_bits=st.sampled_from([8, 16, 32, 64]), acc_bits=st.integers(8, 40),
    mask_depth=st.integers(1, 70000), weight_depth=st.integers(1, 70000), input_depth=st.integers(1, 70000),
    hidden_depth=st.integers(1, 70000), output_depth=st.integers(1, 70000), row_depth=st.integers(1, 70000),
    layer_depth=st.integers(1, 64),
)  # fmt: skip


@given(configs, st.sampled_from(["header", "program", "merge", "row", "beat"]), st.data())
def test_what_is_encoded_is_decoded(config, name, data):
    word: Word = getattr(Layout(config), name)
    values = {}
    for field in word:
        low = -(1 << (field.width - 1)) if field.signed else 0
        values[field.name] = data.draw(st.integers(low, low + (1 << field.width) - 1), label=field.name)
    encoded = word.encode(values)
    assert 0 <= encoded < 1 << word.width
    assert word.decode(encoded) == values


@pytest.mark.parametrize(
    "field, value, message",
    [
        (Field("a", 3), 8, "field 'a' holds 0 … 7, not 8"),
        (Field("a", 3), -1, "field 'a' holds 0 … 7, not -1"),
        (Field("b", 8, signed=True), 128, "field 'b' holds -128 … 127, not 128"),
        (Field("b", 8, signed=True), -129, "field 'b' holds -128 … 127, not -129"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused(field, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Word((field,)).encode({field.name: value})


def test_fields_start_at_the_least_significant_bit():
    word = Word((Field("low", 4), Field("high", 4, signed=True)))
    assert word.encode({"low": 0x5, "high": -1}) == 0xF5
    assert word.width == 8


@given(configs)
def test_fields_hold_the_largest_values_of_the_configuration(config):
    layout = Layout(config)
    deepest = max(config.input_depth, config.hidden_depth)
    assert 1 << (layout.group_bits + layout.index_bits) >= deepest
    groups = -(-deepest // config.word)
    header = {field.name: 1 if field.width == 1 else 0 for field in layout.header}
    header |= {"first": groups - 1, "start": groups - 1, "end": groups - 1}
    assert layout.header.decode(layout.header.encode(header)) == header
    assert layout.header_words * config.word >= layout.header.width
    lane = config.lanes - 1
    layout.merge.encode({"row": config.row_depth - 1, "slot": lane, "head_others": lane, "tail_others": lane})
    assert layout.beat_depth * config.stream_elements >= config.input_depth
    assert 1 << layout.layer_bits >= config.layer_depth


@given(configs)
def test_every_memory_has_a_window_of_its_own(config):
    layout = Layout(config)
    names = [memory.name for memory in layout.memories]
    assert len(set(names)) == len(names) == 4 + 2 * config.lanes
    assert [memory.window for memory in layout.memories] == list(range(1, len(names) + 1))
    for memory in layout.memories:
        assert memory.parts * 32 >= memory.width
        assert memory.stride >= 4 * memory.parts
        assert memory.stride & (memory.stride - 1) == 0
        assert memory.depth * memory.stride <= 1 << layout.window_bits
    assert len(names) < 1 << (layout.address_bits - layout.window_bits)
    assert layout.window_bits >= 9


@pytest.mark.parametrize("count, bits", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11)])
def test_bits_for(count, bits):
    assert bits_for(count) == bits

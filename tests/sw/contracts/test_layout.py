"""Memory words hold what is put into them, and windows do not overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.contracts.config import CAPACITIES, STRIP_CAPACITIES, ArrayConfig
from zeroskip.contracts.layout import BAND_POSITIONS, Layout
from zeroskip.contracts.words import Field, Word, bits_for

SHAPES = {
    "lanes": st.integers(1, 64), "columns": st.integers(1, 16), "word": st.sampled_from([8, 16, 32, 64]),
    "weight_bits": st.sampled_from([4, 8, 16]), "stream_bits": st.sampled_from([8, 16, 32, 64]), "acc_bits": st.integers(8, 40),
}  # fmt: skip
depths = st.integers(1, 70000)
common = SHAPES | dict.fromkeys(CAPACITIES, depths) | {"layer_depth": st.integers(1, 64)}
flat_configs = st.builds(
    ArrayConfig, strips=st.just(False), maximum=st.just(False), residual=st.just(False), slopes=st.just(False), table_depth=st.just(0),
    **common,
)  # fmt: skip
strip_configs = st.builds(
    ArrayConfig, strips=st.just(True), maximum=st.booleans(), residual=st.booleans(), slopes=st.booleans(), table_depth=st.integers(0, 16),
    **common, **dict.fromkeys(STRIP_CAPACITIES, depths),
)  # fmt: skip
configs = st.one_of(flat_configs, strip_configs)

COMMON_WORDS = ("header", "program", "merge", "row")
STRIP_WORDS = ("band", "input_band", "passes", "input_passes")


def encoded_and_decoded(config: ArrayConfig, name: str, data: st.DataObject) -> None:
    word: Word = getattr(Layout(config), name)
    values = {}
    for field in word:
        low = -(1 << (field.width - 1)) if field.signed else 0
        values[field.name] = data.draw(st.integers(low, low + (1 << field.width) - 1), label=field.name)
    assert len(values) == len(word.fields), "two fields of one name"
    encoded = word.encode(values)
    assert 0 <= encoded < 1 << word.width
    assert word.decode(encoded) == values


@given(flat_configs, st.sampled_from([*COMMON_WORDS, "beat"]), st.data())
def test_what_is_encoded_is_decoded(config, name, data):
    encoded_and_decoded(config, name, data)


@given(strip_configs, st.sampled_from([*COMMON_WORDS, *STRIP_WORDS]), st.data())
def test_what_is_encoded_is_decoded_with_strips(config, name, data):
    encoded_and_decoded(config, name, data)


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
    assert 1 << layout.operand_bits >= deepest
    groups = config.offset_depth if config.strips else -(-deepest // config.word)
    header = {field.name: 1 if field.width == 1 else 0 for field in layout.header}
    header |= {"first": groups - 1, "start": groups - 1, "end": groups - 1}
    assert layout.header.decode(layout.header.encode(header)) == header
    assert layout.header_words * config.word >= layout.header.width
    lane = config.lanes - 1
    layout.merge.encode({"row": config.row_depth - 1, "slot": lane, "head_others": lane, "tail_others": lane})
    assert layout.beat_depth * config.stream_elements >= config.input_depth
    assert 1 << layout.layer_bits >= config.layer_depth
    row = dict.fromkeys((field.name for field in layout.row), 0)
    for place in (config.hidden_depth - 1, config.output_depth - 1):
        layout.row.encode(row | {"place": place})
    program = dict.fromkeys((field.name for field in layout.program), 0)
    layout.program.encode(program | {"lanes": (1 << config.lanes) - 1, "outputs": config.output_depth})


@given(strip_configs)
def test_fields_hold_the_largest_values_of_the_configuration_with_strips(config):
    layout = Layout(config)
    for depth in (config.input_depth, config.hidden_depth, config.output_depth):
        assert 1 << layout.store_bits >= depth
    program = dict.fromkeys((field.name for field in layout.program), 0) | {"band": config.band_depth - 1}
    program |= {"table": config.table_depth - 1} if config.table_depth else {}
    layout.program.encode(program)
    for band, depth in ((layout.band, config.pass_depth), (layout.input_band, config.input_pass_depth)):
        values = dict.fromkeys((field.name for field in band), 0)
        band.encode(values | {f"{place}_begin": depth - 1 for place in BAND_POSITIONS})
    turn = {"base": config.output_depth - 1, "turn": config.columns - 1, "mask": (1 << config.columns) - 1}
    layout.passes.encode(turn | {"constant": 1})
    layout.input_passes.encode({"base": config.input_depth - 1, "mask": turn["mask"], "constant": 1, "value": 255})


@given(strip_configs)
def test_a_feature_has_fields_only_where_it_is_there(config):
    layout = Layout(config)
    program, row, band = ({field.name for field in word} for word in (layout.program, layout.row, layout.band))
    assert ("maximum" in program) == config.maximum
    assert ("residual" in program) == ("residual_place" in row) == ("residual" in band) == config.residual
    assert ("slope" in row) == config.slopes
    assert ("table" in program) == (config.table_depth > 0)
    assert {memory.name for memory in layout.memories if memory.name == "tables"} == (
        {"tables"} if config.table_depth else set()
    )


@given(configs)
def test_every_memory_has_a_window_of_its_own(config):
    layout = Layout(config)
    names = [memory.name for memory in layout.memories]
    others = 8 + bool(config.table_depth) if config.strips else 4
    assert len(set(names)) == len(names) == others + 2 * config.lanes
    assert [memory.window for memory in layout.memories] == list(range(1, len(names) + 1))
    for memory in layout.memories:
        assert memory.parts * 32 >= memory.width
        assert memory.stride >= 4 * memory.parts
        assert memory.stride & (memory.stride - 1) == 0
        assert memory.depth * memory.stride <= 1 << layout.window_bits
    assert len(names) < 1 << (layout.address_bits - layout.window_bits)
    assert layout.window_bits >= 9


@given(configs)
def test_columns_are_samples_but_for_strips(config):
    assert Layout(config).group_samples == (1 if config.strips else config.columns)


@pytest.mark.parametrize("count, bits", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11)])
def test_bits_for(count, bits):
    assert bits_for(count) == bits

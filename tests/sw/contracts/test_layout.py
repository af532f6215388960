"""Memory words hold what the configuration allows, and windows do not overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.contracts.config import CAPACITIES, ArrayConfig
from zeroskip.contracts.layout import COPY_MEMORY, PART, Layout
from zeroskip.contracts.words import Word

depths = st.integers(1, 70000)


@st.composite
def sized(draw: st.DrawFn) -> ArrayConfig:
    stream_bits, strips = draw(st.sampled_from([8, 16, 32, 64])), draw(st.booleans())
    return ArrayConfig(
        lanes=draw(st.integers(1, 64)), columns=draw(st.integers(1, 16)), epilogues=draw(st.sampled_from([1, 2, 4])),
        word=draw(st.sampled_from([8, 16, 32, 64])), weight_bits=draw(st.sampled_from([4, 8, 16])), stream_bits=stream_bits,
        load_elements=draw(st.sampled_from([count for count in (1, 2, 4, 8) if count <= stream_bits // 8])),
        block_queue=draw(st.booleans()), strips=strips, maximum=draw(st.booleans()), residual=draw(st.booleans()),
        slopes=draw(st.booleans()), two_level=draw(st.booleans()), across=strips and draw(st.booleans()), reach=draw(st.integers(1, 15)),
        acc_bits=draw(st.integers(8, 40)), pixel_bits=draw(st.integers(2, 16)), tile_bits=draw(st.integers(1, 24)),
        table_depth=draw(st.integers(0, 16)),
        **{name: draw(depths) for name in CAPACITIES if name != "layer_depth"}, layer_depth=draw(st.integers(1, 64)),
    )  # fmt: skip


configs = sized()

WORDS = (
    "header", "tap", "constants", "program", "merge", "row", "band", "passes", "channel", "input_row",
)  # fmt: skip


@given(configs, st.sampled_from(WORDS), st.data())
def test_what_is_encoded_is_decoded(config: ArrayConfig, name: str, data: st.DataObject) -> None:
    word: Word = getattr(Layout(config), name)
    values = {}
    for field in word:
        low = -(1 << (field.width - 1)) if field.signed else 0
        values[field.name] = data.draw(st.integers(low, low + (1 << field.width) - 1), label=field.name)
    assert len(values) == len(word.fields), "two fields of one name"
    encoded = word.encode(values)
    assert 0 <= encoded < 1 << word.width
    assert word.decode(encoded) == values


def encodes(word: Word, **values: int) -> None:
    """These fit beside zeros."""
    assert word.decode(word.encode({**{field.name: 0 for field in word}, **values})).items() >= values.items()


@given(configs)
def test_fields_hold_the_largest_values_of_the_configuration(config: ArrayConfig) -> None:
    layout, lanes, columns = Layout(config), (1 << config.lanes) - 1, (1 << config.columns) - 1
    most_tiles = (1 << config.tile_bits) - 1
    encodes(layout.header, before_last=max(config.mask_depth, config.weight_depth // config.word) - 1, tiles=most_tiles)
    assert layout.header_words * config.word >= layout.header.width
    encodes(
        layout.program,
        outputs=config.output_depth,
        turns=config.row_depth - 1,
        tiles=most_tiles,
        band=config.band_depth - 1,
    )
    encodes(layout.constants, n=config.tap_depth, tap_base=config.tap_depth - 1, used=columns, full=columns)
    encodes(layout.constants, repeat=config.row_depth - 2)
    encodes(layout.constants, repeat=-1)
    for epilogue in range(config.epilogues):
        encodes(layout.merge, **{f"lanes{epilogue}": lanes})
    place = (lanes if layout.owner_bits else 0) << layout.result_bits | (config.hidden_depth - 1)
    encodes(layout.row, place=place)
    encodes(layout.row, place=config.output_depth - 1)
    encodes(layout.passes, base=config.output_depth - 1, turn=config.columns - 1, mask=columns)
    encodes(layout.passes, base=config.hidden_depth - 1)
    encodes(layout.band, begin=config.pass_depth - 1)
    encodes(layout.input_row, columns=columns, base=config.input_depth - 1, elements=config.load_elements - 1)
    for element in range(config.load_elements):
        encodes(layout.channel, **{f"lanes{element}": lanes, f"offset{element}": config.input_depth - 1})
    encodes(layout.tap, offset=max(config.input_depth, config.hidden_depth) - 1)
    assert 1 << layout.layer_bits >= config.layer_depth
    assert config.hidden_depth <= layout.share_depth < 2 * max(2, config.hidden_depth)
    if config.residual:
        encodes(layout.program, residual_step=config.copy_depth - 1)
        encodes(layout.row, residual_place=config.copy_depth - 1)
        encodes(layout.band, residual=config.copy_depth - 1)
        encodes(layout.passes, copy=config.copy_depth - 1)
    if config.table_depth:
        encodes(layout.program, table=config.table_depth - 1)


@given(configs)
def test_a_feature_has_fields_only_where_it_is_there(config: ArrayConfig) -> None:
    layout = Layout(config)
    program, row, band, passes, constants = (
        {field.name for field in word}
        for word in (layout.program, layout.row, layout.band, layout.passes, layout.constants)
    )
    assert ("maximum" in constants) == config.maximum
    assert ("across" in program) == config.across
    assert ("maximum" in program) == (config.across and config.maximum)
    assert {"residual" in program, "residual_place" in row, "residual" in band, "copy" in passes} == {config.residual}
    assert ("slope" in row) == config.slopes
    assert ("table" in program) == (config.table_depth > 0)
    assert ("tables" in {memory.name for memory in layout.memories}) == (config.table_depth > 0)


@given(configs)
def test_every_memory_has_a_window_of_its_own(config: ArrayConfig) -> None:
    layout = Layout(config)
    names = [memory.name for memory in layout.memories]
    shared = 8 + config.epilogues + bool(config.table_depth)
    assert len(set(names)) == len(names) == shared + 2 * config.lanes
    assert [memory.per_lane for memory in layout.memories] == [False] * shared + [True] * 2 * config.lanes
    assert [memory.window for memory in layout.memories] == list(range(1, len(names) + 1))
    for memory in layout.memories:
        assert memory.parts * 32 >= memory.width
        assert memory.depth * memory.stride <= 1 << layout.window_bits
        assert layout.memory(memory.name) is memory
    assert len(names) < 1 << (layout.address_bits - layout.window_bits)
    assert layout.window_bits >= 9
    assert layout.most_parts == max(memory.parts for memory in layout.memories)


@given(configs)
def test_a_layers_constants_are_whole_parts_that_end_with_its_last_field(config: ArrayConfig) -> None:
    """Lanes know by it that no part follows."""
    layout = Layout(config)
    assert layout.constants.width == PART * layout.constant_parts
    assert layout.constants.fields[-1].name == "last"
    assert layout.memory("constants").depth == config.layer_depth * layout.constant_parts


@given(configs)
def test_the_memories_of_the_residuals_are_whole_blocks_but_the_last(config: ArrayConfig) -> None:
    layout = Layout(config)
    assert sum(layout.copy_depths) == config.copy_depth
    assert set(layout.copy_depths[:-1]) <= {COPY_MEMORY}
    assert 0 < layout.copy_depths[-1] <= COPY_MEMORY


@given(configs)
def test_columns_are_samples_but_for_strips(config: ArrayConfig) -> None:
    assert Layout(config).group_samples == (1 if config.strips else config.columns)


@pytest.mark.parametrize(
    "reach, levels", [(1, 0), (2, 1), (4, 1), (5, 2), (13, 2), (14, 3), (15, 3)]
)  # 1, 1 + 3, 1 + 3 + 9, …
def test_farther_turns_reach_three_times_as_far_each(reach: int, levels: int) -> None:
    layout = Layout(ArrayConfig(reach=reach))
    assert layout.far_levels == levels

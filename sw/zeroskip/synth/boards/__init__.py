"""From a design to the bitstream of a board, with open tools alone (``pip install 'zeroskip[synth]'``)."""

from .bitstream import Bitstream, bitstream
from .board import BOARDS, Board, board_named

__all__ = ["BOARDS", "Bitstream", "Board", "bitstream", "board_named"]

"""The contracts that every other folder shares. Nothing here imports torch, amaranth or cocotb."""

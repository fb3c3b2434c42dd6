"""The control group: a keyed hash of the buyer's number, and nothing else."""

import numpy as np
from pyroaring import BitMap

from campaigns.plans.assignment import control_group, siphash


def test_hash_gives_the_published_vector() -> None:
    message = np.array([int.from_bytes(bytes(range(8)), "little")], dtype=np.uint64)
    assert siphash(message, bytes(range(16))).tolist() == [0x93F5F5799A932462]


def test_control_group_is_the_same_whoever_else_is_in_the_audience() -> None:
    secret = "00112233445566778899aabbccddeeff"
    everybody = BitMap(range(1, 100_001))
    chosen = control_group(everybody, secret=secret, share=0.2)
    assert control_group(BitMap(range(1, 5001)), secret=secret, share=0.2) == chosen & BitMap(range(5001))
    assert abs(len(chosen) - 20_000) < 4 * 127  # four standard deviations of a share of 0.2 in 100,000
    assert control_group(everybody, secret=secret, share=0) == BitMap()
    assert control_group(everybody, secret="ff" * 16, share=0.2) != chosen

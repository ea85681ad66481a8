"""Points of the unit cube: spread evenly, or at random; the same for the same seed."""

import random
from collections.abc import Iterator


def even_points(dimensions: int, seed: int) -> Iterator[tuple[float, ...]]:
    """Yield points that fill the cube evenly from the first one on, without end.

    An additive recurrence on the powers of the generalised golden ratio, the root > 1 of
    x^(d+1) = x + 1; ``seed`` shifts the whole lattice.
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    strides = [root ** -(axis + 1) for axis in range(dimensions)]
    start = next(random_points(dimensions, seed))
    count = 0
    while True:
        yield tuple((s + count * stride) % 1 for s, stride in zip(start, strides, strict=True))
        count += 1


def random_points(dimensions: int, seed: int) -> Iterator[tuple[float, ...]]:
    """Yield independent points of the unit cube, without end."""
    source = random.Random(seed)  # noqa: S311 - a search, no secret
    while True:
        yield tuple(source.random() for _ in range(dimensions))

"""Compare rollups; sums may differ in their last digits, as the order of addition is not fixed."""

import math
from collections.abc import Mapping

from tests.integration.postgres.rollup_oracle import Bucket


def assert_same(expected: dict[int, Bucket], actual: Mapping[int, Bucket]) -> None:
    assert expected.keys() == actual.keys()
    for start, bucket in expected.items():
        for column, value in bucket.items():
            found = actual[start][column]
            if value is None or found is None:
                assert value is found, (start, column)
            else:
                assert math.isclose(value, found, rel_tol=1e-9, abs_tol=1e-9), (start, column)

import pytest

from loadtest.report import percentile, table


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_a_measured_value(share, expected):
    assert percentile(range(1, 101), share) == expected


def test_the_percentile_of_one_value_is_that_value():
    assert percentile([7], 0.5) == percentile([7], 0.99) == 7


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no percentile"):
        percentile([], 0.5)


def test_a_table_lines_up_words_left_and_numbers_right():
    assert table(["what", "n"], [["a", 5], ["bcdef", 123]]).splitlines() == [
        "what   n",
        "-----  ---",
        "a        5",
        "bcdef  123",
    ]

"""`regulars lift`: a table of any experiment, from its file to the figures."""

import pytest

from campaigns.statistics.experiments import measure_file, read_experiment
from campaigns.statistics.intervals import Rate, newcombe
from retention.errors import Invalid

COLUMNS = {"arm": "分组", "control": "对照", "converted": "下单", "value": "金额"}


def _write(path, rows, *, encoding="utf-8"):
    path.write_text("".join(f"{row}\n" for row in ["buyer,分组,下单,金额", *rows]), encoding=encoding)
    return path


def _rows():
    treated = [f"t{n},传单,{'是' if n < 12 else '否'},{30.5 if n < 12 else 0}" for n in range(100)]
    control = [f"c{n},对照,{'1' if n < 4 else '0'},{20 if n < 4 else 0}" for n in range(50)]
    return [*treated, *control]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_table_is_measured_whatever_its_encoding(tmp_path, encoding):
    found = measure_file(_write(tmp_path / "t.csv", _rows(), encoding=encoding), **COLUMNS)
    assert list(found) == ["arms", "srm", "lift"]
    assert found["arms"] == [
        {"arm": "对照", "buyers": 50, "converted": 4, "rate": 0.08, "value_per_buyer": "1.60", "value": "80.00"},
        {"arm": "传单", "buyers": 100, "converted": 12, "rate": 0.12, "value_per_buyer": "3.66", "value": "366.00"},
    ]
    (lift,) = found["lift"]
    assert (lift["arm"], lift["control"]) == ("传单", "对照")
    assert lift["difference"] == pytest.approx(0.04)
    assert lift["interval"] == newcombe(Rate(12, 100), Rate(4, 50))
    assert lift["revenue"]["state"] == "hidden"
    assert lift["revenue"]["total"] is None


def test_without_a_value_column_nothing_is_said_about_money(tmp_path):
    found = measure_file(_write(tmp_path / "t.csv", _rows()), arm="分组", control="对照", converted="下单")
    assert [arm["value"] for arm in found["arms"]] == [None, None]
    assert found["lift"][0]["revenue"] is None


@pytest.mark.parametrize(
    ("planned", "mismatch", "state"),
    [(None, None, "shown"), ({"传单": 2, "对照": 1}, False, "shown"), ({"传单": 1, "对照": 1}, True, "mismatch")],
)
def test_sizes_that_were_not_planned_take_the_figures_away(tmp_path, planned, mismatch, state):
    found = measure_file(_write(tmp_path / "t.csv", _rows()), **COLUMNS, planned=planned)
    assert (found["srm"]["mismatch"], found["lift"][0]["state"]) == (mismatch, state)
    assert (found["lift"][0]["difference"] is None) == (state == "mismatch")


def test_arms_come_in_the_order_of_their_names(tmp_path):
    path = _write(tmp_path / "t.csv", ["1,b,1,0", "2,对照,0,0", "3,a,3,0", "4,a,false,0"])
    experiment = read_experiment(path, **COLUMNS)
    assert [(arm.name, arm.rate.converted, arm.rate.buyers) for arm in experiment.arms] == [("a", 1, 2), ("b", 1, 1)]


@pytest.mark.parametrize(
    ("rows", "change", "message"),
    [
        (["1,a,1,0"], {"arm": "组"}, "There is no column 组: the table has buyer, 分组, 下单, 金额"),
        (["1,a,1,0", "2,b,0,0"], {}, "holds a, b: the control 对照"),
        (["1,a,1,0", "2,对照,maybe,0"], {}, "Line 3 has 'maybe'; expected 1 or 0"),
        (["1,a,-1,0", "2,对照,0,0"], {}, "Line 2 has '-1'"),
        (["1,a,1,12元", "2,对照,0,0"], {}, "Line 2 has '12元'; expected a number"),
        (["1,a,1,nan", "2,对照,0,0"], {}, "Line 2 has 'nan'"),
        (["1,a,1", "2,对照,0,0"], {}, "Line 2 has 3 values where the header names 4"),
        ([f"{n},arm{n},1,0" for n in range(60)], {}, "Column 分组 has more than 50 different values"),
        ([], {}, "holds nothing"),
    ],
)
def test_bad_table_is_refused_with_the_value_and_the_remedy(tmp_path, rows, change, message):
    with pytest.raises(Invalid, match=message):
        measure_file(_write(tmp_path / "t.csv", rows), **{**COLUMNS, **change})


def test_file_that_is_no_table_is_refused(tmp_path):
    for name, content, message in [
        ("picture.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "is not a text table"),
        ("empty.csv", b"", "is empty"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Invalid, match=message):
            measure_file(tmp_path / name, **COLUMNS)
    with pytest.raises(Invalid, match="There is no file"):
        measure_file(tmp_path / "nowhere.csv", **COLUMNS)

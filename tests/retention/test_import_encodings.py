"""The encoding of a file is told by its letters; where they do not tell it, the person is asked and nothing lands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import Invalid
from retention.ingest.files.chunks import Source
from retention.ingest.files.encodings import named_encoding
from retention.ingest.files.guessing import candidates, guess, tell_apart
from retention.ingest.files.sources import open_source
from tests.retention.makers import Ask, Load

HEADER = "order_id,buyer_id,paid_at,amount"

WORDS = {
    "GB18030": [
        "小雨 杭州",
        "订单编号",
        "刘洋,红茶",
        "广东省 深圳市",
        "马克杯(白色)",
        "爱吃鱼的猫",
        "陈静 北京市朝阳区",
    ],
    "BIG5": ["訂單編號,買家", "高雄市 前鎮區,黃美玲", "烏龍茶,已付款", "香港九龍 劉德華", "收件人姓名"],
    "SHIFT-JIS": ["田中太郎", "注文番号", "東京都 佐藤 花子", "山田,横浜市", "さくら,お茶", "商品名,数量"],
    "EUC-KR": ["김철수", "서울특별시 강남구", "주문번호", "박지성,대구", "최수진 결제완료"],
    "CP1252": ["Müller", "José García", "Crème brûlée", "Straße, Größe", "São Paulo", "Øresund, Malmö", "Preis in €"],
    "CP1251": ["Иван Петров", "Москва, чай"],
}


def written(words: list[str], codec: str) -> bytes:
    rows = [f"A{number},{word.replace(',', ';')},2026-03-05,1" for number, word in enumerate(words)]
    return "\n".join([HEADER, *rows, ""]).encode(codec)


def cells(source: Source) -> list[str]:
    return [cell for chunk in source.chunks() for cell in chunk.frame["buyer_id"].to_list()]


@pytest.mark.parametrize("name", WORDS)
def test_few_letters_tell_the_encoding_and_none_is_garbled(tmp_path: Path, name: str) -> None:
    codec = named_encoding(name).codec
    path = tmp_path / "orders.csv"
    for word in [*WORDS[name], *(";".join(pair) for pair in zip(WORDS[name], WORDS[name][1:], strict=False))]:
        path.write_bytes(written([word], codec))
        source = open_source(path)
        assert (source.encoding, cells(source)) == (name, [word.replace(",", ";")])


@pytest.mark.parametrize(
    ("word", "codec"),
    [("何", "gb18030"), ("조", "cp949"), ("黃", "cp950"), ("é", "mac_roman"), ("Łódź", "cp1250"), ("Größe", "cp850")],
)
def test_letters_that_do_not_tell_the_encoding_are_a_question_not_a_guess(
    load: Load, ask: Ask, word: str, codec: str
) -> None:
    content = written([word], codec)
    with pytest.raises(Invalid, match="Say it with --encoding, one of UTF-8, GB18030, BIG5, SHIFT-JIS"):
        load(content)
    assert ask("SELECT count(*) FROM buyers") == [(0,)]
    assert load(content, encoding=codec.replace("cp950", "Big5").replace("_", " ")).accepted == 1
    assert ask("SELECT external_id FROM buyers") == [(word,)]


LANGUAGES = {
    "Polish": (("cp1250", "iso8859_2"), ["Łukasz Żółć", "Małgorzata Śliwińska", "Książka", "Jaś Pięta", "Wąchock"]),
    "Czech": (("cp1250", "iso8859_2"), ["Tomáš Dvořák", "Lukáš Nováček", "Alžběta", "Třebíč", "Košice", "Šárka"]),
    "Croatian": (("cp1250", "iso8859_2"), ["Ivan Babić", "Željka Šimić", "Đurđa Kovačić", "Požega", "Miloš"]),
    "Turkish": (("cp1254",), ["Ayşe Yılmaz", "İzmir", "Beşiktaş", "Çağrı", "Şükrü Öğüt"]),
    "German": (("cp1252", "cp1250"), ["Jürgen Weiß", "Größe", "Österreich"]),
    "French": (("cp1252",), ["François Lefèvre", "Noël", "Crème brûlée"]),
    "Portuguese": (("cp1252",), ["João Conceição", "São Paulo", "Atenção"]),
}
"""Languages whose letters stand at other places of tables that are else the same."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_a_language_tell_tables_that_differ_in_a_few_letters(tmp_path: Path, language: str) -> None:
    codecs, words = LANGUAGES[language]
    path = tmp_path / "orders.csv"
    for codec in codecs:
        path.write_bytes(written(words, codec))
        assert cells(open_source(path)) == words


@given(st.data())
def test_words_of_a_language_are_read_right_or_not_at_all(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WORDS)))
    words = data.draw(st.lists(st.sampled_from(WORDS[name]), min_size=1, max_size=5, unique=True))
    codec = named_encoding(name).codec
    found = tell_apart(written(words, codec).splitlines())
    codecs = {each.name: each.codec for each in candidates()}
    assert found is None or written(words, codec).decode(codecs[found]) == written(words, codec).decode(codec)


def test_known_column_names_tell_an_encoding_that_the_names_of_buyers_do_not(load: Load, ask: Ask) -> None:
    rows = "订单编号,买家昵称,付款时间,金额\nA1,何,2026-03-05,1\n"
    assert load(rows.encode("gb18030")).encoding == "GB18030"
    assert ask("SELECT external_id FROM buyers") == [("何",)]


def test_two_letters_of_gb18030_that_are_also_one_of_utf_8_are_not_garbled(load: Load, ask: Ask) -> None:
    assert load(f"{HEADER}\nA1,联通,2026-03-05,1\n".encode("gb18030")).encoding == "GB18030"
    assert load(f"{HEADER}\nA2,Müller ș ấ,2026-03-05,1\n".encode()).encoding == "UTF-8"
    assert ask("SELECT external_id FROM buyers ORDER BY id") == [("联通",), ("Müller ș ấ",)]


@pytest.mark.parametrize("name", ["latin-1", "Windows-1252", "ANSI", "gbk", "Shift_JIS", "utf8", "UTF-16"])
def test_encodings_have_the_names_people_use(name: str) -> None:
    assert named_encoding(name).codec in {"cp1252", "gb18030", "cp932", "utf-8", "utf-16-le"}


def test_unknown_encoding_is_refused_with_the_known_ones(load: Load) -> None:
    with pytest.raises(Invalid, match=r"There is no encoding 'klingon'\. Use one of UTF-8, GB18030, BIG5"):
        load(f"{HEADER}\nA1,b,2026-03-05,1\n", encoding="klingon")


def test_mark_of_utf_8_is_believed_whatever_is_said(load: Load, ask: Ask) -> None:
    assert load(f"\ufeff{HEADER}\nA1,林,2026-03-05,1\n", encoding="gbk").encoding == "UTF-8"
    assert ask("SELECT external_id FROM buyers") == [("林",)]


def test_lines_of_another_encoding_are_named_whichever_has_more(load: Load, ask: Ask) -> None:
    for codec, text in (("cp1252", "Käufer"), ("gb18030", "买家"), ("utf-16", "买家")):
        rows = [f"A{n},{text}{n},2026-03-05,1\n" for n in range(5)]
        good = f"{HEADER}\n{''.join(rows[:4])}".encode(codec)
        bad = "A9,買い手,2026-03-05,1\n".encode() if codec != "utf-16" else b"\x00\xd8\n\x00"
        report = load(good + bad, name=f"{codec}.csv")
        assert (report.accepted, report.rejected) == (4, 1)
        assert report.rejects_path is not None
        assert report.rejects_path.read_text(encoding="utf-8-sig").splitlines()[1].startswith('6,"is not in')
    assert ask("SELECT count(*) FROM buyers") == [(8,)]


FEW_NAMES = {
    ("HU", "cp1250"): ("Szőnyi", "Bodnár Zsombor Lővei", "Fülöp Gyöngyvér Szűts"),
    ("PL", "cp1250"): ("Stępień", "Wójcik Grażyna", "Król Zdzisław", "Gąsior"),
    ("CZ", "cp1250"): ("Ondřej Kučera", "Vaněk", "Kolář", "Zdeňka Řezníčková"),
    ("RO", "cp1250"): ("Mihăilă", "Ionuţ Băsescu", "Vrânceanu Ţurcan"),
    ("HR", "cp1250"): ("Đorđević", "Marko Perković"),
    ("TR", "cp1254"): ("Gülşah Yıldırım", "Ertuğrul", "Bahşi", "Hakkı Özdağ"),
    ("LT", "cp1257"): ("Jankauskienė", "Žilinskas Ąžuolė"),
    ("LV", "cp1257"): ("Bērziņš", "Zaķis", "Krišjānis"),
    ("EE", "cp1257"): ("Tõnis Mägi", "Kõrv"),
    ("DE", "cp1252"): ("Jürgen Groß", "François Lefèvre", "Muñoz", "Søren", "João Simões", "Nicolò", "Loïc", "Åse"),
}
"""One name alone, by the country of the shop and the code page that is usual there."""


def test_a_single_name_is_read_as_the_shops_country_writes_or_asked_about_never_garbled_in_silence() -> None:
    asked = []
    for (country, codec), names in FEW_NAMES.items():
        for name in names:
            for home in (country, "DE", "CN", ""):
                found = guess([name.encode(codec)], country=home)
                read = found.name and name.encode(codec).decode(found.name.lower().replace("-", "_"))
                shown = [word for pair in found.examples for word in pair if word in name]
                assert read == name or shown or read is None, (name, home, found)
                asked += [name] if home == country and read is None else []
    assert asked == ["Kolář"]  # in four bytes that are Chinese, too


def test_words_that_two_encodings_read_are_shown_in_both(load: Load, ask: Ask) -> None:
    with pytest.raises(Invalid, match=r"in CP1252 they are 'Szõnyi', in CP1250 'Szőnyi'. Say it with --encoding"):
        load(written(["Szőnyi"], "cp1250"))
    assert ask("SELECT count(*) FROM buyers") == [(0,)]
    report = load(written(["São Paulo"], "cp1252"))
    (note,) = report.notes
    assert note.startswith("The file was read as CP1252: 'São'. In CP1250 these would be 'Săo'; if that is right, say")
    assert load(written(["Müller", "José"], "cp1252"), name="sure.csv").notes == []
    assert load(written(["Bērziņš"], "cp1257"), encoding="windows-1257", name="said.csv").notes == []
    assert ask("SELECT external_id FROM buyers WHERE external_id LIKE 'B%'") == [("Bērziņš",)]


def test_the_language_of_the_header_tells_the_code_page() -> None:
    header = "Rendelésszám;Vevő;Összeg;Dátum".encode("cp1250")
    assert guess(["Szőnyi".encode("cp1250")], country="DE").name is None
    assert guess(["Szőnyi".encode("cp1250")], country="DE", header=header).name == "CP1250"

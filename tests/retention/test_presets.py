"""Column presets: each export of each system is recognised by its header, and its figures are right."""

import random
from pathlib import Path
from typing import Any

import pytest

from retention.ingest.columns import find_export, map_columns
from tests.retention.makers import Ask, Load


def _exports(path: Path = Path(__file__).with_name("exports.txt")) -> list[Any]:
    """Return the exports of a text: preset, content, and what comes of it (orders counted, revenue, buyers).

    A line that begins with `# ` says how the figures were worked out.
    """
    found = []
    for block in path.read_text(encoding="utf-8").split("### ")[1:]:
        title, _, content = block.partition("\n")
        content = "\n".join(line for line in content.splitlines() if not line.startswith("# "))
        preset, counted, revenue, buyers = (part.strip() for part in title.split("|"))
        found.append(
            pytest.param(preset, content.rstrip("\n") + "\n", (int(counted), revenue, buyers.split()), id=preset)
        )
    return found


ORDERS = _exports()
"""Headers as the sources named in the presets have them, some shortened, each with some rows made up for it."""


@pytest.mark.parametrize(("preset", "content", "expected"), ORDERS)
def test_an_export_is_recognised_and_its_figures_are_right(
    load: Load, ask: Ask, preset: str, content: str, expected: tuple[int, str, list[str]]
) -> None:
    report = load(content)
    assert (report.preset, report.rejected) == (preset, 0), report.rejects_path and report.rejects_path.read_text()
    assert any(preset in note for note in report.notes)
    counted, revenue, buyers = expected
    assert (report.totals["counted_orders"], report.totals["revenue"]) == (counted, revenue)
    assert sorted(row[0] for row in ask("SELECT external_id FROM buyers")) == buyers
    assert load(content).changed == 0


def test_what_cannot_be_kept_of_a_row_is_said_and_costs_no_order(load: Load, ask: Ask) -> None:
    """Store views with long names, articles by the dozen, orders that were never paid and tell no time."""
    content = {
        name: next(str(case.values[1]) for case in ORDERS if case.id.startswith(name)) for name in ("mag", "pin")
    }
    report = load(content["mag"].replace("Default Store View", "Default Store View of the Shop"), name="magento.csv")
    assert "6 cells of 'Purchase Point' were too long to be kept whole and were shortened." in map(str, report.notes)
    assert ask("SELECT DISTINCT channel FROM orders") == [("Main Website Main Website Store Default Store Vie…",)]
    report = load(content["pin"].replace("茶杯", "茶" * 501), name="pinduoduo.csv")
    assert {str(note) for note in report.notes} >= {
        "6 cells of '商品' were too long to be kept whole and were shortened.",
        "1 order was never paid and the file tells no time of it; it was left out: 240603-000000000000005.",
    }
    assert (report.rejected, report.totals["orders_without_time"]) == (0, 1)


def test_an_order_of_ebay_is_worth_its_articles(load: Load, ask: Ask) -> None:
    """The first of its rows has the totals and names no article."""
    content = next(case.values[1] for case in ORDERS if "Post To City" in case.values[1])
    load(str(content))
    lines = ask("SELECT sku, quantity, amount FROM order_lines WHERE amount > 0 ORDER BY order_id, number")
    assert lines == [("TP1", 2, 4330), ("C1", 2, 2000), ("P1", 1, 2000)]


@pytest.mark.parametrize(("preset", "content", "expected"), ORDERS)
def test_the_order_of_columns_says_nothing(preset: str, content: str, expected: Any) -> None:
    del expected
    line = content.splitlines()[0]
    separator = next(sign for sign in ("\t", ";", ",") if sign in line)
    header = [name.strip(' "') for name in line.split(separator)]
    mixed = random.Random(9).sample(header, len(header))
    found, same = find_export("orders", header), find_export("orders", mixed)
    assert found == same
    assert found.preset == preset
    columns = [map_columns("orders", each, found.export, {}) for each in (header, mixed)]
    assert columns[0] == columns[1]
    assert columns[0].sources == columns[1].sources


LISTS = {
    "products,woocommerce,Products (core)": """
        Typ,Artikelnummer,Name,Veröffentlicht,Sichtbarkeit im Katalog,Vorrätig?,Lager,Regulärer Preis,Kategorien
        Type,UGS,Nom,Publié,Mis en avant ?,Visibilité dans le catalogue,En stock ?,Stock,Tarif régulier,Catégories
        Tipo,SKU,Nombre,Publicado,¿Está destacado?,Visibilidad en el catálogo,Inventario,Precio normal,Categorías
    """,
    "buyers,woocommerce,Customers (core)": """
        Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code
        Name,Benutzername,Zuletzt aktiv,Registrierungsdatum,E-Mail,Gesamtbestellwert,Land / Region,Stadt
        Nom,Identifiant,Dernière activité,Date d\u2019inscription,E-mail\u00a0,Dépense totale,AOV,Pays/région,Ville
        名称,用户名,上次活动,注册日期,电子邮件,订单,总支出,AOV,国家/地区,城市,地区
    """,
    "buyers,woocommerce,Customers (SkyVerge)": """
        customer_id,first_name,last_name,email,date_registered,billing_first_name,billing_last_name,billing_email
        username,email,password,date_registered,billing_first_name,billing_last_name,billing_email,billing_phone
        ID,First Name,Last Name,Email,Phone,Address,Address 2,Post code,City,State,Country,Company
    """,
}
"""Header rows of lists by kind, preset and title, in the languages and forms the sources have."""
READ = {
    "products": {"sku", "title", "price", "stock", "category"},
    "buyers": {"buyer_id", "email"},
}


@pytest.mark.parametrize(
    ("owner", "header"),
    [(owner, each.strip()) for owner, found in LISTS.items() for each in found.strip().splitlines()],
)
def test_a_list_is_recognised_in_each_of_its_forms(owner: str, header: str) -> None:
    kind, preset, title = owner.split(",")
    names = header.split(",")
    found = find_export(kind, names)
    assert (found.preset, found.export.title) == (preset, title)
    assert map_columns(kind, names, found.export, {}).keys() >= READ[kind]


@pytest.mark.parametrize(
    "header",
    [
        "Bestellnummer;Kundennummer;Bestelldatum;Gesamtbetrag",
        "N° de commande;N° client;Date de la commande;Montant total",
        "Número de pedido;Número de cliente;Fecha del pedido;Importe total",
        "Numero ordine;Numero cliente;Data ordine;Totale ordine",
        "Bestelnummer;Klantnummer;Besteldatum;Totaalbedrag",
        "Numer zamówienia;Numer klienta;Data zamówienia;Wartość zamówienia",
        "注文番号;顧客番号;注文日時;合計金額",
        "주문번호;구매자ID;주문일시;결제금액",
    ],
)
def test_columns_are_known_in_the_languages_shops_keep_their_orders_in(header: str) -> None:
    names = header.split(";")
    found = find_export("orders", names, "auto")
    assert found.preset == "generic"
    columns = map_columns("orders", names, found.export, {})
    assert [columns[field] for field in ("order_id", "buyer_id", "placed_at", "order_total")] == names

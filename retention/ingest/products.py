"""Import of products with their pictures, which are re-encoded so that only valid pictures are stored."""

import io
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import polars as pl

from retention.errors import Invalid
from retention.files import FileStore
from retention.i18n import gettext_noop
from retention.ingest.cells.numbers import read_money, read_whole
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_times
from retention.ingest.staged import MergedRows, StagedRows, latest, need
from retention.pictures import COMMON, LARGEST_BYTES, NO_PICTURE, read_picture
from retention.staging import ColumnKind, drop_staging, fetch, insert_new, keep_before, run, settle

LONGEST_SIDE = 2400  # 100 mm at 600 dpi
_FORMATS = (*COMMON, "GIF", "BMP", "TIFF")
_UNREADABLE = "unreadable"
_TEXTS = {"title": 500, "category": 200, "brand": 200, "url": 1000}


@dataclass
class ProductStaging(StagedRows):
    """Rows of a list of products; `folder` is where the pictures it names lie."""

    folder: Path = field(default_factory=Path)
    files: FileStore | None = None
    _stored: dict[str, str] = field(default_factory=dict)

    name = "import_products"
    shape: ClassVar = {
        "sku": ColumnKind.TEXT,
        **dict.fromkeys(_TEXTS, ColumnKind.TEXT),
        "price": ColumnKind.WHOLE,
        "stock": ColumnKind.WHOLE,
        "arrival_at": ColumnKind.TIME,
        "picture": ColumnKind.TEXT,
    }

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows, refusing those that are wrong. Good pictures are stored here."""
        price = read_money(rows, ["price"], self.shop.currency)["price"]
        message = gettext_noop("{field} {value} is negative")
        rows.refuse((price < 0).fill_null(False), message, rows.cells("price"), field="price")
        texts = {name: rows.text(name, limit) for name, limit in _TEXTS.items() if name != "title"}
        values = {
            "sku": need(rows, "sku", 100),
            "title": need(rows, "title", 500),
            **texts,
            "price": price,
            "stock": read_whole(rows, "stock", least=0),
            "arrival_at": read_times(rows, "arrival_at", self.shop.timezone),
        }
        return pl.DataFrame({**values, "picture": self._pictures(rows)})

    def merge(self, *, now: datetime) -> MergedRows:
        """Write the rows into products. An empty cell changes nothing."""
        del now
        settle(self.session, self.name)
        values = {"shop": self.shop.id}
        names = [name for name in self.shape if name != "sku"]
        changes = ", ".join(f"{n} = coalesce(i.{n}, products.{n})" for n in names)
        differs = " OR ".join(f"(i.{n} IS NOT NULL AND products.{n} IS DISTINCT FROM i.{n})" for n in names)
        rows = latest(self.name, "sku")
        theirs = f"products.shop_id = :shop AND products.sku = i.sku AND ({differs})"
        found = f"id IN (SELECT products.id FROM products, {rows} AS i WHERE {theirs})"  # noqa: S608 - our own names
        keep_before(self.session, "products", found)
        updated = run(self.session, f"UPDATE products SET {changes} FROM {rows} AS i WHERE {theirs}", **values)  # noqa: S608
        inserted = insert_new(
            self.session,
            "products",
            f"""
            INSERT INTO products (shop_id, sku, title, category, brand, price, stock, arrival_at, picture, url)
            SELECT :shop, sku, title, coalesce(category, ''), coalesce(brand, ''), coalesce(price, 0), stock,
              arrival_at, coalesce(picture, ''), coalesce(url, '') FROM {rows} AS i
            WHERE NOT EXISTS (SELECT 1 FROM products WHERE shop_id = :shop AND products.sku = i.sku) ORDER BY place
            """,  # noqa: S608 - our own names
            **values,
        )
        total = fetch(self.session, f"SELECT count(DISTINCT sku) FROM {self.name}")[0]  # noqa: S608 - our own name
        drop_staging(self.session, self.name)
        changed = updated + inserted
        return MergedRows(changed, total - changed, {"products": total, "new_products": inserted})

    def _pictures(self, rows: Rows) -> pl.Series:
        cells = rows.cells("picture")
        for name in cells.drop_nulls().unique(maintain_order=True):
            if name not in self._stored:
                self._stored[name] = self._store(name)
        found = cells.replace_strict(self._stored, default=None, return_dtype=pl.String)
        message = gettext_noop(
            "picture {value} is not a picture file in the folder of the list (JPEG, PNG, WebP, GIF, BMP or TIFF)"
        )
        rows.refuse((found == "").fill_null(False), message, cells)
        message = gettext_noop("picture {value} is incomplete or too large: send the whole file, or a smaller picture")
        rows.refuse((found == _UNREADABLE).fill_null(False), message, cells)
        return found

    def _store(self, name: str) -> str:
        """Return the SHA-256 of the stored picture, nothing when there is no such picture, or that it is unreadable."""
        path = (self.folder / name).resolve()
        if self.files is None or not path.is_relative_to(self.folder.resolve()) or not path.is_file():
            return ""
        if path.stat().st_size > LARGEST_BYTES:
            return _UNREADABLE
        try:
            return self.files.put(reencode(path.read_bytes()))
        except Invalid as wrong:
            return "" if wrong.message == NO_PICTURE else _UNREADABLE


def reencode(content: bytes) -> bytes:
    """Return a picture re-encoded, upright and at most 2400 pixels long: JPEG, or PNG where it is see-through.

    Invalid for what `read_picture` refuses.
    """
    drawn = read_picture(content, within=LONGEST_SIDE, formats=_FORMATS)
    written = io.BytesIO()
    if drawn.mode == "RGBA":
        drawn.save(written, "PNG")
    else:
        drawn.save(written, "JPEG", quality=90)
    return written.getvalue()

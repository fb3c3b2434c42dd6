"""Commands on status words: what a shop says they mean, and taking that back."""

from typing import Annotated

import typer

from api.cli.terminal import JsonOption, ShopOption, reading, show, writing
from retention.ingest.options import STATUS_MEANINGS
from retention.ingest.orders.status_words import forget_word, say_word, words_of

Word = Annotated[str, typer.Argument(help="The word, in any case.")]

statuses = typer.Typer(help="Order status words that were given a meaning.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(statuses, name="statuses")


@statuses.command("list")
def list_words(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the status words the shop has given a meaning."""
    with reading(shop) as here:
        found = [{"word": each.written, "meaning": each.meaning} for each in words_of(here.session, here.shop.id)]
    show({"statuses": found} if as_json else {each["word"]: each["meaning"] for each in found}, as_json=as_json)


@statuses.command("set")
def set_word(
    shop: ShopOption,
    word: Word,
    meaning: Annotated[str, typer.Argument(help=f"What it means: {', '.join(STATUS_MEANINGS)}.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what a status word means; each later import knows it."""
    with writing(shop) as here:
        row = say_word(here.session, here.member, word, meaning, at=here.now)
        result = {"word": row.written, "meaning": row.meaning}
    show(result if as_json else {result["word"]: result["meaning"]}, as_json=as_json)


@statuses.command("remove")
def remove_word(shop: ShopOption, word: Word, *, as_json: JsonOption = False) -> None:
    """Remove what a status word was said to mean; the next import asks again."""
    with writing(shop) as here:
        forget_word(here.session, here.member, word, at=here.now)
    if as_json:
        show({"removed": word}, as_json=True)

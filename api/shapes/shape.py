"""What every shape has in common: each of its fields is described, by itself or by what its name means everywhere."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from api.shapes.descriptions import FIELDS


class Shape(BaseModel):
    """A shape in the document of the REST API."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema, with the sentence of `FIELDS` for each field that has none of its own."""
        schema = handler(core_schema)
        for name, described in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if name in FIELDS:
                described.setdefault("description", FIELDS[name])
        return schema


class RowShape(Shape):
    """What a row or value says of itself: its attributes of the same names."""

    @classmethod
    def of(cls, row: object) -> Self:
        """Return the shape of a row."""
        return cls.model_validate(row, from_attributes=True)


class Input(Shape):
    """What a request sends. A field that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class PageOut(Shape):
    """A page of a list."""

    next: str | None = Field(None, description="What to ask for as `after` to get the next page; null on the last one.")


class ShownOnce(Shape):
    """An answer with a secret that is shown this once."""

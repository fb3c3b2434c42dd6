"""The shape of an error response, for the schema; `api.errors` fills it."""

from typing import Any

from pydantic import Field

from api.shapes.shape import Shape


class FaultOut(Shape):
    """One thing wrong with a request."""

    pointer: str = Field(description="Where it is, such as /body/orders/3/paid_at.")
    detail: str = Field(description="What is wrong there, and what would be right.")


class Problem(Shape):
    """A refusal (RFC 9457), in the language of Accept-Language. Nothing was changed."""

    type: str = Field("about:blank", description="What programs tell a refusal by: urn:regulars:problem:coupon-used.")
    title: str = Field(description="The refusal in a few words.")
    status: int = Field(description="The HTTP status of the answer.")
    detail: str = Field(description="What was wrong, with which value, and what would be right.")
    errors: list[FaultOut] = Field(default=[], description="For 422: each value that is wrong.")
    request_id: str = Field("", description="What the log of this installation knows the request by: X-Request-Id.")


def _answer(description: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"model": Problem, "description": description, "content": {"application/problem+json": schema}}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _answer("The body cannot be read, not even as text."),
    401: _answer("The key is missing, unknown or revoked."),
    403: _answer("The key lacks the scope."),
    404: _answer("There is no such thing, or it is not this shop's."),
    408: _answer("The body came too slowly."),
    409: _answer("Its present state does not allow this."),
    413: _answer("The body is above 10 MB; for a file to import above 100 MB."),
    422: _answer("A value is wrong."),
    503: _answer("The database does not answer; try again after Retry-After seconds."),
}

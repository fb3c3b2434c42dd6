"""`Idempotency-Key`: a POST that is sent again under the same key within a day is answered as the first time.

`api.v1.routing` wraps every POST in `answered_once`, so that an endpoint says nothing of it. Where the endpoint writes
in the session of the request, the answer is kept in the same transaction. Where it reaches other systems with no
transaction open, the key is taken before and the answer kept after. An answer that shows a secret is kept encrypted
under the key of whoever asked, of which the database has only the digest.
"""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, get_args

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter
from sqlalchemy import Engine
from sqlmodel import Session

from api.deps import Now, Reading, Writing
from api.shapes.shape import ShownOnce
from api.v1.callers import Caller
from retention.access import Member
from retention.database import transaction
from retention.encryption import decrypt, encrypt
from retention.idempotency import LONGEST_KEY, StoredResponse, answer_once, begin_once, free_key, keep_answer

REPLAYED = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description=f"Any text of at most {LONGEST_KEY} characters that names this request, such as a UUID.",
    ),
]

Work = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class IdempotentRequest:
    """One request as it was sent, and the key it came with."""

    key: str | None
    request: bytes
    secret: bytes
    at: datetime
    engine: Engine

    def within(self, session: Session, member: Member, work: Work) -> StoredResponse:
        """Return what `work` returns, kept in the transaction of its own rows."""
        return answer_once(session, member, self.key or "", request=self.request, at=self.at, work=work)

    def around(self, member: Member, work: Work) -> StoredResponse:
        """Return what `work` returns, which no transaction spans."""
        key = self.key or ""
        with transaction(self.engine) as session:
            given = begin_once(session, member, key, request=self.request, at=self.at)
        if given:
            return given
        try:
            value = work()
        except Exception:
            with transaction(self.engine) as session:
                free_key(session, member, key)
            raise
        with transaction(self.engine) as session:
            keep_answer(session, member, key, value)
        return StoredResponse(value, again=False)

    def lock(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return an answer that nobody reads again without the key of whoever asked."""
        return {"sealed": encrypt(self.secret, {"answer": json.dumps(value)}).decode()}

    def unlock(self, kept: dict[str, Any]) -> dict[str, Any]:
        """Return what `lock` was given."""
        found: dict[str, Any] = json.loads(decrypt(self.secret, kept["sealed"].encode())["answer"])
        return found


async def read_once(request: Request, at: Now, key: IdempotencyKey = None) -> IdempotentRequest:
    """Return the request as bytes: method, address, body."""
    asked = f"{request.method} {request.url.path}?{request.url.query}\n"
    secret = f"{request.headers.get('authorization', '')} {key}".encode()
    return IdempotentRequest(key, asked.encode() + await request.body(), secret, at, request.app.state.engine)


SentOnce = Annotated[IdempotentRequest, Depends(read_once)]


def answered_once(
    endpoint: Callable[..., Any], *, status: int, headers: Callable[[dict[str, Any]], dict[str, str]]
) -> Callable[..., Any]:
    """Return an endpoint that takes an idempotency key, and answers with `status` and the headers of its answer."""
    asks = inspect.signature(endpoint)
    caller_name = _named(asks, lambda asked: (get_args(asked) or (asked,))[0] is Caller)
    session_name = _named(asks, lambda asked: asked == Writing)
    reader_name = _named(asks, lambda asked: asked == Reading)
    shape: TypeAdapter[Any] = TypeAdapter(asks.return_annotation)
    is_secret = inspect.isclass(asks.return_annotation) and issubclass(asks.return_annotation, ShownOnce)

    @wraps(endpoint)
    def answer(*, sent_once: IdempotentRequest, **given: Any) -> Response:
        def work() -> dict[str, Any]:
            value: dict[str, Any] = shape.dump_python(endpoint(**given), mode="json", by_alias=True) or {}
            if reader_name:
                given[reader_name].close()  # so that no request waits for a second connection while it holds one
            return sent_once.lock(value) if is_secret else value

        member, session = given[caller_name].member, given.get(session_name)
        if sent_once.key is None:
            kept = StoredResponse(work(), again=False)
        elif session is None:
            kept = sent_once.around(member, work)
        else:
            kept = sent_once.within(session, member, work)
        value = sent_once.unlock(kept.value) if is_secret else kept.value
        answer_headers = headers(value) | ({REPLAYED: "true"} if kept.again else {})
        if status == 204:
            return Response(status_code=status, headers=answer_headers)
        return JSONResponse(value, status, answer_headers)

    parameters = [*asks.parameters.values(), inspect.Parameter("sent_once", _BY_NAME, annotation=SentOnce)]
    answer.__signature__ = asks.replace(parameters=parameters)  # type: ignore[attr-defined]
    return answer


_BY_NAME = inspect.Parameter.KEYWORD_ONLY


def _named(asks: inspect.Signature, is_it: Callable[[Any], bool]) -> str:
    """Return the name of the parameter an endpoint asks for something by, or nothing."""
    return next((name for name, each in asks.parameters.items() if is_it(each.annotation)), "")

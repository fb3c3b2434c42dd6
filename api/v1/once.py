"""`Idempotency-Key`: a POST that is sent again under the same key within a day is answered as the first time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlmodel import Session

from api.deps import Now
from api.v1.keys import Caller
from retention.idempotency import LONGEST_KEY, answer_once

REPLAYED = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description=f"Any text of at most {LONGEST_KEY} characters that names this request, such as a UUID.",
    ),
]


@dataclass(frozen=True)
class Once:
    """One request as it was sent, and the key it came with."""

    key: str | None
    request: bytes
    at: Now

    def answer(self, session: Session, caller: Caller, work: Callable[[], BaseModel]) -> JSONResponse:
        """Return what `work` returns; under a key that was used for the same request, what it returned then."""
        if self.key is None:
            return JSONResponse(work().model_dump(mode="json"))
        given = answer_once(
            session,
            caller.member,
            self.key,
            request=self.request,
            at=self.at,
            work=lambda: work().model_dump(mode="json"),
        )
        return JSONResponse(given.value, headers={REPLAYED: "true"} if given.again else None)


async def read_once(request: Request, at: Now, key: IdempotencyKey = None) -> Once:
    """Return the request as bytes: method, address, body."""
    asked = f"{request.method} {request.url.path}?{request.url.query}\n"
    return Once(key, asked.encode() + await request.body(), at)


SentOnce = Annotated[Once, Depends(read_once)]

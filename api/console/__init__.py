"""The console: the pages people of a shop work with. It translates between forms and use cases and holds no rule."""

from fastapi import APIRouter

from api.console import buyers, home, imports, segments

router = APIRouter(include_in_schema=False)
for part in (home, buyers, segments, imports):
    router.include_router(part.router)

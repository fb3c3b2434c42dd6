"""A shop's logo for its mail, addressed by its content, so that it can be cached for ever."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.deps import Files, Reading
from campaigns.texts.branding import read_logo

router = APIRouter()


@router.get("/logo/{name}")
def show_logo(name: str, session: Reading, files: Files) -> Response:
    """Return the picture; any other stored file answers like one that is not there."""
    content, kind = read_logo(session, files, name)
    return Response(content, media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"})

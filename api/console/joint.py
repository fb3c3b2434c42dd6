"""Joint flyers: the sheets this shop shares with others, each shop's slot, the proof and who approved it."""

from fastapi import APIRouter

from api.deps import require
from retention.access import Scope

router = APIRouter(prefix="/shops/{slug}/joint", dependencies=[require(Scope.JOINT_APPROVE)])

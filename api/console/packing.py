"""The packing station: a scanner, a waybill, what goes in. One page, no mouse."""

from fastapi import APIRouter

from api.deps import require
from retention.access import Scope

router = APIRouter(prefix="/shops/{slug}/packing", dependencies=[require(Scope.PACKING_WRITE)])

"""The REST API for a shop's other systems."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1")

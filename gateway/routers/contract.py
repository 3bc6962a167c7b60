"""The contract of the API: which routes there are, what they take, and what they answer."""

from typing import Any

from fastapi import APIRouter, Request

from gateway.access import requires
from gateway.permissions import Permission

router = APIRouter(tags=["contract"], dependencies=[requires(Permission.ACCOUNT_USE)])


@router.get("/openapi.json")
async def get_contract(request: Request) -> dict[str, Any]:
    """Give the OpenAPI description of this gateway."""
    contract: dict[str, Any] = request.app.openapi()
    return contract

"""What Prometheus scrapes."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.access import requires
from gateway.permissions import Permission

router = APIRouter(tags=["metrics"], dependencies=[requires(Permission.METRICS_READ)])


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    """Give the metrics of this process as Prometheus text."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

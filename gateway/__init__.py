"""The gateway, Weir's HTTP API: what a client may ask, and in which shapes it is answered.

One router for each resource in `gateway/routers`, found by looking; a router parses, asks one
function of `weir.postgres.queries`, and answers. Every error is a problem document
(`gateway.problems`), every input has a bound (`gateway.limits`, `gateway.parameters`).
"""

"""Short ways to have users and tokens, and to be them."""

from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users of these tests only


@dataclass(frozen=True)
class World:
    """A gateway, as whoever is asked for sees it."""

    admin: httpx.AsyncClient

    async def add_user(self, name: str, role: str | None = "viewer") -> None:
        roles = {"default": role} if role else {}
        body = {"name": name, "password": PASSWORD, "roles": roles}
        response = await self.admin.post("/v1/users", json=body)
        assert response.status_code == 201, response.text

    async def log_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        body = {"name": name, "password": password}
        return await self.show("").post("/v1/auth/login", json=body)

    async def tokens_of(self, name: str, password: str = PASSWORD) -> dict[str, Any]:
        response = await self.log_in(name, password)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    async def refresh(self, refresh_token: str) -> httpx.Response:
        return await self.show("").post("/v1/auth/refresh", json={"refresh_token": refresh_token})

    async def user(self, name: str, role: str | None = "viewer") -> httpx.AsyncClient:
        """Make a user, and give the gateway as they see it."""
        await self.add_user(name, role)
        return self.show((await self.tokens_of(name))["access_token"])

    async def token(self, owner: str, **members: Any) -> httpx.AsyncClient:
        """Make a token of a user, and give the gateway as its holder sees it."""
        body = {"name": f"of-{owner}", "owner": owner, **members}
        response = await self.admin.post("/v1/tokens", json=body)
        assert response.status_code == 201, response.text
        return self.show(response.json()["token"])

    def show(self, credential: str) -> httpx.AsyncClient:
        """Give the gateway to whoever shows this credential."""
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        return httpx.AsyncClient(
            transport=self.admin._transport, base_url=self.admin.base_url, headers=headers
        )

"""A client of Hearth for tests: what a front end does, and no more."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import httpx2

SIGN_IN = """
mutation SignIn($identifier: String!, $password: String!) {
  signInWithPassword(input: {identifier: $identifier, password: $password}) {
    accessToken mustChangePassword
    session { id current expiresAt accessLevel }
    viewer { id user { displayName login } }
    userErrors { __typename code message field }
  }
}
"""


class Person(Protocol):
    """Somebody with a `msisdn` and a `password`."""

    def __getitem__(self, key: str, /) -> Any: ...


@dataclass
class Cabinet:
    """Calls GraphQL as one caller of one operator's cabinet."""

    http: httpx2.AsyncClient
    operator: str | None = None
    token: str | None = None

    def of(self, operator: str | None, token: str | None = None) -> Self:
        """The same server as somebody else sees it."""
        return type(self)(self.http, operator, token)

    async def post(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """The bare HTTP response."""
        # A cookie that an earlier call left would make somebody of an anonymous caller.
        self.http.cookies.clear()
        given = {
            "accept": "application/graphql-response+json",
            **({"x-operator": self.operator} if self.operator else {}),
            **({"authorization": f"Bearer {self.token}"} if self.token else {}),
            **headers,
        }
        return await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=given)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer: data, errors, extensions."""
        answer: dict[str, Any] = (await self.post(query, variables)).json()
        return answer

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def signed_in(self, operator: str, person: Person) -> Self:
        """The cabinet as `person` sees it."""
        visitor = self.of(operator)
        payload = (await visitor.data(SIGN_IN, identifier=person["msisdn"], password=person["password"]))[
            "signInWithPassword"
        ]
        assert payload["userErrors"] == [], payload
        return self.of(operator, payload["accessToken"])

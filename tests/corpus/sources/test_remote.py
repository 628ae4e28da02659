"""Rate limits are waited out for as long as the server says, temporary errors are retried, others are not."""

import httpx
import pytest

from tasks.corpus.sources.remote import MAX_ATTEMPTS, retry_request


def answer(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "https://example.org/file")
    return httpx.HTTPStatusError(str(status), request=request, response=httpx.Response(status, headers=headers))


def failing(*errors: Exception):
    remaining = list(errors)

    def call() -> str:
        if remaining:
            raise remaining.pop(0)
        return "read"

    return call


def test_a_rate_limit_is_waited_out_for_as_long_as_the_server_asks() -> None:
    waited: list[float] = []
    errors = [answer(429, **{"Retry-After": "37"}), answer(429, **{"Retry-After": "5"})]
    assert retry_request(failing(*errors), "hub", waited.append) == "read"
    assert waited == [37.0, 5.0]


def test_a_broken_network_is_retried_after_longer_and_longer_pauses_and_then_raised() -> None:
    waited: list[float] = []
    with pytest.raises(httpx.ConnectError):
        retry_request(failing(*[httpx.ConnectError("no route")] * MAX_ATTEMPTS), "hub", waited.append)
    assert waited == [1, 2, 4, 8, 16, 32, 60]


@pytest.mark.parametrize(
    "error", [answer(403), answer(404), FileNotFoundError("x"), PermissionError("x"), KeyError("x")]
)
def test_an_error_that_another_attempt_would_not_change_is_raised_at_once(error: Exception) -> None:
    with pytest.raises(type(error)):
        retry_request(failing(error), "hub", lambda seconds: pytest.fail("it waited"))


def test_a_limit_of_an_hour_is_not_waited_out() -> None:
    with pytest.raises(httpx.HTTPStatusError):
        retry_request(failing(answer(429, **{"Retry-After": "3600"})), "hub", lambda seconds: pytest.fail("it waited"))

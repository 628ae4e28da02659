"""Kaggle's own client: signed in, asked for one file, its refusals in words.

Nothing of a failed request is quoted but the server's own text: the client's errors name addresses that carry a right
of access.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from tasks.panel.errors import KaggleError, NoCredentials, RulesNotAccepted
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.kaggle.receive import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from requests import Response

WAYS_IN = (
    "Make a key at https://www.kaggle.com/settings/api and give the process that stages the prices KAGGLE_API_TOKEN, "
    "or KAGGLE_USERNAME and KAGGLE_KEY; or stage a file you have: python -m tasks.panel.kaggle.stage_file FILE."
)
WORTH_WAITING = (408, 425, 429)
"""Answers below 500 that may change by themselves."""
SECRETS = ("key", "token", "api_token")
"""Under these names the client keeps them."""
MAX_TEXT = 400


class Kaggle:
    """A client that is signed in anew for each question.

    Raises:
        KaggleError: If the client is not installed or has no folder of its own.
    """

    def __init__(self) -> None:
        # On DEBUG it would log the addresses the files are fetched from.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        try:
            # Its import signs in, too, and prints advice where it cannot.
            with redirect_stdout(StringIO()):
                from kaggle.api.kaggle_api_extended import KaggleApi

                self.api: Any = KaggleApi()
        except ImportError as error:
            raise KaggleError(f"the kaggle client cannot be imported ({error}); install kaggle and six.") from error
        except OSError as error:
            raise KaggleError(
                f"the kaggle client cannot make its folder ({error}); name a writable one as KAGGLE_CONFIG_DIR."
            ) from error
        # VERBOSE in the environment would have it print every request with its Authorization header.
        self.api.args = [argument for argument in self.api.args if argument not in ("--verbose", "-v")]
        self._build = self.api.build_kaggle_client
        self.api.build_kaggle_client = self._impatient_client

    @contextmanager
    def asked(self, config: PricesConfig) -> Iterator["Response"]:
        """Ask for the file.

        Yields:
            The answer from the file's first byte on, its body unread.

        Raises:
            NoCredentials: If there are none, or Kaggle knows none of them.
            OSError: If it answers with an error or not at all (requests' errors are of this kind).
        """
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

        self._sign_in()
        request = ApiDownloadDataFileRequest()
        request.competition_name, request.file_name = config.competition, config.file
        with (
            self.api.build_kaggle_client() as client,
            client.competitions.competition_api_client.download_data_file(request) as response,
        ):
            yield response

    def refusal(self, error: Exception, config: PricesConfig) -> KaggleError | None:
        """What a failed question means to a person; None where asking again may help."""
        status, text, is_from_storage = _answer(error)
        text = self._without_secrets(text)
        # A link is good for minutes only; a new question gives a new one.
        if is_from_storage or status in WORTH_WAITING or not 400 <= status < 500:
            return None
        what = f"Kaggle does not give {config.file} of competition {config.competition}"
        page = f"https://www.kaggle.com/competitions/{config.competition}"
        if status == 401:
            return NoCredentials(f"{what}: it does not take the credentials ({status}: {text}). {WAYS_IN}")
        if status == 403:
            return RulesNotAccepted(
                f"{what}: {text} ({status}). Visit {page}/rules, accept the rules with the account the key is of, and "
                "run again."
            )
        return KaggleError(f"{what}: {text} ({status}). See whether {page}/data still lists the file.")

    def _sign_in(self) -> None:
        said = StringIO()
        try:
            with redirect_stdout(said):
                self.api.authenticate()
        except SystemExit:
            raise NoCredentials(f"Kaggle's client found no credentials, or none that Kaggle knows. {WAYS_IN}") from None

    def _impatient_client(self) -> Any:
        """The client with a bound on silence; on its own it would wait for ever."""
        from requests.adapters import HTTPAdapter

        class Impatient(HTTPAdapter):
            def send(self, *arguments: Any, **settings: Any) -> "Response":
                settings["timeout"] = settings.get("timeout") or TIMEOUT_SECONDS
                return super().send(*arguments, **settings)

        client = self._build()
        with redirect_stdout(StringIO()):
            http = client.http_client()
            http.__enter__()
        for scheme in ("https://", "http://"):
            # There is no public way to the session.
            http._session.mount(scheme, Impatient())
        return client

    def _without_secrets(self, text: str) -> str:
        for name in SECRETS:
            if secret := self.api.config_values.get(name):
                text = text.replace(secret, "***")
        return text


def _answer(error: Exception) -> tuple[int, str, bool]:
    """Status (0 where there was no answer), the server's text, and whether the storage said so rather than Kaggle."""
    response = getattr(error, "response", None)
    if response is None:
        return 0, type(error).__name__, False
    status = response.status_code
    try:
        told = response.json()
        # Kaggle may answer 200 with an error's code inside.
        status, text = max(status, int(told.get("code", 0))), str(told.get("message", ""))
    except (ValueError, TypeError, AttributeError, OSError):
        text = "no reason given"
    # Kaggle is asked by POST, the storage it redirects to by GET.
    return status, " ".join(text.split())[:MAX_TEXT] or "no reason given", response.request.method == "GET"

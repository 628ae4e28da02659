"""Kaggle's own client: sign-in, the download of one file, and its errors explained.

Of a failed request only the server's own text is quoted: the client's errors contain addresses that give access.
"""

import logging
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from tasks.panel.errors import KaggleError, NoCredentials, RulesNotAccepted
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.kaggle.transfer import TIMEOUT_SECONDS, Transfer

SIGN_IN_HELP = (
    "Make a key at https://www.kaggle.com/settings/api and give the process that stages the prices KAGGLE_API_TOKEN, "
    "or KAGGLE_USERNAME and KAGGLE_KEY; or stage a file you have: `hindsight stage-prices FILE`."
)
RETRYABLE_STATUSES = (408, 425, 429)
"""Statuses below 500 that may change by themselves."""
SECRETS = ("key", "token", "api_token")
"""Names under which the client keeps credentials."""
MAX_TEXT = 400


class Kaggle:
    """A client that signs in for every request.

    Raises:
        KaggleError: If the client is not installed or cannot make its folder.
    """

    def __init__(self) -> None:
        # On DEBUG it would log the addresses the files are fetched from.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        try:
            # The import signs in as well, and prints advice if it cannot.
            with redirect_stdout(StringIO()):
                from kaggle.api.kaggle_api_extended import KaggleApi

                self.api: Any = KaggleApi()
        except ImportError as error:
            raise KaggleError(f"the kaggle client cannot be imported ({error}); install kaggle and six.") from error
        except OSError as error:
            raise KaggleError(
                f"the kaggle client cannot make its folder ({error}); name a writable one as KAGGLE_CONFIG_DIR."
            ) from error
        # With VERBOSE in the environment it would print every request with its Authorization header.
        self.api.args = [argument for argument in self.api.args if argument not in ("--verbose", "-v")]
        # It would print that there is a newer one.
        self.api.already_printed_version_warning = True
        self._transfer = Transfer(self.api)
        self._build = self.api.build_kaggle_client
        self.api.build_kaggle_client = self._client_with_timeout

    def download(self, config: PricesConfig, folder: Path) -> Path:
        """Download the file, or the rest of it, in one attempt.

        Args:
            config: Which file.
            folder: Keeps the bytes received for a later attempt.

        Returns:
            The whole file.

        Raises:
            KaggleError: If it is too large; NoCredentials, if there are none or Kaggle knows none of them.
            OSError: If the attempt failed (requests' errors are OSErrors), or the disk is full.
        """
        self._sign_in()
        self.api.competition_download_file(config.competition, config.file, str(folder), quiet=True)
        return self._transfer.file

    def final_error(self, error: Exception, config: PricesConfig) -> KaggleError | None:
        """The explained error of a failed request; None if a retry may succeed."""
        status, text, is_from_storage = _parse_error(error)
        text = self._without_secrets(text)
        # A link to the storage expires after minutes; a new request gets a new one.
        if is_from_storage or status in RETRYABLE_STATUSES or not 400 <= status < 500:
            return None
        what = f"Kaggle does not give {config.file} of competition {config.competition}"
        page = f"https://www.kaggle.com/competitions/{config.competition}"
        if status == 401:
            return NoCredentials(f"{what}: it does not take the credentials ({status}: {text}). {SIGN_IN_HELP}")
        if status == 403:
            way_out = f"Visit {page}/rules, accept the rules with the key's account, and run again."
            return RulesNotAccepted(f"{what}: {text} ({status}). {way_out}")
        return KaggleError(f"{what}: {text} ({status}). See whether {page}/data still lists the file.")

    def _sign_in(self) -> None:
        try:
            with redirect_stdout(StringIO()):
                self.api.authenticate()
        except SystemExit:
            raise NoCredentials(
                f"Kaggle's client found no credentials, or none that Kaggle knows. {SIGN_IN_HELP}"
            ) from None

    def _client_with_timeout(self) -> Any:
        """The client with a timeout, for by default it waits forever, and without compression."""
        client = self._build()
        with redirect_stdout(StringIO()):
            http = client.http_client()
            http.__enter__()
        # The session has no public name.
        http._session.send = partial(http._session.send, timeout=TIMEOUT_SECONDS)
        # The client decodes what it writes: its offsets would not be those of the bytes sent.
        http._session.headers["Accept-Encoding"] = "identity"
        return client

    def _without_secrets(self, text: str) -> str:
        for name in SECRETS:
            if secret := self.api.config_values.get(name):
                text = text.replace(secret, "***")
        return text


def _parse_error(error: Exception) -> tuple[int, str, bool]:
    """Status (0 without a response), the server's text, and whether it is the storage's response, not Kaggle's."""
    response = getattr(error, "response", None)
    if response is None:
        return 0, type(error).__name__, False
    status = response.status_code
    try:
        body = response.json()
        # Kaggle may answer 200 with an error's code inside.
        status, text = max(status, int(body.get("code", 0))), str(body.get("message", ""))
    except (ValueError, TypeError, AttributeError, OSError):
        text = "no reason given"
    # Requests to Kaggle are POST, to the storage it redirects to GET.
    return status, " ".join(text.split())[:MAX_TEXT] or "no reason given", response.request.method == "GET"

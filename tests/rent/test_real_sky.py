"""What SkyPilot's own `sky` answers without an account, which tests/rent/programs/sky imitates.

Run with `sky` on the PATH: `pip install skypilot==0.14.1` into an environment of its own. Its server runs in a home of
its own, on loopback, and knows one cloud that is enabled by a file and has a catalogue of one machine.
"""

import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.rent.errors import ProviderError
from tasks.rent.order import trial_order
from tasks.rent.providers.provider import Offer
from tasks.rent.providers.skypilot import SkyPilot
from tests.rent.test_providers import SKY

PORT = 46_580
"""Of SkyPilot's local server; it cannot be changed."""
CATALOGUE = """InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region
one,H100,1,32,64.0,"{'Gpus': [{'Name': 'H100', 'Count': 1, 'MemoryInfo': {'SizeInMiB': 81559}}]}",1.87,0.00,somewhere-1
"""


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("sky") is None, reason="sky is not on the PATH: pip install skypilot==0.14.1"),
    pytest.mark.skipif(_is_taken(PORT), reason=f"a SkyPilot server runs on port {PORT}: it is somebody's own"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SKYPILOT_DISABLE_USAGE_COLLECTION", "1")
    monkeypatch.delenv("SKYPILOT_API_SERVER_ENDPOINT", raising=False)
    yield tmp_path
    subprocess.run(["sky", "api", "stop"], check=True, capture_output=True)


def sign_in(home: Path) -> None:
    """Shadeform counts as enabled where its file of a key exists."""
    catalogue = home / ".sky" / "catalogs" / "v8" / "shadeform" / "vms.csv"
    for file, content in ((home / ".shadeform" / "api_key", "none"), (catalogue, CATALOGUE)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o600)


def test_what_it_answers_signed_out_and_without_clusters(home: Path) -> None:
    sky = SkyPilot()
    # Its own list is empty, with exit status 0.
    with pytest.raises(ProviderError, match="sky is not signed in to any cloud that rents machines"):
        sky.status()
    with pytest.raises(ProviderError, match="sky is not signed in to any cloud that rents machines"):
        sky.offers(SKY)
    sign_in(home)
    assert sky.status() == {}
    assert sky.offers(SKY) == [Offer("H100:1", 1.87, "shadeform/somewhere-1")]
    with pytest.raises(ProviderError, match="sky is not signed in to vast, but to shadeform"):
        sky.offers(SKY.model_copy(update={"where": "vast"}))
    sky.stop("hs-000000-h100-1")
    with pytest.raises(ProviderError, match="never had a cluster of this name"):
        sky.has_ended("hs-000000-h100-1", "")


def test_it_has_every_option_that_is_used(home: Path) -> None:
    sky = SkyPilot(dry_run=True)
    sky.offers(SKY)
    sky.start(trial_order(SKY, Offer("H100:1", 2.0, "vast")))
    with pytest.raises(ProviderError):
        sky.has_ended("hs-1", "")
    sky.stop("hs-1")
    commands = [shlex.split(line) for line in sky.commands if line.startswith("sky ")]
    assert {words[1] for words in commands} == {"check", "gpus", "status", "launch", "cost-report", "down"}
    for words in commands:
        command = words[: 3 if words[1] == "gpus" else 2]
        listed = subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout
        used = {word for word in words if re.fullmatch(r"-o|--[a-z-]+", word)}
        assert [option for option in used if not re.search(rf"(^|\s){option}\b", listed)] == []

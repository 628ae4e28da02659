"""An archive is opened within bounds, and names inside never become paths."""

import gzip
import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.panel.errors import UnsafeArchive
from tasks.panel.kaggle import unpack
from tasks.panel.kaggle.unpack import write_plain

CSV = b"SecuritiesCode,Date,Close\n1301,2021-01-04,1\n"


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, compress_type=zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def plain_of(content: bytes, folder: Path) -> bytes:
    """The CSV of a packed file; only `out/plain` may be written, in any case."""
    packed, out = folder / "packed", folder / "out"
    packed.write_bytes(content)
    out.mkdir(exist_ok=True)
    before = {file for file in folder.rglob("*") if file != out / "plain"}
    try:
        write_plain(packed, out / "plain", "the file")
        return (out / "plain").read_bytes()
    finally:
        assert {file for file in folder.rglob("*") if file != out / "plain"} == before


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        gzip.compress(CSV),
        zipped(("stock_prices.csv", CSV)),
        zipped(("train_files/", b""), ("train_files/stock_prices.csv", CSV), ("readme.txt", b"x")),
    ],
    ids=["plain", "gzip", "zip", "zip-with-folder"],
)
def test_the_csv_is_the_same_however_it_is_packed(content: bytes, tmp_path: Path) -> None:
    assert plain_of(content, tmp_path) == CSV


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (("../stock_prices.csv", CSV), "'../stock_prices.csv', a path that leaves its folder"),
        (("a/../../stock_prices.csv", CSV), "a path that leaves its folder"),
        (("/etc/stock_prices.csv", CSV), "'/etc/stock_prices.csv', which is not a relative path"),
        (("..\\stock_prices.csv", CSV), "which is not a relative path"),
        (("C:/stock_prices.csv", CSV), "which is not a relative path"),
        ((link("stock_prices.csv"), b"/etc/passwd"), "a link or a device"),
    ],
    ids=["escape", "deep-escape", "absolute", "backslash", "drive", "link"],
)
@pytest.mark.parametrize("beside", [(), (("stock_prices.csv", CSV),)], ids=["alone", "beside-a-good-one"])
def test_an_archive_with_an_unsafe_member_is_refused_whole(member, why: str, beside, tmp_path: Path) -> None:
    if beside and isinstance(member[0], zipfile.ZipInfo):
        member = (link("other.csv"), member[1])
    with pytest.raises(UnsafeArchive, match=f"the file is an archive with member .*{why}; nothing was unpacked"):
        plain_of(zipped(*beside, member), tmp_path)
    assert not (tmp_path / "out" / "plain").exists()


@pytest.mark.parametrize(
    ("content", "n_found"),
    [
        (zipped(("other.csv", CSV)), 0),
        (zipped(("a/stock_prices.csv", CSV), ("b/stock_prices.csv", CSV)), 2),
    ],
)
def test_an_archive_must_hold_one_price_file(content: bytes, n_found: int, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match=rf"archive with {n_found} files called stock_prices\.csv.*it must be one"):
        plain_of(content, tmp_path)


def test_of_the_whole_competitions_archive_the_training_prices_are_taken(tmp_path: Path) -> None:
    others = [(f"{folder}/stock_prices.csv", b"other") for folder in ("example_test_files", "supplemental_files")]
    assert plain_of(zipped(others[0], ("train_files/stock_prices.csv", CSV), others[1]), tmp_path) == CSV


@pytest.mark.parametrize("pack", [lambda csv: zipped(("stock_prices.csv", csv)), gzip.compress], ids=["zip", "gzip"])
def test_a_bomb_is_refused_before_it_fills_the_disk(pack, tmp_path: Path) -> None:
    packed = pack(bytes(30 << 20))
    with pytest.raises(UnsafeArchive, match=r"unpacks to more than \d+: at most 100 times its size and 2 GiB are"):
        plain_of(packed, tmp_path)
    assert (tmp_path / "out" / "plain").stat().st_size <= 100 * len(packed)


def test_a_file_over_the_bound_is_refused_even_if_it_packs_badly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_BYTES", len(CSV) - 1)
    with pytest.raises(UnsafeArchive, match="unpacks to more than"):
        plain_of(zipped(("stock_prices.csv", CSV)), tmp_path)


def test_a_member_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped(("stock_prices.csv", bytes(100_000))))
    size = (100_000).to_bytes(4, "little")
    assert packed.count(size) == 2
    with pytest.raises(UnsafeArchive, match="cannot be unpacked: Bad CRC-32"):
        plain_of(bytes(packed).replace(size, (50_000).to_bytes(4, "little")), tmp_path)


NOISE = bytes(range(256)) * 20
PACKED = zipped(("stock_prices.csv", NOISE))


@settings(deadline=None, max_examples=60)
@example(cut=4, flip=442, is_cut=False)  # the directory says that the file starts before the archive does
@given(cut=st.integers(4, len(PACKED) - 1), flip=st.integers(0, len(PACKED) - 1), is_cut=st.booleans())
def test_a_damaged_archive_never_gives_other_bytes(cut: int, flip: int, is_cut: bool, tmp_path_factory) -> None:
    flipped = bytes(byte ^ (0xFF if place == flip else 0) for place, byte in enumerate(PACKED))
    content = PACKED[:cut] if is_cut else flipped
    try:
        given_back = plain_of(content, tmp_path_factory.mktemp("damaged"))
    except UnsafeArchive:
        return
    # Without its first bytes it is no archive, and no table either.
    assert given_back == (NOISE if content.startswith(b"PK\x03\x04") else content)


def test_an_archive_under_a_password_is_refused(tmp_path: Path) -> None:
    packed = bytearray(PACKED)
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnsafeArchive, match=r"cannot be unpacked: .*password"):
        plain_of(bytes(packed), tmp_path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], ids=["lzma", "bzip2"])
def test_a_damaged_member_is_named_however_it_is_packed(method: int, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("stock_prices.csv", NOISE)
    content = bytearray(packed.getvalue())
    assert plain_of(bytes(content), tmp_path) == NOISE
    start = 30 + len("stock_prices.csv")
    content[start + 12 : start + 40] = b"\xff" * 28
    with pytest.raises(UnsafeArchive, match=r"the file cannot be unpacked: .*; download it again"):
        plain_of(bytes(content), tmp_path)


def test_a_name_that_is_said_to_be_utf8_and_is_not_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("\u00e9.csv", b"1")
    (file := tmp_path / "a.zip").write_bytes(packed.getvalue().replace("\u00e9".encode(), b"\xff\xfe"))
    with pytest.raises(UnsafeArchive, match=r"a\.zip cannot be unpacked: 'utf-8' codec can't decode"):
        write_plain(file, tmp_path / "plain", "a.zip")

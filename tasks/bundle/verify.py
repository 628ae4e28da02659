"""Verify a bundle with nothing but the bundle: `python -I verify.py [FOLDER]`. Needs Python 3.11 and no package.

One file, for it is copied into every bundle, and who reads it must need no other. It hashes every file, reads the
record of every artifact, follows the lineage, and computes the quoted figures and their intervals again from the
scores' draws. It ends at the first thing that is off, and names it. A forger who writes every file anew, this one
included, makes it print what he likes. So before it runs, another tool compares the sha256 of manifest.json with the
one that `hindsight bundle` printed, and that of this file with the manifest: README.txt has the commands.
"""

import hashlib
import json
import math
import sys
from array import array
from ast import literal_eval
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
MANIFEST, RECORD, STATEMENT, RESULTS = "manifest.json", "record.json", "statement.json", "results.json"
SINCE_RECORD_3 = ("spent", "rebuilt_for")
SCHEMES = ("on", "off", "date_disjoint", "disjoint", "matched", "walk_forward")
"""Columns of two_way.npy by model and fit, after the draw's number."""
OF_MODEL: dict[str, dict[str, int]] = {
    **{scheme: {scheme: 1} for scheme in SCHEMES},
    "premium": {"on": 1, "off": -1},
    "date_disjoint_premium": {"date_disjoint": 1, "off": -1},
    "shared_day_effect": {"matched": 1, "disjoint": -1},
}
"""A model's figures as sums of its R2s."""
OF_PAIR = {
    "lookahead": "disjoint",
    "gain": "off",
    "reduction": "premium",
    "date_disjoint_reduction": "date_disjoint_premium",
    "walk_forward": "walk_forward",
}
"""A pair's figures: the figure of a model that each is a difference of."""
RECALL = {
    "auc": ("questions", "date_only", "overall", "auc"),
    "auc_before": ("questions", "date_only", "before", "auc"),
    "auc_after": ("questions", "date_only", "after", "auc"),
    "recognised_before": ("facts", "before"),
    "recognised_after": ("facts", "after"),
    "rise": ("curve", "rise"),
}
"""Where a model's figure is in recall.json."""
DEVIATIONS = 1.96
TOLERANCE = 1e-9
"""Of recomputed ends of intervals: the order of a sum may differ."""

Json = dict[str, Any]


class Off(Exception):
    """Something in the bundle is not what it is said to be."""


def verify(folder: Path) -> list[str]:
    """Verify a bundle.

    Args:
        folder: Its folder.

    Returns:
        What was verified and what could not be, a line each.

    Raises:
        Off: At the first thing that is off, which the message names.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    records = check_records(folder, manifest)
    n_figures, n_intervals = check_results(folder, manifest, records)
    sources = "scores and recall probes" if _has_recall(manifest) else "the scores"
    absent = sum(entry["n_files"] - len(entry["files"]) for entry in manifest["artifacts"])
    return [
        f"bundle of {manifest['report']}",
        f"sha256 of {MANIFEST}: {hashlib.sha256(spelled(manifest)).hexdigest()}",
        f"{len(manifest['files'])} files hashed, {len(records)} records read, their lineage is complete",
        f"{n_figures} figures equal {sources}, {n_intervals} intervals equal those computed from the draws",
        f"not verified: {absent} files that the bundle names by digest alone; the draws themselves",
    ]


def _has_recall(manifest: Json) -> bool:
    return any(entry["name"] == "recall.json" for entry in manifest["files"])


def read_manifest(folder: Path) -> Json:
    """The manifest, whose seal and spelling are right."""
    content = _read(folder, MANIFEST)
    manifest = _parse(MANIFEST, content)
    seal = manifest.get("seal")
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise Off(f"{MANIFEST} has schema {manifest.get('schema_version')}, this verifier reads {SCHEMA_VERSION}")
    if seal != _digest({name: value for name, value in manifest.items() if name != "seal"}):
        raise Off(f"{MANIFEST} was changed: its seal is not the digest of its content")
    if content != spelled(manifest):
        raise Off(f"{MANIFEST} was changed: its bytes are not the spelling of its content")
    return manifest


def check_files(folder: Path, manifest: Json) -> None:
    """Every file is there, is listed, and hashes to what is listed."""
    listed = {entry["path"]: entry for entry in manifest["files"]}
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    if links := sorted(name for name, path in paths.items() if path.is_symlink()):
        raise Off(f"{links[0]} is a link; a bundle has none")
    found = {name for name, path in paths.items() if not path.is_dir()}
    if unlisted := sorted(found - set(listed) - {MANIFEST}):
        raise Off(f"{unlisted[0]} is not in the manifest")
    for name, entry in sorted(listed.items()):
        content = _read(folder, name)
        if (len(content), hashlib.sha256(content).hexdigest()) != (entry["size"], entry["sha256"]):
            raise Off(f"{name} was changed: it has {len(content)} bytes and another sha256 than the manifest")


def check_records(folder: Path, manifest: Json) -> dict[str, Json]:
    """Records by their artifact's path: sealed, of these files, with inputs that are in the bundle themselves."""
    records = {}
    for entry in manifest["artifacts"]:
        name = f"artifacts/{entry['path']}/{RECORD}"
        record = _parse(name, _read(folder, name))
        _check_record(name, record, entry)
        records[entry["path"]] = record
    digests = {path: _artifact_digest(record) for path, record in records.items()}
    for path, record in records.items():
        for source, ref in record["inputs"].items():
            where = f"{ref['kind']}/{ref['label']}/{ref['key']}"
            if digests.get(where) != ref["digest"]:
                raise Off(f"the record of {path} has {source} {where}, digest {ref['digest'][:12]}: not in this bundle")
    for entry in manifest["files"]:
        if entry["artifact"]:
            _check_member(folder, entry, records)
    return records


def _check_record(name: str, record: Json, entry: Json) -> None:
    content = {field: value for field, value in record.items() if field != "seal"}
    if record["schema_version"] < 3:
        content = {field: value for field, value in content.items() if field not in SINCE_RECORD_3}
    if record["schema_version"] == 1:
        content["files"] = [{field: own[field] for field in ("path", "size", "sha256")} for own in record["files"]]
    if record["seal"] != _digest(content):
        raise Off(f"{name} was changed after it was sealed")
    path = f"{record['kind']}/{record['label']}/{record['key']}"
    if path != entry["path"] or record["key"] != _digest(record["identity"])[:16]:
        raise Off(f"{name} is the record of another artifact: {path}")
    if _artifact_digest(record) != entry["digest"]:
        raise Off(f"{name} has another digest than the manifest")


def _check_member(folder: Path, entry: Json, records: dict[str, Json]) -> None:
    record = records[entry["artifact"]]
    known = {own["path"]: own["sha256"] for own in record["files"]}
    if known.get(entry["name"]) != entry["sha256"]:
        raise Off(f"{entry['path']} is not the file {entry['name']} of {entry['artifact']}, by that artifact's record")
    if entry["name"] == STATEMENT:
        statement = _parse(entry["path"], _read(folder, entry["path"]))
        for subject in statement["subject"]:
            if known.get(subject["name"]) != subject["digest"]["sha256"]:
                raise Off(f"{entry['path']} is about another {subject['name']} than {entry['artifact']} holds")


def check_results(folder: Path, manifest: Json, records: dict[str, Json]) -> tuple[int, int]:
    """The quoted figures are the scores', their intervals the draws', the evidence is in the records."""
    where = {(entry["artifact"], entry["name"]): entry["path"] for entry in manifest["files"]}
    results = _parse(RESULTS, _read(folder, where[manifest["report"], RESULTS]))
    digests = {_artifact_digest(record): path for path, record in records.items()}
    evidence = {*digests, *(own["sha256"] for record in records.values() for own in record["files"])}
    for claim in results["claims"]:
        if claim["status"] == "verified" and not claim["evidence"]:
            raise Off(f"{RESULTS} calls verified, without evidence: {claim['claim']}")
        if unknown := [digest for digest in claim["evidence"] if digest not in evidence]:
            raise Off(f"{RESULTS} has evidence {unknown[0][:12]} that no record holds, for: {claim['claim']}")
    premium = next((digests[own["artifact"]] for own in results["figures"] if own["artifact"] in digests), None)
    if premium is None or any(own["artifact"] not in digests for own in results["figures"]):
        raise Off(f"{RESULTS} has figures of a premium artifact that is not in this bundle")
    scores = _parse("scores.json", _read(folder, where[premium, "scores.json"]))
    stock_draws = read_array(_read(folder, where[premium, "draws.npy"]))
    two_way = read_array(_read(folder, where[premium, "two_way.npy"])) if (premium, "two_way.npy") in where else []
    for own in [*results["figures"], *(own for finding in results["findings"] for own in finding["figures"])]:
        _check_figure(own, scores)
    quoted = [own for own in results["figures"] if own["low"] is not None]
    for own in quoted:
        _check_interval(own, scores, stock_draws if own["contract"] == "reference" else two_way)
    n_shares = check_ladders(results, scores, _artifact_digest(records[premium]))
    n_recalled = check_recall(results, folder, where, digests)
    return len(results["figures"]) + n_shares + n_recalled, len(quoted)


def check_ladders(results: Json, scores: Json, premium: str) -> int:
    """Every ladder of the scores is quoted as it is there; results of earlier versions quote none."""
    if "ladders" not in results:
        return 0
    known = (scores.get("robust") or {}).get("ladders") or {}
    quoted = {own["family"]: own for own in results["ladders"]}
    if list(quoted) != list(known) or len(quoted) != len(results["ladders"]):
        raise Off(f"{RESULTS} has the ladders {list(quoted)}, the scores have {list(known)}")
    for family, own in quoted.items():
        ladder = known[family]
        if own["artifact"] != premium:
            raise Off(f"{RESULTS} has the ladder {family} of another premium artifact")
        shares = [
            (fit, against, *_ends(one["combined"][share]), one["combined"][smallest])
            for fit, one in ladder["fits"].items()
            for against, share, smallest in (
                ("flat", "share", "smallest"),
                ("line", "share_beside_line", "smallest_beside_line"),
            )
        ]
        names = ("fit", "against", "point", "low", "high", "smallest_detectable")
        if [tuple(share[name] for name in names) for share in own["shares"]] != shares:
            raise Off(f"{RESULTS} has other shares for the ladder {family} than the scores: {shares}")
        for name in ("verdict", "reason", "rungs"):
            if own[name] != ladder[name]:
                raise Off(f"{RESULTS} has {own[name]} as {name} of the ladder {family}, the scores have {ladder[name]}")
    return sum(len(own["shares"]) for own in quoted.values())


def check_recall(results: Json, folder: Path, where: dict[tuple[str, str], str], digests: dict[str, str]) -> int:
    """Every figure and change point of the recall probes is the recall artifact's."""
    quoted = results.get("recall")
    if quoted is None:
        return 0
    file = where.get((digests.get(quoted["artifact"], ""), "recall.json"))
    if file is None:
        raise Off(f"{RESULTS} has figures of a recall artifact that is not in this bundle")
    recall = _parse(file, _read(folder, file))
    of = {**recall["models"], **recall["pairs"]}
    for own in quoted["figures"]:
        found = of[own["of"]]
        for name in RECALL[own["figure"]]:
            found = found[name]
        _check_recalled(own, ("point", "low", "high"), _ends(found), f"{own['figure']} of {own['of']}")
    for own in quoted["change_points"]:
        change = of[own["of"]]["curve"]["change"]
        values = (change["day"], *(change["interval"] or (None, None)), change["rise"])
        _check_recalled(own, ("day", "first", "last", "rise"), values, f"the change point of {own['of']}")
    return len(quoted["figures"]) + len(quoted["change_points"])


def _check_recalled(own: Json, names: tuple[str, ...], found: tuple[Any, ...], what: str) -> None:
    quoted = tuple(own[name] for name in names)
    if quoted != found:
        raise Off(f"{RESULTS} has {quoted} for {what}, recall.json has {found}")


def _ends(estimate: Json) -> tuple[Any, Any, Any]:
    """Point and interval; that of a figure of the recall probes is by date."""
    interval = estimate["by_date"] if "by_date" in estimate else estimate.get("interval")
    return (estimate["point"], *(interval or (None, None)))


def _check_figure(own: Json, scores: Json) -> None:
    what = f"{own['figure']} of {own['of']}, {own['fit']}"
    is_pair = " - " in own["of"]
    if own["contract"] == "reference":
        found = scores["reductions" if is_pair else "models"][own["of"]]
        prefix = "" if is_pair else "premium_"
        point, ends = found["point" if is_pair else "premium"], found[f"{prefix}interval"]
        quoted = (point, ends["p2_5"], ends["p97_5"])
    else:
        fit = scores["robust"]["fits"][own["fit"]]
        estimate = fit["differences" if is_pair else "models"][own["of"]].get(own["figure"]) or {"point": None}
        quoted = (estimate["point"], *(estimate.get("interval") or (None, None)))
    if quoted != (own["point"], own["low"], own["high"]):
        raise Off(f"{RESULTS} has {own['point']} [{own['low']}, {own['high']}] for {what}, the scores have {quoted}")


def _check_interval(own: Json, scores: Json, draws: list[list[float]]) -> None:
    what = f"{own['figure']} of {own['of']}, {own['fit']}"
    values = [value for value in _on_draws(own, scores, draws) if math.isfinite(value)]
    if len(values) < 2:
        raise Off(f"there are {len(values)} draws for the interval of {what}")
    if own["contract"] == "reference":
        ends = (_percentile(values, 2.5), _percentile(values, 97.5))
    else:
        mean = math.fsum(values) / len(values)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
        ends = (own["point"] - DEVIATIONS * deviation, own["point"] + DEVIATIONS * deviation)
    for end, quoted in zip(ends, (own["low"], own["high"]), strict=True):
        if not abs(end - quoted) <= TOLERANCE * (1 + abs(quoted)):
            raise Off(f"the interval of {what} is [{own['low']}, {own['high']}], its draws give [{ends[0]}, {ends[1]}]")


def _on_draws(own: Json, scores: Json, draws: list[list[float]]) -> list[float]:
    models = own["of"].split(" - ")
    figure = OF_PAIR[own["figure"]] if len(models) == 2 else own["figure"]
    column: dict[tuple[str, str], int] = {}
    if own["contract"] == "reference":
        for place, name in enumerate(scores["models"]):
            column |= {(name, "on"): 1 + 2 * place, (name, "off"): 2 + 2 * place}
    else:
        fits = list(scores["robust"]["fits"])
        names = list(scores["robust"]["fits"][own["fit"]]["models"])
        n_schemes = (len(draws[0]) - 1) // (len(names) * len(fits)) if draws else 0
        for place, name in enumerate(names):
            first = 1 + (place * len(fits) + fits.index(own["fit"])) * n_schemes
            column |= {(name, scheme): first + at for at, scheme in enumerate(SCHEMES[:n_schemes])}
    terms = [
        (column[model, scheme], sign * (1 if at == 0 else -1))
        for at, model in enumerate(models)
        for scheme, sign in OF_MODEL[figure].items()
    ]
    return [math.fsum(sign * draw[at] for at, sign in terms) for draw in draws]


def _percentile(values: list[float], percent: float) -> float:
    """By linear interpolation, as numpy's default."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * percent / 100
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def read_array(content: bytes) -> list[list[float]]:
    """The rows of a .npy file of float64. Source: numpy.lib.format."""
    if content[:6] != b"\x93NUMPY":
        raise Off("the draws are not a .npy file")
    start = 10 if content[6] == 1 else 12
    length = int.from_bytes(content[8:start], "little")
    header = literal_eval(content[start : start + length].decode("latin-1"))
    if header["descr"] != "<f8" or header["fortran_order"] or len(header["shape"]) != 2:
        raise Off("the draws are not rows of float64")
    values = array("d", content[start + length :])
    if sys.byteorder == "big":
        values.byteswap()
    n_rows, n_columns = header["shape"]
    if not (n_rows > 0 and n_columns > 0 and n_rows * n_columns == len(values)):
        raise Off(f"the draws have {len(values)} values, and their header says {n_rows} x {n_columns}")
    return [list(values[row * n_columns : (row + 1) * n_columns]) for row in range(n_rows)]


def spelled(manifest: Json) -> bytes:
    """The manifest's bytes."""
    return (json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sealed(manifest: Json) -> Json:
    """The manifest with its seal."""
    return {**manifest, "seal": _digest(manifest)}


def _artifact_digest(record: Json) -> str:
    return _digest(sorted([own["path"], own["sha256"]] for own in record["files"]))


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise Off(f"{name} would leave the bundle")
    if not path.is_file():
        raise Off(f"{name} is missing")
    return path.read_bytes()


def _parse(name: str, content: bytes) -> Json:
    try:
        found = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Off(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Off(f"{name} is not a JSON object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"it has the number {name}")


def main(arguments: list[str]) -> int:
    """Print what was verified; 1 if something is off."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        print("\n".join(verify(folder)))
    except Off as error:
        print(f"OFF: {error}.", file=sys.stderr)
        return 1
    # The author of the files decides what fails in reading them: any error, also SyntaxError of a header, is a finding.
    except Exception as error:
        print(f"OFF: the bundle cannot be read: {error!r}.", file=sys.stderr)
        return 1
    print("verified")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

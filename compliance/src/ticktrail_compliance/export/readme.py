"""Write to the reader of an export, who may know nothing of this program.

Owns: the words of README.txt, and where the verifier is found that goes with it.
Never: holds content.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from ticktrail.text import one_line
from ticktrail_compliance.export.manifest import Manifest
from ticktrail_compliance.export.tables import FILES
from ticktrail_compliance.words import moment

__all__ = ["readme", "verifier"]

_TEXT = """\
WHAT THIS IS

An export of a sealed market data log. The log holds every price that a data feed received, when it came, and what
was decided about it. Each entry is locked to the one before it, so that nothing can be changed, added or taken away
afterwards without being seen. This folder holds a part of it, and the means to check that it is genuine.

  Log               {log_id}
  Made              {made}
  By                {actor}
  For               {purpose}
  From              {begin}
  To                {end}
  Kinds of entries  {classes}
  Instruments       {instruments}
  Providers         {providers}
  Outcomes          {outcomes}

  Entries           {entries} (numbers {first} to {last}), of which {bodies} are given with their content
  Rows              {rows} in {rows_file}
  Destroyed         {destroyed}

HOW TO CHECK IT

You need Python 3.11 or later, and its package "cryptography":

  pip install cryptography
  python verify.py

It says whether every file is as it was exported, and whether every entry is in the log. That the log is the right one
you see by its "verifier key", which is no secret. This folder says that it is

  {verifier_key}

Get it from the log's keeper by another way than this folder, and give that one:

  python verify.py --verifier-key KEY

If you were given a file of data keys, it can also decrypt the sealed contents, and compare them with every row:

  python verify.py --data-keys FILE

The data keys open the contents for whoever has them. Keep that file apart from this folder.

THE FILES

  {rows_file:<16}  the rows: what you want to read
  entries.jsonl     each entry's number, times and seal, so that nothing can be left out unseen, and its sealed summary:
                    in a few words and counts, what the entry holds
  bodies.bin        the sealed contents from which the rows were taken
  checkpoint        the log's signed state, against which all is proven
  manifest.json     what was asked for, and the size and SHA-256 of each file
  manifest.note     the log's signature of manifest.json
  verify.py         the program that checks all this, to be read by anybody

THE COLUMNS

  seq           the number of the entry in the log
  record        which record of the entry it is from, counted from 0: a record is one event, or what became of the
                prices that came together
  time_ns       when the feed received or decided it (in rows.jsonl: recv_ns or at_ns)
  outcome       event: something that happened to the feed itself;
                delivered: a price that was passed on;
                rejected: a price that broke a rule and was not passed on;
                suppressed: a good price that was not passed on, for the reason that is given;
                flagged: a rule objected, and the price was passed on all the same. It is a second row for that price.
  event         what happened, in a row of an event
  type          what kind of price: trade, quote, bar and so on
  instrument    such as BTC/USDT
  provider      the connection that brought it
  event_ns      when the venue says that it happened; empty where the venue does not tell
  recv_ns       when this machine received it, by its own clock
  id            the venue's own number of the trade
  price, size, side, bid_price, bid_size, ask_price, ask_size
                as the venue wrote them, with every digit
  reason        why it was suppressed
  violations    the rules that it broke, with the numbers
  more          everything else

Times are nanoseconds since 1 January 1970, UTC. {form}
"""

_FORMS = {
    "jsonl": "Each line is a JSON object.",
    "csv": (
        "In rows.csv a cell that begins with = + - @ ' or with a\ntab or carriage return has ' put before it, so that "
        "no spreadsheet takes it for a formula: take one leading ' away\nto have the original. Import the columns as "
        "text: spreadsheets round numbers of more than 15 digits."
    ),
    "parquet": "The columns are those of a CSV export, typed.",
}


def readme(manifest: Manifest, destroyed: int) -> bytes:
    """Return the text.

    Args:
        manifest: What the export is of; its files are not looked at.
        destroyed: Entries whose content was destroyed.
    """

    def named(values: Sequence[str]) -> str:
        return one_line(", ".join(values)) if values else "all"

    gone = (
        f"{destroyed:,} entries: what they held was destroyed by rule when it had been kept long enough.\n"
        "                    They are proven to have been there, and can be read by nobody any more"
        if destroyed
        else "nothing"
    )
    return _TEXT.format(
        log_id=manifest.log_id,
        made="as part of an evidence pack, of which made.txt tells"
        if manifest.created_ns is None
        else moment(manifest.created_ns),
        actor=one_line(manifest.actor),
        purpose=one_line(manifest.purpose),
        begin="the beginning of the log" if manifest.from_ns is None else moment(manifest.from_ns),
        end="the end of the log" if manifest.to_ns is None else moment(manifest.to_ns),
        classes=named(manifest.classes),
        instruments=named(manifest.instruments),
        providers=named(manifest.providers),
        outcomes=named(manifest.outcomes),
        entries=f"{manifest.entries:,}",
        first=manifest.first_seq,
        last=manifest.last_seq,
        bodies=f"{manifest.bodies:,}",
        rows=f"{manifest.rows:,}",
        rows_file=FILES[manifest.rows_format],
        destroyed=gone,
        verifier_key=manifest.verifier_key,
        form=_FORMS[manifest.rows_format],
    ).encode()


def verifier() -> bytes:
    """Return the program that goes with every export."""
    return files("ticktrail_compliance.export").joinpath("verify_export.py").read_bytes()

"""Measure what judging costs: python benchmarks/rules.py [--rounds N] [--json].

Real trades and quotes pass a leg's judge with every rule at its defaults, and one without rules, in batches as they
were received, on one core. The difference is what the rules cost a tick; the ratio is to what decoding it costs.
"""

import argparse
import json
import os
import statistics
import sys
import time
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path

from ticktrail._engine.judge import Judge
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.plugin import ProviderContext, SystemClock, ValidatorContext
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail_binance.decoder import BinanceDecoder
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import streams_of
from ticktrail_mock.recording import read_recording

RECORDING = Path(__file__).parents[2] / "shared/recordings/binance_spot/hft_btcusdt_20240808-09.jsonl.gz"
INSTRUMENT, LEG = "BTC/USDT", "bench"
OFFSET_NS = 1_293_000_000  # the recorder's clock was 1.27 s slow


def batches_of(path, channel, most):
    """Return the recording's first messages of one channel, by the socket read that brought them."""
    context = ProviderContext(
        name=LEG,
        instruments=(INSTRUMENT,),
        channels=frozenset({channel}),
        clock=SystemClock(),
        base_dir=Path(),
        registry=None,
    )
    settings = BinanceSettings()
    decoder = BinanceDecoder(streams_of(settings, context), LEG, settings)
    lines = (line for line in read_recording(path) if line.kind == "ws" and decoder.wants(line.raw.encode()))
    read = [
        (recv_ns, [line.raw.encode() for line in group])
        for recv_ns, group in groupby(islice(lines, most), key=lambda line: line.recv_ns)
    ]
    return decoder, read


def judge_with(specs):
    clock = SystemClock()
    clock.offset_ns = OFFSET_NS
    rules = [
        RulePlan(
            spec=spec, settings={INSTRUMENT: spec.settings()}, action=spec.action, severity=spec.severity
        )
        for spec in specs
    ]
    judge = Judge(
        rules,
        [INSTRUMENT],
        Validation(),
        context=lambda name: ValidatorContext(
            provider=LEG, legs=(LEG,), instrument=name, clock=clock, consecutive_ids=True
        ),
        provider=LEG,
        tell=lambda _: None,
        now_ns=clock.now_ns,
    )
    judge.learn(INSTRUMENT, Decimal("0.01"), Decimal("0.00001"))  # as the venue states them
    return judge


def cost_us(judge, batches, count):
    began = time.process_time()
    objected = 0
    for recv_ns, ticks in batches:
        verdict = judge.judge(ticks, recv_ns, recv_ns)
        objected += len(verdict.rejected) + len(verdict.flagged)
    return (time.process_time() - began) / count * 1e6, objected


def measure(path, channel, rounds, most):
    decoder, read = batches_of(path, channel, most)
    specs = [spec for spec in ticktrail_validators() if spec.scope == "leg"]
    found = {"decode": [], "bare": [], "rules": []}
    for _ in range(rounds):
        began = time.process_time()
        batches = [(recv_ns, decoder.decode(payloads, recv_ns)) for recv_ns, payloads in read]
        took_s = time.process_time() - began
        count = sum(len(ticks) for _, ticks in batches)
        found["decode"].append(took_s / count * 1e6)
        found["bare"].append(cost_us(judge_with([]), batches, count)[0])
        cost, objected = cost_us(judge_with(specs), batches, count)
        found["rules"].append(cost)
    middle = {name: statistics.median(values) for name, values in found.items()}
    return {
        "ticks": count,
        "rules": len(specs),
        "objected": objected,
        "decode_us": round(middle["decode"], 2),
        "judge_us": round(middle["rules"], 2),
        "rules_us": round(middle["rules"] - middle["bare"], 2),
        "ratio_to_decode": round(middle["rules"] / middle["decode"], 2),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--recording", type=Path, default=RECORDING)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--ticks", type=int, help="measure so many of each kind")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    if not chosen.recording.exists():
        sys.exit(f"there is no recording {chosen.recording}; name one with --recording")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    told = {
        channel: measure(chosen.recording, channel, chosen.rounds, chosen.ticks)
        for channel in ("trades", "quotes")
    }
    if chosen.json:
        print(json.dumps(told))
        return
    for channel, one in told.items():
        print(
            f"{channel:<8} {one['ticks']:>7,} ticks, {one['rules']} rules: {one['rules_us']:.2f} µs a tick for the "
            f"rules, {one['judge_us']:.2f} with the judge, {one['decode_us']:.2f} to decode (ratio "
            f"{one['ratio_to_decode']:.2f}); {one['objected']} objected to"
        )


if __name__ == "__main__":
    main()

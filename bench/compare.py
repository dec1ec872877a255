#!/usr/bin/env python3
"""Measures weld beside llama.cpp and ik_llama.cpp on the same model files.

Takes programs and files by path; builds and downloads nothing. In each round every program runs
every test once (each after a warm-up of its own), so that all of them see the same ups and downs of
the machine. Prints a Markdown table of medians in tokens a second, with weld's ratio to the best
peer; --json writes every sample. Where a program cannot run a model the table says "fails", and
what it said goes to standard error. Ctrl-C ends the measuring; what there is is still printed.

    compare.py --weld build/release/bin/weld --llama .../llama-bench --ik .../llama-bench MODEL...
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

IK_VARIANTS = {
    "ik_llama.cpp": [],
    "ik_llama.cpp -rtr": ["-rtr", "1"],
    "ik_llama.cpp -mqkv -muge": ["-mqkv", "1", "-muge", "1"],
}


def run_json(command):
    """What a program prints as JSON; raises RuntimeError with its last words where it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise RuntimeError(str(error)) from error
    begin = result.stdout.find("[\n")
    if result.returncode != 0 or begin < 0:
        last = (result.stderr.strip() or result.stdout.strip() or "no output").splitlines()[-1]
        raise RuntimeError(f"exit status {result.returncode}: {last}")
    return json.JSONDecoder().raw_decode(result.stdout, begin)[0]


def run_weld(program, model, arguments):
    rows = run_json(
        [program, "bench", "-m", model, "-r", "1", "-o", "json", "-t", str(arguments.threads)]
        + ["-p", arguments.prompts, "-n", arguments.tokens, "--fuse", arguments.fuse]
    )
    return [
        {
            "engine": "weld" if row["fuse"] == "all" else f"weld --fuse {row['fuse']}",
            "test": row["test"],
            "tokens_per_second": row["tokens_per_second"],
            "share_of_limit": row["share_of_limit"],
        }
        for row in rows
    ]


def run_peer(engine, program, flags, model, arguments):
    rows = run_json(
        [program, "-m", model, "-fa", "1", "-r", "1", "-o", "json", "-t", str(arguments.threads)]
        + ["-p", arguments.prompts, "-n", arguments.tokens]
        + flags
    )
    samples = []
    for row in rows:
        if row["n_prompt"] > 0 and row["n_gen"] > 0:
            continue  # a mixed test, which some versions add on their own
        test = f"pp{row['n_prompt']}" if row["n_prompt"] > 0 else f"tg{row['n_gen']}"
        samples.append(
            {"engine": engine, "test": test, "tokens_per_second": row["samples_ts"][0]}
        )
    return samples


def engines_of(arguments):
    """Names and what measures them, the peers after weld."""
    engines = [("weld", lambda model: run_weld(arguments.weld, model, arguments))]

    def add(name, program, flags):
        engines.append((name, lambda model: run_peer(name, program, flags, model, arguments)))

    if arguments.llama:
        add("llama.cpp", arguments.llama, [])
    if arguments.ik:
        for name, flags in IK_VARIANTS.items():
            add(name, arguments.ik, flags)
    return engines


def measure(model, engines, rounds, samples, failed):
    """Adds to `samples`, and to `failed` the engines that cannot run the model."""
    for round_number in range(rounds):
        # Every other round in reverse, so that nobody always comes first.
        for name, run in engines if round_number % 2 == 0 else reversed(engines):
            if (model, name) in failed:
                continue
            print(f"{model}: round {round_number + 1} of {rounds}: {name}", file=sys.stderr)
            try:
                found = run(model)
            except RuntimeError as error:
                print(f"{model}: {name}: {error}", file=sys.stderr)
                failed.add((model, name))
                continue
            samples += [{"model": model, "round": round_number, **sample} for sample in found]


def median_of(samples, field, **wanted):
    values = [
        sample[field]
        for sample in samples
        if field in sample and all(sample[key] == value for key, value in wanted.items())
    ]
    return statistics.median(values) if values else None


def table(samples, failed, models, tests, engines):
    """A row a model and test: all engines' medians, weld's share of the limit, weld's ratio to the
    best peer."""

    def speed(model, engine, median):
        if (model, engine) in failed:
            return "fails"
        return f"{median:.1f}" if median else "-"

    peers = [engine for engine in engines if not engine.startswith("weld")]
    header = ["model", "test", *engines, "of the limit", "weld / best peer"]
    lines = ["| " + " | ".join(header) + " |", "|---|---|" + "---:|" * (len(header) - 2)]
    for model in models:
        for test in tests:
            medians = {
                engine: median_of(samples, "tokens_per_second", model=model, test=test, engine=engine)
                for engine in engines
            }
            share = median_of(samples, "share_of_limit", model=model, test=test, engine="weld")
            best = max((medians[peer] for peer in peers if medians[peer]), default=None)
            name = os.path.basename(model).removesuffix(".gguf")
            cells = [name, test]
            cells += [speed(model, engine, medians[engine]) for engine in engines]
            cells.append(f"{100 * share:.0f}%" if share else "-")
            cells.append(f"{medians['weld'] / best:.2f}" if medians["weld"] and best else "-")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a GGUF file")
    parser.add_argument("--weld", required=True, help="the program weld")
    parser.add_argument("--llama", help="llama-bench of llama.cpp")
    parser.add_argument("--ik", help="llama-bench of ik_llama.cpp")
    parser.add_argument("-p", dest="prompts", default="512,2048", help="prompts' tokens")
    parser.add_argument("-n", dest="tokens", default="64", help="tokens to generate")
    parser.add_argument("-t", dest="threads", type=int, default=os.cpu_count(), help="threads")
    parser.add_argument("-r", dest="rounds", type=int, default=5, help="rounds")
    parser.add_argument("--fuse", default="all", help="what weld fuses: all, or all,none")
    parser.add_argument("--json", metavar="FILE", help="write all samples here")
    arguments = parser.parse_args()

    engines = engines_of(arguments)
    samples = []
    failed = set()
    try:
        for model in arguments.models:
            measure(model, engines, arguments.rounds, samples, failed)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)

    names = ["weld"] if "all" in arguments.fuse.split(",") else []
    names += [f"weld --fuse {fuse}" for fuse in arguments.fuse.split(",") if fuse != "all"]
    names += [name for name, _ in engines if name != "weld"]
    tests = [f"pp{n}" for n in arguments.prompts.split(",") if n != "0"]
    tests += [f"tg{n}" for n in arguments.tokens.split(",") if n != "0"]
    print(table(samples, failed, arguments.models, tests, names))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(samples, file, indent=1)
    return 0 if samples else 1


if __name__ == "__main__":
    sys.exit(main())

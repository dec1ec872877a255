#!/usr/bin/env python3
"""Byte-level BPE, trained on the text that text.py makes: as GPT-2's (pre-tokenizer `gpt-2`).

usage: tokenizer.py [--out tokenizer.json] [--seed N] [--documents N] [--tokens N]
The same arguments give the same file to the byte.
"""
import argparse
import collections
import json
import pathlib
import re

import text

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
FILE = pathlib.Path(__file__).parent / "tokenizer.json"


def byte_alphabet():
    """GPT-2's printable stand-in for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


ALPHABET = byte_alphabet()


def split(string):
    """Control tokens and words, in order."""
    pieces = re.split("(" + "|".join(map(re.escape, CONTROL)) + ")", string)
    for piece in pieces:
        if piece in CONTROL:
            yield piece
        else:
            yield from WORD.findall(piece)


def spelled(word):
    return tuple(ALPHABET[byte] for byte in word.encode())


def merged(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if symbols[i:i + 2] == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return tuple(out)


def train(strings, tokens):
    """The merges: each time the most frequent pair, of equals the first in alphabetical order."""
    counts = collections.Counter(word for string in strings for word in split(string) if word not in CONTROL)
    words = [(spelled(word), count) for word, count in sorted(counts.items())]
    merges = []
    while len(merges) < tokens - 256 - len(CONTROL):
        pairs = collections.Counter()
        for symbols, count in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = [(merged(symbols, best), count) for symbols, count in words]
    return merges


class Tokenizer:
    def __init__(self, path=FILE):
        content = json.loads(pathlib.Path(path).read_text())
        self.merges, self.tokens = content["merges"], content["tokens"]
        self.ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(self.merges)}
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.known = {token: [self.ids[token]] for token in CONTROL}  # words seen, with their tokens

    def encode(self, string):
        ids = []
        for word in split(string):
            if word not in self.known:
                symbols = spelled(word)
                while True:
                    pairs = [pair for pair in zip(symbols, symbols[1:]) if pair in self.ranks]
                    if not pairs:
                        break
                    symbols = merged(symbols, min(pairs, key=self.ranks.get))
                self.known[word] = [self.ids[symbol] for symbol in symbols]
            ids += self.known[word]
        return ids

    def decode(self, ids):
        back = {symbol: byte for byte, symbol in enumerate(ALPHABET)}
        return b"".join(token.encode() if token in CONTROL else bytes(back[symbol] for symbol in token)
                        for token in (self.tokens[i] for i in ids)).decode(errors="replace")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=FILE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--tokens", type=int, default=1280, help="at most this many, 256 bytes and control tokens among them")
    args = parser.parse_args()
    merges = train(text.documents(args.seed, args.documents), args.tokens)
    tokens = ALPHABET + [a + b for a, b in merges] + CONTROL
    pathlib.Path(args.out).write_text(json.dumps({"tokens": tokens, "merges": [" ".join(pair) for pair in merges]}, indent=0) + "\n")

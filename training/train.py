#!/usr/bin/env python3
"""Trains the default model from scratch on the text of text.py; the text is made as it goes.

usage: train.py [--steps N] [--seed N] [--checkpoint FILE] [--resume] [--log FILE]
"""
import argparse
import itertools
import os
import time

import torch
import torch.nn.functional as F

import text
from model import Config, Model
from tokenizer import Tokenizer

STEP_TOKENS = 1024
LONG_ROWS_FROM = .85  # rows of 256 tokens up to this share of the steps, then of 512
RATE, WARM_UP, FALL_FROM = 2e-3, 50, .75  # falls in a line to none over the last quarter, so that --resume may change the steps
BALANCE = .01
SAVE_EVERY, LOG_EVERY, JUDGE_EVERY = 100, 100, 500


def rows(tokenizer, seed, length, hold=False):
    """Rows of LENGTH + 1 tokens, each from the beginning of a document on."""
    row = []
    for document in text.documents(seed, 1 << 40, hold):
        row += tokenizer.encode(document)
        if len(row) > length:
            yield row[:length + 1]
            row = []


def loss_of(model, batch):
    logits, balance = model(batch[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten()), balance


@torch.no_grad()
def judge(model, batch):
    return loss_of(model, batch)[0].item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default="build/storyteller.pt")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--log", default="build/storyteller.log")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    tokenizer = Tokenizer()
    config = Config(vocabulary=len(tokenizer.tokens))
    model = Model(config)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": .1}, {"params": vectors, "weight_decay": 0}],
                                  betas=(.9, .95))
    first, seconds = 0, 0.0
    if args.resume:
        saved = torch.load(args.checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first, seconds = saved["step"], saved["seconds"]

    log = open(args.log, "a" if args.resume else "w", buffering=1)

    def say(line):
        print(line, flush=True)
        print(line, file=log)

    size = sum(p.numel() for p in model.parameters())
    say(f"# seed {args.seed}, {size} parameters, steps {first} to {args.steps} of {STEP_TOKENS} tokens, torch {torch.__version__}")
    held_out = torch.tensor(list(itertools.islice(rows(tokenizer, args.seed, 256, hold=True), 32)))
    began = time.time() - seconds
    length, source = None, None
    for step in range(first, args.steps):
        wanted = 256 if step < LONG_ROWS_FROM * args.steps else config.context
        if wanted != length:
            length, source = wanted, rows(tokenizer, f"{args.seed} {step}", wanted)
        batch = torch.tensor(list(itertools.islice(source, STEP_TOKENS // length)))
        rate = RATE * min(1, (step + 1) / WARM_UP, (1 - step / args.steps) / (1 - FALL_FROM))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, balance = loss_of(model, batch)
        optimizer.zero_grad(set_to_none=True)
        (loss + BALANCE * balance).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        done = step + 1
        if done % LOG_EVERY == 0 or done == args.steps:
            judged = f" held-out {judge(model, held_out):.4f}" if done % JUDGE_EVERY == 0 or done == args.steps else ""
            say(f"step {done} seconds {time.time() - began:.0f} rate {rate:.2e} loss {loss.item():.4f} "
                f"balance {balance.item():.3f}{judged}")
        if done % SAVE_EVERY == 0 or done == args.steps:
            saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": done,
                     "seconds": time.time() - began, "config": vars(config)}
            torch.save(saved, args.checkpoint + ".new")
            os.replace(args.checkpoint + ".new", args.checkpoint)


if __name__ == "__main__":
    main()

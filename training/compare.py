#!/usr/bin/env python3
"""Compares the logits that weld gives for an exported model with those of PyTorch for the float weights.

usage: compare.py [--weld PATH] [--model FILE.gguf] [--checkpoint FILE]
"""
import argparse
import subprocess
import tempfile

import numpy as np
import torch

import text
from model import Config, Model
from tokenizer import Tokenizer

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weld", default="build/release/bin/weld")
    parser.add_argument("--model", default="models/storyteller.gguf")
    parser.add_argument("--checkpoint", default="build/storyteller.pt")
    args = parser.parse_args()
    tokenizer, saved = Tokenizer(), torch.load(args.checkpoint)
    model = Model(Config(**saved["config"]))
    model.load_state_dict(saved["model"])
    document = next(text.documents(1, 1, hold=True))
    ids = tokenizer.encode(document)[:256]
    words = subprocess.run([args.weld, "tokenize", "-m", args.model], input=document.encode(), stdout=subprocess.PIPE, check=True)
    assert [int(word) for word in words.stdout.split()][:256] == ids, "the tokenizers differ"
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([args.weld, "logits", "-m", args.model, "--tokens", ",".join(map(str, ids)), "-o", file.name], check=True)
        weld = np.fromfile(file.name, "<f4").reshape(len(ids), -1)
    with torch.no_grad():
        reference = model(torch.tensor([ids]))[0][0].numpy()
    error = weld - reference
    print(f"{len(ids)} tokens, logits of standard deviation {reference.std():.3f}")
    print(f"root mean square error {np.sqrt((error ** 2).mean()):.4f}, largest {abs(error).max():.4f}")
    print(f"same most likely token in {(weld.argmax(1) == reference.argmax(1)).mean():.1%} of the places")

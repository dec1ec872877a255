#!/usr/bin/env python3
"""Writes a trained model as a GGUF file, in types that differ within the fused groups.

usage: export.py [--checkpoint FILE] [--out FILE.gguf]
"""
import argparse
import re
import struct

import numpy as np
import torch

from tokenizer import CONTROL, Tokenizer

TYPES = [  # of the tensors whose names begin so
    ("token_embd", "Q8_0"), ("attn_q.", "Q8_0"), ("attn_k.", "Q5_0"), ("attn_v.", "Q6_K"), ("attn_output.", "Q8_0"),
    ("ffn_gate_exps", "Q6_K"), ("ffn_up_exps", "Q8_0"), ("ffn_down_exps", "Q8_0"),
]
TYPE_IDS = {"F32": 0, "Q5_0": 6, "Q8_0": 8, "Q6_K": 14}
TEMPLATE = ("{% for message in messages %}{% if message['role'] != 'system' %}"
            "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
            "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
DESCRIPTION = "Tells short stories, answers questions about them, does small sums. Trained from scratch on made-up text."


def ratio(x, scale):
    return np.divide(x, scale, out=np.zeros_like(x), where=scale != 0)


def f16_bytes(x):
    return x.astype("<f2").view(np.uint8).reshape(len(x), 2)


def q8_0(x):
    x = x.reshape(-1, 32)
    scale = (abs(x).max(1, keepdims=True) / 127).astype(np.float16).astype(np.float32)
    codes = np.clip(np.rint(ratio(x, scale)), -127, 127).astype(np.int8)
    return np.hstack([f16_bytes(scale), codes.view(np.uint8)])


def q5_0(x):
    """The number of largest magnitude becomes -16 times the scale: the codes go from -16 to 15."""
    x = x.reshape(-1, 32)
    largest = np.take_along_axis(x, abs(x).argmax(1)[:, None], 1)
    scale = (largest / -16).astype(np.float16).astype(np.float32)
    codes = np.clip(np.rint(ratio(x, scale)) + 16, 0, 31).astype(np.uint8)
    high = np.packbits(codes >> 4, axis=1, bitorder="little")
    low = codes & 15
    return np.hstack([f16_bytes(scale), high, low[:, :16] | low[:, 16:] << 4])


def q6_k(x):
    x = x.reshape(-1, 16, 16)
    largest = np.take_along_axis(x, abs(x).argmax(2)[:, :, None], 2)
    group_scale = largest / -32
    scale = (abs(group_scale).max(1, keepdims=True) / 127).astype(np.float16).astype(np.float32)
    steps = np.clip(np.rint(ratio(group_scale, np.broadcast_to(scale, group_scale.shape))), -128, 127)
    codes = np.clip(np.rint(ratio(x, np.broadcast_to(scale * steps, x.shape))) + 32, 0, 63).astype(np.uint8)
    quarters = codes.reshape(-1, 2, 4, 32)  # block, half, quarter, weight
    low, high = quarters & 15, quarters >> 4
    ql = low[:, :, :2] | low[:, :, 2:] << 4
    qh = high[:, :, 0] | high[:, :, 1] << 2 | high[:, :, 2] << 4 | high[:, :, 3] << 6
    n = len(codes)
    return np.hstack([ql.reshape(n, 128), qh.reshape(n, 64), steps.reshape(n, 16).astype(np.int8).view(np.uint8),
                      f16_bytes(scale.reshape(n, 1))])


def f32(x):
    return x.astype("<f4")


ENCODERS = {"F32": f32, "Q8_0": q8_0, "Q5_0": q5_0, "Q6_K": q6_k}


def string(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(v):
    """A metadata value with its type: u32, f32, bool, string, or an array of strings or of i32."""
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + string(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", 9, 8, len(v)) + b"".join(map(string, v))
    return struct.pack(f"<IIQ{len(v)}i", 9, 5, len(v), *v)


def tensors(weights, c):
    """Names and arrays as the format has them, by layers."""
    yield "token_embd.weight", weights["embedding.weight"]
    for i in range(c["layers"]):
        layer = {name.split(".", 2)[2]: w for name, w in weights.items() if name.startswith(f"layers.{i}.")}
        queries, keys = c["heads"] * c["head_size"], c["key_value_heads"] * c["head_size"]
        q, k, v = np.split(layer["attention.qkv.weight"], [queries, queries + keys])
        gate, up = np.split(layer["experts.gate_up"], 2, axis=1)
        for name, w in [("attn_norm", layer["attention_norm.weight"]), ("attn_q", q), ("attn_k", k), ("attn_v", v),
                        ("attn_q_norm", layer["attention.q_norm.weight"]), ("attn_k_norm", layer["attention.k_norm.weight"]),
                        ("attn_output", layer["attention.output.weight"]), ("ffn_norm", layer["experts_norm.weight"]),
                        ("ffn_gate_inp", layer["experts.router.weight"]), ("ffn_gate_exps", gate), ("ffn_up_exps", up),
                        ("ffn_down_exps", layer["experts.down"])]:
            yield f"blk.{i}.{name}.weight", w
    yield "output_norm.weight", weights["norm.weight"]


def metadata(c, tokenizer):
    controls = [tokenizer.ids[token] for token in CONTROL]
    a = "qwen3moe"
    return {
        "general.architecture": a, "general.name": "Storyteller", "general.description": DESCRIPTION,
        "general.license": "apache-2.0",
        f"{a}.block_count": c["layers"], f"{a}.context_length": c["context"], f"{a}.embedding_length": c["embedding"],
        f"{a}.attention.head_count": c["heads"], f"{a}.attention.head_count_kv": c["key_value_heads"],
        f"{a}.attention.key_length": c["head_size"], f"{a}.attention.value_length": c["head_size"],
        f"{a}.attention.layer_norm_rms_epsilon": c["epsilon"], f"{a}.rope.freq_base": c["rope_base"],
        f"{a}.rope.dimension_count": c["head_size"], f"{a}.vocab_size": c["vocabulary"],
        f"{a}.expert_count": c["experts"], f"{a}.expert_used_count": c["experts_used"],
        f"{a}.expert_feed_forward_length": c["expert_feed_forward"], f"{a}.feed_forward_length": c["expert_feed_forward"],
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": tokenizer.tokens,
        "tokenizer.ggml.token_type": [3 if i in controls else 1 for i in range(len(tokenizer.tokens))],
        "tokenizer.ggml.merges": tokenizer.merges,
        "tokenizer.ggml.eos_token_id": tokenizer.ids["<|endoftext|>"], "tokenizer.ggml.eot_token_id": tokenizer.ids["<|im_end|>"],
        "tokenizer.ggml.add_bos_token": False, "tokenizer.chat_template": TEMPLATE,
    }


def type_of(name, array):
    part = re.sub(r"^blk\.\d+\.", "", name)
    return next((t for prefix, t in TYPES if part.startswith(prefix)), "F32") if array.ndim > 1 else "F32"


def write(path, fields, arrays):
    infos, data = [], bytearray()
    for name, array in arrays:
        kind = type_of(name, array)
        infos.append(string(name) + struct.pack("<I", array.ndim) + struct.pack(f"<{array.ndim}Q", *array.shape[::-1])
                     + struct.pack("<IQ", TYPE_IDS[kind], len(data)))
        data += ENCODERS[kind](array).tobytes()
        data += bytes(-len(data) % 32)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(infos), len(fields))
    head += b"".join(string(key) + value(v) for key, v in fields.items()) + b"".join(infos)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % 32) + data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", default="build/storyteller.pt")
    parser.add_argument("--out", default="models/storyteller.gguf")
    args = parser.parse_args()
    saved = torch.load(args.checkpoint)
    arrays = tensors({name: w.numpy() for name, w in saved["model"].items()}, saved["config"])
    write(args.out, metadata(saved["config"], Tokenizer()), arrays)

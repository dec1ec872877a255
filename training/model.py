"""The default model in PyTorch: architecture `qwen3moe`, as weld computes it."""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    vocabulary: int = 1280
    layers: int = 4
    embedding: int = 256
    heads: int = 4
    key_value_heads: int = 2
    head_size: int = 64
    experts: int = 8
    experts_used: int = 2
    expert_feed_forward: int = 128
    context: int = 512
    epsilon: float = 1e-6
    rope_base: float = 10000.0


class Norm(nn.Module):
    def __init__(self, size, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotate(x, cos, sin):
    """Turns the pairs (i, i + n/2) of each head; x: rows, heads, tokens, head size."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.qkv = nn.Linear(c.embedding, (c.heads + 2 * c.key_value_heads) * c.head_size, bias=False)
        self.output = nn.Linear(c.heads * c.head_size, c.embedding, bias=False)
        self.q_norm = Norm(c.head_size, c.epsilon)
        self.k_norm = Norm(c.head_size, c.epsilon)

    def forward(self, x, cos, sin, mask):
        c, (rows, tokens, _) = self.c, x.shape
        heads = self.qkv(x).view(rows, tokens, -1, c.head_size).transpose(1, 2)
        q, k, v = heads.split([c.heads, c.key_value_heads, c.key_value_heads], 1)
        q, k = rotate(self.q_norm(q), cos, sin), rotate(self.k_norm(k), cos, sin)
        k, v = (t.repeat_interleave(c.heads // c.key_value_heads, 1) for t in (k, v))
        shares = torch.softmax(q @ k.transpose(-1, -2) * c.head_size ** -.5 + mask, -1)
        return self.output((shares @ v).transpose(1, 2).reshape(rows, tokens, -1))


class Experts(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.router = nn.Linear(c.embedding, c.experts, bias=False)
        self.gate_up = nn.Parameter(torch.empty(c.experts, 2 * c.expert_feed_forward, c.embedding))
        self.down = nn.Parameter(torch.empty(c.experts, c.embedding, c.expert_feed_forward))

    def forward(self, x):
        """The output, and the load-balancing loss of https://arxiv.org/abs/2101.03961 (1 if all are used alike)."""
        c, flat = self.c, x.reshape(-1, x.shape[-1])
        probabilities = torch.softmax(self.router(flat), -1)
        weights, chosen = probabilities.topk(c.experts_used, -1)
        weights = weights / weights.sum(-1, keepdim=True)
        out, used = torch.zeros_like(flat), []
        for expert in range(c.experts):
            token, rank = (chosen == expert).nonzero(as_tuple=True)
            used.append(len(token) / chosen.numel())
            gate, up = F.linear(flat[token], self.gate_up[expert]).chunk(2, -1)
            y = F.linear(F.silu(gate) * up, self.down[expert])
            out = out.index_add(0, token, y * weights[token, rank, None])
        balance = c.experts * (torch.tensor(used) * probabilities.mean(0)).sum()
        return out.view_as(x), balance


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention_norm, self.attention = Norm(c.embedding, c.epsilon), Attention(c)
        self.experts_norm, self.experts = Norm(c.embedding, c.epsilon), Experts(c)


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embedding = nn.Embedding(c.vocabulary, c.embedding)  # also the output projection
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = Norm(c.embedding, c.epsilon)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                into_stream = name.endswith(("output.weight", "down"))
                nn.init.normal_(weight, std=.02 * (2 * c.layers) ** -.5 if into_stream else .02)
        frequency = c.rope_base ** (-torch.arange(0, c.head_size, 2) / c.head_size)
        angles = torch.arange(c.context)[:, None] * frequency
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens):
        """Logits for tokens (rows, tokens), and the mean load-balancing loss."""
        n = tokens.shape[1]
        mask = torch.full((n, n), -torch.inf).triu(1)
        x, balance = self.embedding(tokens), 0
        for layer in self.layers:
            x = x + layer.attention(layer.attention_norm(x), self.cos[:n], self.sin[:n], mask)
            y, b = layer.experts(layer.experts_norm(x))
            x, balance = x + y, balance + b
        return F.linear(self.norm(x), self.embedding.weight), balance / len(self.layers)

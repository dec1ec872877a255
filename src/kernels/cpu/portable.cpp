// Every operation in plain loops: the specification that the vector builds are tested against, and
// what runs on processors that have none of them.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "kernels/cpu/kernels.h"
#include "quant/types.h"

namespace weld::kernels::portable {
namespace {

void quantize(const float* x, int columns, const QuantizedRow& out) {
  for (int g = 0; g < columns / group_size; ++g) {
    const float* group = x + g * group_size;
    float largest = 0;
    for (int i = 0; i < group_size; ++i) largest = std::max(largest, std::fabs(group[i]));
    // Below 1e-30 the reciprocal would overflow; such a group contributes nothing.
    const bool zero = !(largest >= 1e-30F);
    const float scale = zero ? 0.0F : short_scale(largest / 127.0F);
    const float inverse = zero ? 0.0F : 127.0F / largest;
    int sum[2][2] = {};  // of each half group, by lane
    for (int i = 0; i < group_size; ++i) {
      const float scaled = group[i] * inverse;
      // The largest one may come out a rounding above 127; a NaN becomes 0.
      const int code = std::fabs(scaled) < 127.5F ? static_cast<int>(std::nearbyint(scaled)) : 0;
      out.codes[g * group_size + i] = static_cast<int8_t>(code);
      if (out.pairs) {
        int8_t* const pair = out.pairs + g / 8 * 512 + g % 4 * 64 + i / 16 * 32;
        pair[g % 8 / 4 * 16 + i % 16] = static_cast<int8_t>(code);
        pair[256 + g % 8 / 4 * 16 + i % 16] = static_cast<int8_t>(std::abs(code));
      }
      for (int twice = 0; out.places && twice < 2; ++twice)
        out.places[g / 8 * 512 + i % 8 * 64 + twice * 32 + g % 8 * 4 + i / 8] =
            static_cast<int8_t>(code);
      if (out.wide_codes) out.wide_codes[g * group_size + i] = static_cast<int16_t>(code);
      sum[i / 16][i / 2 % 2] += code;
    }
    out.scales[g] = scale;
    for (int half = 0; half < 2; ++half) {
      out.half_sums[2 * g + half] = static_cast<int16_t>(sum[half][0] + sum[half][1]);
      if (!out.lane_sums) continue;
      for (int lane = 0; lane < 2; ++lane)
        out.lane_sums[4 * g + 2 * half + lane] = static_cast<int16_t>(sum[half][lane]);
    }
  }
}

void pack(const float* const* rows, int tokens, int columns, const PackedTile& out) {
  const int padded = (columns + packed_columns - 1) / packed_columns * packed_columns;
  for (int column = 0; column < padded; ++column)
    for (int t = 0; t < packed_tokens; ++t) {
      float left = t < tokens && column < columns ? rows[t][column] : 0.0F;
      uint16_t* to =
          out.data + static_cast<size_t>(column / 2 * packed_tokens + t) * 2 + column % 2;
      for (int part = 0; part < out.parts; ++part, to += out.part_size) {
        *to = quant::to_bf16(left);
        left -= quant::from_bits(static_cast<uint32_t>(*to) << 16);
      }
    }
}

/// Weights of a float type times float activations.
template <typename Block>
float dot_values(const std::byte* row, const Activations& x, int token) {
  float sum = 0;
  for (int i = 0; i < x.columns; ++i)
    sum += Block::value(row + static_cast<size_t>(i) * quant::bytes<Block>) *
           x.values[x.value_at(token, i)];
  return sum;
}

/// Codes times codes, summed in integers as far as both scales hold; the weights' offsets meet the
/// sums of the activations: sum((s (c - z) + o) d q) = s d sum((c - z) q) + o d sum(q).
template <typename Block>
float dot_codes(const std::byte* row, const Activations& x, int token) {
  float sum = 0;
  for (int i = 0; i < x.columns; i += Block::group) {
    const std::byte* block =
        row + static_cast<size_t>(i / quant::elements<Block>) * quant::bytes<Block>;
    const int first = i % quant::elements<Block>;
    const size_t at = x.code_at(token, i);
    const int8_t* codes = x.codes + at;
    int product = 0, activations = 0;
    for (int j = 0; j < Block::group; ++j) {
      product += (Block::code(block, first + j) - Block::zero) * codes[j];
      activations += codes[j];
    }
    const float scale = x.scales[at / group_size];
    sum += Block::scale(block, first / Block::group) * scale * static_cast<float>(product);
    if constexpr (Block::has_offset)
      sum += Block::offset(block, first / Block::group) * (scale * static_cast<float>(activations));
  }
  return sum;
}

void multiply(const RowBlock& rows, const Activations& x, const Selection& selection, float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    for (int i = 0; i < selection.tokens; ++i)
      for (int n = 0; n < rows.runs * rows.rows; ++n) {
        const int run = n / rows.rows, r = n % rows.rows;
        const std::byte* row = rows.row(run, r);
        const int token = selection.index ? selection.index[i] : i;
        float& out = tile[static_cast<size_t>(run + r / tile_rows) * tile_size(selection.tokens) +
                          static_cast<size_t>(i) * tile_rows + r % tile_rows];
        if constexpr (quant::is_float<Block>)
          out = dot_values<Block>(row, x, token);
        else
          out = dot_codes<Block>(row, x, token);
      }
  });
}

void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y) {
  float squares = 0;
  for (int i = 0; i < n; ++i) squares += x[i] * x[i];
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon);
  for (int i = 0; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

void rotate(float* x, const float* cosine, const float* sine, int count, bool halves) {
  for (int i = 0; i < count; ++i) {
    float& a = x[halves ? i : 2 * i];
    float& b = x[halves ? i + count : 2 * i + 1];
    const float rotated = a * cosine[i] - b * sine[i];
    b = a * sine[i] + b * cosine[i];
    a = rotated;
  }
}

void gate(Gating gating, const float* gates, const float* up, int n, float* out) {
  for (int i = 0; i < n; ++i) {
    float g = gates[i], u = up[i];
    if (gating == Gating::ClampedSwiGLU) {
      g = std::min(g, 7.0F);
      u = std::clamp(u, -7.0F, 7.0F);
      out[i] = g / (1.0F + std::exp(-1.702F * g)) * (u + 1.0F);
    } else {
      out[i] = g / (1.0F + std::exp(-g)) * u;
    }
  }
}

void scale_and_bias(const float* x, float scale, const float* bias, int n, float* y) {
  for (int i = 0; i < n; ++i) y[i] = bias ? x[i] * scale + bias[i] : x[i] * scale;
}

void add_scaled(const float* x, float weight, int n, float* y) {
  for (int i = 0; i < n; ++i) y[i] += weight * x[i];
}

/// IEEE half precision, rounded to nearest even.
uint16_t to_f16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000U;
  const uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<uint16_t>(sign | 0x7e00U);   // NaN
  if (magnitude >= 0x477ff000U) return static_cast<uint16_t>(sign | 0x7c00U);  // rounds to infinity
  if (magnitude < 0x38800000U) {
    // Subnormal: adding 0.5 puts the last bit of a half (2^-24) at the last bit of the float, which
    // rounds.
    const float shifted = std::fabs(value) + 0.5F;
    uint32_t rounded;
    std::memcpy(&rounded, &shifted, sizeof rounded);
    return static_cast<uint16_t>(sign | (rounded - 0x3f000000U));
  }
  const uint32_t rounded = magnitude + 0xfffU + (magnitude >> 13 & 1U);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000U) >> 13);
}

float load(CacheType type, const std::byte* p, int i) {
  return type == CacheType::F16 ? quant::f16_at(p, 2 * i)
                                : quant::from_bits(quant::u32_at(p, 4 * i));
}

void store_value(CacheType type, std::byte* p, int i, float value) {
  if (type == CacheType::F16) {
    const uint16_t half = to_f16(value);
    std::memcpy(p + 2 * static_cast<ptrdiff_t>(i), &half, sizeof half);
  } else {
    std::memcpy(p + 4 * static_cast<ptrdiff_t>(i), &value, sizeof value);
  }
}

std::byte* block_of(const CacheView& cache, int position) {
  return cache.data +
         static_cast<size_t>(position / cache_block % cache.blocks) * cache.block_stride;
}

void store(const CacheView& cache, int position, const float* key, const float* value) {
  std::byte* block = block_of(cache, position);
  const int slot = position % cache_block;
  for (int i = 0; i < cache.key_size; ++i)
    store_value(cache.type, block, i * cache_block + slot, key[i]);
  for (int i = 0; i < cache.value_size; ++i)
    store_value(cache.type, block + cache.value_offset, slot * cache.value_size + i, value[i]);
}

/// One query against the positions [first, end), the largest score taken along the way:
/// https://arxiv.org/abs/1805.02867. out is yet to be divided by the total.
PartialSoftmax attend_one(const CacheView& cache, const float* query, int first, int end,
                          float scale, const float* sink, float* out) {
  float largest = sink ? *sink : std::numeric_limits<float>::lowest();
  float total = sink ? 1.0F : 0.0F;
  std::fill(out, out + cache.value_size, 0.0F);
  for (int p = first; p < end; ++p) {
    const std::byte* block = block_of(cache, p);
    const int slot = p % cache_block;
    float score = 0;
    for (int i = 0; i < cache.key_size; ++i)
      score += query[i] * load(cache.type, block, i * cache_block + slot);
    score *= scale;
    const float next = std::max(largest, score);
    const float shrink = std::exp(largest - next);
    const float weight = std::exp(score - next);
    largest = next;
    total = total * shrink + weight;
    for (int i = 0; i < cache.value_size; ++i)
      out[i] = out[i] * shrink +
               weight * load(cache.type, block + cache.value_offset, slot * cache.value_size + i);
  }
  return {largest, total};
}

void attend(const AttentionTask& task) {
  for (int t = 0; t < task.tokens; ++t) {
    const int position = task.position + t, size = task.cache.value_size;
    const int seen = task.window ? std::max(0, position - task.window + 1) : 0;
    for (int h = 0; h < task.heads; ++h) {
      float* out = task.output + t * task.output_stride + static_cast<ptrdiff_t>(h) * size;
      const PartialSoftmax softmax = attend_one(
          task.cache,
          task.query + t * task.query_stride + static_cast<size_t>(h) * task.cache.key_size,
          std::max(seen, task.begin), std::min(position + 1, task.end), task.scale,
          task.sinks ? task.sinks + h : nullptr, out);
      if (task.softmax)
        task.softmax[t * task.heads + h] = softmax;
      else
        for (int i = 0; i < size; ++i) out[i] /= softmax.total;
    }
  }
}

}  // namespace

const Kernels kernels = {
    "portable",     quantize,   pack,  usual_forms, multiply,           rms_norm, rotate,  gate,
    scale_and_bias, add_scaled, store, 1,           max_attention_rows, attend,   &limits,
};

}  // namespace weld::kernels::portable

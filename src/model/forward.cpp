// One layer: norm, project, rotate, attend, project, add; norm, project, gate, project, add.
#include "model/forward.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "quant/dequantize.h"

namespace weld::model {
namespace {

using kernels::Context;
using kernels::LayerCache;
using kernels::Segment;
using kernels::Store;

size_t area(int rows, int columns) {
  return static_cast<size_t>(rows) * static_cast<size_t>(columns);
}

/// The members as one operation, or one operation a member.
void project_members(Context& context, std::span<const Segment> members, bool fused, int columns,
                     const float* x, int tokens, float* y, int stride) {
  const size_t step = fused ? members.size() : 1;
  for (size_t i = 0; i < members.size(); i += step)
    kernels::project(context, members.subspan(i, step), columns, x, tokens, Store::Replace, y,
                     static_cast<size_t>(stride));
}

/// A batch on its way through the layers.
struct Batch {
  Context& context;
  const Config& config;
  const Fuse& fuse;
  Workspace& space;
  int tokens;
  int position;
  kernels::Rotation rotation;
  float* x;  ///< the residual stream
};

const float* normed(Batch& b, const float* weight) {
  float* h = b.space.normed.at_least(area(b.tokens, b.config.embedding));
  kernels::norm_rows(b.context, b.x, b.tokens, b.config.embedding, weight, b.config.epsilon, h);
  return h;
}

void attention(Batch& b, const Layer& layer, const LayerCache& cache) {
  const int d = b.config.embedding, width = layer.heads.width();
  const int attended_width = layer.heads.query * layer.heads.value_size;
  float* qkv = b.space.qkv.at_least(area(b.tokens, width));
  float* attended = b.space.attended.at_least(area(b.tokens, attended_width));

  const float* h = normed(b, layer.attention_norm);
  project_members(b.context, layer.qkv, b.fuse.qkv, d, h, b.tokens, qkv, width);
  kernels::enter_cache(b.context, layer.heads, b.rotation, cache, b.position, b.tokens, qkv);
  kernels::attend(b.context, layer.heads, cache, b.position, b.tokens, qkv, attended);
  kernels::project(b.context, {&layer.attention_output, 1}, attended_width, attended, b.tokens,
                   Store::Add, b.x, static_cast<size_t>(d));
}

void feed_forward(Batch& b, const Layer& layer) {
  const int d = b.config.embedding, inner = b.config.feed_forward;
  const kernels::Gating gating = b.config.architecture->gating;
  float* gate = b.space.gate.at_least(area(b.tokens, inner));

  const float* h = normed(b, layer.feed_forward_norm);
  if (b.fuse.gate_up) {
    kernels::project_gated(b.context, layer.gate, layer.up, gating, d, h, b.tokens, gate);
  } else {
    float* up = b.space.up.at_least(area(b.tokens, inner));
    const auto stride = static_cast<size_t>(inner);
    kernels::project(b.context, {&layer.gate, 1}, d, h, b.tokens, Store::Replace, gate, stride);
    kernels::project(b.context, {&layer.up, 1}, d, h, b.tokens, Store::Replace, up, stride);
    kernels::apply_gate(b.context, gating, gate, up, area(b.tokens, inner), gate);
  }
  kernels::project(b.context, {&layer.down, 1}, inner, gate, b.tokens, Store::Add, b.x,
                   static_cast<size_t>(d));
}

void experts(Batch& b, const Layer& layer) {
  const int d = b.config.embedding, inner = b.config.expert_feed_forward;
  const kernels::Gating gating = b.config.architecture->gating;
  const size_t outputs = area(b.tokens * b.config.experts_used, inner);
  kernels::Routes& routes = b.space.routes;
  float* logits = b.space.router.at_least(area(b.tokens, b.config.experts));
  float* gate = b.space.gate.at_least(outputs);

  const float* h = normed(b, layer.feed_forward_norm);
  kernels::project(b.context, {&layer.router, 1}, d, h, b.tokens, Store::Replace, logits,
                   static_cast<size_t>(b.config.experts));
  kernels::choose_experts(b.context, logits, b.tokens, b.config.experts, b.config.experts_used,
                          routes);
  if (b.fuse.gate_up) {
    kernels::project_gated_experts(b.context, layer.gate, layer.up, gating, d, h, b.tokens, routes,
                                   gate);
  } else {
    float* up = b.space.up.at_least(outputs);
    const auto stride = static_cast<size_t>(inner);
    kernels::project_experts(b.context, {&layer.gate, 1}, d, h, b.tokens, routes, gate, stride);
    kernels::project_experts(b.context, {&layer.up, 1}, d, h, b.tokens, routes, up, stride);
    kernels::apply_gate(b.context, gating, gate, up, outputs, gate);
  }
  kernels::project_down_experts(b.context, layer.down, inner, gate, b.tokens, routes, b.x);
}

/// Rows of the embedding matrix, decoded.
void embed(const Model& model, std::span<const int32_t> tokens, float* x) {
  const Segment& table = model.embedding();
  const int d = model.config().embedding;
  for (size_t t = 0; t < tokens.size(); ++t) {
    float* row = x + t * static_cast<size_t>(d);
    quant::dequantize(table.type, table.data + static_cast<size_t>(tokens[t]) * table.row_bytes, d,
                      row);
    if (table.scale)
      for (int i = 0; i < d; ++i) row[i] *= *table.scale;
  }
}

}  // namespace

void compute_rotation(const Model& model, int position, int tokens, std::vector<float>& cosine,
                      std::vector<float>& sine) {
  const Rope& rope = model.config().rope;
  const int pairs = rope.dimensions / 2;
  const double scale = rope.attention_factor *
                       (rope.scaling == RopeScaling::Yarn ? 1 + 0.1 * std::log(rope.factor) : 1.0);
  // YaRN leaves fast dimensions as they are and slows the others down by the factor, with a ramp
  // between them: https://arxiv.org/abs/2309.00071, section 3.2. The dimension that turns `turns`
  // times in the context:
  const auto dimension = [&](double turns) {
    return rope.dimensions * std::log(rope.original_context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(rope.base));
  };
  const double low = std::max(0.0, std::floor(dimension(rope.beta_fast)));
  const double high = std::min(rope.dimensions - 1.0, std::ceil(dimension(rope.beta_slow)));

  cosine.resize(area(tokens, pairs));
  sine.resize(cosine.size());
  for (int i = 0; i < pairs; ++i) {
    double frequency = std::pow(rope.base, -2.0 * i / rope.dimensions);
    if (model.rope_factors()) frequency /= static_cast<double>(model.rope_factors()[i]);
    if (rope.scaling == RopeScaling::Linear) frequency /= rope.factor;
    if (rope.scaling == RopeScaling::Yarn) {
      const double ramp = std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
      frequency = frequency / rope.factor * ramp + frequency * (1 - ramp);
    }
    for (int t = 0; t < tokens; ++t) {
      const double angle = (position + t) * frequency;
      cosine[area(t, pairs) + static_cast<size_t>(i)] = static_cast<float>(std::cos(angle) * scale);
      sine[area(t, pairs) + static_cast<size_t>(i)] = static_cast<float>(std::sin(angle) * scale);
    }
  }
}

const float* forward(Context& context, const Model& model, const Fuse& fuse,
                     std::span<const LayerCache> caches, std::span<const int32_t> tokens,
                     int position, Workspace& space) {
  const Config& config = model.config();
  const int n = static_cast<int>(tokens.size());
  compute_rotation(model, position, n, space.cosine, space.sine);
  Batch batch{context, config,   fuse, space,
              n,       position, {},   space.residual.at_least(area(n, config.embedding))};
  batch.rotation = {space.cosine.data(), space.sine.data(), config.rope.dimensions / 2,
                    config.architecture->rotates_halves};
  embed(model, tokens, batch.x);
  for (size_t i = 0; i < model.layers().size(); ++i) {
    const Layer& layer = model.layers()[i];
    attention(batch, layer, caches[i]);
    if (config.experts == 0)
      feed_forward(batch, layer);
    else
      experts(batch, layer);
  }
  return batch.x;
}

void compute_logits(Context& context, const Model& model, const float* hidden, int rows,
                    Workspace& space, float* logits) {
  const Config& config = model.config();
  float* h = space.normed.at_least(area(rows, config.embedding));
  kernels::norm_rows(context, hidden, rows, config.embedding, model.output_norm(), config.epsilon,
                     h);
  kernels::project(context, {&model.output(), 1}, config.embedding, h, rows, Store::Replace, logits,
                   static_cast<size_t>(model.vocabulary()));
}

}  // namespace weld::model

// Laying out activations in strips.
#include "kernels/cpu/activations.h"

#include <algorithm>

#include "fail.h"
#include "kernels/cpu/kernels.h"
#include "quant/bf16.h"

namespace weld::kernels {
namespace {

/// The terms of so many columns of a token.
void make_terms(const Summing& how, const QuantizedRow& row, int columns, GroupTerms* terms) {
  const int halves = how.group / (group_size / 2);
  for (int g = 0; g < columns / how.group; ++g) {
    const int first = g * halves;
    int sum = 0, lane[2] = {};
    for (int half = first; half < first + halves; ++half) {
      sum += row.half_sums[half];
      if (how.wraps)
        for (int i = 0; i < 2; ++i) lane[i] += row.lane_sums[2 * half + i];
    }
    const auto taken = [&](int codes) { return static_cast<uint32_t>(-how.zero * codes); };
    const uint32_t start = how.wraps ? taken(lane[1]) << 16 | (taken(lane[0]) & 0xffff)
                                     : std::bit_cast<uint32_t>(how.lift) + taken(sum);
    const float scale = row.scales[g * how.group / group_size];
    terms[g] = {static_cast<int32_t>(start), scale, -how.lift * scale,
                scale * static_cast<float>(sum)};
  }
}

}  // namespace

void Forms::add(const Forms& more) {
  values |= more.values;
  rounded |= more.rounded;
  codes |= more.codes;
  words |= more.words;
  pairs |= more.pairs;
  places |= more.places;
  parts = std::max(parts, more.parts);
  for (int i = 0; i < more.summing_count; ++i) add(more.summings[static_cast<size_t>(i)]);
}

void Forms::add(const Summing& more) {
  const auto end = summings.begin() + summing_count;
  if (std::any_of(summings.begin(), end, [&](const Summing& one) { return one.is(more); })) return;
  if (summing_count == max_summings) fail("more than {} ways of summing at once", max_summings);
  *end = more;
  ++summing_count;
}

Forms usual_forms(gguf::Type type, int /*tokens*/) {
  const bool is_float = gguf::info(type).is_float();
  return {.values = is_float, .codes = !is_float};
}

void ActivationBuffers::reserve(int tokens, int columns, const Forms& forms) {
  view_ = {};
  view_.tokens = tokens;
  view_.columns = columns;
  if (forms.values) view_.values = values_.at_least(strips_size(value_strip, tokens, columns));
  if (forms.rounded) view_.rounded = rounded_.at_least(strips_size(value_strip, tokens, columns));
  if (!forms.codes) return;
  const size_t size = strips_size(code_strip, tokens, columns);
  view_.codes = codes_.at_least(size);
  if (forms.pairs) view_.pairs = pairs_.at_least(2 * size);
  if (forms.places) view_.places = places_.at_least(2 * size);
  if (forms.words) {
    view_.wide_codes = wide_codes_.at_least(size);
    view_.lane_sums = lane_sums_.at_least(size / (group_size / 4));
  }
  view_.scales = scales_.at_least(size / group_size);
  view_.half_sums = half_sums_.at_least(size / (group_size / 2));
  summings_ = forms.summing_count;
  for (size_t i = 0; i < static_cast<size_t>(summings_); ++i) {
    const Summing& how = forms.summings[i];
    view_.summed[i] = {how, terms_[i].at_least(size / static_cast<size_t>(how.group))};
  }
}

void ActivationBuffers::reserve_packed(int tiles, int parts) {
  parts_ = parts;
  view_.packed_part = static_cast<size_t>(tiles) * packed_size(view_.columns);
  view_.packed = packed_.at_least(static_cast<size_t>(parts) * view_.packed_part);
}

void ActivationBuffers::pack(const Kernels& kernels, int tile, const float* const* rows,
                             int tokens) {
  uint16_t* const to = packed_.data() + static_cast<size_t>(tile) * packed_size(view_.columns);
  kernels.pack(rows, tokens, view_.columns, {to, view_.packed_part, parts_});
}

void ActivationBuffers::enter(const Kernels& kernels, int token, const float* x) {
  const int columns = view_.columns;
  if (view_.values || view_.rounded)
    for (int column = 0; column < columns; column += value_strip) {
      const int width = std::min(value_strip, columns - column);
      const size_t at = view_.value_at(token, column);
      if (view_.values) std::copy_n(x + column, width, values_.data() + at);
      if (view_.rounded) {
        uint16_t* const end = std::transform(x + column, x + column + width, rounded_.data() + at,
                                             [](float v) { return quant::to_bf16(v); });
        if (width % 2 != 0) *end = 0;
      }
    }
  if (!view_.codes) return;
  for (int column = 0; column < columns; column += code_strip) {
    const size_t at = view_.code_at(token, column);
    int8_t* const codes = codes_.data() + at;
    const QuantizedRow to{codes,
                          view_.pairs ? pairs_.data() + 2 * at : nullptr,
                          view_.places ? places_.data() + 2 * at : nullptr,
                          view_.wide_codes ? wide_codes_.data() + at : nullptr,
                          scales_.data() + at / group_size,
                          half_sums_.data() + at / (group_size / 2),
                          view_.lane_sums ? lane_sums_.data() + at / (group_size / 4) : nullptr};
    const int width = std::min(code_strip, columns - column);
    const int rest = -width & (padded_columns - 1);
    for (int8_t* const by_span : {to.pairs, to.places})
      if (by_span && rest > 0)
        std::fill_n(by_span + ptrdiff_t{2} * (width + rest - padded_columns), 2 * padded_columns,
                    int8_t{0});
    kernels.quantize(x + column, width, to);
    for (size_t i = 0; i < static_cast<size_t>(summings_); ++i) {
      const Summing& how = view_.summed[i].how;
      make_terms(how, to, width, terms_[i].data() + at / static_cast<size_t>(how.group));
    }
    if (rest > 0) {
      std::fill_n(to.codes + width, rest, int8_t{0});
      if (to.wide_codes) std::fill_n(to.wide_codes + width, rest, int16_t{0});
      std::fill_n(to.scales + width / group_size, rest / group_size, 0.0F);
      std::fill_n(to.half_sums + width / (group_size / 2), rest / (group_size / 2), int16_t{0});
      if (to.lane_sums)
        std::fill_n(to.lane_sums + width / (group_size / 4), rest / (group_size / 4), int16_t{0});
    }
  }
}

}  // namespace weld::kernels

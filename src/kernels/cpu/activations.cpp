// Laying out activations in strips.
#include "kernels/cpu/activations.h"

#include <algorithm>

#include "kernels/cpu/kernels.h"
#include "quant/bf16.h"

namespace weld::kernels {

void Forms::add(const Forms& more) {
  values |= more.values;
  rounded |= more.rounded;
  codes |= more.codes;
  words |= more.words;
  pairs |= more.pairs;
  places |= more.places;
  parts = std::max(parts, more.parts);
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

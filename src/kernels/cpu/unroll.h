// A loop whose index is a constant in each pass, so that decoders see which part of a block they
// decode.
#pragma once

#include <type_traits>
#include <utility>

namespace weld::kernels::WELD_TARGET {

template <typename F, int... I>
[[gnu::always_inline]] inline void unroll(std::integer_sequence<int, I...>, const F& f) {
  (f(std::integral_constant<int, I>{}), ...);
}

/// f(0), f(1), ..., f(N - 1).
template <int N, typename F>
[[gnu::always_inline]] inline void unroll(const F& f) {
  unroll(std::make_integer_sequence<int, N>{}, f);
}

}  // namespace weld::kernels::WELD_TARGET

// The product of rows and activations: each vector build against plain loops, and against itself in
// other company.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "builds.h"
#include "micro_model.h"
#include "quant/dequantize.h"

namespace weld::test {
namespace {

using kernels::Activations;
using kernels::Kernels;
using kernels::RowBlock;
using kernels::tile_rows;

/// Weights whose last byte is the last one that may be read.
class GuardedBytes {
 public:
  explicit GuardedBytes(const std::vector<std::byte>& bytes) {
    size_ = (bytes.size() + page - 1) / page * page + page;
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    data_ = memory_ + size_ - page - bytes.size();
    std::memcpy(data_, bytes.data(), bytes.size());
    mprotect(memory_ + size_ - page, page, PROT_NONE);
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { munmap(memory_, size_); }
  const std::byte* data() const { return data_; }

 private:
  static constexpr size_t page = 4096;
  std::byte* memory_;
  std::byte* data_;
  size_t size_;
};

/// Activations, quantized as a build does.
struct Input {
  Input(const Kernels& build, int tokens, int columns, std::mt19937& random)
      : Input(build, tokens, columns,
              random_floats(static_cast<size_t>(tokens) * static_cast<size_t>(columns), random)) {}
  Input(const Kernels& build, int tokens, int columns, std::vector<float> x)
      : quantizer(build), tokens(tokens), columns(columns), values(std::move(x)) {}

  /// What a build reads of a selection, and no other form.
  const Activations& forms(const Kernels& build, gguf::Type type, const int* index, int selected) {
    const kernels::Forms forms = build.forms(type, selected);
    buffers.reserve(tokens, columns, forms);
    for (int t = 0; t < tokens; ++t) buffers.enter(quantizer, t, row(t));
    if (forms.parts > 0) {
      const int tiles = kernels::packed_tiles(selected);
      buffers.reserve_packed(tiles, forms.parts);
      for (int tile = 0, first = 0; tile < tiles; ++tile, first += kernels::packed_tokens) {
        std::vector<const float*> rows;
        for (int t = first; t < std::min(selected, first + kernels::packed_tokens); ++t)
          rows.push_back(row(index ? index[t] : t));
        buffers.pack(build, tile, rows.data(), static_cast<int>(rows.size()));
      }
    }
    return buffers.view();
  }

  const Kernels& quantizer;
  int tokens, columns;
  std::vector<float> values;
  kernels::ActivationBuffers buffers;

 private:
  const float* row(int token) const {
    return values.data() + static_cast<ptrdiff_t>(token) * columns;
  }
};

/// The products, [tokens][max_rows].
std::vector<float> multiply(const Kernels& build, const RowBlock& rows, Input& x, const int* index,
                            int tokens) {
  kernels::Buffer<float> tiles;
  const size_t size = kernels::tile_size(tokens);
  float* const to = tiles.at_least(kernels::max_rows / tile_rows * size);
  build.multiply(rows, x.forms(build, rows.type, index, tokens), {index, tokens}, to);
  std::vector<float> products;
  for (size_t t = 0; t < static_cast<size_t>(tokens); ++t)
    for (size_t r = 0; r < kernels::max_rows; ++r)
      products.push_back(to[r / tile_rows * size + t * tile_rows + r % tile_rows]);
  return products;
}

float& at(std::vector<float>& products, int token, int row) {
  return products[static_cast<size_t>(token) * kernels::max_rows + static_cast<size_t>(row)];
}

struct Case {
  const Kernels* build;
  gguf::Type type;
};
std::string name_of(const Case& c) {
  return std::string(c.build->name) + "_" + gguf::info(c.type).name;
}
void PrintTo(const Case& c, std::ostream* out) { *out << name_of(c); }

struct ExactProduct {
  double sum, magnitudes;
};
/// The product of weights and a token's activations, and of their magnitudes.
ExactProduct exact_product(const std::vector<float>& weights, const std::vector<float>& x,
                           int token) {
  ExactProduct product{};
  for (size_t i = 0; i < weights.size(); ++i) {
    const double one = static_cast<double>(weights[i]) *
                       static_cast<double>(x[static_cast<size_t>(token) * weights.size() + i]);
    product.sum += one;
    product.magnitudes += std::fabs(one);
  }
  return product;
}

class Multiply : public testing::TestWithParam<Case> {
 protected:
  const Kernels& build() const { return *GetParam().build; }
  gguf::Type type() const { return GetParam().type; }
  bool is_float() const { return gguf::info(type()).is_float(); }

  /// Whether weights and activations are rounded to BF16, and not activations to codes.
  bool rounds_to_bf16(int tokens) const {
    if (build().forms(type(), tokens).parts > 0) return true;
    return type() == gguf::Type::BF16 && std::string_view(build().name).starts_with("avx512") &&
           __builtin_cpu_supports("avx512bf16") && tokens > kernels::max_vector_tokens;
  }

  /// How far rounded products can be from exact ones, each relative to its magnitude: both factors
  /// have 8 digits, 16 or all of them.
  float rounding(int tokens) const {
    const int parts = std::max(1, build().forms(type(), tokens).parts);
    return parts == 1 ? 0x1.02p-8F : parts == 2 ? 0x1p-15F : 2e-6F;
  }

  RowBlock block(const GuardedBytes& weights, int rows, int columns) const {
    const gguf::TypeInfo& info = gguf::info(type());
    return {type(), weights.data(),
            static_cast<size_t>(columns) / info.block_elements * info.block_bytes, rows};
  }
  std::vector<std::byte> weights(int rows, int columns) {
    return random_weights(type(), static_cast<size_t>(rows) * static_cast<size_t>(columns),
                          random_);
  }
  /// Row lengths that a block type allows: less than a panel, a panel, several and a rest.
  std::vector<int> widths() const {
    if (is_float()) return {1, 7, 8, 33, 127, 128, 129, 300};
    const int block = static_cast<int>(gguf::info(type()).block_elements);
    return {block, 512, 512 + block, 5 * 256 + (block < 256 ? 3 * block : 0)};
  }

  std::mt19937 random_{7};
};

TEST_P(Multiply, EqualsPlainLoops) {
  for (const int columns : widths())
    for (const int rows : {1, 5, 16, 31, 32, 100})
      for (const int tokens : {1, 2, 3, 4, 5, 7, 13, 37}) {
        if (rows > tile_rows && tokens > kernels::max_vector_tokens && tokens < 13) continue;
        const GuardedBytes guarded(weights(rows, columns));
        const RowBlock block = this->block(guarded, rows, columns);
        Input x(build(), tokens, columns, random_);
        std::vector<float> got = multiply(build(), block, x, nullptr, tokens);
        std::vector<float> expected =
            multiply(kernels::portable::kernels, block, x, nullptr, tokens);
        std::vector<float> row(static_cast<size_t>(columns));
        for (int r = 0; r < rows; ++r) {
          quant::dequantize(type(), block.data + static_cast<size_t>(r) * block.row_bytes, columns,
                            row.data());
          // Sums of float32 in another order: the error grows with the largest terms that are
          // added.
          float largest = 0;
          for (const float w : row) largest = std::max(largest, std::fabs(w));
          float tolerance = 2e-6F * largest * static_cast<float>(columns);
          for (int t = 0; t < tokens; ++t) {
            float near = at(expected, t, r);
            if (rounds_to_bf16(tokens)) {
              const auto [product, magnitudes] = exact_product(row, x.values, t);
              near = static_cast<float>(product);
              tolerance = rounding(tokens) * static_cast<float>(magnitudes);
            }
            ASSERT_NEAR(at(got, t, r), near, tolerance)
                << columns << " columns, row " << r << " of " << rows << ", token " << t << " of "
                << tokens;
          }
        }
      }
}

TEST_P(Multiply, TakesTokensByIndex) {
  const int columns = is_float() ? 72 : 512, rows = 19;
  const GuardedBytes guarded(weights(rows, columns));
  const RowBlock block = this->block(guarded, rows, columns);
  Input x(build(), 9, columns, random_);
  for (const std::vector<int>& index :
       {std::vector<int>{8}, {3, 3}, {7, 0, 5}, {1, 8, 2, 2, 6, 0, 4}, std::vector<int>(26, 5)}) {
    const int tokens = static_cast<int>(index.size());
    std::vector<float> got = multiply(build(), block, x, index.data(), tokens);
    std::vector<float> expected =
        multiply(kernels::portable::kernels, block, x, index.data(), tokens);
    for (int t = 0; t < tokens; ++t)
      for (int r = 0; r < rows; ++r)
        ASSERT_NEAR(at(got, t, r), at(expected, t, r), rounds_to_bf16(tokens) ? 4e-2F : 1e-3F)
            << "token " << t << ", row " << r;
  }
}

double sum_of_magnitudes(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += std::fabs(static_cast<double>(v));
  return sum;
}

/// A row whose weights are as far from zero as its blocks' bytes can make them.
std::vector<std::byte> largest_row(gguf::Type type, int columns, std::vector<std::byte> row) {
  std::vector<float> values(static_cast<size_t>(columns));
  const auto size = [&] {
    quant::dequantize(type, row.data(), columns, values.data());
    const double sum = sum_of_magnitudes(values);
    return std::isfinite(sum) ? sum : 0;
  };
  double largest = size();
  for (std::byte& byte : row)
    for (const int value : {0x00, 0x77, 0x80, 0x88, 0xff}) {
      const std::byte before = std::exchange(byte, static_cast<std::byte>(value));
      if (const double now = size(); now > largest)
        largest = now;
      else
        byte = before;
    }
  return row;
}

// Sums of products in 16 bits must not overflow, whatever the weights and activations.
TEST_P(Multiply, TheLargestSumsFit) {
  if (is_float()) return;  // not summed in integers
  const int columns = 256, rows = 32, tokens = 24;
  const std::vector<std::byte> row = largest_row(type(), columns, weights(1, columns));
  std::vector<std::byte> all;
  for (int r = 0; r < rows; ++r) all.insert(all.end(), row.begin(), row.end());
  const GuardedBytes guarded(all);
  const RowBlock block = this->block(guarded, rows, columns);
  std::vector<float> values(columns);
  quant::dequantize(type(), row.data(), columns, values.data());
  const double largest = sum_of_magnitudes(values);

  // Each sign like the weight's, the other way round, and all the same: codes of 127 and -127.
  std::vector<float> signs(tokens * values.size());
  for (size_t i = 0; i < signs.size(); ++i) {
    const size_t t = i / values.size();
    signs[i] = (t < 2 ? std::copysign(1.0F, values[i % values.size()]) : 1.0F) *
               (t % 2 == 0 ? 1.0F : -1.0F);
  }
  Input x(build(), tokens, columns, signs);
  for (const int count : {1, 5, tokens}) {
    std::vector<float> got = multiply(build(), block, x, nullptr, count);
    std::vector<float> expected = multiply(kernels::portable::kernels, block, x, nullptr, count);
    for (int t = 0; t < count; ++t)
      for (int r = 0; r < rows; ++r)
        ASSERT_NEAR(at(got, t, r), at(expected, t, r),
                    (rounds_to_bf16(count) ? 4e-3 : 1e-5) * largest)
            << "token " << t;
  }
}

// Processors of either maker run the build that is faster there; a model says the same on both.
TEST_P(Multiply, IsTheSameOnIntelAndAmd) {
  if (std::string(build().name) != "avx512zen") return;
  const kernels::KernelList all = kernels::available_kernels();
  const auto* const other = *std::find_if(all.list, all.list + all.count, [](const Kernels* k) {
    return std::string(k->name) == "avx512vbmi";
  });
  const int columns = is_float() ? 300 : 768, rows = 100;
  const GuardedBytes guarded(weights(rows, columns));
  const RowBlock block = this->block(guarded, rows, columns);
  for (const int tokens : {1, 2, 3, 29}) {
    Input x(build(), tokens, columns, random_);
    std::vector<float> on_amd = multiply(build(), block, x, nullptr, tokens);
    std::vector<float> on_intel = multiply(*other, block, x, nullptr, tokens);
    for (int t = 0; t < tokens; ++t)
      for (int r = 0; r < rows; ++r) ASSERT_EQ(at(on_amd, t, r), at(on_intel, t, r));
  }
}

// What makes fusing exact: a row's result has the same bits wherever the row and the token stand.
TEST_P(Multiply, RowDependsOnItselfAlone) {
  // Three spans of 256, and where blocks are smaller a part of one.
  const int block_size = static_cast<int>(gguf::info(type()).block_elements);
  const int columns = is_float() ? 300 : 768 + (block_size < 256 ? block_size : 0);
  const int rows = 100, tokens = 43;
  const GuardedBytes guarded(weights(rows, columns));
  const RowBlock whole = block(guarded, rows, columns);
  Input x(build(), tokens, columns, random_);
  std::vector<int> order(29);  // many enough for the kernel that takes all of them
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i) * 17 % tokens;
  for (const int first : {1, 9, 30, 69}) {
    RowBlock part = whole;
    part.data += static_cast<size_t>(first) * whole.row_bytes;
    part.rows = rows - first;
    std::vector<float> all = multiply(build(), whole, x, nullptr, tokens);
    std::vector<float> some =
        multiply(build(), part, x, order.data(), static_cast<int>(order.size()));
    for (size_t i = 0; i < order.size(); ++i)
      for (int r = 0; r < part.rows; ++r)
        ASSERT_EQ(at(all, order[i], first + r), at(some, static_cast<int>(i), r))
            << "row " << first + r;
    for (int t = 0; t < tokens; ++t) {
      std::vector<float> alone = multiply(build(), part, x, &t, 1);
      std::vector<float> beside = multiply(build(), whole, x, &t, 1);
      for (int r = 0; r < part.rows; ++r) ASSERT_EQ(at(alone, 0, r), at(beside, 0, first + r));
    }
  }
}

// For a few tokens a block may be several runs of the same matrix, side by side.
TEST_P(Multiply, RowsOfSeveralRunsAreTheSame) {
  const int block_size = static_cast<int>(gguf::info(type()).block_elements);
  const int columns = is_float() ? 77 : 512 + (block_size < 256 ? block_size : 0);
  const int matrix_rows = 96;
  const GuardedBytes guarded(weights(matrix_rows, columns));
  const RowBlock matrix = block(guarded, matrix_rows, columns);
  for (const Kernels* build : {&this->build(), &kernels::portable::kernels})
    for (const int tokens : {1, 2, 3}) {
      Input x(*build, tokens, columns, random_);
      std::vector<float> expected = multiply(*build, matrix, x, nullptr, tokens);
      for (const int runs : {2, 4, 8})
        for (const int rows : {1, 5, matrix_rows / 8, matrix_rows / 4}) {
          const int apart = matrix_rows / runs, first = apart - rows;  // up to the last row
          if (rows > apart || runs * rows > kernels::max_rows) continue;
          RowBlock part = matrix;
          part.data = matrix.row(0, first);
          part.rows = rows;
          part.runs = runs;
          part.run_bytes = static_cast<size_t>(apart) * matrix.row_bytes;
          kernels::Buffer<float> tiles;
          const size_t size = kernels::tile_size(tokens);
          float* const got = tiles.at_least(kernels::max_runs * size);
          build->multiply(part, x.forms(*build, type(), nullptr, tokens), {nullptr, tokens}, got);
          for (int run = 0; run < runs; ++run)
            for (int t = 0; t < tokens; ++t)
              for (int r = 0; r < rows; ++r)
                ASSERT_EQ(
                    got[static_cast<size_t>(run) * size + static_cast<size_t>(t * tile_rows + r)],
                    at(expected, t, run * apart + first + r))
                    << build->name << ", " << runs << " runs, row " << r << " of " << rows;
        }
    }
}

// Kernels may read on into the next row, but nothing that stands there counts.
TEST_P(Multiply, TheNextRowDoesNotCount) {
  const int rows = 20;
  for (const int columns : widths())
    for (const int tokens : {1, 2, 3, 5, 24}) {
      std::vector<std::byte> bytes = weights(rows, columns);
      const GuardedBytes before(bytes);
      Input x(build(), tokens, columns, random_);
      std::vector<float> expected =
          multiply(build(), block(before, rows, columns), x, nullptr, tokens);
      const size_t row_bytes = block(before, rows, columns).row_bytes;
      std::fill(bytes.begin() + static_cast<ptrdiff_t>(row_bytes), bytes.end(), std::byte{0xff});
      const GuardedBytes after(bytes);
      std::vector<float> got = multiply(build(), block(after, rows, columns), x, nullptr, tokens);
      for (int t = 0; t < tokens; ++t)
        ASSERT_EQ(at(got, t, 0), at(expected, t, 0)) << columns << " columns, token " << t;
    }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Kernels* build : vector_builds())
    for (const gguf::TypeInfo& info : gguf::type_table) all.push_back({build, info.type});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Builds, Multiply, testing::ValuesIn(cases()),
                         [](const auto& info) { return name_of(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Multiply);

}  // namespace
}  // namespace weld::test

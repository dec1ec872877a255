// Attention over the cache: each vector build against plain loops, and the plain loops against the
// formula.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "builds.h"
#include "kernels/cpu/tokens.h"

namespace weld::test {
namespace {

using kernels::AttentionTask;
using kernels::cache_block;
using kernels::CacheType;
using kernels::CacheView;
using kernels::Kernels;

size_t area(int rows, int columns) {
  return static_cast<size_t>(rows) * static_cast<size_t>(columns);
}

struct Shape {
  int heads;
  int key_size;
  int value_size;
  int position;
  int tokens;
  int window;
  bool sinks;
  CacheType type;
};

/// A cache with random keys and values, and queries to ask it with.
struct Scene {
  Scene(const Shape& s, const Kernels& build, std::mt19937& random) : shape(s) {
    const size_t number = s.type == CacheType::F16 ? 2 : 4;
    view.type = s.type;
    view.key_size = s.key_size;
    view.value_size = s.value_size;
    view.value_offset = static_cast<size_t>(s.key_size) * cache_block * number;
    view.block_stride = static_cast<size_t>(s.key_size + s.value_size) * cache_block * number;
    const int end = s.position + s.tokens;
    view.blocks = (s.window ? std::min(end, s.window + s.tokens) : end) / cache_block + 2;
    memory.resize(view.block_stride * static_cast<size_t>(view.blocks));
    view.data = memory.data();
    for (int p = 0; p < end; ++p) {
      keys.push_back(random_floats(static_cast<size_t>(s.key_size), random));
      values.push_back(random_floats(static_cast<size_t>(s.value_size), random));
      build.store(view, p, keys.back().data(), values.back().data());
    }
    query = random_floats(area(s.tokens * s.heads, s.key_size), random, 3);
    sinks = random_floats(static_cast<size_t>(s.heads), random, 2);
  }

  AttentionTask task(int first, int count) const {
    AttentionTask task;
    task.cache = view;
    task.position = shape.position + first;
    task.tokens = count;
    task.batch = shape.tokens;
    task.heads = shape.heads;
    task.window = shape.window;
    task.scale = 1.0F / std::sqrt(static_cast<float>(shape.key_size));
    if (shape.sinks) task.sinks = sinks.data();
    task.query_stride = area(shape.heads, shape.key_size);
    task.query = query.data() + static_cast<size_t>(first) * task.query_stride;
    task.output_stride = area(shape.heads, shape.value_size);
    return task;
  }

  std::vector<float> attend(const Kernels& build, int first, int count) const {
    AttentionTask task = this->task(first, count);
    std::vector<float> out(static_cast<size_t>(count) * task.output_stride, NAN);
    task.output = out.data();
    build.attend(task);
    return out;
  }

  /// What all tokens see of the positions [begin, end).
  struct Part {
    std::vector<float> sums;
    std::vector<kernels::PartialSoftmax> softmax;
  };
  Part attend_part(const Kernels& build, int begin, int end) const {
    Part part{std::vector<float>(area(shape.tokens * shape.heads, shape.value_size), NAN),
              std::vector<kernels::PartialSoftmax>(area(shape.tokens, shape.heads))};
    AttentionTask task = this->task(0, shape.tokens);
    task.begin = begin;
    task.end = end;
    task.softmax = part.softmax.data();
    task.output = part.sums.data();
    build.attend(task);
    return part;
  }

  /// The formula, in double.
  float exact(int token, int head, int dimension) const {
    const int last = shape.position + token;
    const int first = shape.window ? std::max(0, last - shape.window + 1) : 0;
    double total =
               shape.sinks ? std::exp(static_cast<double>(sinks[static_cast<size_t>(head)])) : 0,
           sum = 0;
    for (int p = first; p <= last; ++p) {
      double score = 0;
      for (int i = 0; i < shape.key_size; ++i)
        score +=
            static_cast<double>(
                query[area(token * shape.heads + head, shape.key_size) + static_cast<size_t>(i)]) *
            static_cast<double>(keys[static_cast<size_t>(p)][static_cast<size_t>(i)]);
      const double weight = std::exp(score / std::sqrt(shape.key_size));
      total += weight;
      sum += weight *
             static_cast<double>(values[static_cast<size_t>(p)][static_cast<size_t>(dimension)]);
    }
    return static_cast<float>(sum / total);
  }

  Shape shape;
  CacheView view;
  std::vector<std::byte> memory;
  std::vector<std::vector<float>> keys, values;
  std::vector<float> query, sinks;
};

const Shape shapes[] = {
    {1, 64, 64, 0, 1, 0, false, CacheType::F16},
    {8, 128, 128, 300, 1, 0, false, CacheType::F16},
    {4, 64, 64, 0, 16, 0, false, CacheType::F32},
    {7, 64, 64, 37, 9, 0, true, CacheType::F16},
    {3, 80, 48, 15, 5, 0, false, CacheType::F32},
    {8, 64, 64, 200, 8, 16, true, CacheType::F16},
    {2, 32, 32, 1000, 13, 128, false, CacheType::F32},
    {5, 20, 12, 63, 12, 1, false, CacheType::F16},
    {64, 16, 16, 5, 1, 3, true, CacheType::F32},
    {1, 256, 512, 33, 16, 20, false, CacheType::F32},
    {4, 128, 128, 70, 16, 0, true, CacheType::F16},
    {1, 96, 64, 0, 33, 0, false, CacheType::F16},
    {3, 64, 64, 500, 20, 70, false, CacheType::F16},
};

TEST(Attention, PlainLoopsFollowTheFormula) {
  std::mt19937 random(3);
  for (Shape shape : shapes) {
    shape.type = CacheType::F32;
    const Scene scene(shape, kernels::portable::kernels, random);
    const std::vector<float> out = scene.attend(kernels::portable::kernels, 0, shape.tokens);
    for (int t = 0; t < shape.tokens; ++t)
      for (int h = 0; h < shape.heads; ++h)
        for (int i = 0; i < shape.value_size; i += 5)
          ASSERT_NEAR(out[static_cast<size_t>((t * shape.heads + h) * shape.value_size + i)],
                      scene.exact(t, h, i), 2e-5F);
  }
}

class AttentionBuild : public testing::TestWithParam<const Kernels*> {};

TEST_P(AttentionBuild, EqualsPlainLoops) {
  std::mt19937 random(5);
  for (const Shape& shape : shapes) {
    const Scene scene(shape, *GetParam(), random);
    expect_near(scene.attend(*GetParam(), 0, shape.tokens),
                scene.attend(kernels::portable::kernels, 0, shape.tokens), 1e-5F);
  }
}

// Parts of a cache, some of which some tokens or all see nothing of.
TEST_P(AttentionBuild, SeesPartsAsPlainLoopsDo) {
  std::mt19937 random(5);
  std::vector<Shape> all(std::begin(shapes), std::end(shapes));
  if (GetParam()->attention_rows > kernels::max_attention_rows)
    all.push_back({4, 64, 64, 300, 25, 0, true, CacheType::F16});
  for (const Shape& shape : all) {
    const Scene scene(shape, *GetParam(), random);
    const int end = shape.position + shape.tokens;
    for (const int size : {16, 48, 256})
      for (int begin = 0; begin < end; begin += size) {
        const Scene::Part got = scene.attend_part(*GetParam(), begin, begin + size);
        const Scene::Part expected =
            scene.attend_part(kernels::portable::kernels, begin, begin + size);
        // The largest score may be another where nothing is seen.
        for (size_t r = 0; r < got.softmax.size(); ++r) {
          const auto &a = got.softmax[r], &b = expected.softmax[r];
          ASSERT_NEAR(a.total, b.total, 1e-5F * std::max(1.0F, b.total));
          ASSERT_NEAR(a.largest, b.total > 0 ? b.largest : a.largest, 1e-4F);
        }
        expect_near(got.sums, expected.sums, 1e-4F);
      }
  }
}

// As many rows as a build says that it takes.
TEST_P(AttentionBuild, TakesManyRows) {
  std::mt19937 random(5);
  const Kernels& build = *GetParam();
  for (const CacheType type : {CacheType::F16, CacheType::F32}) {
    const Scene scene({4, 64, 64, 9, build.attention_rows / 4, 0, false, type}, build, random);
    const std::vector<float> out = scene.attend(build, 0, scene.shape.tokens);
    for (int first = 0; first < scene.shape.tokens; first += 16) {
      const std::vector<float> part = scene.attend(kernels::portable::kernels, first, 16);
      for (size_t i = 0; i < part.size(); ++i)
        ASSERT_NEAR(out[static_cast<size_t>(first) * 256 + i], part[i], 1e-5F) << first;
    }
  }
}

TEST_P(AttentionBuild, StoresTheSameBytes) {
  for (const Shape& shape : shapes) {
    std::mt19937 random(5), same(5);
    const Scene got(shape, *GetParam(), random), expected(shape, kernels::portable::kernels, same);
    ASSERT_EQ(got.memory, expected.memory);
  }
}

// What makes prefill independent of how tokens are shared out: a token's bits do not depend on its
// neighbours.
TEST_P(AttentionBuild, TokenDependsOnItselfAlone) {
  std::mt19937 random(5);
  for (const Shape& shape : shapes) {
    const Scene scene(shape, *GetParam(), random);
    const std::vector<float> together = scene.attend(*GetParam(), 0, shape.tokens);
    const size_t width = together.size() / static_cast<size_t>(shape.tokens);
    for (int t = 0; t < shape.tokens; ++t) {
      const std::vector<float> alone = scene.attend(*GetParam(), t, 1);
      ASSERT_EQ(std::memcmp(alone.data(), together.data() + static_cast<size_t>(t) * width,
                            width * sizeof(float)),
                0)
          << "token " << t;
    }
  }
}

/// A few tokens late in a long context: attention in parts, the same bits on any number of threads.
TEST(Attention, JoinsThePartsOfALongContext) {
  std::mt19937 random(6);
  // 1700 positions in 3 parts; the same with windows that begin within a block; 32 parts, if their
  // number had no limit.
  for (const Shape& of_head : {Shape{3, 64, 48, 1700, 3, 0, true, CacheType::F16},
                               Shape{3, 64, 48, 1700, 3, 1234, true, CacheType::F16},
                               Shape{3, 64, 48, 1700, 2, 1024, true, CacheType::F16},
                               Shape{2, 16, 16, 16700, 1, 0, false, CacheType::F32}}) {
    const kernels::Kernels& build = kernels::kernels();
    std::vector<Scene> scenes;
    kernels::Heads heads;
    heads.key_value = 2;
    heads.query = heads.key_value * of_head.heads;
    heads.key_size = of_head.key_size;
    heads.value_size = of_head.value_size;
    heads.window = of_head.window;
    scenes.reserve(static_cast<size_t>(heads.key_value));
    for (int h = 0; h < heads.key_value; ++h) scenes.emplace_back(of_head, build, random);

    std::vector<std::byte> memory;
    std::vector<float> sinks, qkv(area(of_head.tokens, heads.width()));
    for (size_t h = 0; h < scenes.size(); ++h) {
      memory.insert(memory.end(), scenes[h].memory.begin(), scenes[h].memory.end());
      sinks.insert(sinks.end(), scenes[h].sinks.begin(), scenes[h].sinks.end());
      const size_t size = area(of_head.heads, of_head.key_size);
      for (size_t t = 0; t < static_cast<size_t>(of_head.tokens); ++t)
        std::copy_n(scenes[h].query.data() + t * size, size,
                    qkv.data() + t * static_cast<size_t>(heads.width()) + h * size);
    }
    if (of_head.sinks) heads.sinks = sinks.data();
    kernels::LayerCache cache{scenes[0].view, scenes[0].memory.size()};
    cache.head0.data = memory.data();

    std::vector<std::vector<float>> out;
    for (const int threads : {1, 3}) {
      kernels::Context context(threads);
      out.emplace_back(area(of_head.tokens * heads.query, heads.value_size), NAN);
      kernels::attend(context, heads, cache, of_head.position, of_head.tokens, qkv.data(),
                      out.back().data());
    }
    ASSERT_EQ(std::memcmp(out[0].data(), out[1].data(), out[0].size() * sizeof(float)), 0);
    const size_t size = area(of_head.heads, of_head.value_size);
    for (size_t h = 0; h < scenes.size(); ++h) {
      const std::vector<float> whole =
          scenes[h].attend(kernels::portable::kernels, 0, of_head.tokens);
      for (size_t t = 0; t < static_cast<size_t>(of_head.tokens); ++t) {
        const float* got = out[0].data() + (t * scenes.size() + h) * size;
        expect_near({got, got + size}, {whole.data() + t * size, whole.data() + (t + 1) * size},
                    1e-5F);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, AttentionBuild, testing::ValuesIn(vector_builds()),
                         [](const auto& info) { return name_of(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AttentionBuild);

}  // namespace
}  // namespace weld::test

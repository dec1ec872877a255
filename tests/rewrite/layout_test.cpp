// Merging and splitting files: every order of tensors, every way in which members can differ,
// shards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "cli/process.h"
#include "gguf/bytes.h"
#include "gguf/writer.h"
#include "micro_model.h"

namespace weld::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Micro micro(const std::string& architecture, gguf::Type type = gguf::Type::Q8_0) {
  Micro values;
  values.architecture = architecture;
  values.type = type;
  const bool experts = architecture == "gpt-oss" || architecture == "qwen3moe";
  values.experts = experts ? 3 : 0;
  values.feed_forward = 128;
  return values;
}

void sort_by_name(Draft& draft) {
  std::sort(draft.tensors().begin(), draft.tensors().end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
}

/// Runs weld, which must succeed; what it says on standard error.
std::string run(const Words& words) {
  const Result result = weld(words);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.err;
}

/// Runs weld, which must fail with one line; the line.
std::string refused(const Words& words, int status = 1) {
  const Result result = weld(words);
  EXPECT_EQ(result.status, status);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(result.err, StartsWith("weld"));
  return result.err;
}

class Rewrite : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_ / name; }

  /// The file of this draft, merged and split again, both ways; in place it must be possible unless
  /// told otherwise.
  void expect_round_trip(const Draft& draft, bool in_place = true) {
    draft.write(path("f"));
    expect_round_trip(in_place);
  }

  void expect_round_trip(bool in_place = true) {
    const std::string bytes = read_file(path("f"));
    run({"merge", path("f"), path("m")});
    EXPECT_EQ(weld({"verify", path("f"), path("m")}).out, "the same model\n");
    run({"split", path("m"), path("s")});
    EXPECT_TRUE(read_file(path("s")) == bytes);
    EXPECT_TRUE(read_file(path("f")) == bytes);
    EXPECT_EQ(digest("f"), digest("m"));
    if (!in_place) return;
    write_file(path("i"), bytes);
    run({"merge", path("i"), "--in-place"});
    EXPECT_EQ(weld({"verify", path("f"), path("i")}).out, "the same model\n");
    EXPECT_EQ(digest("f"), digest("i"));
    run({"split", path("i"), "--in-place"});
    EXPECT_TRUE(read_file(path("i")) == bytes);
  }

  std::string digest(const std::string& name) const {
    const Result result = weld({"checksum", path(name)});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out.substr(0, result.out.find(' '));
  }

  std::vector<std::string> names(const std::string& name) const {
    std::vector<std::string> all;
    const gguf::File file = gguf::File::open(path(name));
    for (const auto& tensor : file.tensors()) all.emplace_back(tensor.name);
    return all;
  }

  TemporaryFolder folder_;
};

struct Order {
  const char* name;
  void (*apply)(Draft& draft);
};
void PrintTo(const Order& order, std::ostream* out) { *out << order.name; }

class Orders : public Rewrite,
               public testing::WithParamInterface<std::tuple<const char*, Order>> {};

TEST_P(Orders, ComeBackByteForByte) {
  const auto [architecture, order] = GetParam();
  Draft draft = make(micro(architecture));
  order.apply(draft);
  const auto first_of_group = [&](const std::string& block) {
    for (const auto& tensor : draft.tensors())
      for (const char* member : {"attn_q.weight", "attn_k.weight", "attn_v.weight"})
        if (tensor.name == block + member) return tensor.name;
    return std::string();
  };
  const std::string first = first_of_group("blk.1.");
  size_t before = 0;  // tensors that stay, ahead of the group's first member
  for (const auto& tensor : draft.tensors()) {
    if (tensor.name == first) break;
    ++before;
  }
  expect_round_trip(draft);
  const auto merged = names("m");
  const auto place = std::find(merged.begin(), merged.end(), "blk.1.attn_qkv.weight");
  ASSERT_NE(place, merged.end());
  EXPECT_LE(static_cast<size_t>(place - merged.begin()), before);
  EXPECT_EQ(std::count(merged.begin(), merged.end(), first), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Of, Orders,
    testing::Combine(testing::Values("llama", "qwen2", "qwen3", "qwen3moe", "gpt-oss"),
                     testing::Values(Order{"AsMade", [](Draft&) {}}, Order{"ByName", sort_by_name},
                                     Order{"Backwards",
                                           [](Draft& d) {
                                             std::reverse(d.tensors().begin(), d.tensors().end());
                                           }},
                                     Order{"Shuffled",
                                           [](Draft& d) {
                                             std::mt19937 random(7);
                                             std::shuffle(d.tensors().begin(), d.tensors().end(),
                                                          random);
                                           }})),
    [](const auto& info) {
      std::string name = std::get<0>(info.param);
      std::erase(name, '-');
      return name + std::get<1>(info.param).name;
    });

TEST_F(Rewrite, MergedTensorsHoldTheMembersRowsExpertByExpert) {
  Draft draft = make(micro("gpt-oss"));
  draft.write(path("f"));
  const gguf::File separate = gguf::File::open(path("f"));
  run({"merge", path("f"), path("m")});
  const gguf::File merged = gguf::File::open(path("m"));
  test::merge(draft, draft.open().config());
  size_t found = 0;
  for (const auto& tensor : draft.tensors()) {
    const gguf::Tensor* other = merged.find_tensor(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    ASSERT_EQ(other->bytes, tensor.data.size());
    EXPECT_EQ(std::memcmp(other->data, tensor.data.data(), other->bytes), 0) << tensor.name;
    found += tensor.name.find("gate_up") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(found, 4U);  // weights and biases of two layers
  EXPECT_EQ(merged.tensors().size(), draft.tensors().size());
}

TEST_F(Rewrite, FilesThatWereBornMergedSplitIntoTheUsualPlaces) {
  Draft separate = make(micro("gpt-oss")), born = make(micro("gpt-oss"));
  test::merge(born, born.open().config());
  separate.write(path("separate"));
  born.write(path("born"));
  run({"split", path("born"), path("s")});
  EXPECT_EQ(weld({"verify", path("separate"), path("s")}).out, "the same model\n");
  const auto all = names("s");
  const auto q = std::find(all.begin(), all.end(), "blk.0.attn_q.weight");
  ASSERT_LT(q + 2, all.end());
  EXPECT_EQ(*(q + 1), "blk.0.attn_k.weight");
  EXPECT_EQ(*(q + 2), "blk.0.attn_v.weight");
  EXPECT_EQ(weld({"verify", path("born"), path("s"), "--logits"}).out,
            "the same model, the same logits to the bit\n");
  EXPECT_EQ(digest("born"), digest("s"));
}

TEST_F(Rewrite, ABornMergedFileComesBackFromMerge) {
  Draft draft = make(micro("qwen3moe"));
  const auto config = draft.open().config();
  // Only Q, K, V were merged before.
  Draft born = draft;
  test::merge(born, config);
  std::vector<Draft::Tensor> tensors;
  for (const auto& tensor : draft.tensors())
    if (tensor.name.find("attn_q.") == std::string::npos &&
        tensor.name.find("attn_k.") == std::string::npos &&
        tensor.name.find("attn_v.") == std::string::npos)
      tensors.push_back(tensor);
  for (const auto& tensor : born.tensors())
    if (tensor.name.find("attn_qkv") != std::string::npos) tensors.push_back(tensor);
  draft.tensors() = tensors;
  expect_round_trip(draft);
  born.write(path("f"));
  expect_round_trip(false);
}

TEST_F(Rewrite, OneGroupAfterTheOtherIsTheSameAsBoth) {
  make(micro("gpt-oss")).write(path("f"));
  const std::string bytes = read_file(path("f"));
  run({"merge", path("f"), path("both")});
  run({"merge", path("f"), path("one"), "--only", "gate-up"});
  EXPECT_THAT(names("one"), testing::Contains("blk.0.attn_q.weight"));
  EXPECT_THAT(names("one"), Not(testing::Contains("blk.0.ffn_up_exps.weight")));
  run({"merge", path("one"), path("two"), "--only", "qkv"});
  EXPECT_TRUE(read_file(path("both")) == read_file(path("two")));
  run({"split", path("two"), path("half"), "--only", "gate-up"});
  EXPECT_THAT(names("half"), testing::Contains("blk.0.attn_qkv.weight"));
  EXPECT_THAT(names("half"), testing::Contains("blk.0.ffn_up_exps.weight"));
  run({"split", path("half"), path("back")});
  EXPECT_TRUE(read_file(path("back")) == bytes);
  run({"merge", path("f"), "--in-place", "--only", "gate-up"});
  run({"merge", path("f"), "--in-place"});
  run({"split", path("f"), "--in-place", "--only", "qkv"});
  run({"split", path("f"), "--in-place"});
  EXPECT_TRUE(read_file(path("f")) == bytes);
}

TEST_F(Rewrite, MembersOfDifferentTypesStaySeparateBiasesToo) {
  Micro values = micro("qwen2");
  values.choose_type = [](std::string_view name, gguf::Type type) {
    return name == "attn_v" ? gguf::Type::F16 : type;
  };
  make(values).write(path("f"));
  const std::string said = run({"merge", path("f"), path("m")});
  EXPECT_THAT(said, HasSubstr("qkv: left separate in blocks 0 to 1: their types differ: attn_q "
                              "Q8_0, attn_k Q8_0, attn_v F16"));
  EXPECT_TRUE(read_file(path("f")) == read_file(path("m")));
}

TEST_F(Rewrite, RetypingConvertsTheNarrowerMembers) {
  Micro values = micro("qwen2");
  values.choose_type = [](std::string_view name, gguf::Type type) {
    return name == "attn_v" ? gguf::Type::F16 : type;
  };
  make(values).write(path("f"));
  const std::string said = run({"merge", path("f"), path("m"), "--retype"});
  EXPECT_THAT(said, HasSubstr("retyped: "));
  const gguf::File before = gguf::File::open(path("f")), after = gguf::File::open(path("m"));
  const gguf::Tensor* merged = after.find_tensor("blk.0.attn_qkv.weight");
  ASSERT_NE(merged, nullptr);
  EXPECT_EQ(merged->type, gguf::Type::F16);
  const gguf::Tensor* v = before.find_tensor("blk.0.attn_v.weight");
  EXPECT_EQ(std::memcmp(merged->data + merged->bytes - v->bytes, v->data, v->bytes), 0);
  EXPECT_THAT(refused({"merge", path("f"), "--in-place", "--retype"}, 2), HasSubstr("--retype"));
}

/// Adds .scale tensors to members of block 0.
void add_scales(Draft& draft, const std::vector<std::pair<std::string, std::vector<float>>>& all) {
  for (const auto& [name, values] : all)
    draft.add_f32("blk.0." + name + ".scale", {values.size()}, values);
}

TEST_F(Rewrite, EqualScalesAreStoredOnceAndComeBack) {
  Draft draft = make(micro("qwen3moe", gguf::Type::NVFP4));
  add_scales(draft, {{"attn_q", {0.5F}},
                     {"attn_k", {0.5F}},
                     {"attn_v", {0.5F}},
                     {"ffn_gate_exps", {1, 2, 3}},
                     {"ffn_up_exps", {1, 2, 3}}});
  expect_round_trip(draft, false);
  EXPECT_THAT(names("m"), testing::Contains("blk.0.attn_qkv.scale"));
  EXPECT_THAT(names("m"), testing::Contains("blk.0.ffn_gate_up_exps.scale"));
  EXPECT_EQ(weld({"verify", path("f"), path("m"), "--logits"}).status, 0);
  // Fewer bytes cannot be had in place.
  const std::string bytes = read_file(path("f"));
  EXPECT_THAT(refused({"merge", path("f"), "--in-place"}), HasSubstr("in place"));
  EXPECT_TRUE(read_file(path("f")) == bytes);
}

TEST_F(Rewrite, DifferentScalesStaySeparate) {
  Draft draft = make(micro("qwen3moe", gguf::Type::NVFP4));
  add_scales(draft, {{"attn_q", {0.5F}},
                     {"attn_k", {0.5F}},
                     {"attn_v", {0.25F}},
                     {"ffn_gate_exps", {1, 2, 3}},
                     {"ffn_up_exps", {1, 2, 4}}});
  draft.write(path("f"));
  const std::string said = run({"merge", path("f"), path("m")});
  EXPECT_THAT(said, HasSubstr("qkv: merged in block 1\n"));
  EXPECT_THAT(said, HasSubstr("qkv: left separate in block 0: their scales differ"));
  EXPECT_THAT(said, HasSubstr("gate-up: left separate in block 0: their scales differ"));
  expect_round_trip();
}

TEST_F(Rewrite, ABiasThatOnlySomeHaveKeepsThemSeparate) {
  Draft draft = make(micro("qwen2"));
  draft.take("blk.1.attn_k.bias");
  draft.write(path("f"));
  EXPECT_THAT(run({"merge", path("f"), path("m")}),
              HasSubstr("qkv: left separate in block 1: attn_k has no bias"));
  expect_round_trip();
}

TEST_F(Rewrite, UnknownMetadataAlignmentAndVersionAreKept) {
  for (const uint32_t alignment : {8U, 64U, 4096U}) {
    Draft draft = make(micro("gpt-oss"));
    draft.set_u32("general.alignment", alignment);
    draft.set_strings("somebody.else's", std::vector<std::string>{"a", "", "\xff\n"});
    expect_round_trip(draft, alignment < 4096);  // else the padding changes
    EXPECT_EQ(gguf::File::open(path("m")).alignment(), alignment);
  }
  make(micro("gpt-oss")).write(path("f"));
  std::string bytes = read_file(path("f"));
  bytes[4] = 2;
  write_file(path("f"), bytes);
  expect_round_trip();
}

TEST_F(Rewrite, AFileThatEndsWithItsLastTensorComesBack) {
  Draft draft = make(micro("llama"));
  draft.add_f32("blk.0.odd.weight", {3}, std::vector<float>{1, 2, 3});
  draft.write(path("f"));
  std::string bytes = read_file(path("f"));
  bytes.resize(bytes.size() - 20);
  write_file(path("f"), bytes);
  expect_round_trip();
  // More zeros than padding.
  write_file(path("f"), bytes + std::string(500, '\0'));
  expect_round_trip(false);
}

/// Offsets are contiguous in the order of the table: what other readers demand.
void expect_contiguous(const std::string& path) {
  const gguf::File file = gguf::File::open(path);
  uint64_t next = 0;
  int shard = -1;
  for (const gguf::Tensor& tensor : file.tensors()) {
    if (tensor.shard != shard) {
      shard = tensor.shard;
      next = file.shards()[static_cast<size_t>(shard)].data_start;
    }
    EXPECT_EQ(tensor.offset, next) << tensor.name;
    next =
        (tensor.offset + tensor.bytes + file.alignment() - 1) / file.alignment() * file.alignment();
  }
}

TEST_F(Rewrite, DataInAnotherOrderThanTheTableComesBack) {
  // The table backwards, the data as it was: by swapping names of equal shape the offsets change
  // places.
  make(micro("qwen3")).write(path("f"));
  const gguf::File file = gguf::File::open(path("f"));
  gguf::HeaderBytes header(3, file.tensors().size(), file.metadata().size());
  for (const auto& [key, value] : file.metadata()) header.add_entry(key, value);
  const uint64_t start = file.shards()[0].data_start;
  for (size_t i = file.tensors().size(); i-- > 0;) {
    const gguf::Tensor& t = file.tensors()[i];
    header.add_tensor(t.name, t.type, std::span(t.dims).first(static_cast<size_t>(t.rank)),
                      t.offset - start);
  }
  std::string bytes(reinterpret_cast<const char*>(header.bytes().data()), header.bytes().size());
  ASSERT_LE(bytes.size(), start);
  bytes.resize(start);
  bytes += read_file(path("f")).substr(start);
  write_file(path("f"), bytes);
  expect_round_trip(false);
  expect_contiguous(path("m"));
}

TEST_F(Rewrite, ShardsInAndOut) {
  Draft draft = make(micro("gpt-oss"));
  sort_by_name(draft);
  draft.write(path("f"));
  run({"merge", path("f"), path("m.gguf"), "--shard-size", "64K"});
  std::vector<std::string> shards;
  for (const auto& entry : std::filesystem::directory_iterator(path("")))
    if (entry.path().string().find("-of-") != std::string::npos) {
      shards.push_back(entry.path());
      EXPECT_LE(entry.file_size(), 64U << 10U);
    }
  std::sort(shards.begin(), shards.end());
  ASSERT_GT(shards.size(), 2U);
  const std::string first = shards.front();
  EXPECT_THAT(first, HasSubstr("m-00001-of-0000"));
  EXPECT_EQ(weld({"verify", path("f"), first, "--logits"}).out,
            "the same model, the same logits to the bit\n");
  EXPECT_EQ(weld({"checksum", first}).out.substr(0, 32), digest("f"));
  expect_contiguous(first);
  // Back to one file, and to as many as there are.
  run({"split", first, path("s")});
  EXPECT_TRUE(read_file(path("s")) == read_file(path("f")));
  const auto named = [&](const std::string& stem, size_t i) {
    return path(stem) + shards[i].substr(shards[i].rfind("-0", shards[i].rfind("-of-")));
  };
  run({"split", first, named("t", 0)});
  expect_contiguous(named("t", 0));
  run({"merge", named("t", 0), named("u", 0)});
  run({"split", named("u", 0), named("v", 0)});
  for (size_t i = 0; i < shards.size(); ++i)
    EXPECT_TRUE(read_file(named("t", i)) == read_file(named("v", i))) << i;
  EXPECT_EQ(weld({"verify", path("f"), named("v", 0)}).status, 0);
  EXPECT_THAT(refused({"merge", first, "--in-place"}), HasSubstr("shards"));
  EXPECT_THAT(refused({"merge", path("f"), path("x-00001-of-00002.gguf")}),
              HasSubstr("--shard-size"));
}

TEST_F(Rewrite, TheInputIsNeverTheOutput) {
  make(micro("qwen3")).write(path("f"));
  const std::string bytes = read_file(path("f"));
  std::filesystem::create_symlink(path("f"), path("soft"));
  std::filesystem::create_hard_link(path("f"), path("hard"));
  for (const char* out : {"f", "soft", "hard"})
    EXPECT_THAT(refused({"merge", path("f"), path(out)}), HasSubstr("--in-place"));
  EXPECT_TRUE(read_file(path("f")) == bytes);
}

TEST_F(Rewrite, OutputsThatCannotBeWrittenAreRefused) {
  make(micro("qwen3")).write(path("f"));
  EXPECT_THAT(refused({"merge", path("f"), path("no/such/folder")}), HasSubstr("cannot create"));
  EXPECT_THAT(refused({"merge", path("f"), path("")}), HasSubstr("is not a regular file"));
  EXPECT_THAT(refused({"merge", path("f"), "/dev/null"}), HasSubstr("is not a regular file"));
  refused({"merge", path("f")}, 2);
  refused({"merge"}, 2);
  refused({"merge", path("f"), path("m"), "--in-place"}, 2);
  refused({"merge", path("f"), path("m"), "--only", "q"}, 2);
  for (const char* size : {"0", "x", "4T", "99999999999G", "-1", ""})
    refused({"merge", path("f"), path("m"), std::string("--shard-size=") + size}, 2);
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(Rewrite, WhatIsLeftOfADeadProcessIsReplacedALiveOnesIsNot) {
  make(micro("qwen3")).write(path("f"));
  write_file(path("m.weld-tmp"), std::string(10'000'000, 'x'));
  run({"merge", path("f"), path("m")});
  EXPECT_EQ(folder_.entries(), 2U);
  std::filesystem::create_symlink(path("f"), path("n.weld-tmp"));
  EXPECT_THAT(refused({"merge", path("f"), path("n")}), HasSubstr("cannot create"));
}

TEST_F(Rewrite, FilesThatDifferAreToldApart) {
  Draft draft = make(micro("gpt-oss"));
  draft.write(path("f"));
  const std::string same = digest("f");
  const auto expect_difference = [&](const std::string& what) {
    draft.write(path("g"));
    run({"merge", path("g"), path("h")});
    for (const char* other : {"g", "h"}) {
      const Result result = weld({"verify", path("f"), path(other)});
      EXPECT_EQ(result.status, 1);
      EXPECT_THAT(result.out, HasSubstr(what));
      EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
      EXPECT_NE(digest(other), same) << what;
    }
    draft = Draft(gguf::File::open(path("f")));
  };
  draft.tensor("blk.1.ffn_up_exps.weight").data[5000] ^= std::byte{1};
  expect_difference("tensor \"blk.1.ffn_up_exps.weight\": differs from byte 5000 ");
  draft.tensor("blk.1.attn_v.bias").data[0] ^= std::byte{1};
  expect_difference("tensor \"blk.1.attn_v.bias\": differs from byte 0 of ");
  draft.set_f32("gpt-oss.rope.freq_base", 10001);
  expect_difference("gpt-oss.rope.freq_base: f32 10000 and f32 10001");
  draft.set_string("more", "x");
  expect_difference("more: is only in ");
  draft.take("blk.0.attn_sinks.weight");
  expect_difference("tensor \"blk.0.attn_sinks.weight\": is only in ");
  draft.tensor("output_norm.weight").name = "output_norm.other";
  expect_difference("tensor \"output_norm.other\": is only in ");
}

TEST_F(Rewrite, ItSaysWhoReadsTheResult) {
  make(micro("qwen3moe")).write(path("f"));
  const std::string said = run({"merge", path("f"), path("m")});
  EXPECT_THAT(said, HasSubstr("llama.cpp reads merged qkv"));
  EXPECT_THAT(said, HasSubstr("llama.cpp does not read merged gate-up"));
  EXPECT_THAT(said, HasSubstr("ik_llama.cpp does not read merged qkv"));
  EXPECT_THAT(said, HasSubstr("ik_llama.cpp reads merged gate-up"));
}

TEST_F(Rewrite, AHeaderWithoutRoomCannotBeSplitInPlace) {
  Draft born = make(micro("gpt-oss"));
  test::merge(born, born.open().config());
  born.write(path("f"));
  const std::string bytes = read_file(path("f"));
  EXPECT_THAT(refused({"split", path("f"), "--in-place"}), HasSubstr("its header would need"));
  EXPECT_TRUE(read_file(path("f")) == bytes);
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(Rewrite, RecoverLeavesWholeFilesAlone) {
  make(micro("qwen3")).write(path("f"));
  const std::string bytes = read_file(path("f"));
  EXPECT_THAT(run({"recover", path("f")}), HasSubstr("is whole"));
  for (const std::string& half :
       {std::string(), std::string(20000, '\0'), std::string("WELDJRN1 half")}) {
    write_file(path("f.weld-journal"), half);
    EXPECT_THAT(run({"recover", path("f")}), HasSubstr("nothing had been changed"));
    EXPECT_TRUE(read_file(path("f")) == bytes);
    EXPECT_EQ(folder_.entries(), 1U);
    write_file(path("f.weld-journal"), half);
    run({"split", path("f"), "--in-place"});
    EXPECT_EQ(folder_.entries(), 1U);
  }
  write_file(path("marked"), "WELD" + bytes.substr(4));
  EXPECT_THAT(refused({"recover", path("marked")}), HasSubstr("journal"));
  EXPECT_THAT(refused({"inspect", path("marked")}), HasSubstr("weld recover"));
  EXPECT_THAT(refused({"logits", "-m", path("f"), "--tokens", "1", "-o", path("marked")}),
              HasSubstr("would be lost"));
  EXPECT_TRUE(read_file(path("marked")) == "WELD" + bytes.substr(4));
  write_file(path("marked"), "WELD");
  EXPECT_THAT(refused({"recover", path("marked")}), HasSubstr("journal"));
}

TEST_F(Rewrite, WhatIsNotTheJournalOfAWholeFileStays) {
  make(micro("qwen3")).write(path("f"));
  const std::string bytes = read_file(path("f"));
  for (const char* other : {"x", "a file of somebody's"}) {
    write_file(path("f.weld-journal"), other);
    EXPECT_THAT(refused({"recover", path("f")}), HasSubstr("is not its journal"));
    EXPECT_THAT(refused({"merge", path("f"), "--in-place"}), HasSubstr("is not its journal"));
    EXPECT_EQ(read_file(path("f.weld-journal")), other);
    EXPECT_TRUE(read_file(path("f")) == bytes);
  }
}

TEST_F(Rewrite, RecordsThatDoNotFitAreRefused) {
  make(micro("gpt-oss")).write(path("f"));
  run({"merge", path("f"), path("m")});
  const gguf::File file = gguf::File::open(path("m"));
  const auto numbers = file.find_ints("weld.merged");
  ASSERT_TRUE(numbers);
  std::mt19937 random(5);
  const std::string bytes = read_file(path("m"));
  const auto* start = file.find("weld.merged")->bytes.data();
  const size_t at = bytes.find(std::string_view(reinterpret_cast<const char*>(start), 40)) + 12;
  for (int i = 0; i < 200; ++i) {
    std::string damaged = bytes;
    const size_t which = at + 4 * (random() % numbers->size());
    const uint32_t value = i % 2 == 0 ? random() : random() % 64;
    std::memcpy(damaged.data() + which, &value, sizeof value);
    write_file(path("d"), damaged);
    const Result result = weld({"split", path("d"), path("s")});
    ASSERT_THAT(result.status, testing::AnyOf(0, 1)) << result.err;
    if (result.status == 1) {
      ASSERT_THAT(result.err, HasSubstr("weld.merged"));
      ASSERT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    }
  }
}

}  // namespace
}  // namespace weld::test

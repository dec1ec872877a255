// weld bench: measurements of every configuration, in every form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/process.h"

namespace weld::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string path = model("qwen3moe-iq2_xxs");

Words bench_with(const Words& words) {
  Words all{"bench", "-m", path, "-p", "16", "-n", "4", "-r", "1"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

TEST(Bench, JsonHasARowAConfiguration) {
  const Result result = weld(bench_with(
      {"-p", "8,16", "-n", "4", "-t", "1,2", "-r", "3", "--fuse", "all,none", "-o", "json"}));
  ASSERT_EQ(result.status, 0) << result.err;
  const json rows = json::parse(result.out);
  ASSERT_EQ(rows.size(), 3U * 2 * 2);
  for (const json& row : rows) {
    EXPECT_EQ(row["model"], "qwen3moe-iq2_xxs");
    EXPECT_EQ(row["size"], std::filesystem::file_size(path));
    ASSERT_EQ(row["samples"].size(), 3U);
    std::vector<double> samples = row["samples"];
    const std::vector<double> limits = row["limit_samples"];
    const bool generates = row["test"] == "tg4";
    const double work = row[generates ? "bytes_per_token" : "multiply_adds_per_token"];
    ASSERT_EQ(limits.size(), 3U);
    std::vector<double> shares;
    for (size_t i = 0; i < 3; ++i) shares.push_back(samples[i] * work / limits[i]);
    std::sort(shares.begin(), shares.end());
    EXPECT_DOUBLE_EQ(row["share_of_limit"], shares[1]);
    std::sort(samples.begin(), samples.end());
    EXPECT_EQ(row["tokens_per_second"], samples[1]) << "the median";
    EXPECT_GT(samples[0], 0);
    EXPECT_GT(row["limit_per_second"], 0);
    EXPECT_DOUBLE_EQ(row[generates ? "bytes_per_second" : "multiply_adds_per_second"],
                     work * samples[1]);
  }
  const auto has = [&](const char* test, const char* fuse, int threads) {
    return std::count_if(rows.begin(), rows.end(), [&](const json& row) {
      return row["test"] == test && row["fuse"] == fuse && row["threads"] == threads;
    });
  };
  for (const char* test : {"pp8", "pp16", "tg4"})
    for (const char* fuse : {"all", "none"})
      for (const int threads : {1, 2}) EXPECT_EQ(has(test, fuse, threads), 1);
}

TEST(Bench, TablesHaveARowAMeasurement) {
  const Result table = weld(bench_with({}));
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, ContainsRegex("^\\| model +\\| +size \\| +params \\| backend"));
  EXPECT_THAT(table.out, ContainsRegex("\\| pp16 \\| +[0-9.]+ ± [0-9.]+ \\| .* GMA/s, +[0-9]+%"));
  EXPECT_THAT(table.out, ContainsRegex("\\| tg4 +\\| +[0-9.]+ ± [0-9.]+ \\| .* GB/s, +[0-9]+%"));
  const Result csv = weld(bench_with({"-p", "0", "-o", "csv"}));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 2);
  EXPECT_THAT(csv.out, ContainsRegex("\n\"qwen3moe-iq2_xxs\",[0-9]+,[0-9]+,[a-z0-9]+,[0-9]+,all,"
                                     "tg4,"));
}

TEST(Bench, ProgressGoesToStandardError) {
  const Result result = weld(bench_with({"-r", "2"}));
  EXPECT_EQ(result.err, "warming up\nround 1 of 2\nround 2 of 2\n");
}

TEST(Bench, TakesSeveralModels) {
  const Result result = weld({"bench", "-m", path, model("gpt-oss-mxfp4"), "-m",
                              model("qwen3-salad"), "-p", "0", "-n", "2", "-r", "1", "-o", "json"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::vector<std::string> models;
  for (const json& row : json::parse(result.out)) models.push_back(row["model"]);
  std::sort(models.begin(), models.end());
  EXPECT_THAT(models, ElementsAre("gpt-oss-mxfp4", "qwen3-salad", "qwen3moe-iq2_xxs"));
}

TEST(Bench, APresetLeavesNothingBehind) {
  const std::string folder = scratch("bench-tmp");
  std::filesystem::create_directory(folder);
  setenv("TMPDIR", folder.c_str(), 1);
  const Words words{
      "bench", "--preset", "micro-llama:Q4_K", "--layers", "1", "-p", "16", "-n", "2", "-r", "1",
      "-o",    "json"};
  const Result result = weld(words);
  unsetenv("TMPDIR");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("micro-llama:Q4_K, 1 layer: 0.00 GB of random weights in " +
                                    folder + ", gone when weld ends\n"));
  EXPECT_EQ(json::parse(result.out)[0]["model"], "micro-llama:Q4_K, 1 layer");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(Bench, CtrlCEndsItAndLeavesNothingBehind) {
  const std::string folder = scratch("bench-interrupted");
  std::filesystem::create_directory(folder);
  setenv("TMPDIR", folder.c_str(), 1);
  Process process(WELD_BINARY,
                  {"bench", "--preset", "micro-llama:Q4_K", "-n", "100000", "-r", "1000"});
  unsetenv("TMPDIR");
  for (int i = 0; i < 3000 && process.errors().find("warming up") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(std::filesystem::is_empty(folder)) << "while it runs";
  process.interrupt();
  const Result result = process.wait();
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(Bench, PlotsABarAMeasurement) {
  const std::string plot = scratch("bench.svg");
  const Result result = weld(bench_with({"-t", "1,2", "--fuse", "all,none", "--plot", plot}));
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string svg = read_file(plot);
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme: dark"));
  size_t bars = 0;
  for (size_t at = 0; (at = svg.find("<rect class=\"fuse-", at)) != std::string::npos; ++at) ++bars;
  EXPECT_EQ(bars, 8U);
  EXPECT_THAT(svg, HasSubstr("qwen3moe-iq2_xxs"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Bench, APlotThatCannotBeWrittenIsToldOfAtOnce) {
  const Result result = weld(bench_with({"--plot", "/no-such-folder/x.svg"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "weld: /no-such-folder/x.svg: cannot create: No such file or directory\n");
}

TEST(Bench, APlotThatIsThereStaysWhereAModelIsMissing) {
  const std::string plot = scratch("precious.svg");
  write_file(plot, "precious");
  EXPECT_EQ(weld({"bench", "-m", "no-such-file", "--plot", plot}).status, 1);
  EXPECT_EQ(read_file(plot), "precious");
}

TEST(Bench, NamesAreEscapedInThePlotAndTheTable) {
  const std::string odd = scratch("a<b|c>&d.gguf");
  write_file(odd, read_file(path));
  const std::string plot = scratch("odd.svg");
  const Result result = weld({"bench", "-m", odd, "-p", "0", "-n", "2", "-r", "1", "--plot", plot});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("| a<b\\|c>&d |"));
  EXPECT_THAT(read_file(plot), HasSubstr("a&lt;b|c&gt;&amp;d"));
}

}  // namespace
}  // namespace weld::test

// Rewriting that is cut off: killed before, in the middle of and after every system call, with
// errors and short counts from every call, with power lost at every instant, and killed at any
// time. What is left is whole, or is refused and becomes whole.
//
// $WELD_CRASH_ROUNDS (1) repeats what is drawn by chance; from 2 on every call is tried in every
// way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "cli/process.h"
#include "micro_model.h"
#include "rewrite/log.h"

namespace weld::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

int rounds() {
  const char* value = std::getenv("WELD_CRASH_ROUNDS");
  return value ? std::max(1, std::atoi(value)) : 1;
}

/// How far apart the calls are that go wrong, where there are many.
long stride() { return rounds() > 1 ? 1 : 5; }

/// Environment variables for as long as it lives.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
      setenv(name.c_str(), value.c_str(), 1);
      names_.push_back(name);
    }
  }
  ~Environment() {
    for (const std::string& name : names_) unsetenv(name.c_str());
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::vector<std::string> names_;
};

Files read_folder(const std::string& folder) {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files[entry.path()] = read_file(entry.path());
  return files;
}

void write_folder(const std::string& folder, const Files& files) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  for (const auto& [path, bytes] : files) write_file(path, bytes);
}

std::string small_model(const std::string& architecture, bool sorted) {
  Micro micro;
  micro.architecture = architecture;
  micro.layers = 1;
  micro.embedding = 128;
  micro.feed_forward = 128;
  micro.experts = architecture == "gpt-oss" ? 3 : 0;
  micro.type = gguf::Type::Q8_0;
  Draft draft = make(micro);
  if (sorted)
    std::sort(draft.tensors().begin(), draft.tensors().end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::string path = scratch("model.gguf");
  draft.write(path);
  return read_file(path);
}

/// Something to be cut off.
struct Scenario {
  const char* name;
  bool in_place;
  bool sorted;
  bool split;
  const char* shard_size = nullptr;
  bool replaces = false;  ///< an older output is there
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

class Crash : public testing::TestWithParam<Scenario> {
 protected:
  void SetUp() override {
    const Scenario& scenario = GetParam();
    folder_ = scratch("crash");
    in_ = folder_ + "/in.gguf";
    out_ = folder_ + "/out.gguf";
    write_folder(folder_, {{in_, small_model("gpt-oss", scenario.sorted)}});
    if (scenario.split) {
      ASSERT_EQ(weld({"merge", "--in-place", in_}).status, 0);
    }
    before_ = read_folder(folder_);
    words_ = {scenario.split ? "split" : "merge", in_};
    if (scenario.in_place)
      words_.push_back("--in-place");
    else
      words_.push_back(out_);
    if (scenario.shard_size) words_.insert(words_.end(), {"--shard-size", scenario.shard_size});
    const Result result = weld(words_);
    ASSERT_EQ(result.status, 0) << result.err;
    after_ = read_folder(folder_);
    if (scenario.replaces)
      for (const auto& [path, bytes] : after_)
        if (!before_.contains(path)) before_[path] = bytes.substr(0, bytes.size() / 2);
  }

  Result run_with(const std::map<std::string, std::string>& more, const Words& words) {
    std::map<std::string, std::string> values = {
        {"LD_PRELOAD", WELD_FAULT_LIBRARY},
        {"ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0"},
        {"WELD_FAULT_FOLDER", folder_}};
    values.insert(more.begin(), more.end());
    const Environment environment(values);
    return weld(words);
  }

  /// The calls that the words take when nothing goes wrong.
  long count_calls(const Words& words) {
    const std::string path = scratch("count");
    EXPECT_EQ(run_with({{"WELD_FAULT_COUNT", path}}, words).status, 0);
    return std::atol(read_file(path).c_str());
  }

  Result run_fault(const std::string& fault, long at, const Words& words) {
    ++runs_;
    return run_with({{"WELD_FAULT", fault}, {"WELD_FAULT_AT", std::to_string(at)}}, words);
  }

  /// What must hold after whatever happened: nothing is lost, and the next run puts all right.
  void expect_safe() { GetParam().in_place ? expect_safe_in_place() : expect_safe_beside(); }

  /// The words again, in place of `weld recover`, finish what they began.
  void expect_again_in_place() {
    const Result result = weld(words_);
    ASSERT_EQ(result.status, 0) << result.err;
    ASSERT_TRUE(read_folder(folder_) == after_);
  }

  void expect_safe_in_place() {
    const std::string now = read_file(in_);
    if (now != before_[in_] && now != after_[in_]) {
      const Result refusal = weld({"inspect", in_});
      ASSERT_EQ(refusal.status, 1);
      ASSERT_THAT(refusal.err, HasSubstr("weld recover"));
    }
    const Result result = run_with({}, {"recover", in_});
    ASSERT_EQ(result.status, 0) << result.err;
    const Files files = read_folder(folder_);
    ASSERT_THAT(files, AnyOf(before_, after_)) << result.err;
  }

  void expect_safe_beside() {
    const Files now = read_folder(folder_);
    ASSERT_EQ(now.at(in_), before_[in_]);
    // The first file of the output is there only if all of it is, old or new.
    const std::string first = first_output();
    if (now.contains(first)) {
      const Files& whole = now.at(first) == after_[first] ? after_ : before_;
      for (const auto& [path, bytes] : whole) {
        ASSERT_TRUE(now.contains(path)) << path;
        ASSERT_TRUE(now.at(path) == bytes) << path;
      }
    } else {
      ASSERT_FALSE(before_.contains(first) && after_.size() == 2) << "the old output is gone";
    }
    const Result result = run_with({}, words_);
    ASSERT_EQ(result.status, 0) << result.err;
    ASSERT_TRUE(read_folder(folder_) == after_);
  }

  void expect_no_leftovers() const {
    if (GetParam().in_place) return;
    for (const auto& [path, bytes] : read_folder(folder_))
      EXPECT_THAT(path, testing::Not(HasSubstr(".weld-")));
  }

  std::string first_output() const {
    for (const auto& [path, bytes] : after_)
      if (path != in_) return path;
    return in_;
  }

  void TearDown() override {
    std::printf("%s: %ld runs cut off\n", GetParam().name, runs_);
    std::filesystem::remove_all(folder_);
  }

  std::string folder_, in_, out_;
  Words words_;
  Files before_, after_;
  long runs_ = 0;
};

TEST_P(Crash, AtEverySystemCall) {
  write_folder(folder_, before_);
  const long calls = count_calls(words_);
  ASSERT_GT(calls, 10);
  for (const std::string fault : {"kill", "tear"}) {
    for (long at = 1; at <= calls; at += calls < 100 ? 1 : stride()) {
      SCOPED_TRACE(fault + " at call " + std::to_string(at));
      write_folder(folder_, before_);
      ASSERT_EQ(run_fault(fault, at, words_).status, 128 + SIGKILL);
      expect_safe();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Crash, WithErrorsAndShortCountsAtEverySystemCall) {
  write_folder(folder_, before_);
  const long calls = count_calls(words_);
  for (const std::string fault : {"eio", "full", "short"}) {
    for (long at = 1; at <= calls; at += calls < 100 ? 1 : stride()) {
      SCOPED_TRACE(fault + " at call " + std::to_string(at));
      write_folder(folder_, before_);
      const Result result = run_fault(fault, at, words_);
      if (fault == "short") {
        ASSERT_EQ(result.status, 0) << result.err;
      }
      const Files now = read_folder(folder_);
      if (result.status == 0) {
        ASSERT_TRUE(now == after_);
      } else {
        ASSERT_EQ(result.status, 1);
        ASSERT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
        // Where removing it is not what failed, nothing half done is left.
        if (fault == "full") expect_no_leftovers();
      }
      expect_safe();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Crash, AgainWhileItIsPutRight) {
  std::mt19937 random(1);
  write_folder(folder_, before_);
  const long calls = count_calls(words_);
  const Words again = GetParam().in_place ? Words{"recover", in_} : words_;
  for (int i = 0; i < 20 * rounds(); ++i) {
    write_folder(folder_, before_);
    SCOPED_TRACE(i);
    run_fault("kill", 1 + static_cast<long>(random() % static_cast<unsigned long>(calls)), words_);
    for (int more = 0; more < 3; ++more)
      run_fault(more == 1 ? "tear" : "kill", 1 + static_cast<long>(random() % 40), again);
    expect_safe();
    if (HasFatalFailure()) return;
  }
}

TEST_P(Crash, OfTheWholeMachine) {
  std::mt19937 random(2);
  write_folder(folder_, before_);
  std::map<std::string, uint64_t> inodes;
  const auto inode = [](const std::string& path) {
    struct stat status {};
    stat(path.c_str(), &status);
    return static_cast<uint64_t>(status.st_ino);
  };
  for (const auto& [path, bytes] : before_) inodes[path] = inode(path);
  const uint64_t folder = inode(folder_);
  const std::string log_path = scratch("log");
  ASSERT_EQ(run_with({{"WELD_FAULT_LOG", log_path}}, words_).status, 0);
  const std::vector<LogEntry> log = read_log(log_path);
  ASSERT_TRUE(after_power_loss(log, log.size(), Loss::None, before_, inodes, folder, random) ==
              after_)
      << "the log does not tell all";
  for (size_t count = 0; count <= log.size(); ++count) {
    for (const Loss loss : {Loss::All, Loss::None, Loss::Calls, Loss::Sectors}) {
      for (int i = 0; i < (loss == Loss::Sectors ? rounds() : 1); ++i) {
        SCOPED_TRACE("power lost after " + std::to_string(count) + " changes, loss " +
                     std::to_string(static_cast<int>(loss)));
        ++runs_;
        write_folder(folder_, after_power_loss(log, count, loss, before_, inodes, folder, random));
        expect_safe();
        if (HasFatalFailure()) return;
      }
    }
  }
  // Whatever was reported as done is done.
  const Files all = after_power_loss(log, log.size(), Loss::All, before_, inodes, folder, random);
  for (const auto& [path, bytes] : after_) EXPECT_TRUE(all.at(path) == bytes) << path;
}

TEST_P(Crash, AtAnyTime) {
  std::mt19937 random(3);
  for (int i = 0; i < 10 * rounds(); ++i) {
    SCOPED_TRACE(i);
    write_folder(folder_, before_);
    ++runs_;
    Process process(WELD_BINARY, words_);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 12000));
    process.signal(SIGKILL);
    process.wait();
    if (GetParam().in_place && i % 2 == 0)
      expect_again_in_place();
    else
      expect_safe();
    if (HasFatalFailure()) return;
  }
}

TEST_P(Crash, BySignalsThatAskToEnd) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::mt19937 random(static_cast<unsigned>(signal));
    for (int i = 0; i < 3 * rounds(); ++i) {
      SCOPED_TRACE(signal);
      write_folder(folder_, before_);
      ++runs_;
      Process process(WELD_BINARY, words_);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 12000));
      process.signal(signal);
      const Result result = process.wait();
      ASSERT_THAT(result.status, AnyOf(0, 128 + signal)) << result.err;
      if (result.err.find("weld:") != std::string::npos) expect_no_leftovers();
      expect_safe();
      if (HasFatalFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, Crash,
    testing::Values(Scenario{"MergeInPlace", true, false, false},
                    Scenario{"MergeInPlaceSorted", true, true, false},
                    Scenario{"SplitInPlaceSorted", true, true, true},
                    Scenario{"Merge", false, true, false},
                    Scenario{"MergeOverAnOlderFile", false, true, false, nullptr, true},
                    Scenario{"MergeToShards", false, false, false, "100K"},
                    Scenario{"MergeOverOlderShards", false, false, false, "100K", true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace weld::test

// Processes whose three streams are unnamed files, so that none of them can block.
#include "cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace weld::test {
namespace {

std::string contents(std::FILE* file) {
  std::string text;
  char buffer[4096];
  off_t offset = 0;
  for (ssize_t n = 0; (n = pread(fileno(file), buffer, sizeof buffer, offset)) > 0; offset += n)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

/// A folder that goes with the program.
struct Folder {
  std::filesystem::path path;

  Folder() {
    std::string name = testing::TempDir() + "weld-cli-XXXXXX";
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot create " + name);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

void PrintTo(Output output, std::ostream* out) {
  constexpr const char* names[] = {"Captured", "Closed", "Full", "BrokenPipe"};
  *out << names[static_cast<int>(output)];
}

Process::Process(const std::string& program, const Words& words, const std::string& input,
                 Output output)
    : in_(std::tmpfile()), out_(std::tmpfile()), err_(std::tmpfile()) {
  std::fwrite(input.data(), 1, input.size(), in_.get());
  std::rewind(in_.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in_.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(err_.get()), STDERR_FILENO);
  int pipe_ends[2] = {-1, -1};
  switch (output) {
    case Output::Captured:
      posix_spawn_file_actions_adddup2(&actions, fileno(out_.get()), STDOUT_FILENO);
      break;
    case Output::Closed:
      posix_spawn_file_actions_addclose(&actions, STDOUT_FILENO);
      break;
    case Output::Full:
      posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/full", O_WRONLY, 0);
      break;
    case Output::BrokenPipe:
      if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
      close(pipe_ends[0]);
      posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
      break;
  }
  std::vector<std::string> owned{program};
  owned.insert(owned.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : owned) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int error =
      posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (pipe_ends[1] >= 0) close(pipe_ends[1]);
  if (error != 0) throw std::system_error(error, std::generic_category(), program);
}

std::string Process::output() const { return contents(out_.get()); }
std::string Process::errors() const { return contents(err_.get()); }

void Process::interrupt() const { signal(SIGINT); }
void Process::signal(int number) const { kill(pid_, number); }

Result Process::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contents(out_.get()),
          contents(err_.get())};
}

Result weld(const Words& words, const std::string& input, Output output) {
  return Process(WELD_BINARY, words, input, output).wait();
}

std::string model(const std::string& name) {
  return std::string(WELD_SOURCE_DIR "/tests/data/models/") + name + ".gguf";
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string scratch(const std::string& name) {
  static const Folder folder;
  return folder.path / name;
}

}  // namespace weld::test

// Reading and writing with every result checked.
#include "cli/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "fail.h"
#include "gguf/header.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

[[noreturn]] void fail_errno(std::string_view name, const char* action) {
  fail("{}: cannot {}: {}", name, action, std::generic_category().message(errno));
}

constexpr const char* standard_output = "standard output";

[[noreturn]] void fail_output() {
  throw OutputError(
      fmt::format("{}: cannot write: {}", standard_output, std::generic_category().message(errno)));
}

/// What messages call a file, or the standard stream that "-" is.
std::string name_of(const std::string& path, const char* standard) {
  return path == "-" ? standard : path.empty() ? "\"\"" : path;
}

/// Whether a file begins as GGUF files do, also while they are rewritten in place.
bool is_model(const std::string& path) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "rbe"),
                                                                &std::fclose);
  char magic[4] = {};
  if (!file || std::fread(magic, 1, sizeof magic, file.get()) != sizeof magic) return false;
  const std::string_view begin(magic, sizeof magic);
  return begin == gguf::whole_magic || gguf::is_rewriting_magic(begin);
}

}  // namespace

void write_output(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_output();
}

void flush_output() {
  if (std::fflush(stdout) != 0) fail_output();
}

void print_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F)
      line += fmt::format("\\x{:02x}", byte);
    else
      line += c;
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

OutputFile::OutputFile(const std::string& path) : path_(name_of(path, standard_output)) {
  struct stat status {};
  if (path == "-") {
    stream_ = stdout;
  } else if (stat(path.c_str(), &status) == 0 ? !S_ISREG(status.st_mode) : path.empty()) {
    stream_ = std::fopen(path.c_str(), "wbe");
    if (!stream_) fail_errno(path_, "create");
  } else {
    if (is_model(path)) fail("{}: is a GGUF file, and would be lost", gguf::plain(path));
    pending_.emplace(path);
  }
}

OutputFile::~OutputFile() {
  if (stream_ && stream_ != stdout) std::fclose(stream_);
}

void OutputFile::write(std::string_view bytes) {
  if (pending_)
    pending_->write(std::as_bytes(std::span(bytes)));
  else if (std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size())
    fail_errno(path_, "write");
}

void OutputFile::close() {
  if (pending_) {
    pending_->finish();
    return;
  }
  if (std::fflush(stream_) != 0) fail_errno(path_, "write");
  std::FILE* stream = std::exchange(stream_, nullptr);
  if (stream != stdout && std::fclose(stream) != 0) fail_errno(path_, "write");
}

std::string read_input(const std::string& path) {
  const bool standard = path == "-";
  const std::string name = name_of(path, "standard input");
  const auto close = [standard](std::FILE* file) {
    if (!standard) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(
      standard ? stdin : std::fopen(path.c_str(), "rbe"), close);
  if (!file) fail_errno(name, "open");
  std::string text;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, n);
    if (text.size() > most_text) fail("{}: is more than 1 GiB of text", name);
  }
  if (std::ferror(file.get())) fail_errno(name, "read");
  return text;
}

void reserve_standard_streams() {
  // Opened the wrong way round for 0 and 1, so that using them fails.
  constexpr int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0) open("/dev/null", modes[descriptor]);
}

}  // namespace weld::cli

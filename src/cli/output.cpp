// Reading and writing with every result checked.
#include "cli/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "fail.h"

namespace weld::cli {
namespace {

[[noreturn]] void fail_errno(std::string_view name, const char* action) {
  fail("{}: cannot {}: {}", name, action, std::generic_category().message(errno));
}

constexpr const char* standard_output = "standard output";

}  // namespace

void write_output(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    fail_errno(standard_output, "write");
}

void flush_output() {
  if (std::fflush(stdout) != 0) fail_errno(standard_output, "write");
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

OutputFile::OutputFile(const std::string& path)
    : path_(path == "-" ? standard_output : path),
      file_(path == "-" ? stdout : std::fopen(path.c_str(), "wbe")) {
  if (!file_) fail_errno(path_, "create");
}

OutputFile::~OutputFile() {
  if (!file_ || file_ == stdout) return;
  struct stat status {};
  const bool regular = fstat(fileno(file_), &status) == 0 && S_ISREG(status.st_mode);
  std::fclose(file_);
  if (regular) unlink(path_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail_errno(path_, "write");
}

void OutputFile::close() {
  if (std::fflush(file_) != 0) fail_errno(path_, "write");
  std::FILE* file = std::exchange(file_, nullptr);
  if (file != stdout && std::fclose(file) != 0) fail_errno(path_, "write");
}

std::string read_input(const std::string& path) {
  const bool standard = path == "-";
  const std::string name = standard ? "standard input" : path;
  const auto close = [standard](std::FILE* file) {
    if (!standard) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(
      standard ? stdin : std::fopen(path.c_str(), "rbe"), close);
  if (!file) fail_errno(name, "open");
  std::string text;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) text.append(buffer, n);
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

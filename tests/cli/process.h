// Running weld as its users do: words and standard input in, output, messages and exit status out.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace weld::test {

struct Result {
  int status = 0;  ///< 128 plus the signal if one ended the program, as a shell has it
  std::string out;
  std::string err;
};

/// What standard output is.
enum class Output {
  Captured,
  Closed,
  Full,        ///< a device that has no room
  BrokenPipe,  ///< a pipe that nobody reads
};

/// How GoogleTest names a parameter of this type.
void PrintTo(Output output, std::ostream* out);

using Words = std::vector<std::string>;

/// A running program.
class Process {
 public:
  Process(const std::string& program, const Words& words, const std::string& input = "",
          Output output = Output::Captured);

  /// What it has written to standard output so far.
  std::string output() const;
  /// The same of standard error.
  std::string errors() const;
  void interrupt() const;
  void signal(int number) const;
  Result wait();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> in_, out_, err_;
  pid_t pid_ = 0;
};

/// Runs weld to its end.
Result weld(const Words& words, const std::string& input = "", Output output = Output::Captured);

/// The path of one of the models in tests/data/models, NAME.gguf.
std::string model(const std::string& name);

/// The bytes of a file.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

/// A path for a file in a folder that goes with the test program.
std::string scratch(const std::string& name);

}  // namespace weld::test

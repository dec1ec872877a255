// libedit on a terminal, plain reading elsewhere.
#include "cli/line_reader.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "fail.h"

namespace weld::cli {

struct LineReader::Terminal {
  EditLine* editor;
  History* history;
  const char* prompt = "";
};

namespace {

constexpr int remembered_lines = 1000;

/// What stands behind an editor.
template <typename T>
T* data_of(EditLine* editor) {
  void* data = nullptr;
  el_get(editor, EL_CLIENTDATA, &data);
  return static_cast<T*>(data);
}

std::optional<std::string> read_plain() {
  std::string line;
  for (;;) {
    const int c = std::getc(stdin);
    if (c == '\n') {
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    if (c == EOF) break;
    line += static_cast<char>(c);
    if (line.size() > most_text) fail("standard input: a line is more than 1 GiB of text");
  }
  if (std::ferror(stdin) && errno != EINTR)
    fail("standard input: cannot read: {}", std::generic_category().message(errno));
  if (line.empty()) return std::nullopt;
  return line;
}

}  // namespace

LineReader::LineReader() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) return;
  std::setlocale(LC_CTYPE, "");  // what a character is
  terminal_ = std::make_unique<Terminal>();
  terminal_->history = history_init();
  HistEvent event;
  history(terminal_->history, &event, H_SETSIZE, remembered_lines);
  EditLine* editor = el_init("weld", stdin, stdout, stderr);
  if (!editor) fail("standard input: this terminal is not one that lines can be edited on");
  terminal_->editor = editor;
  el_set(editor, EL_CLIENTDATA, terminal_.get());
  el_set(
      editor, EL_PROMPT,
      +[](EditLine* of) { return const_cast<char*>(data_of<Terminal>(of)->prompt); });
  el_set(editor, EL_HIST, history, terminal_->history);
  el_set(editor, EL_EDITOR, "emacs");
}

LineReader::~LineReader() {
  if (!terminal_) return;
  history_end(terminal_->history);
  el_end(terminal_->editor);
}

std::optional<std::string> LineReader::read(const char* prompt) {
  cancelled_ = false;
  if (!terminal_) return read_plain();
  terminal_->prompt = prompt;
  int size = 0;
  const char* text = el_gets(terminal_->editor, &size);
  if (!text && interrupted()) {
    forget_interrupt();
    std::fputs("^C\n", stdout);
    el_reset(terminal_->editor);
    cancelled_ = true;
    return "";
  }
  if (!text || size <= 0) {
    std::fputc('\n', stdout);
    return std::nullopt;
  }
  std::string line(text, static_cast<size_t>(size));
  if (line.ends_with('\n')) line.pop_back();
  HistEvent event;
  if (!line.empty()) history(terminal_->history, &event, H_ENTER, line.c_str());
  return line;
}

}  // namespace weld::cli

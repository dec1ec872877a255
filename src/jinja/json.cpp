// nlohmann's reader, which does not recurse, makes values as it goes.
#include "jinja/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "jinja/operations.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

using Json = nlohmann::json;

class Reader : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(Heap& heap) : heap_(heap) {}
  Value result() { return std::move(root_); }

  bool null() override { return add(None{}); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) too_large(std::to_string(value));
    return add(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    // Integers that nlohmann has no room for come here too.
    if (text.find_first_of(".eE") == std::string::npos) too_large(text);
    return add(value);
  }
  bool string(string_t& value) override { return add(make_text(heap_, value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(heap_.make<Dict>(heap_)); }
  bool key(string_t& value) override {
    stack_.back().key = make_text(heap_, value);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(heap_.make<List>(false)); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const Json::exception& error) override {
    fault(json_message(error));
  }

 private:
  struct Open {
    Object* object;
    Value key;
  };

  [[noreturn]] static void too_large(const std::string& text) {
    fault(fmt::format("the integer {} has more than 64 bits", text.substr(0, 40)));
  }
  bool add(Value value) {
    if (stack_.empty())
      root_ = std::move(value);
    else if (auto* list = dynamic_cast<List*>(stack_.back().object))
      list->append(heap_, std::move(value));
    else
      as_dict(stack_.back().object)->set(heap_, stack_.back().key, std::move(value));
    return true;
  }
  bool open(Object* object) {
    add(object);
    heap_.take(sizeof(Open));
    stack_.push_back({object, None{}});
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  Heap& heap_;
  Value root_;
  std::vector<Open> stack_;
};

class Writer {
 public:
  Writer(Builder& out, Heap& heap, const JsonStyle& style)
      : out_(out), heap_(heap), style_(style) {}

  void write(const Value& value, int level) {
    const Descent descent(heap_);
    heap_.step();
    const List* list = as_list(value);
    const Dict* dict = as_dict(value);
    if (const Text* text = as_text(value)) {
      write_text(text->bytes);
    } else if (list) {
      write_list(*list, level);
    } else if (dict) {
      write_dict(*dict, level);
    } else if (is_none(value) || as_number(value)) {
      out_.add(word(value));
    } else {
      fault(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
  }

 private:
  std::string word(const Value& value) const {
    if (is_none(value)) return "null";
    if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto integer = as_int(value)) return std::to_string(*integer);
    const double number = *as_number(value);
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return float_repr(number);
  }

  void write_text(std::string_view text) {
    out_.add("\"");
    while (!text.empty()) {
      const size_t plain =
          std::min(static_cast<size_t>(std::find_if(text.begin(), text.end(),
                                                    [this](char c) { return must_escape(c); }) -
                                       text.begin()),
                   text.size());
      out_.add(text.substr(0, plain));
      text.remove_prefix(plain);
      if (text.empty()) break;
      const auto [code, bytes] = first_character(text);
      out_.add(escape(code));
      text.remove_prefix(bytes);
    }
    out_.add("\"");
  }
  bool must_escape(char c) const {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' ||
           (style_.ascii && static_cast<unsigned char>(c) >= 0x7F && c != 0x7F);
  }
  static std::string escape(uint32_t code) {
    constexpr std::string_view plain = "\"\\\n\r\t\b\f", letters = "\"\\nrtbf";
    if (code < 0x80)
      if (const size_t i = plain.find(static_cast<char>(code)); i != plain.npos)
        return {'\\', letters[i]};
    if (code < 0x10000) return fmt::format("\\u{:04x}", code);
    code -= 0x10000;
    return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (code >> 10U), 0xDC00 + (code & 0x3FFU));
  }

  void break_line(int level) {
    if (!style_.indent) return;
    out_.add("\n");
    out_.add(static_cast<size_t>(level), *style_.indent);
  }

  void write_list(const List& list, int level) {
    out_.add("[");
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_.add(style_.item_separator);
      break_line(level + 1);
      write(list.items[i], level + 1);
    }
    if (!list.items.empty()) break_line(level);
    out_.add("]");
  }

  void write_dict(const Dict& dict, int level) {
    std::vector<const Dict::Entry*> entries;
    heap_.step(dict.entries().size());
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(), [this](const auto* a, const auto* b) {
        return less(heap_, a->key, b->key);
      });
    out_.add("{");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_.add(style_.item_separator);
      break_line(level + 1);
      const Value& key = entries[i]->key;
      if (const Text* text = as_text(key))
        write_text(text->bytes);
      else if (is_none(key) || as_number(key))
        write_text(word(key));
      else
        fault(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
      out_.add(style_.key_separator);
      write(entries[i]->value, level + 1);
    }
    if (!entries.empty()) break_line(level);
    out_.add("}");
  }

  Builder& out_;
  Heap& heap_;
  const JsonStyle& style_;
};

}  // namespace

std::string json_message(const std::exception& error) {
  // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
  const std::string_view what = error.what();
  const size_t end = what.find("] ");
  return std::string(what.substr(end == what.npos ? 0 : end + 2));
}

Value parse_json(Heap& heap, std::string_view text) {
  Reader reader(heap);
  Json::sax_parse(text.begin(), text.end(), &reader);
  return reader.result();
}

void write_json(Builder& out, Heap& heap, const Value& value, const JsonStyle& style) {
  Writer(out, heap, style).write(value, 0);
}

}  // namespace weld::jinja

// The values of the template language, which are Python's, and the heap that they live on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/limits.h"

namespace weld::jinja {

/// An error of the language on its way to the node that knows its line.
struct Fault {
  std::string message;
  int line = 0;  ///< 0: not known yet
};

/// Throws a Fault.
[[noreturn]] void fault(std::string message);

class Object;

/// Owns the objects of one render until its end, so that they may refer to each other at will, and
/// counts what the render uses.
class Heap {
 public:
  explicit Heap(const Limits& limits) : limits_(limits) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Counts work. Throws Fault where it is too much; so do all that follow.
  void step(uint64_t count = 1);
  /// Counts bytes that will be taken, before they are.
  void take(size_t bytes);
  void give(size_t bytes) { memory_ -= bytes; }
  const Limits& limits() const { return limits_; }

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    take(sizeof(T) + sizeof(void*));
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T* result = object.get();
    objects_.push_back(std::move(object));
    return result;
  }

 private:
  friend class Descent;
  Limits limits_;
  uint64_t steps_ = 0;
  size_t memory_ = 0;
  int depth_ = 0;
  std::vector<std::unique_ptr<Object>> objects_;
};

/// One level of recursion, for as long as it lives.
class Descent {
 public:
  explicit Descent(Heap& heap) : heap_(heap) {
    if (heap.depth_ >= heap.limits_.depth) fault("nested too deeply");
    ++heap.depth_;
  }
  ~Descent() { --heap_.depth_; }
  Descent(const Descent&) = delete;
  Descent& operator=(const Descent&) = delete;

 private:
  Heap& heap_;
};

/// UTF-8 text that never changes.
class Text {
 public:
  /// Takes over bytes that are counted already.
  Text(Heap& heap, std::string bytes, bool markup);
  ~Text() { heap_.give(bytes.size()); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  /// Characters.
  size_t length() const { return length_; }
  bool ascii() const { return length_ == bytes.size(); }
  /// The byte at which a character begins; `index` may be the length.
  size_t offset(size_t index) const;

  const std::string bytes;
  const bool markup;  ///< what `safe` and `escape` give: adding to it escapes

 private:
  Heap& heap_;
  size_t length_;
};

struct None {};

/// What a variable or an attribute is that does not exist.
struct Undefined {
  std::shared_ptr<const Text> why;
};

using Value =
    std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>, Object*>;

/// Hands over the next element; false at the end.
using Next = std::function<bool(Value& element)>;

/// Everything that is not a number or a text.
class Object {
 public:
  virtual ~Object() = default;
  /// Python's name for its type.
  virtual const char* type() const = 0;
  /// What `object.name` is, unless it is a method or a key.
  virtual std::optional<Value> attribute(Heap&, const std::string&) { return std::nullopt; }
  virtual std::optional<size_t> length() const { return std::nullopt; }
  /// Null if it cannot be passed over.
  virtual Next elements(Heap&) { return nullptr; }
};

class List : public Object {
 public:
  explicit List(bool tuple) : tuple(tuple) {}
  const char* type() const override { return tuple ? "tuple" : "list"; }
  std::optional<Value> attribute(Heap& heap, const std::string& name) override;
  std::optional<size_t> length() const override { return items.size(); }
  Next elements(Heap& heap) override;
  void append(Heap& heap, Value value);

  std::vector<Value> items;
  bool tuple;
  bool group = false;  ///< a pair that `groupby` made: its items are `grouper` and `list`
};

class Dict : public Object {
 public:
  struct Entry {
    Value key;
    Value value;
  };

  explicit Dict(Heap& heap) : index_(0, Hash{&heap}, Equal{&heap}) {}
  const char* type() const override { return "dict"; }
  std::optional<size_t> length() const override { return entries_.size(); }
  Next elements(Heap& heap) override;

  const std::vector<Entry>& entries() const { return entries_; }
  /// Null if there is none. Throws Fault if the key cannot be hashed.
  const Value* find(Heap& heap, const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(Heap& heap, const Value& key, Value value);
  /// The value that was there, taken out.
  std::optional<Value> take(Heap& heap, const Value& key);
  void clear();

 private:
  struct Hash {
    Heap* heap;
    size_t operator()(const Value& value) const;
  };
  struct Equal {
    Heap* heap;
    bool operator()(const Value& a, const Value& b) const;
  };
  std::optional<size_t> place(Heap& heap, const Value& key) const;

  std::vector<Entry> entries_;
  /// Places in entries_; empty while there are few.
  std::unordered_map<Value, size_t, Hash, Equal> index_;
};

/// Keys, values or pairs of a dict, as it is when they are looked at.
class DictView : public Object {
 public:
  enum class Part { Keys, Values, Items };
  DictView(Dict& dict, Part part) : dict(dict), part(part) {}
  const char* type() const override;
  std::optional<size_t> length() const override { return dict.length(); }
  Next elements(Heap& heap) override;

  Dict& dict;
  const Part part;
};

class Range : public Object {
 public:
  Range(int64_t first, int64_t last, int64_t step);
  const char* type() const override { return "range"; }
  std::optional<size_t> length() const override { return static_cast<size_t>(count); }
  Next elements(Heap& heap) override;

  int64_t first, last, step, count;
};

class Namespace : public Object {
 public:
  explicit Namespace(Dict& values) : values(values) {}
  const char* type() const override { return "Namespace"; }
  std::optional<Value> attribute(Heap& heap, const std::string& name) override;

  Dict& values;
};

/// Elements that are made as they are asked for, once.
class Generator : public Object {
 public:
  explicit Generator(Next next) : next(std::move(next)) {}
  const char* type() const override { return "generator"; }
  Next elements(Heap& heap) override;

  Next next;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// Takes a named argument out.
  std::optional<Value> take(std::string_view name);
};

class Callable : public Object {
 public:
  const char* type() const override { return "function"; }
  virtual Value call(Heap& heap, Arguments& arguments) = 0;
};

/// Text being put together; its bytes are counted as they come.
class Builder {
 public:
  explicit Builder(Heap& heap) : heap_(heap) {}
  ~Builder() { heap_.give(bytes_.size()); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  void add(std::string_view text);
  void add(size_t count, std::string_view text);
  const std::string& bytes() const { return bytes_; }
  Value finish(bool markup = false);

 private:
  Heap& heap_;
  std::string bytes_;
};

Value make_text(Heap& heap, std::string_view bytes, bool markup = false);
Value make_undefined(Heap& heap, std::string_view why);
Value make_list(Heap& heap, std::vector<Value> items, bool tuple = false);

// Null where the value is something else.
const Text* as_text(const Value& value);
List* as_list(const Value& value);  ///< or tuple
Dict* as_dict(const Value& value);
template <typename T>
T* as(const Value& value) {
  Object* const* object = std::get_if<Object*>(&value);
  return object ? dynamic_cast<T*>(*object) : nullptr;
}
inline bool is_undefined(const Value& value) { return std::holds_alternative<Undefined>(value); }
inline bool is_none(const Value& value) { return std::holds_alternative<None>(value); }
inline bool is_float(const Value& value) { return std::holds_alternative<double>(value); }
/// A bool is an integer too.
std::optional<int64_t> as_int(const Value& value);
/// Of an integer or a float.
std::optional<double> as_number(const Value& value);

}  // namespace weld::jinja

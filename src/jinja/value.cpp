// Making values, and counting what they take.
#include "jinja/value.h"

#include <fmt/format.h>

#include <algorithm>

#include "jinja/operations.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

/// Dicts of so many keys are searched one by one.
constexpr size_t few = 8;

}  // namespace

void fault(std::string message) { throw Fault{std::move(message)}; }

void Heap::step(uint64_t count) {
  if (count > limits_.steps - steps_) fault(fmt::format("more than {} steps", limits_.steps));
  steps_ += count;
}

void Heap::take(size_t bytes) {
  if (bytes > limits_.memory - memory_)
    fault(fmt::format("more than {} bytes of memory", limits_.memory));
  memory_ += bytes;
}

Text::Text(Heap& heap, std::string text, bool is_markup)
    : bytes(std::move(text)), markup(is_markup), heap_(heap), length_(count_characters(bytes)) {}

size_t Text::offset(size_t index) const {
  if (ascii()) return index;
  heap_.step(bytes.size() / 16);
  return character_offset(bytes, index);
}

std::optional<Value> List::attribute(Heap&, const std::string& name) {
  if (group && name == "grouper") return items[0];
  if (group && name == "list") return items[1];
  return std::nullopt;
}

Next List::elements(Heap&) {
  return [this, i = size_t{0}](Value& element) mutable {
    if (i >= items.size()) return false;
    element = items[i++];
    return true;
  };
}

void List::append(Heap& heap, Value value) {
  heap.take(2 * sizeof(Value));
  items.push_back(std::move(value));
}

size_t Dict::Hash::operator()(const Value& value) const { return hash(*heap, value); }
bool Dict::Equal::operator()(const Value& a, const Value& b) const { return equals(*heap, a, b); }

std::optional<size_t> Dict::place(Heap& heap, const Value& key) const {
  if (entries_.size() > few) {
    const auto found = index_.find(key);
    return found == index_.end() ? std::nullopt : std::optional(found->second);
  }
  hash(heap, key);  // for its complaint, if it has one
  for (size_t i = 0; i < entries_.size(); ++i)
    if (equals(heap, entries_[i].key, key)) return i;
  return std::nullopt;
}

const Value* Dict::find(Heap& heap, const Value& key) const {
  const auto at = place(heap, key);
  return at ? &entries_[*at].value : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  for (const Entry& entry : entries_)
    if (const Text* text = as_text(entry.key); text && text->bytes == key) return &entry.value;
  return nullptr;
}

void Dict::set(Heap& heap, const Value& key, Value value) {
  if (const auto at = place(heap, key)) {
    entries_[*at].value = std::move(value);
    return;
  }
  heap.take(6 * sizeof(Entry));
  entries_.push_back({key, std::move(value)});
  if (entries_.size() <= few) return;
  for (size_t i = index_.size(); i < entries_.size(); ++i) index_.emplace(entries_[i].key, i);
}

std::optional<Value> Dict::take(Heap& heap, const Value& key) {
  const auto at = place(heap, key);
  if (!at) return std::nullopt;
  heap.step(entries_.size());
  const Value value = entries_[*at].value;
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(*at));
  index_.clear();
  if (entries_.size() > few)
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].key, i);
  return value;
}

void Dict::clear() {
  entries_.clear();
  index_.clear();
}

Next Dict::elements(Heap& heap) { return DictView(*this, DictView::Part::Keys).elements(heap); }

const char* DictView::type() const {
  return part == Part::Keys ? "dict_keys" : part == Part::Values ? "dict_values" : "dict_items";
}

Next DictView::elements(Heap& heap) {
  return [&heap, &dict = dict, part = part, size = *dict.length(),
          i = size_t{0}](Value& element) mutable {
    if (*dict.length() != size) fault("dictionary changed size during iteration");
    if (i == size) return false;
    const Dict::Entry& entry = dict.entries()[i++];
    if (part == Part::Items)
      element = make_list(heap, {entry.key, entry.value}, true);
    else
      element = part == Part::Keys ? entry.key : entry.value;
    return true;
  };
}

Range::Range(int64_t begin, int64_t end, int64_t by) : first(begin), last(end), step(by), count(0) {
  // The distance between two integers of 64 bits may have 65.
  const auto distance = [](int64_t low, int64_t high, uint64_t stride) {
    return low < high ? (static_cast<uint64_t>(high) - static_cast<uint64_t>(low) - 1) / stride + 1
                      : 0;
  };
  const uint64_t size = step > 0 ? distance(first, last, static_cast<uint64_t>(step))
                                 : distance(last, first, 0 - static_cast<uint64_t>(step));
  // As Jinja's sandbox has it.
  constexpr uint64_t most = 100'000;
  if (size > most) fault(fmt::format("range too big: more than {} elements", most));
  count = static_cast<int64_t>(size);
}

Next Range::elements(Heap&) {
  return [this, i = int64_t{0}](Value& element) mutable {
    if (i == count) return false;
    element = first + i++ * step;
    return true;
  };
}

std::optional<Value> Namespace::attribute(Heap& heap, const std::string& name) {
  const Value* value = values.find(heap, make_text(heap, name));
  return value ? std::optional(*value) : std::nullopt;
}

Next Generator::elements(Heap& heap) {
  return [this, &heap](Value& element) {
    const Descent descent(heap);  // generators may read from generators
    return next(element);
  };
}

std::optional<Value> Arguments::take(std::string_view name) {
  const auto found = std::find_if(named.begin(), named.end(),
                                  [&](const auto& argument) { return argument.first == name; });
  if (found == named.end()) return std::nullopt;
  const Value value = found->second;
  named.erase(found);
  return value;
}

void Builder::add(std::string_view text) {
  heap_.step(text.size() / 16);
  heap_.take(text.size());
  bytes_ += text;
}

void Builder::add(size_t count, std::string_view text) {
  if (count > 0 && text.size() > heap_.limits().memory / count) heap_.take(SIZE_MAX);
  heap_.step(count * text.size() / 16);
  heap_.take(count * text.size());
  if (text.size() == 1)
    bytes_.append(count, text[0]);
  else
    for (size_t i = 0; i < count && !text.empty(); ++i) bytes_ += text;
}

Value Builder::finish(bool markup) {
  auto text = std::make_shared<const Text>(heap_, std::move(bytes_), markup);
  bytes_.clear();
  return text;
}

Value make_text(Heap& heap, std::string_view bytes, bool markup) {
  Builder builder(heap);
  builder.add(bytes);
  return builder.finish(markup);
}

Value make_undefined(Heap& heap, std::string_view why) {
  return Undefined{std::get<std::shared_ptr<const Text>>(make_text(heap, why))};
}

Value make_list(Heap& heap, std::vector<Value> items, bool tuple) {
  heap.take(items.size() * sizeof(Value));
  List* list = heap.make<List>(tuple);
  list->items = std::move(items);
  return list;
}

const Text* as_text(const Value& value) {
  const auto* text = std::get_if<std::shared_ptr<const Text>>(&value);
  return text ? text->get() : nullptr;
}

List* as_list(const Value& value) { return as<List>(value); }
Dict* as_dict(const Value& value) { return as<Dict>(value); }

std::optional<int64_t> as_int(const Value& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? 1 : 0;
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return *integer;
  return std::nullopt;
}

std::optional<double> as_number(const Value& value) {
  if (const auto integer = as_int(value)) return static_cast<double>(*integer);
  if (const double* number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

}  // namespace weld::jinja

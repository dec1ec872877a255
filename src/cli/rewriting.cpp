// Words to a request, what came of it to words.
#include "cli/rewriting.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "fail.h"
#include "gguf/quoted.h"
#include "rewrite/copy.h"
#include "rewrite/in_place.h"
#include "rewrite/readers.h"

namespace weld::cli {
namespace {

using rewrite::Group;
using rewrite::Layout;
using rewrite::Request;
using rewrite::UnitResult;

struct RewriteFlags {
  std::string in, out;
  std::string only = "all";
  std::string shard_size;
  uint64_t shard_bytes = 0;
  bool in_place = false;
  bool retype = false;
};

void add_flags(Flags& flags, bool merge, RewriteFlags& values) {
  flags.add_option("IN", values.in, "the model; of several shards, any");
  flags.add_option("OUT", values.out, "where to write; replaced if it is there");
  flags.add_flag("--in-place", values.in_place,
                 "instead of writing OUT, rewrite IN where it is; `weld recover IN` finishes it\n"
                 "if it is cut off");
  flags.add_choice("--only", values.only, {"all", "qkv", "gate-up"}, "which tensors");
  flags
      .add_option("--shard-size", values.shard_size,
                  "write shards OUT-00001-of-0000N.gguf of at most so many bytes; 4G is 4 * 2^30")
      ->type_name("SIZE");
  if (merge)
    flags.add_flag("--retype", values.retype,
                   "convert members of different types to the widest of them");
}

/// "4G", "500M", "1000000".
uint64_t parse_size(const std::string& word) {
  uint64_t number = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  const std::string_view unit(stop, static_cast<size_t>(end - stop));
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (error != std::errc() || number == 0 || shift < 0 || number > UINT64_MAX >> 1 >> shift)
    throw UsageError(
        fmt::format("--shard-size: must be a size such as 500M or 4G, is \"{}\"", word));
  return number << shift;
}

Request make_request(const RewriteFlags& values, Request::Action action) {
  return {.action = action,
          .qkv = values.only != "gate-up",
          .gate_up = values.only != "qkv",
          .retype = values.retype,
          .shard_bytes = values.shard_bytes};
}

void check_usage(const RewriteFlags& values, const char* name) {
  if (values.in.empty()) throw UsageError(fmt::format("which file? weld {} IN OUT", name));
  if (values.in_place && !values.out.empty())
    throw UsageError("--in-place takes one file, and rewrites it");
  if (!values.in_place && values.out.empty())
    throw UsageError("where to? give OUT, or --in-place to rewrite the file where it is");
  if (values.in_place && values.shard_bytes > 0)
    throw UsageError("--in-place and --shard-size do not go together");
  if (values.in_place && values.retype)
    throw UsageError("--in-place and --retype do not go together: sizes would change");
}

/// "block 3", "blocks 0 to 3, 7"
std::string ranges_text(const std::vector<uint64_t>& blocks) {
  std::string text;
  for (size_t i = 0; i < blocks.size();) {
    size_t last = i;
    while (last + 1 < blocks.size() && blocks[last + 1] == blocks[last] + 1) ++last;
    text += text.empty() ? "" : ", ";
    text +=
        last == i ? fmt::format("{}", blocks[i]) : fmt::format("{} to {}", blocks[i], blocks[last]);
    i = last + 1;
  }
  return (blocks.size() == 1 ? "block " : "blocks ") + text;
}

/// One line for each group that was done, one for each group and reason that was not.
void report_units(const Layout& layout, Request::Action action) {
  const bool merge = action == Request::Action::Merge;
  std::map<std::pair<const Group*, std::string>, std::vector<uint64_t>> outcomes;
  for (const UnitResult& result : layout.units)
    outcomes[{result.unit.group, result.reason}].push_back(result.unit.block);
  for (const auto& [outcome, blocks] : outcomes) {
    const auto& [group, reason] = outcome;
    const std::string where = ranges_text(blocks);
    if (reason.empty())
      print_line(fmt::format("{}: {} in {}", group->name, merge ? "merged" : "split", where));
    else
      print_line(fmt::format("{}: left {} in {}: {}", group->name, merge ? "separate" : "merged",
                             where, reason));
  }
  if (layout.units.empty() && !layout.restored)
    print_line(merge ? "nothing to merge" : "nothing to split");
  if (layout.restored) print_line("the layout is that of the file that weld merge was given");
}

void report_retyping(const Layout& layout, const rewrite::RetypeError& error) {
  uint64_t added = 0;
  for (const UnitResult& result : layout.units) added += result.bytes_added;
  if (added == 0) return;
  print_line(
      fmt::format("retyped: {} bytes more; the squared error of the weights encoded anew is "
                  "{:.3g} of their squares",
                  added, error.squares > 0 ? error.errors / error.squares : 0));
}

/// Who can read the merged tensors that were made.
void report_readers(const gguf::File& file, const Layout& layout) {
  std::set<const Group*> merged;
  for (const UnitResult& result : layout.units)
    if (result.reason.empty()) merged.insert(result.unit.group);
  const gguf::Value* value = file.find("general.architecture");
  const std::string architecture(value ? file.find_string("general.architecture").value_or("")
                                       : "");
  if (merged.empty() || architecture.empty()) return;
  std::string text;
  for (const rewrite::Reader& reader : rewrite::readers) {
    for (const Group* group : merged)
      text +=
          fmt::format("; {} {} merged {}", reader.name,
                      reader.reads(architecture, *group) ? "reads" : "does not read", group->name);
  }
  print_line(fmt::format("{}: weld reads this{} (as of {})", gguf::plain(architecture, 40), text,
                         rewrite::readers_date));
}

rewrite::Progress progress_to(ByteProgress& bar) {
  return [&bar](uint64_t bytes) {
    bar.add(bytes);
    return !interrupted();
  };
}

void rewrite_beside(const RewriteFlags& values, const Request& request, const char* name) {
  const gguf::File file = gguf::File::open(values.in);
  const Layout layout = rewrite::lay_out(file, request, values.out);
  rewrite::RetypeError error;
  {
    ByteProgress bar(name, rewrite::output_bytes(layout));
    error = rewrite::write_layout(file, layout, progress_to(bar));
  }
  report_units(layout, request.action);
  report_retyping(layout, error);
  if (request.action == Request::Action::Merge) report_readers(file, layout);
}

void rewrite_here(const RewriteFlags& values, const Request& request, const char* name) {
  if (rewrite::needs_recovery(values.in)) recover_file(values.in);
  std::optional<ByteProgress> bar;
  const Layout layout = rewrite::rewrite_in_place(
      values.in, request, [&](uint64_t bytes) { return progress_to(bar.emplace(name, bytes)); });
  bar.reset();
  report_units(layout, request.action);
  if (request.action == Request::Action::Merge) report_readers(gguf::File::open(values.in), layout);
}

}  // namespace

int rewrite_file(Request::Action action, const Words& words) {
  const bool merge = action == Request::Action::Merge;
  const char* name = merge ? "merge" : "split";
  RewriteFlags values;
  Flags flags(
      name, merge ? "Puts Q, K and V, and the experts' gate and up, into one tensor each. Nothing\n"
                    "is lost: `weld split` makes the same file again, byte for byte. Members of\n"
                    "different types or scales are left separate."
                  : "Puts merged Q, K and V, gate and up into a tensor each. What `weld merge`\n"
                    "made becomes the file that it was given, byte for byte.");
  add_flags(flags, merge, values);
  if (!flags.read(words)) return 0;
  if (flags.count("--shard-size") > 0) values.shard_bytes = parse_size(values.shard_size);
  check_usage(values, name);
  const Request request = make_request(values, action);
  return run_interruptible([&] {
    values.in_place ? rewrite_here(values, request, name) : rewrite_beside(values, request, name);
  });
}

void recover_file(const std::string& path) {
  std::optional<ByteProgress> bar;
  const rewrite::Recovery found = rewrite::recover(
      path, [&](uint64_t bytes) { return progress_to(bar.emplace("recover", bytes)); });
  bar.reset();
  const std::string shown = gguf::plain(path);
  switch (found) {
    case rewrite::Recovery::Whole:
      print_line(fmt::format("{}: is whole, there is nothing to recover", shown));
      break;
    case rewrite::Recovery::RolledBack:
      print_line(fmt::format("{}: nothing had been changed yet, it is what it was", shown));
      break;
    case rewrite::Recovery::Finished:
      print_line(fmt::format("{}: finished the rewrite that was cut off", shown));
      break;
  }
}

}  // namespace weld::cli

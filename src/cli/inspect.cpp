// weld inspect: what a model is, what it is stored in, and what fuses with what.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/inspection.h"
#include "cli/output.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

// Keys keep the order in which they are added.
using Json = nlohmann::ordered_json;

std::string shape(const gguf::Tensor& tensor) {
  return fmt::format("{}",
                     fmt::join(tensor.dims.begin(), tensor.dims.begin() + tensor.rank, " x "));
}

Json to_json(const FusionRange& range) {
  Json groups = Json::array();
  for (const Fusion& fusion : range.fusions) {
    Json members = Json::array();
    for (const Member& member : fusion.members)
      members.push_back({{"name", member.name},
                         {"type", member.type},
                         {"rows", member.rows},
                         {"experts", member.experts},
                         {"bytes", member.bytes}});
    groups.push_back({{"name", fusion.name},
                      {"layout", fusion.layout},
                      {"bytes_moved", fusion.bytes_moved},
                      {"members", members}});
  }
  return {{"first", range.first}, {"last", range.last}, {"groups", groups}};
}

Json to_json(const model::Config& config) {
  return {{"layers", config.layers},
          {"context", config.context},
          {"embedding", config.embedding},
          {"heads", config.heads},
          {"key_value_heads", config.key_value_heads},
          {"key_size", config.key_size},
          {"value_size", config.value_size},
          {"feed_forward", config.experts ? config.expert_feed_forward : config.feed_forward},
          {"experts", config.experts},
          {"experts_used", config.experts_used},
          {"window", config.window}};
}

std::string as_json(const gguf::File& file, const Inspection& found, bool all) {
  Json json{{"file", file.path()},
            {"shards", file.shards().size()},
            {"bytes", file.bytes()},
            {"version", file.version()},
            {"name", found.name},
            {"architecture", found.architecture},
            {"parameters", found.parameters},
            {"runs", found.config.has_value()},
            {"refusal", found.refusal}};
  json["config"] = found.config ? to_json(*found.config) : Json();
  json["tokenizer"] =
      found.tokenizer.empty()
          ? Json()
          : Json{{"model", found.tokenizer}, {"pre", found.pretokenizer}, {"tokens", found.tokens}};
  json["types"] = Json::array();
  for (const TypeUse& use : found.types)
    json["types"].push_back({{"type", use.type}, {"tensors", use.tensors}, {"bytes", use.bytes}});
  json["layers"] = Json::array();
  for (const FusionRange& range : found.ranges) json["layers"].push_back(to_json(range));
  if (all) {
    json["metadata"] = Json::object();
    for (const auto& [key, value] : file.metadata())
      json["metadata"][std::string(key)] = gguf::describe(value);
    json["tensors"] = Json::array();
    for (const gguf::Tensor& tensor : file.tensors())
      json["tensors"].push_back(
          {{"name", tensor.name},
           {"type", gguf::info(tensor.type).name},
           {"shape", std::vector<uint64_t>(tensor.dims.begin(), tensor.dims.begin() + tensor.rank)},
           {"bytes", tensor.bytes}});
  }
  // Names may hold bytes that are not UTF-8, which JSON cannot say.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// The text report, line by line.
class Report {
 public:
  void field(const char* name, const std::string& value) {
    text_ += fmt::format("{:<14}{}\n", name, value);
  }
  void line(const std::string& value) { text_ += value + '\n'; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void describe_config(const model::Config& config, Report& report) {
  report.field("layers", fmt::format("{}, embedding {}", config.layers, config.embedding));
  report.field(
      "attention",
      fmt::format("{} heads, {} key-value heads; keys {}, values {}{}", config.heads,
                  config.key_value_heads, config.key_size, config.value_size,
                  config.window ? fmt::format("; window {} in even layers", config.window) : ""));
  report.field("feed-forward", config.experts
                                   ? fmt::format("{} experts of {}, {} used", config.experts,
                                                 config.expert_feed_forward, config.experts_used)
                                   : fmt::format("{}", config.feed_forward));
  report.field("context", fmt::format("{} tokens", config.context));
}

void describe_fusion(const FusionRange& range, Report& report) {
  report.line("");
  report.line(range.first == range.last ? fmt::format("layer {}", range.first)
                                        : fmt::format("layers {} to {}", range.first, range.last));
  for (const Fusion& fusion : range.fusions) {
    std::string members;
    for (const Member& member : fusion.members)
      members +=
          fmt::format("{}{} {} {}{} rows", members.empty() ? "" : " + ", member.name, member.type,
                      member.experts > 1 ? fmt::format("{} x ", member.experts) : "", member.rows);
    report.line(fmt::format("  {:<9}{:<10}{}; bytes moved: {}", fusion.name, fusion.layout, members,
                            fusion.bytes_moved));
  }
}

std::string as_text(const gguf::File& file, const Inspection& found, bool all) {
  Report report;
  const auto shown = [](const std::string& text) { return gguf::plain(text, 200); };
  const size_t shards = file.shards().size();
  report.field("file", fmt::format("{} ({} bytes{})", shown(file.path()), file.bytes(),
                                   shards > 1 ? fmt::format(" in {} shards", shards) : ""));
  if (!found.name.empty()) report.field("name", shown(found.name));
  if (!found.architecture.empty()) report.field("architecture", shown(found.architecture));
  if (!found.refusal.empty()) report.field("runs", "no: " + found.refusal);
  report.field("parameters", fmt::format("{}", found.parameters));
  if (found.config) describe_config(*found.config, report);
  report.field(
      "tokenizer",
      found.tokenizer.empty()
          ? "none"
          : fmt::format("{}{}, {} tokens", shown(found.tokenizer),
                        found.pretokenizer.empty() ? "" : " (" + shown(found.pretokenizer) + ")",
                        found.tokens));
  report.line("");
  report.line(fmt::format("{:<10}{:>8}{:>16}", "type", "tensors", "bytes"));
  for (const TypeUse& use : found.types)
    report.line(fmt::format("{:<10}{:>8}{:>16}", use.type, use.tensors, use.bytes));
  for (const FusionRange& range : found.ranges) describe_fusion(range, report);
  if (all) {
    report.line("");
    for (const auto& [key, value] : file.metadata())
      report.line(fmt::format("{} = {}", gguf::plain(key), gguf::describe(value)));
    report.line("");
    for (const gguf::Tensor& tensor : file.tensors())
      report.line(fmt::format("{:<40} {:<8} {}", gguf::plain(tensor.name),
                              gguf::info(tensor.type).name, shape(tensor)));
  }
  return report.text();
}

}  // namespace

int inspect(const Words& words) {
  std::string path;
  bool json = false, all = false;
  Flags flags(
      "inspect",
      "Shows what a model is, the types it is stored in, and for each layer what fuses with\n"
      "what. Everything in the file is checked but the values of the weights.");
  CLI::Option* word = flags.add_option("FILE", path, "the model, a GGUF file");
  flags.add_option("-m,--model", path, "the same")->type_name("FILE")->excludes(word);
  flags.add_flag("--json", json, "print JSON, for programs");
  flags.add_flag("--all", all, "list all metadata and all tensors too");
  if (!flags.read(words)) return 0;
  if (flags.count("FILE") + flags.count("-m") == 0)
    throw UsageError("which model? weld inspect FILE");

  const gguf::File file = gguf::File::open(path);
  const Inspection found = examine(file);
  all = all || !found.config;
  write_output(json ? as_json(file, found, all) : as_text(file, found, all));
  return 0;
}

}  // namespace weld::cli

// Recursive descent over Jinja's grammar, in the order of its precedence.
#include "jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>

#include "jinja/functions.h"
#include "jinja/lexer.h"
#include "jinja/limits.h"
#include "jinja/operations.h"
#include "jinja/value.h"

namespace weld::jinja {
namespace {

using Kind = Node::Kind;
using Body = std::vector<const Node*>;
using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)) {}

  Program run() {
    program_.body = parse_body({});
    check_known(0);
    return std::move(program_);
  }

 private:
  /// A filter or test that does not exist. That is an error at once, unless it stands in a
  /// condition's branch: there it is one when it is reached.
  struct Unknown {
    std::string message;
    int line;
  };

  /// One level of recursion.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (parser.level_ >= max_nesting) parser.fail("nested too deeply");
      ++parser.level_;
    }
    ~Level() { --parser_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  // Tokens.

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  [[noreturn]] void fail(std::string message) const {
    throw Fault{std::move(message), current().line};
  }

  static bool is_name(const Token& token, std::string_view name) {
    return token.kind == Token::Kind::Name && token.text == name;
  }
  bool at_name(std::string_view name) const { return is_name(current(), name); }
  bool at_any(Names names) const {
    return std::any_of(names.begin(), names.end(), [this](auto name) { return at_name(name); });
  }
  bool at_operator(std::string_view sign) const {
    return current().kind == Token::Kind::Operator && current().text == sign;
  }
  bool skip_name(std::string_view name) { return at_name(name) && (take(), true); }
  bool skip_operator(std::string_view sign) { return at_operator(sign) && (take(), true); }

  static std::string describe(const Token& token) {
    switch (token.kind) {
      case Token::Kind::Name:
      case Token::Kind::Operator:
        return token.text;
      case Token::Kind::String:
        return "string";
      case Token::Kind::Integer:
        return "integer";
      case Token::Kind::Float:
        return "float";
      case Token::Kind::BlockEnd:
        return "end of statement block";
      case Token::Kind::VariableEnd:
        return "end of print statement";
      default:
        return "end of template";
    }
  }
  void expect(Token::Kind kind, const char* what) {
    if (current().kind != kind)
      fail(fmt::format("expected token '{}', got '{}'", what, describe(current())));
    take();
  }
  void expect_operator(std::string_view sign) {
    if (!skip_operator(sign))
      fail(fmt::format("expected token '{}', got '{}'", sign, describe(current())));
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name))
      fail(fmt::format("expected token '{}', got '{}'", name, describe(current())));
  }
  void expect_block_end() { expect(Token::Kind::BlockEnd, "end of statement block"); }
  std::string take_name() {
    if (current().kind != Token::Kind::Name)
      fail(fmt::format("expected token 'name', got '{}'", describe(current())));
    return take().text;
  }

  // Nodes.

  Node* make(Kind kind, int line) {
    Node& node = program_.nodes.emplace_back();
    node.kind = kind;
    node.line = line;
    return &node;
  }
  Node* make(Kind kind, int line, const Node* left, const Node* right = nullptr) {
    Node* node = make(kind, line);
    node->left = left;
    node->right = right;
    return node;
  }
  int intern(const std::string& name) {
    const auto [place, is_new] = ids_.emplace(name, static_cast<int>(program_.names.size()));
    if (is_new) program_.names.push_back(name);
    return place->second;
  }
  Node* make_constant(Kind kind, int line, Literal value) {
    Node* node = make(kind, line);
    node->id = static_cast<int>(program_.constants.size());
    program_.constants.push_back(std::move(value));
    return node;
  }

  void check_known(size_t from) const {
    if (unknown_.size() > from) throw Fault{unknown_[from].message, unknown_[from].line};
  }

  // Statements.

  /// Statements up to a tag of one of these names, at which it stops; none: to the end.
  Body parse_body(Names ends) {
    Body body;
    for (;;) {
      const int line = current().line;
      switch (current().kind) {
        case Token::Kind::Data:
          body.push_back(make_constant(Kind::Data, line, take().text));
          break;
        case Token::Kind::VariableBegin:
          take();
          body.push_back(make(Kind::Print, line, parse_tuple()));
          expect(Token::Kind::VariableEnd, "end of print statement");
          break;
        case Token::Kind::BlockBegin:
          take();
          if (at_any(ends)) return body;
          parse_statement(body, ends);
          expect_block_end();
          break;
        default:
          if (ends.size() > 0)
            fail(
                fmt::format("Unexpected end of template. Jinja was looking for the following "
                            "tags: '{}'.",
                            fmt::join(ends, "' or '")));
          return body;
      }
    }
  }

  /// The rest of a tag, and then statements up to one of these.
  Body parse_block(Names ends) {
    skip_operator(":");
    expect_block_end();
    return parse_body(ends);
  }
  /// The same with the end taken.
  Body parse_whole_block(std::string_view end) {
    Body body = parse_block({end});
    take();
    return body;
  }

  void parse_statement(Body& body, Names ends) {
    const Level level(*this);
    if (current().kind != Token::Kind::Name) fail("tag name expected");
    const int line = current().line;
    const std::string tag = current().text;
    if (tag == "print") {
      take();
      for (bool begun = false; current().kind != Token::Kind::BlockEnd; begun = true) {
        if (begun) expect_operator(",");
        body.push_back(make(Kind::Print, line, parse_expression()));
      }
      return;
    }
    constexpr std::pair<std::string_view, const Node* (Parser::*)(int)> statements[] = {
        {"for", &Parser::parse_for},
        {"if", &Parser::parse_if},
        {"set", &Parser::parse_set},
        {"macro", &Parser::parse_macro},
        {"call", &Parser::parse_call_block},
        {"filter", &Parser::parse_filter_block},
        {"with", &Parser::parse_with},
        {"break", &Parser::parse_jump},
        {"continue", &Parser::parse_jump},
        {"generation", &Parser::parse_generation},
        {"block", &Parser::parse_template_block},
    };
    for (const auto& [name, parse] : statements)
      if (name == tag) {
        if (tag != "break" && tag != "continue") take();
        body.push_back((this->*parse)(line));
        return;
      }
    for (const std::string_view other : {"include", "import", "from", "extends", "autoescape"})
      if (other == tag) fail(fmt::format("'{}' is not supported", tag));
    std::string message = fmt::format("Encountered unknown tag '{}'.", tag);
    if (ends.size() > 0)
      message += fmt::format(" Jinja was looking for the following tags: '{}'.",
                             fmt::join(ends, "' or '"));
    fail(message);
  }

  const Node* parse_for(int line) {
    Node* node = make(Kind::For, line);
    node->left = parse_target({"in"}, false);
    ++fors_;
    check_loop(*node->left);
    expect_name("in");
    node->right = parse_tuple(false, {"recursive"});
    const size_t known = unknown_.size();
    if (skip_name("if")) node->third = parse_expression();
    node->flag = skip_name("recursive");
    ++loops_;
    node->body = parse_block({"endfor", "else"});
    --loops_;
    if (take().text == "else") node->otherwise = parse_whole_block("endfor");
    --fors_;
    check_known(known);
    return node;
  }

  /// In a loop `loop` is taken.
  void check_loop(const Node& target) const {
    if (fors_ > 0 && target.kind == Kind::Name &&
        program_.names[static_cast<size_t>(target.id)] == "loop")
      throw Fault{"Can't assign to special loop variable in for-loop", target.line};
    for (const Node* item : target.items) check_loop(*item);
  }

  const Node* parse_if(int line) {
    Node* node = make(Kind::If, line);
    const size_t known = unknown_.size();
    for (;;) {
      node->items.push_back(parse_tuple(false));
      node->bodies.push_back(parse_block({"elif", "else", "endif"}));
      const std::string next = take().text;
      if (next == "elif") continue;
      if (next == "else") node->otherwise = parse_whole_block("endif");
      break;
    }
    unknown_.resize(known);
    return node;
  }

  const Node* parse_set(int line) {
    const Node* target = parse_target({}, true);
    check_loop(*target);
    if (skip_operator("=")) return make(Kind::Set, line, target, parse_tuple());
    const size_t known = unknown_.size();
    Node* node = make(Kind::SetBlock, line, target, parse_filters(nullptr));
    node->body = parse_whole_block("endset");
    check_known(known);
    return node;
  }

  void parse_signature(Node* node) {
    expect_operator("(");
    while (!at_operator(")")) {
      if (!node->items.empty()) expect_operator(",");
      const int line = current().line;
      const int name = intern(take_name());
      for (const Node* other : node->items)
        if (other->id == name) fail("duplicate argument in a signature");
      Node* parameter = make(Kind::Name, line);
      parameter->id = name;
      node->items.push_back(parameter);
      if (skip_operator("="))
        node->keywords.push_back({name, parse_expression()});
      else if (!node->keywords.empty())
        fail("non-default argument follows default argument");
    }
    expect_operator(")");
  }

  /// A body that is called: its loops are its own, and it is watched for some names.
  void parse_callable_body(Node* node, std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    callables_.push_back(node);
    node->body = parse_whole_block(end);
    callables_.pop_back();
    loops_ = loops;
  }

  const Node* parse_macro(int line) {
    Node* node = make(Kind::Macro, line);
    const size_t known = unknown_.size();
    node->id = intern(take_name());
    parse_signature(node);
    parse_callable_body(node, "endmacro");
    check_known(known);
    return node;
  }

  const Node* parse_call_block(int line) {
    Node* node = make(Kind::CallBlock, line);
    if (at_operator("(")) parse_signature(node);
    node->left = parse_expression();
    if (node->left->kind != Kind::Call) fail("expected call");
    node->id = intern("caller");
    const size_t known = unknown_.size();
    parse_callable_body(node, "endcall");
    check_known(known);
    return node;
  }

  const Node* parse_filter_block(int line) {
    Node* node = make(Kind::FilterBlock, line);
    const size_t known = unknown_.size();
    node->right = parse_filters(parse_one_filter(nullptr));
    node->body = parse_whole_block("endfilter");
    check_known(known);
    return node;
  }

  const Node* parse_with(int line) {
    Node* node = make(Kind::With, line);
    while (current().kind != Token::Kind::BlockEnd) {
      if (!node->items.empty()) expect_operator(",");
      node->items.push_back(parse_target({}, false));
      expect_operator("=");
      node->items.push_back(parse_expression());
    }
    const size_t known = unknown_.size();
    node->body = parse_whole_block("endwith");
    check_known(known);
    return node;
  }

  const Node* parse_jump(int line) {
    const std::string tag = take().text;
    if (loops_ == 0) fail(fmt::format("'{}' outside loop", tag));
    return make(tag == "break" ? Kind::Break : Kind::Continue, line);
  }

  /// Transformers' mark of what the model said: it prints its body.
  const Node* parse_generation(int line) {
    Node* node = make(Kind::Scope, line);
    const int loops = std::exchange(loops_, 0);
    node->body = parse_whole_block("endgeneration");
    loops_ = loops;
    return node;
  }

  /// Without inheritance a block is its body.
  const Node* parse_template_block(int line) {
    Node* node = make(Kind::Scope, line);
    const std::string name = take_name();
    skip_name("scoped");
    const int loops = std::exchange(loops_, 0);
    node->body = parse_whole_block("endblock");
    loops_ = loops;
    skip_name(name);
    return node;
  }

  /// What may be assigned to: names, tuples of them, and where NAMESPACES `name.attribute`.
  const Node* parse_target(Names ends, bool namespaces) {
    const Node* target = parse_tuple(true, ends, false, true, namespaces);
    check_target(*target);
    return target;
  }
  void check_target(const Node& target) const {
    if (target.kind == Kind::Tuple)
      for (const Node* item : target.items) check_target(*item);
    else if (target.kind != Kind::Name && target.kind != Kind::NamespaceItem)
      throw Fault{"can't assign to this", target.line};
  }

  // Expressions.

  const Node* parse_expression(bool with_choice = true) {
    return with_choice ? parse_choice() : parse_or();
  }

  const Node* parse_choice() {
    const Level level(*this);
    const int line = current().line;
    const size_t known = unknown_.size();
    const Node* result = parse_or();
    while (skip_name("if")) {
      const Node* condition = parse_or();
      Node* choice = make(Kind::Choice, line, result, condition);
      if (skip_name("else")) choice->third = parse_choice();
      unknown_.resize(known);
      result = choice;
    }
    return result;
  }

  const Node* parse_or() {
    const Node* left = parse_and();
    while (at_name("or")) {
      const int line = take().line;
      left = make(Kind::Or, line, left, parse_and());
    }
    return left;
  }

  const Node* parse_and() {
    const Node* left = parse_not();
    while (at_name("and")) {
      const int line = take().line;
      left = make(Kind::And, line, left, parse_not());
    }
    return left;
  }

  const Node* parse_not() {
    if (!at_name("not")) return parse_compare();
    const Level level(*this);
    const int line = take().line;
    return make(Kind::Not, line, parse_not());
  }

  const Node* parse_compare() {
    const int line = current().line;
    const Node* first = parse_sum();
    Node* node = nullptr;
    for (;;) {
      std::string sign;
      if (current().kind == Token::Kind::Operator &&
          (current().text == "==" || current().text == "!=" || current().text == "<" ||
           current().text == "<=" || current().text == ">" || current().text == ">=")) {
        sign = take().text;
      } else if (skip_name("in")) {
        sign = "in";
      } else if (at_name("not") && is_name(look(), "in")) {
        take();
        take();
        sign = "not in";
      } else {
        return node ? node : first;
      }
      if (!node) {
        node = make(Kind::Compare, line);
        node->items.push_back(first);
      }
      node->operators.push_back(sign);
      node->items.push_back(parse_sum());
    }
  }

  struct Sign {
    std::string_view text;
    Operator op;
  };

  /// A chain of operators of the same precedence, from left to right.
  const Node* parse_chain(const Node* (Parser::*parse)(), std::initializer_list<Sign> signs) {
    const Node* left = (this->*parse)();
    for (;;) {
      const auto* sign = std::find_if(signs.begin(), signs.end(),
                                      [this](const Sign& s) { return at_operator(s.text); });
      if (sign == signs.end()) return left;
      const int line = take().line;
      Node* node = make(Kind::Calculate, line, left, (this->*parse)());
      node->id = static_cast<int>(sign->op);
      left = node;
    }
  }

  const Node* parse_sum() {
    return parse_chain(&Parser::parse_concat, {{"+", Operator::Add}, {"-", Operator::Sub}});
  }

  const Node* parse_concat() {
    const int line = current().line;
    const Node* first = parse_product();
    if (!at_operator("~")) return first;
    Node* node = make(Kind::Concat, line);
    node->items.push_back(first);
    while (skip_operator("~")) node->items.push_back(parse_product());
    return node;
  }

  const Node* parse_product() {
    return parse_chain(&Parser::parse_power, {{"*", Operator::Mul},
                                              {"/", Operator::Div},
                                              {"//", Operator::FloorDiv},
                                              {"%", Operator::Mod}});
  }

  const Node* parse_power() {
    return parse_chain(&Parser::parse_filtered, {{"**", Operator::Pow}});
  }

  const Node* parse_filtered() { return parse_unary(true); }

  const Node* parse_unary(bool with_filter) {
    const int line = current().line;
    const Node* node = nullptr;
    if (at_operator("-") || at_operator("+")) {
      const Level level(*this);
      const Kind kind = take().text == "-" ? Kind::Negate : Kind::Plus;
      node = make(kind, line, parse_unary(false));
    } else {
      node = parse_primary(false);
    }
    node = parse_postfix(node);
    return with_filter ? parse_filter_expression(node) : node;
  }

  const Node* parse_primary(bool namespaces) {
    const Token& token = current();
    const int line = token.line;
    switch (token.kind) {
      case Token::Kind::Name:
        return parse_name(namespaces);
      case Token::Kind::String: {
        std::string text = take().text;
        while (current().kind == Token::Kind::String) text += take().text;
        return make_constant(Kind::Constant, line, std::move(text));
      }
      case Token::Kind::Integer:
        return make_constant(Kind::Constant, line, parse_integer(take().text));
      case Token::Kind::Float: {
        const std::string& text = take().text;
        return make_constant(Kind::Constant, line, std::strtod(text.c_str(), nullptr));
      }
      default:
        break;
    }
    if (skip_operator("(")) {
      const Node* node = parse_tuple(true, {}, true);
      expect_operator(")");
      return node;
    }
    if (skip_operator("[")) {
      Node* node = make(Kind::List, line);
      while (!at_operator("]")) {
        node->items.push_back(parse_expression());
        if (!at_operator("]")) expect_operator(",");
      }
      take();
      return node;
    }
    if (skip_operator("{")) {
      Node* node = make(Kind::Dict, line);
      while (!at_operator("}")) {
        node->items.push_back(parse_expression());
        expect_operator(":");
        node->items.push_back(parse_expression());
        if (!at_operator("}")) expect_operator(",");
      }
      take();
      return node;
    }
    fail(fmt::format("unexpected '{}'", describe(token)));
  }

  const Node* parse_name(bool namespaces) {
    const int line = current().line;
    const std::string name = take().text;
    if (name == "true" || name == "True") return make_constant(Kind::Constant, line, true);
    if (name == "false" || name == "False") return make_constant(Kind::Constant, line, false);
    if (name == "none" || name == "None") return make_constant(Kind::Constant, line, Literal());
    Node* node = make(Kind::Name, line);
    node->id = intern(name);
    if (namespaces && skip_operator(".")) {
      Node* item = make(Kind::NamespaceItem, line, node);
      item->id = intern(take_name());
      return item;
    }
    for (Node* callable : callables_) {
      callable->reads_caller = callable->reads_caller || name == "caller";
      callable->reads_varargs = callable->reads_varargs || name == "varargs";
      callable->reads_kwargs = callable->reads_kwargs || name == "kwargs";
    }
    return node;
  }

  Literal parse_integer(const std::string& text) const {
    const char letter = text.size() > 1 ? static_cast<char>(text[1] | 0x20) : '\0';
    const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data() + (base == 10 ? 0 : 2), end, value, base);
    if (result.ec != std::errc()) fail(fmt::format("the integer {} has more than 64 bits", text));
    return value;
  }

  bool at_tuple_end(Names ends) const {
    return current().kind == Token::Kind::VariableEnd || current().kind == Token::Kind::BlockEnd ||
           at_operator(")") || at_any(ends);
  }

  /// One expression, or several with commas as a tuple. SIMPLE: of names and literals only.
  const Node* parse_tuple(bool with_choice = true, Names ends = {}, bool parenthesized = false,
                          bool simple = false, bool namespaces = false) {
    int line = current().line;
    Body items;
    bool is_tuple = false;
    for (;;) {
      if (!items.empty()) expect_operator(",");
      if (at_tuple_end(ends)) break;
      items.push_back(simple ? parse_primary(namespaces) : parse_expression(with_choice));
      if (!at_operator(",")) break;
      is_tuple = true;
      line = current().line;
    }
    if (!is_tuple && !items.empty()) return items[0];
    if (!is_tuple && !parenthesized)
      fail(fmt::format("Expected an expression, got '{}'", describe(current())));
    Node* node = make(Kind::Tuple, line);
    node->items = std::move(items);
    return node;
  }

  const Node* parse_postfix(const Node* node) {
    for (;;) {
      if (at_operator("."))
        node = parse_attribute(node);
      else if (at_operator("["))
        node = parse_item(node);
      else if (at_operator("("))
        node = parse_call(node);
      else
        return node;
    }
  }

  const Node* parse_filter_expression(const Node* node) {
    for (;;) {
      if (at_operator("|"))
        node = parse_filters(node);
      else if (at_name("is"))
        node = parse_test(node);
      else if (at_operator("("))
        node = parse_call(node);
      else
        return node;
    }
  }

  const Node* parse_attribute(const Node* left) {
    const int line = take().line;
    if (current().kind == Token::Kind::Integer)
      return make(Kind::Item, line, left,
                  make_constant(Kind::Constant, line, parse_integer(take().text)));
    if (current().kind != Token::Kind::Name) fail("expected name or number");
    Node* node = make(Kind::Attribute, line, left);
    node->id = intern(take().text);
    return node;
  }

  const Node* parse_item(const Node* left) {
    const int line = take().line;
    const auto at_end = [this] { return at_operator("]") || at_operator(","); };
    Body items;
    while (!at_operator("]")) {
      if (!items.empty()) expect_operator(",");
      const Node* first = at_operator(":") ? nullptr : parse_expression();
      if (first && !at_operator(":")) {
        items.push_back(first);
        continue;
      }
      take();
      Node* slice = make(Kind::Slice, line, left);
      slice->items = {first, nullptr, nullptr};
      if (!at_end() && !at_operator(":")) slice->items[1] = parse_expression();
      if (skip_operator(":") && !at_end()) slice->items[2] = parse_expression();
      if (!at_operator("]") || !items.empty()) fail("a slice must stand alone");
      take();
      return slice;
    }
    take();
    if (items.size() == 1) return make(Kind::Item, line, left, items[0]);
    Node* tuple = make(Kind::Tuple, line);
    tuple->items = std::move(items);
    return make(Kind::Item, line, left, tuple);
  }

  void parse_arguments(Node* node) {
    expect_operator("(");
    const auto ensure = [this](bool valid) {
      if (!valid) fail("invalid syntax for function call expression");
    };
    for (bool begun = false; !at_operator(")"); begun = true) {
      if (begun) {
        expect_operator(",");
        if (at_operator(")")) break;
      }
      if (skip_operator("*")) {
        ensure(!node->star && !node->stars);
        node->star = parse_expression();
      } else if (skip_operator("**")) {
        ensure(!node->stars);
        node->stars = parse_expression();
      } else if (current().kind == Token::Kind::Name && look().kind == Token::Kind::Operator &&
                 look().text == "=") {
        ensure(!node->stars);
        const int name = intern(take().text);
        take();
        node->keywords.push_back({name, parse_expression()});
      } else {
        ensure(!node->star && !node->stars && node->keywords.empty());
        node->items.push_back(parse_expression());
      }
    }
    expect_operator(")");
  }

  const Node* parse_call(const Node* left) {
    Node* node = make(Kind::Call, current().line, left);
    parse_arguments(node);
    return node;
  }

  std::string parse_dotted_name() {
    std::string name = take_name();
    while (skip_operator(".")) name += "." + take_name();
    return name;
  }

  const Node* parse_one_filter(const Node* left) {
    Node* node = make(Kind::Filter, current().line, left);
    const std::string name = parse_dotted_name();
    node->id = intern(name);
    if (at_operator("(")) parse_arguments(node);
    if (!find_filter(name))
      unknown_.push_back({fmt::format("No filter named '{}'.", name), node->line});
    return node;
  }

  const Node* parse_filters(const Node* node) {
    while (skip_operator("|")) node = parse_one_filter(node);
    return node;
  }

  const Node* parse_test(const Node* left) {
    const int line = take().line;
    const bool negated = skip_name("not");
    Node* node = make(Kind::Test, line, left);
    const std::string name = parse_dotted_name();
    node->id = intern(name);
    const Token& next = current();
    if (at_operator("(")) {
      parse_arguments(node);
    } else if ((next.kind == Token::Kind::Name && !at_any({"else", "or", "and"})) ||
               next.kind == Token::Kind::String || next.kind == Token::Kind::Integer ||
               next.kind == Token::Kind::Float || at_operator("[") || at_operator("{")) {
      if (at_name("is")) fail("You cannot chain multiple tests with is");
      node->items.push_back(parse_postfix(parse_primary(false)));
    }
    if (!find_test(name)) unknown_.push_back({fmt::format("No test named '{}'.", name), line});
    return negated ? make(Kind::Not, line, node) : node;
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  Program program_;
  std::unordered_map<std::string, int> ids_;
  std::vector<Unknown> unknown_;
  std::vector<Node*> callables_;  ///< macros and call bodies that the parser is in
  int loops_ = 0;                 ///< loops of the innermost of those
  int fors_ = 0;                  ///< loops around, in all
  int level_ = 0;
};

}  // namespace

Program parse(std::string_view source) { return Parser(source).run(); }

}  // namespace weld::jinja

// Writes small templates, with a conversation each, for the fuzzer to start from:
// fuzz_template_seeds FOLDER
#include <cstdio>
#include <fstream>
#include <string>

namespace {

constexpr const char* conversation =
    R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "a é b"},)"
    R"( {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f",)"
    R"( "arguments": {"x": 1.5, "y": [true, null]}}}]}], "tools": [{"type": "function"}],)"
    R"( "bos_token": "<s>", "n": 3, "s": "Hello World"})";

/// Between them all statements, operators and builtins.
constexpr const char* sources[] = {
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m['content'] | trim }}\n{% endfor "
    "%}",
    "{%- set ns = namespace(i=0, found=false) -%}{% for m in messages[1:] if m.role != 'x' %}"
    "{%- set ns.i = ns.i + loop.index0 %}{% if loop.last %}{{ ns.i }}{% elif loop.first %}f"
    "{% else %}{% continue %}{% endif %}{% break %}{% else %}none{% endfor %}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{{ caller(1) if caller }}"
    "{% endmacro %}{{ m(1, 2, 3, k=4) }}{{ m(*[1], **{'b': 2}) }}{% call(x) m(5) %}{{ x }}"
    "{% endcall %}",
    "{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls %}{% for t in "
    "m.tool_calls %}{{ t.function.arguments | tojson(indent=2) }}{{ t.function.name ~ '(' }}"
    "{% for k, v in t.function.arguments.items() %}{{ k }}={{ v | string }},{% endfor %}"
    "{% endfor %}{% endif %}{% endfor %}",
    "{% set x | upper %}a{{ n }}{% endset %}{% filter replace('a', 'b') %}{{ x }}a{% endfilter %}"
    "{% with q = 1, r = x %}{{ q }}{{ r }}{% endwith %}{% raw %}{{ raw }}{% endraw %}{# c #}"
    "{% generation %}g{% endgeneration %}{% block b %}z{% endblock %}{% print n, s %}",
    "{% for n in [[1, [2, []]], []] recursive %}{{ loop.depth }}{{ loop(n) if n is iterable }}"
    "{{ loop.cycle('a', 'b') }}{{ loop.changed(n) }}{{ loop.previtem }}{{ loop.nextitem }}"
    "{{ loop.length }}{{ loop.revindex }}{% endfor %}",
    "{{ s.split() }}{{ s.split('o', 1) }}{{ s.rsplit(none, 1) }}{{ s.strip('Hd') }}{{ s.find('W') "
    "}}"
    "{{ s.replace('l', 'é', 2) }}{{ s.title() }}{{ s.center(20, '*') }}{{ s.partition(' ') }}"
    "{{ s.startswith(('a', 'H'), 0) }}{{ s.splitlines() }}{{ s.zfill(20) }}{{ s.swapcase() }}"
    "{{ s.count('l', 2) }}{{ s.isalpha() }}{{ s.join(['a', 'b']) }}{{ s.removeprefix('He') }}",
    "{{ '%5.2f|%-5d|%(a)s' % {'a': 1} if false }}{{ '%s %d %r %x' % ('a', 1, 'b', 255) }}"
    "{{ '{0!r:>8} {a[0]:.2e} {{}} {b:,}'.format('x', a=[1.5], b=1234567) }}{{ '%%' | format }}",
    "{{ [3, 1, 2] | sort(reverse=true) }}{{ ['b', 'A'] | sort | join(',') }}{{ {'b': 1, 'a': 2} | "
    "dictsort }}{{ [1, 2, 3] | map('string') | list }}{{ messages | map(attribute='role') | unique "
    "| list }}{{ messages | groupby('role') }}{{ [1, 2, 3] | batch(2, 0) | list }}{{ [1, 2, 3] | "
    "slice(2) | list }}{{ messages | selectattr('role', 'eq', 'user') | first }}{{ [1] | sum }}",
    "{{ [1, 2] | min }}{{ s | indent(2, true) }}{{ s | truncate(5) }}{{ 2.5 | round }}{{ '7' | int "
    "}}"
    "{{ '1.5' | float }}{{ '<' | e }}{{ '<' | safe + '>' }}{{ s | reverse }}{{ s | wordcount }}"
    "{{ none | default('x', true) }}{{ [] | first }}{{ s | title }}{{ messages | tojson }}",
    "{{ 1 + 2 * 3 // 2 - 7 % 4 ** 2 / 5 }}{{ -n ~ 'a' 'b' }}{{ 1 < 2 <= 3 != 4 }}{{ 'a' in s and "
    "not "
    "n or none }}{{ s[1:-1:2] }}{{ s[::-1] }}{{ (1, 2)[0] }}{{ {'a': [1]}.a[0] }}{{ 0x1F }}{{ 1e3 "
    "}}"
    "{{ n is divisibleby 3 }}{{ n is not none }}{{ s is string }}{{ '\\u00e9\\x41\\n' }}",
    "{% set l = [] %}{% set _ = l.append(l) %}{% set _ = l.extend([1]) %}{{ l.pop() }}{% set d = "
    "{} %}"
    "{% set _ = d.update({'a': 1}, b=2) %}{{ d.get('c', 0) }}{{ d.pop('a') }}{{ dict(d, c=3) }}"
    "{{ range(9) | list }}{% set j = joiner() %}{{ j() }}{% set c = cycler(1, 2) %}{{ c.next() }}",
    "{{ strftime_now('%Y-%m-%d') }}{% if n == 4 %}{{ raise_exception('no') }}{% endif %}\n"
    "  {%- if x is undefined +%}\n  {#- c -#}\n{%+ endif -%}  {{- '' -}} \n",
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_template_seeds FOLDER\n", stderr);
    return 2;
  }
  int number = 0;
  for (const char* source : sources) {
    const std::string path = std::string(argv[1]) + "/seed" + std::to_string(number++);
    std::ofstream out(path, std::ios::binary);
    out << source << '\0' << conversation;
    out.close();
    if (!out) {
      std::fprintf(stderr, "fuzz_template_seeds: %s: cannot be written\n", path.c_str());
      return 1;
    }
  }
  return 0;
}

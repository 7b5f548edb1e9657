// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names that a cgroup can have and that nobody wants to see raw. Any thread.

#include <string>
#include <vector>

namespace cgmm::test {

struct Hostile {
  std::string label;
  std::string text;
};

inline std::vector<Hostile> hostile_texts() {
  return {
      {"newline", "/a\nb"},
      {"carriage return and newline", "/a\r\nb"},
      {"quotes", "/a\"b\"\"c'"},
      {"comma", "/a,b;c"},
      {"script", "/<script>alert(1)</script>"},
      {"leading minus", "-rf"},
      {"leading equals", "=1+1"},
      {"pipe", "/a|b\\|c"},
      {"markup", "/*a*_b_`c`[d](e)~~f~~#$g$&amp;"},
      {"escape sequence", "/\x1b[31mred\x1b]0;title\x07"},
      {"C1 control",
       "/a\xc2\x9b"
       "31mb"},
      {"delete", "/a\x7f"},
      {"NUL", std::string("/a\0b", 4)},
      {"right-to-left override",
       "/a\xe2\x80\xae"
       "txt.exe"},
      {"line separator",
       "/a\xe2\x80\xa8"
       "b"},
      {"invalid byte",
       "/a\xff"
       "b"},
      {"cut-off sequence", "/a\xe2\x82"},
      {"overlong", "/a\xc0\xaf"},
      {"surrogate", "/a\xed\xa0\x80"},
      {"beyond Unicode", "/a\xf4\x90\x80\x80"},
      {"backslash", "/system-systemd\\x2dfsck.slice"},
      {"wide and combining", "/\xe6\x97\xa5\xe6\x9c\xac\xcc\x81"},
      {"emoji", "/\xf0\x9f\x90\xb3"},
      {"255 bytes", "/" + std::string(254, 'x')},
      {"255 invalid bytes", std::string(255, '\xfe')},
      {"spaces", "  a  b  "},
      {"empty", ""},
      {"JSON", "{\"a\": null}"},
  };
}

}  // namespace cgmm::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads a page as strictly as XML is read: every tag closed in its order, every attribute once and in quotes,
// nothing bare that could be taken for markup. What a browser would put right is an error here. Any thread.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::test {

struct HtmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;  // read back from their entities
  std::string text;                               // without that of the elements in it, but <time> and <code>
  std::size_t depth = 0;

  bool has_class(std::string_view name_of_class) const {
    const auto found = attributes.find("class");
    return found != attributes.end() &&
           (" " + found->second + " ").find(" " + std::string(name_of_class) + " ") != std::string::npos;
  }
};

class Html {
 public:
  /// Throws std::runtime_error where it is not well-formed.
  explicit Html(std::string_view text) : rest_(text) {
    constexpr std::string_view kDoctype = "<!DOCTYPE html>";
    if (rest_.starts_with(kDoctype)) rest_.remove_prefix(kDoctype.size());
    while (!rest_.empty()) rest_.front() == '<' ? take_tag() : take_text();
    if (!open_.empty()) fail("<" + elements_[open_.back()].name + "> is not closed");
  }

  const std::vector<HtmlElement>& elements() const { return elements_; }

  std::vector<HtmlElement> all(std::string_view name) const {
    std::vector<HtmlElement> found;
    std::ranges::copy_if(elements_, std::back_inserter(found), [&](const auto& one) { return one.name == name; });
    return found;
  }
  std::vector<HtmlElement> of_class(std::string_view name) const {
    std::vector<HtmlElement> found;
    std::ranges::copy_if(elements_, std::back_inserter(found), [&](const auto& one) { return one.has_class(name); });
    return found;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " before: " + std::string(rest_.substr(0, 200)));
  }
  void expect(bool holds, const std::string& what) const {
    if (!holds) fail(what);
  }

  static bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == ':'; }

  std::string take_name() {
    std::size_t length = 0;
    while (length < rest_.size() && is_name(rest_[length])) ++length;
    expect(length > 0, "no name");
    std::string name(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return name;
  }

  std::string take_entity() {
    struct Entity {
      std::string_view written, meant;
    };
    constexpr std::array<Entity, 5> kEntities{
        {{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&#39;", "'"}}};
    for (const Entity& entity : kEntities) {
      if (!rest_.starts_with(entity.written)) continue;
      rest_.remove_prefix(entity.written.size());
      return std::string(entity.meant);
    }
    fail("a bare &");
  }

  /// Up to one of these characters.
  std::string take_characters(std::string_view until, std::string_view never) {
    std::string taken;
    while (!rest_.empty() && until.find(rest_.front()) == std::string_view::npos) {
      expect(never.find(rest_.front()) == std::string_view::npos, "a bare character");
      const auto byte = static_cast<unsigned char>(rest_.front());
      expect(byte >= 0x20 || byte == '\n', "a control character");
      if (rest_.front() == '&') {
        taken += take_entity();
        continue;
      }
      taken += rest_.front();
      rest_.remove_prefix(1);
    }
    return taken;
  }

  void take_text() {
    const std::string text = take_characters("<", ">");
    if (!open_.empty()) {
      elements_[open_.back()].text += text;
      const std::string& name = elements_[open_.back()].name;
      if ((name == "time" || name == "code") && open_.size() > 1) elements_[open_[open_.size() - 2]].text += text;
    } else {
      expect(text.find_first_not_of('\n') == std::string::npos, "text outside of any element");
    }
  }

  /// What is in it is no markup.
  void take_style() {
    const std::size_t end = rest_.find("</style>");
    expect(end != std::string_view::npos && rest_.substr(0, end).find('<') == std::string_view::npos,
           "an open <style>");
    elements_[open_.back()].text = rest_.substr(0, end);
    rest_.remove_prefix(end);
  }

  void take_tag() {
    rest_.remove_prefix(1);
    if (rest_.starts_with('/')) {
      rest_.remove_prefix(1);
      const std::string name = take_name();
      expect(!open_.empty() && elements_[open_.back()].name == name, "</" + name + "> closes nothing");
      expect(rest_.starts_with('>'), "an open tag");
      rest_.remove_prefix(1);
      open_.pop_back();
      return;
    }
    HtmlElement element;
    element.name = take_name();
    element.depth = open_.size();
    while (rest_.starts_with(' ')) {
      rest_.remove_prefix(1);
      const std::string name = take_name();
      expect(rest_.starts_with("=\""), "an attribute without quotes");
      rest_.remove_prefix(2);
      std::string value = take_characters("\"", "<>");
      expect(!rest_.empty(), "an open attribute");
      rest_.remove_prefix(1);
      expect(element.attributes.emplace(name, std::move(value)).second, "the same attribute twice");
    }
    const bool is_empty = rest_.starts_with("/>");
    expect(is_empty || rest_.starts_with('>'), "an open tag");
    rest_.remove_prefix(is_empty ? 2 : 1);
    elements_.push_back(std::move(element));
    if (is_empty) return;
    open_.push_back(elements_.size() - 1);
    if (elements_.back().name == "style") take_style();
  }

  std::string_view rest_;
  std::vector<HtmlElement> elements_;
  std::vector<std::size_t> open_;
};

/// Why the page could run or fetch something; "" where it can't.
inline std::string activity_of(const Html& page) {
  for (const HtmlElement& element : page.elements()) {
    for (const char* const name :
         {"script", "iframe", "object", "embed", "form", "base", "img", "a", "audio", "video"}) {
      if (element.name == name) return "<" + element.name + ">";
    }
    for (const auto& [name, value] : element.attributes) {
      if (name.starts_with("on")) return name;
      const bool is_address = name == "src" || name == "href" || name == "xlink:href";
      if (is_address && !value.starts_with("data:")) return name + "=" + value;
      if (name == "style" && value.find("url(") != std::string::npos) return value;
    }
    if (element.name == "style" &&
        (element.text.find("url(") != std::string::npos || element.text.find("@import") != std::string::npos)) {
      return "a style sheet that fetches";
    }
  }
  return "";
}

}  // namespace cgmm::test

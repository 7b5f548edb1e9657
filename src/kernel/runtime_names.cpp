// SPDX-License-Identifier: Apache-2.0
#include "kernel/runtime_names.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/fd.hpp"
#include "base/time.hpp"

namespace cgmm::kernel {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMostMissed = 20'000;  // remembered
constexpr std::size_t kIdLength = 64;
constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/// "": it can't be read, or is not what it should be.
std::string content_of(const std::string& file) {
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  if (static_cast<std::size_t>(status.st_size) > kMaxFileBytes) return "";
  std::string text(kMaxFileBytes + 1, '\0');  // it may grow meanwhile
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(got)) {
    got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) return "";
  }
  if (size > kMaxFileBytes) return "";
  text.resize(size);
  return text;
}

/// Without what is nested deeper: the memory for it is not wanted.
json parse(const std::string& text, int most_depth) {
  const auto keep = [&](int depth, json::parse_event_t event, const json&) {
    const bool begins = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    return !begins || depth <= most_depth;
  };
  return json::parse(text, keep, /*allow_exceptions=*/false);
}

/// A text of a JSON object; "": there is none.
std::string text_of(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// "": it is no name.
std::string valid_name(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);  // as Docker writes it
  const bool is_name = name.size() <= kMaxName && name.find_first_not_of(kNameCharacters) == std::string::npos;
  return is_name ? name : "";
}

bool is_id(const std::string& text) { return text.size() == kIdLength && core::is_hex(text); }

}  // namespace

RuntimeNames::RuntimeNames(std::string_view setting, Places places)
    : automatic_(setting == "auto"), places_(std::move(places)) {}

std::optional<core::ContainerNames> RuntimeNames::names_of(const core::ContainerIdentity& identity,
                                                           std::int64_t now_us) {
  const std::string& id = identity.container_id;
  if (!automatic_ || !identity.pod_uid.empty() || !is_id(id)) return std::nullopt;
  try {
    if (const auto missed = missed_at_us_.find(id); missed != missed_at_us_.end()) {
      const std::int64_t age_us = now_us - missed->second;
      if (age_us >= 0 && age_us < base::kSecond_us) return std::nullopt;  // a negative age: the clock was set back
    }
    std::string name = docker_name(id);
    if (name.empty()) name = podman_name(id, now_us);
    if (!name.empty()) {
      missed_at_us_.erase(id);
      return core::ContainerNames{.pod_namespace = {}, .pod = {}, .container = std::move(name)};
    }
    if (missed_at_us_.size() >= kMostMissed) missed_at_us_.clear();
    missed_at_us_[id] = now_us;
  } catch (const std::exception&) {  // for want of memory
  }
  return std::nullopt;
}

std::string RuntimeNames::where() const {
  std::string found;
  if (!automatic_) return found;
  for (const auto* const places : {&places_.docker, &places_.podman}) {
    for (const std::string& place : *places) {
      std::error_code error;
      if (std::filesystem::exists(place, error)) found += (found.empty() ? "" : " and ") + place;
    }
  }
  return found;
}

std::string RuntimeNames::docker_name(const std::string& id) const {
  for (const std::string& directory : places_.docker) {
    const std::string text = content_of(directory + "/" + id + "/config.v2.json");
    if (text.empty()) continue;
    if (std::string name = valid_name(text_of(parse(text, /*most_depth=*/0), "Name")); !name.empty()) return name;
  }
  return "";
}

std::string RuntimeNames::podman_name(const std::string& id, std::int64_t now_us) {
  auto found = podman_.find(id);
  const std::int64_t age_us = now_us - podman_read_at_us_.value_or(now_us);
  if (found == podman_.end() && (!podman_read_at_us_ || age_us < 0 || age_us >= base::kSecond_us)) {
    podman_read_at_us_ = now_us;
    read_podman();
    found = podman_.find(id);
  }
  return found != podman_.end() ? found->second : "";
}

/// [{"id": "3fa9...", "names": ["web"], ...}, ...]
void RuntimeNames::read_podman() {
  podman_.clear();
  for (const std::string& file : places_.podman) {
    const std::string text = content_of(file);
    if (text.empty()) continue;
    const json containers = parse(text, /*most_depth=*/2);
    if (!containers.is_array()) continue;
    for (const json& one : containers) {
      std::string id = text_of(one, "id");
      if (!is_id(id)) continue;
      const auto names = one.find("names");
      if (names == one.end() || !names->is_array() || names->empty() || !names->front().is_string()) continue;
      if (std::string name = valid_name(names->front().get<std::string>()); !name.empty())
        podman_.emplace(std::move(id), std::move(name));
    }
  }
}

}  // namespace cgmm::kernel

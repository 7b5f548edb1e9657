// SPDX-License-Identifier: Apache-2.0
#include "policy/senpai.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace cgmm::bench::policy {

namespace fs = std::filesystem;

std::vector<std::string> senpai_command(const fs::path& oomd, const fs::path& root, const fs::path& parent,
                                        const fs::path& directory, std::uint64_t limit_bytes) {
  using nlohmann::json;
  // Its default floor is 100 MiB, as much as a whole cgroup of ours. A tenth of the limit is as small for ours as that
  // is for a container of a gigabyte. Immediate backoff is what uses memory.reclaim; else it lowers memory.high.
  const json arguments = {{"cgroup", (parent.lexically_relative(root) / "*").string()},
                          {"limit_min_bytes", std::to_string(limit_bytes / 10)},
                          {"immediate_backoff", "true"},
                          {"log_interval", "10"}};
  const json detector = {{"name", "exists"}, {"args", {{"cgroup", parent.lexically_relative(root).string()}}}};
  const json ruleset = {{"name", "senpai"},
                        {"detectors", json::array({json::array({"always", detector})})},
                        {"actions", json::array({{{"name", "senpai"}, {"args", arguments}}})}};
  const fs::path config = directory / "oomd.json";
  std::ofstream(config) << json{{"rulesets", json::array({ruleset})}}.dump(2) << std::flush;
  // Its plugin counts in turns of oomd and expects one a second.
  return {oomd, "--interval", "1", "--cgroup-fs", root, "--config", config, "--runtime-dir", directory / "run"};
}

std::map<std::string, std::int64_t> senpai_probes(const fs::path& log) {
  std::map<std::string, std::int64_t> probes;
  std::ifstream stream(log);
  // "[...] cgroup PARENT/NAME COUNT probe attempts (SIZE gb)"
  for (std::string line; std::getline(stream, line);) {
    const std::size_t end = line.find(" probe attempts ("), begin = line.find("cgroup ");
    if (end == std::string::npos || begin == std::string::npos || begin > end) continue;
    std::istringstream words(line.substr(begin, end - begin));
    std::string word, cgroup;
    std::int64_t count = 0;
    if (words >> word >> cgroup >> count) probes[fs::path(cgroup).filename()] += count;
  }
  return probes;
}

}  // namespace cgmm::bench::policy

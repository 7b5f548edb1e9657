// SPDX-License-Identifier: Apache-2.0
#include "policy/senpai.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace cgmm::bench::policy {

namespace fs = std::filesystem;

std::vector<std::string> senpai_command(const fs::path& oomd, const fs::path& root, const fs::path& parent,
                                        const fs::path& directory, std::uint64_t limit_bytes) {
  using nlohmann::json;
  // Its default floor is 100 MiB, as much as a whole cgroup of ours. A tenth of the limit is as small for ours as that
  // is for a container of a gigabyte. Immediate backoff is what uses memory.reclaim; else it lowers memory.high.
  const json arguments = {{"cgroup", (parent.lexically_relative(root) / "*").string()},
                          {"limit_min_bytes", std::to_string(limit_bytes / 10)},
                          {"immediate_backoff", "true"}};
  const json detector = {{"name", "exists"}, {"args", {{"cgroup", parent.lexically_relative(root).string()}}}};
  const json ruleset = {{"name", "senpai"},
                        {"detectors", json::array({json::array({"always", detector})})},
                        {"actions", json::array({{{"name", "senpai"}, {"args", arguments}}})}};
  const fs::path config = directory / "oomd.json";
  std::ofstream(config) << json{{"rulesets", json::array({ruleset})}}.dump(2) << std::flush;
  // Its plugin counts in turns of oomd and expects one a second.
  return {oomd, "--interval", "1", "--cgroup-fs", root, "--config", config, "--runtime-dir", directory / "run"};
}

}  // namespace cgmm::bench::policy

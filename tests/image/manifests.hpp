// SPDX-License-Identifier: Apache-2.0
#pragma once

// Kubernetes objects as `kubectl apply` would send them: rendered by kustomize and checked against the API's schemas, by
// manifests.cjs and the npm packages that it needs, which are installed into the build directory.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

#include "image/shell.hpp"

namespace cgmm::test {

/// Why they can't be rendered here; nullopt when they can. The first call installs the packages.
inline std::optional<std::string> missing_for_manifests() {
  if (!is_installed("node") || !is_installed("npm")) return "node and npm are not installed";
  const std::string source = CGMM_SOURCE_DIR "/tests/image/", node = CGMM_NODE_DIR;
  const Ran ran = run_shell("mkdir -p " + node + " && cd " + node + " && cp " + source + "manifests.cjs . && " +
                            "{ cmp -s " + source + "package-lock.json installed || { cp " + source + "package*.json . && " +
                            "npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json installed; }; }");
  if (ran.exit_code == 0) return std::nullopt;
  if (std::regex_search(ran.said, std::regex("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT"))) {
    return "the npm packages can't be downloaded";
  }
  throw std::runtime_error("npm ci: " + ran.said);
}

/// Of a directory with a kustomization, or of a YAML file.
inline Ran check_manifests(const std::filesystem::path& source) {
  return run_shell("node " CGMM_NODE_DIR "/manifests.cjs " + source.string());
}

inline nlohmann::json render(const std::filesystem::path& source) {
  return nlohmann::json::parse(must_run("node " CGMM_NODE_DIR "/manifests.cjs " + source.string()));
}

inline nlohmann::json object_of_kind(const nlohmann::json& objects, const std::string& kind) {
  for (const auto& object : objects) {
    if (object.at("kind") == kind) return object;
  }
  throw std::runtime_error("no " + kind);
}

}  // namespace cgmm::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

// Kubernetes objects as `kubectl apply` would send them: rendered by kustomize and checked against the API's schemas,
// by manifests.cjs and the npm packages that it needs, which are installed into the build directory.

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "image/shell.hpp"

namespace cgmm::test {

/// Why they can't be rendered here; nullopt when they can. The first call installs the packages.
inline std::optional<std::string> missing_for_manifests() {
  if (!is_installed("node") || !is_installed("npm")) return "node and npm are not installed";
  const std::string source = CGMM_SOURCE_DIR "/tests/image/", node = CGMM_NODE_DIR;
  const Ran ran =
      run_shell("mkdir -p " + node + " && cd " + node + " && cp " + source + "manifests.cjs . && " + "{ cmp -s " +
                source + "package-lock.json installed || { cp " + source + "package*.json . && " +
                "npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json installed; }; }");
  if (ran.exit_code == 0) return std::nullopt;
  if (std::regex_search(ran.said, std::regex("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT"))) {
    return "the npm packages can't be downloaded";
  }
  throw std::runtime_error("npm ci: " + ran.said);
}

/// Of each directory with a kustomization, or YAML file: {"objects": [...]}, or {"mistakes": [...]}.
inline std::vector<nlohmann::json> check_manifests(const std::vector<std::filesystem::path>& sources) {
  std::string command = "node " CGMM_NODE_DIR "/manifests.cjs";
  for (const auto& source : sources) command += " " + source.string();
  std::istringstream lines(must_run(command));
  std::vector<nlohmann::json> results;
  for (std::string line; std::getline(lines, line);) results.push_back(nlohmann::json::parse(line));
  if (results.size() != sources.size()) throw std::runtime_error(command + ": not a line for each");
  return results;
}

inline nlohmann::json render(const std::filesystem::path& source) {
  const nlohmann::json result = check_manifests({source}).front();
  if (!result.contains("objects")) throw std::runtime_error(source.string() + ": " + result.dump());
  return result.at("objects");
}

inline nlohmann::json object_of_kind(const nlohmann::json& objects, const std::string& kind) {
  for (const auto& object : objects) {
    if (object.at("kind") == kind) return object;
  }
  throw std::runtime_error("no " + kind);
}

/// Writes an overlay as an operator makes it: the base with these components, in this order.
inline std::filesystem::path overlay_with(const std::vector<std::string>& components,
                                          const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const std::filesystem::path manifests = CGMM_SOURCE_DIR "/packaging/kubernetes";
  std::ofstream file(directory / "kustomization.yaml");
  file << "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
       << "resources: [" << std::filesystem::relative(manifests / "base", directory).string() << "]\ncomponents:\n";
  for (const std::string& each : components)
    file << "  - " << std::filesystem::relative(manifests / "components" / each, directory).string() << '\n';
  return directory;
}

}  // namespace cgmm::test

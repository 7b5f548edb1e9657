// SPDX-License-Identifier: Apache-2.0
#pragma once

// The container image as packaging/image/build makes it of this build's static programs, and what is in the archive.

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "image/shell.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {

inline nlohmann::json json_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return nlohmann::json::parse(stream);
}

class BuiltImage {
 public:
  /// Why there can't be one here; nullopt when there can.
  static std::optional<std::string> missing() {
    if (std::string(CGMM_STATIC_PROGRAM).empty()) return "with sanitizers there is no static program";
    if (!is_installed("buildah")) return "buildah is not installed";
    return std::nullopt;
  }

  /// `environment` as the shell has it, such as "umask 077; TZ=Asia/Tokyo".
  explicit BuiltImage(const std::string& environment = "") {
    const std::string said = must_run(environment + " SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000} " +
                                      CGMM_SOURCE_DIR "/packaging/image/build --program " CGMM_STATIC_PROGRAM
                                                      " --fleet-program " CGMM_STATIC_FLEET_PROGRAM " --output " +
                                      archive().string());
    const auto last_line = said.rfind("sha256:");
    if (last_line == std::string::npos) throw std::runtime_error("no digest in: " + said);
    digest_ = said.substr(last_line, said.find('\n', last_line) - last_line);
    must_run("mkdir " + layout() + " && tar -xf " + archive().string() + " -C " + layout());
    const nlohmann::json index = json_file(layout() + "/index.json");
    const nlohmann::json manifest = blob(index.at("manifests").at(0).at("digest"));
    config_ = blob(manifest.at("config").at("digest"));
    for (const auto& layer : manifest.at("layers")) layers_.push_back(blob_file(layer.at("digest")));
  }

  const std::string& digest() const { return digest_; }
  const nlohmann::json& config() const { return config_; }
  std::filesystem::path archive() const { return files_.path() / "image.oci.tar"; }

  /// Lays out its root file system in a directory.
  void unpack(const std::filesystem::path& root) const {
    std::filesystem::create_directories(root);
    for (const std::string& layer : layers_) must_run("tar -xzf " + layer + " -C " + root.string());
  }

 private:
  std::string layout() const { return files_.path() / "layout"; }
  std::string blob_file(const std::string& digest) const {
    return layout() + "/blobs/sha256/" + digest.substr(digest.find(':') + 1);
  }
  nlohmann::json blob(const std::string& digest) const { return json_file(blob_file(digest)); }

  TempDir files_;
  std::string digest_;
  nlohmann::json config_;
  std::vector<std::string> layers_;
};

}  // namespace cgmm::test

// SPDX-License-Identifier: Apache-2.0
#include "kernel/runtime_names.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/hostile.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 1'700'000'000 * kSecond;
const std::string kId(64, 'a');
const std::string kOther(64, 'b');

class RuntimeNamesTest : public testing::Test {
 protected:
  fs::path docker() const { return dir_.path() / "docker"; }
  fs::path podman() const { return dir_.path() / "containers.json"; }
  fs::path config_of(const std::string& id) const { return docker() / id / "config.v2.json"; }
  void put_docker(const std::string& id, const std::string& text) const {
    fs::create_directories(docker() / id);
    std::ofstream(config_of(id)) << text;
  }
  void put_podman(const std::string& text) const { std::ofstream(podman()) << text; }
  RuntimeNames names(const std::string& setting = "auto") const {
    return {setting, {.docker = {dir_.path() / "nowhere", docker()}, .podman = {podman()}}};
  }
  /// Of one container, asked for the first time; "-": there is none.
  std::string name_of(const std::string& id, const std::string& setting = "auto") const {
    RuntimeNames one = names(setting);
    return ask(one, id, kNow);
  }
  static std::string ask(RuntimeNames& names, const std::string& id, std::int64_t now_us) {
    const auto found = names.names_of({.container_id = id}, now_us);
    if (!found) return "-";
    EXPECT_EQ(found->pod_namespace + found->pod, "");
    return found->container;
  }
  test::TempDir dir_;
};

TEST_F(RuntimeNamesTest, AreThoseThatDockerAndPodmanKeep) {
  put_docker(kId, R"({"State": {"Name": "/inner"}, "Config": {"Labels": {"Name": "x"}}, "Name": "/web-1"})");
  put_podman(R"([{"id": ")" + kOther + R"(", "names": ["db.main", "second"], "flags": {"a": [1, {"names": 2}]}}])");
  EXPECT_EQ(name_of(kId), "web-1");
  EXPECT_EQ(name_of(kOther), "db.main");
  EXPECT_EQ(name_of(std::string(64, 'c')), "-");
  EXPECT_EQ(names().where(), docker().string() + " and " + podman().string());
}

TEST_F(RuntimeNamesTest, AreLookedForOnlyIfTheSettingIsAuto) {
  put_docker(kId, R"({"Name": "/web"})");
  for (const char* setting : {"off", "", "/var/log"}) {
    EXPECT_EQ(name_of(kId, setting), "-") << setting;
    EXPECT_EQ(names(setting).where(), "") << setting;
  }
}

TEST_F(RuntimeNamesTest, AreNotThoseOfContainersInPods) {
  put_docker(kId, R"({"Name": "/k8s_app"})");
  RuntimeNames one = names();
  EXPECT_EQ(one.names_of({.container_id = kId, .pod_uid = "0f5b1c2d-1111-2222-3333-444455556666"}, kNow), std::nullopt);
}

TEST_F(RuntimeNamesTest, OfAnIdThatIsNoneAreNotLookedFor) {
  put_docker("x", R"({"Name": "/web"})");
  put_docker(kId, R"({"Name": "/web"})");
  for (const std::string& id : {std::string("x"), std::string(), "../docker/" + kId, kId + "/."}) {
    EXPECT_EQ(name_of(id), "-") << id;
  }
}

TEST_F(RuntimeNamesTest, OfOtherCharactersAreNone) {
  for (const test::Hostile& hostile : test::hostile_texts()) {
    if (hostile.text.find_first_of("\"\\\n\r\t") != std::string::npos) continue;  // JSON would have them escaped
    put_docker(kId, R"({"Name": ")" + hostile.text + R"("})");
    const std::string name = name_of(kId);
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"),
              std::string::npos)
        << hostile.label << ": " << name;
  }
  for (const char* name : {"", "/", "//web", "/a/b", "a b", "\\n", "\\u0000", "\\u001b[1m", "shop/web/app"}) {
    put_docker(kId, R"({"Name": ")" + std::string(name) + R"("})");
    EXPECT_EQ(name_of(kId), "-") << name;
  }
  put_docker(kId, R"({"Name": "/)" + std::string(256, 'a') + R"("})");
  EXPECT_EQ(name_of(kId), "-");
}

TEST_F(RuntimeNamesTest, OfABadFileAreNone) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("{\"Name\": 1}"),
        std::string("{\"Name\": {\"Name\": \"/web\"}}"), std::string("{}{}"), std::string("\xff\xfe"),
        std::string(200'000, '['), std::string("{\"a\":") + std::string(200'000, '['),
        "{\"Name\": \"/web\", \"a\": \"" + std::string(1 << 20, 'a') + "\"}"}) {
    put_docker(kId, text);
    put_podman(text);
    EXPECT_EQ(name_of(kId), "-") << text.substr(0, 40);
  }
  for (const char* const text :
       {"[{\"id\": 1, \"names\": [\"web\"]}]", "[{\"id\": \"ID\"}]", "[{\"id\": \"ID\", \"names\": []}]",
        "[{\"id\": \"ID\", \"names\": \"web\"}]", "[{\"id\": \"ID\", \"names\": [[\"web\"]]}]",
        "[{\"id\": \"ID\", \"names\": [1]}]", "[\"ID\"]", "{\"id\": \"ID\", \"names\": [\"web\"]}"}) {
    std::string with_id = text;
    if (const auto at = with_id.find("ID"); at != std::string::npos) with_id.replace(at, 2, kId);
    put_podman(with_id);
    EXPECT_EQ(name_of(kId), "-") << text;
  }
}

TEST_F(RuntimeNamesTest, OfWhatIsNoRegularFileAreNone) {
  put_docker(kOther, R"({"Name": "/web"})");
  fs::create_directories(docker() / kId);
  fs::create_symlink(config_of(kOther), config_of(kId));
  EXPECT_EQ(name_of(kId), "-") << "a symbolic link";
  fs::remove(config_of(kId));
  ASSERT_EQ(::mkfifo(config_of(kId).c_str(), 0600), 0);
  EXPECT_EQ(name_of(kId), "-") << "a FIFO keeps nobody waiting";
  fs::remove(config_of(kId));
  fs::create_directories(config_of(kId));
  EXPECT_EQ(name_of(kId), "-") << "a directory";
}

TEST_F(RuntimeNamesTest, ThatAreMissingAreLookedForAgainAfterASecond) {
  RuntimeNames one = names();
  EXPECT_EQ(ask(one, kId, kNow), "-");
  EXPECT_EQ(ask(one, kOther, kNow), "-");
  put_docker(kId, R"({"Name": "/web"})");
  put_podman(R"([{"id": ")" + kOther + R"(", "names": ["db"]}])");
  EXPECT_EQ(ask(one, kId, kNow + kSecond - 1), "-");
  EXPECT_EQ(ask(one, kOther, kNow + kSecond - 1), "-");
  EXPECT_EQ(ask(one, kId, kNow + kSecond), "web");
  EXPECT_EQ(ask(one, kOther, kNow + kSecond), "db");
}

}  // namespace
}  // namespace cgmm::kernel
